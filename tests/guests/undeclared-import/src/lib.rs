//! A module that imports what this host does not have.

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated from the contract"
)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "test:undeclared-import/greedy@0.1.0",
        generate_all,
    });

    #[cfg(target_family = "wasm")]
    export!(Greedy with_types_in self);

    #[cfg(target_family = "wasm")]
    use super::Greedy;
}

use bindings::acme::thing::thing;
use bindings::cellhost::machine::types::Machine;
use bindings::exports::cellhost::module::lifecycle::{Condition, Failure, Guest, Problem};

struct Greedy;

impl Guest for Greedy {
    fn validate() -> Vec<Problem> {
        Vec::new()
    }

    fn outputs() -> Vec<(String, String)> {
        Vec::new()
    }

    fn order() -> Result<Vec<u32>, Failure> {
        Ok(Vec::new())
    }

    fn apply(on: &Machine) -> Result<(), Failure> {
        match thing::invoke(&on.name()) {
            0 => Ok(()),
            status => Err(Failure::Failed(format!("the thing says {status}"))),
        }
    }

    fn form() -> Result<(), Failure> {
        Ok(())
    }

    fn health(_: &Machine) -> Condition {
        Condition::Healthy
    }

    fn remove(_: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}
