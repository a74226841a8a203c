//! marathon-lb: on each machine an HAProxy, and beside it the process that writes its configuration
//! from what Marathon tells.
//!
//! The configuration is that process's alone. This module owns what goes into it: flags, templates,
//! certificates and both services; and it begins with one that is valid, where there is none.

mod health;
mod member;
mod routes;
mod settings;
mod source;
mod validation;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct MarathonLb;

impl Module for MarathonLb {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let port = cell.settings().stats_port;
        let members = cell.members();
        let stats = members
            .iter()
            .map(|one| format!("{}:{port}", one.address()));
        let stats: Vec<String> = stats.collect();
        vec![("stats".to_owned(), stats.join(","))]
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        health::form(cell)
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        health::of(machine, cell.settings().stats_port)
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        member::remove(cell.settings(), machine)
    }
}

cellhost_sdk::export!(MarathonLb);
