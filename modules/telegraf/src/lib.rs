//! Telegraf on each machine by itself: it gathers what the machine and the modules beside it have to
//! tell, and hands it on.
//!
//! `inputs` says what shares a machine, by the outputs of other modules, and is pure. `member` writes
//! the configuration beside the one that is live, has Telegraf try it, and only then lets it take
//! that one's place.

mod health;
mod inputs;
mod member;
mod settings;
mod source;
mod validation;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct Telegraf;

impl Module for Telegraf {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        validation::warn(cell.settings());
        Ok(())
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        health::of(machine, cell.settings().health_port)
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        member::remove(cell.settings(), machine)
    }
}

cellhost_sdk::export!(Telegraf);
