//! Marathon: instances that elect one of them through ZooKeeper, which keeps long-running tasks
//! running on Mesos.
//!
//! Instances keep nothing themselves, so that there is nothing to found: each is started with what
//! all of them have in common, and `form` waits until one of them leads.

mod health;
mod http;
mod member;
mod settings;
mod source;
mod validation;
mod zk;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct Marathon;

impl Module for Marathon {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let port = cell.settings().http_port;
        let members = cell.members();
        let nodes = members
            .iter()
            .map(|one| format!("{}:{port}", one.address()));
        let nodes: Vec<String> = nodes.collect();
        vec![("nodes".to_owned(), nodes.join(","))]
    }

    fn order(cell: &Cell<Settings>) -> Result<Vec<u32>, Failure> {
        Ok(health::order(cell))
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        health::form(cell)
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        health::of(cell, machine)
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, _: bool) -> Result<(), Failure> {
        member::remove(cell.settings(), machine)
    }
}

cellhost_sdk::export!(Marathon);
