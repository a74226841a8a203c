//! A module whose `apply` never ends and never calls the host.

use cellhost_sdk::prelude::*;

/// Nothing to set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct Loops;

impl Module for Loops {
    type Settings = Settings;

    fn apply(_: &Cell<Settings>, _: &Machine) -> Result<(), Failure> {
        loop {
            std::hint::black_box(());
        }
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, _: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

cellhost_sdk::export!(Loops);
