//! A ZooKeeper ensemble: numbers that stay, one list of members, and changes of it one member at a
//! time, so that no two majorities can arise that know nothing of each other.
//!
//! `apply` does what concerns one machine, all but who belongs to the ensemble: that is a file of
//! its own, which only `form` writes. `form` looks at every member, lets `decision` name the next
//! step, which is pure, performs it and looks again.

mod decision;
mod formation;
mod health;
mod list;
mod look;
mod member;
mod report;
mod settings;
mod validation;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct ZooKeeper;

impl Module for ZooKeeper {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let members = cell.members();
        let addresses = members.iter().map(Machine::address);
        let connect = list::connect(cell.settings(), addresses);
        vec![("connect".to_owned(), connect)]
    }

    fn order(cell: &Cell<Settings>) -> Result<Vec<u32>, Failure> {
        health::order(cell)
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        formation::form(cell)
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        health::of(cell, machine)
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, purge: bool) -> Result<(), Failure> {
        member::remove(cell.settings(), machine, purge)
    }
}

cellhost_sdk::export!(ZooKeeper);
