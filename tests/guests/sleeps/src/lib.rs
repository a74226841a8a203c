//! A module whose `apply` runs a command that takes its time, and may not want to end.

use cellhost_sdk::prelude::*;

/// What the plan can set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// How long the command takes.
    seconds: u32,
    /// Whether it says something first, and does not end when it is asked to.
    #[serde(default)]
    stubborn: bool,
}

struct Sleeps;

impl Module for Sleeps {
    type Settings = Settings;

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        let seconds = cell.settings().seconds;
        let sleep = format!("sleep {seconds}");
        let stubborn = format!("trap '' TERM; echo good night; {sleep}; {sleep}");
        let words = if cell.settings().stubborn {
            vec!["sh", "-c", &stubborn]
        } else {
            sleep.split(' ').collect()
        };
        Command::new(words)
            .deadline_seconds(seconds.saturating_add(10))
            .run(machine, Doubt::Again)?
            .expect_success("cannot sleep")
    }

    fn health(_: &Cell<Settings>, _: &Machine) -> Result<Condition, Failure> {
        Ok(Condition::Healthy)
    }

    fn remove(_: &Cell<Settings>, _: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

cellhost_sdk::export!(Sleeps);
