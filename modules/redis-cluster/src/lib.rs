//! Redis Cluster on three machines or more: on each a master, and a replica of the master on
//! the machine before it, so that no machine takes a master and its replica with it.
//!
//! `placement` says which instance is what, `decision` compares that with what the instances
//! say and names the next steps; both are pure. `member` does what concerns one machine,
//! `handover` lets it restart without being missed, `copies` saves what it had where its disk is
//! gone; `formation` looks, lets decide and performs.

mod configuration;
mod copies;
mod decision;
mod formation;
mod handover;
mod health;
mod instance;
mod look;
mod member;
mod memory;
mod nodes;
mod placement;
mod replication;
mod seen;
mod settings;
mod slots;
mod step;
mod supervisor;
mod users;
mod validation;

use cellhost_sdk::prelude::*;

use placement::Placement;
use settings::Settings;

struct RedisCluster;

impl Module for RedisCluster {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let port = cell.settings().port;
        let members = cell.members();
        let nodes: Vec<String> = members
            .iter()
            .map(|machine| format!("{}:{port}", machine.address()))
            .collect();
        vec![("nodes".to_owned(), nodes.join(","))]
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        formation::form(cell)
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        Ok(health::of(cell.settings(), machine))
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, purge: bool) -> Result<(), Failure> {
        member::remove(cell.settings(), machine, purge)
    }
}

cellhost_sdk::export!(RedisCluster);
