//! MinIO over drives of several machines: pools are added, never resized, and all members are
//! restarted together.
//!
//! `layout` knows MinIO's own rules of pools and erasure sets, and is pure. `member` does what concerns
//! one machine; the drives of one that has not agreed to its pools yet are looked at first, by the
//! template `check` and on the machine itself. `formation` waits until all of them serve as one.

mod formation;
mod health;
mod layout;
mod member;
mod settings;
mod source;
mod validation;

use cellhost_sdk::prelude::*;

use settings::Settings;

struct Minio;

impl Module for Minio {
    type Settings = Settings;

    fn validate(cell: &Cell<Settings>) -> Vec<Problem> {
        validation::problems(cell)
    }

    fn outputs(cell: &Cell<Settings>) -> Vec<(String, String)> {
        let port = cell.settings().port;
        let members = cell.members();
        let endpoints = members.iter().map(|machine| {
            let address = machine.address();
            if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            }
        });
        let endpoints: Vec<String> = endpoints.collect();
        vec![("endpoints".to_owned(), endpoints.join(","))]
    }

    fn apply(cell: &Cell<Settings>, machine: &Machine) -> Result<(), Failure> {
        member::apply(cell, machine)
    }

    fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
        formation::form(cell)
    }

    fn health(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
        health::of(machine, cell.settings().port)
    }

    fn remove(cell: &Cell<Settings>, machine: &Machine, purge: bool) -> Result<(), Failure> {
        member::remove(cell.settings(), machine, purge)
    }
}

cellhost_sdk::export!(Minio);
