//! A module whose `apply` takes four gigabytes of memory.

use cellhost_sdk::prelude::*;

/// Nothing to set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {}

struct Hungry;

impl Module for Hungry {
    type Settings = Settings;

    fn apply(_: &Cell<Settings>, _: &Machine) -> Result<(), Failure> {
        const CHUNK: usize = 16 * 1024 * 1024;
        let eaten: Vec<Vec<u8>> = (0..256)
            .map(|_| std::hint::black_box(vec![1; CHUNK]))
            .collect();
        Err(Failure::failed(format!(
            "{} chunks and not full",
            eaten.len()
        )))
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, _: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

cellhost_sdk::export!(Hungry);
