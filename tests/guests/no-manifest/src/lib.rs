//! A module that does nothing, in a file that does not say what it is.

use cellhost_sdk::prelude::*;

/// Nothing to set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct Bare;

impl Module for Bare {
    type Settings = Settings;

    fn apply(_: &Cell<Settings>, _: &Machine) -> Result<(), Failure> {
        Ok(())
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, _: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

cellhost_sdk::export!(Bare);
