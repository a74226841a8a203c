//! A module whose `apply` traps.

use cellhost_sdk::prelude::*;

/// Nothing to set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct Traps;

impl Module for Traps {
    type Settings = Settings;

    fn apply(_: &Cell<Settings>, _: &Machine) -> Result<(), Failure> {
        // On WebAssembly this is the instruction `unreachable`.
        std::process::abort()
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, _: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

cellhost_sdk::export!(Traps);
