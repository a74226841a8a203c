//! A Galera cluster: all members have all data, and any of them takes writes.
//!
//! What must never happen is a second cluster beside the first, so one is founded only where all
//! members were looked at and none has ever been one, and a cluster that stopped as a whole is
//! brought back from the member that is furthest. `decision` says that, and is pure; `look` tells
//! it how members are, `formation` does what it says, one member at a time. `member` does what
//! concerns one machine, `room` tells whether a disk is large enough.

mod account;
mod decision;
mod formation;
mod health;
mod look;
mod member;
mod remains;
mod report;
mod room;
mod settings;
mod validation;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct Galera;

impl Module for Galera {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let port = cell.settings().port;
        let members = cell.members();
        let servers = members
            .iter()
            .map(|machine| format!("{}:{port}", member::bracketed(&machine.address())));
        let servers: Vec<String> = servers.collect();
        vec![("connect".to_owned(), servers.join(","))]
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        formation::form(cell)
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        Ok(health::of(cell, machine))
    }

    fn remove(_: &Cell<Settings>, machine: &Machine, purge: bool) -> Result<(), Failure> {
        member::remove(machine, purge)
    }
}

cellhost_sdk::export!(Galera);
