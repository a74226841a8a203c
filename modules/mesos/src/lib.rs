//! Mesos: masters that elect one of them through ZooKeeper and keep a registry together, and agents
//! that run tasks.
//!
//! Masters have to agree on how many of them decide, or two halves of the registry could each go
//! their own way. So `apply` does what concerns one machine, all but that; only `form` tells masters,
//! one at a time: it looks at them, lets `decision` name the next step, which is pure, takes it and
//! looks again. An agent comes back only with what it offered before: `identity` judges that.

mod agent;
mod decision;
mod formation;
mod health;
mod http;
mod identity;
mod look;
mod master;
mod member;
mod seat;
mod settings;
mod source;
mod validation;
mod version;
mod zk;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct Mesos;

impl Module for Mesos {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let mut users = vec!["root".to_owned()];
        users.extend(cell.settings().task_users.iter().cloned());
        let mut outputs = vec![("task-users".to_owned(), users.join(" "))];
        // What is wrong with it, `validate` says.
        outputs.extend(zk::of(cell).ok().map(|url| ("zk".to_owned(), url)));
        outputs
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

cellhost_sdk::export!(Mesos);
