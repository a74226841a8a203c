use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Cell, Condition, Failure, Machine, Problem};

/// A deployment module.
///
/// Every hook is called in a fresh instance: nothing is remembered from one call to the next
/// but what stands on the machines and in the plan.
pub trait Module {
    /// What the plan can set. Its schema is what the host checks the plan against.
    type Settings: DeserializeOwned + JsonSchema;

    /// Judges the plan's use of this module. Machines cannot be reached from here.
    fn validate(cell: &Cell<Self::Settings>) -> Vec<Problem> {
        let _ = cell;
        Vec::new()
    }

    /// Tells later modules what the plan alone decides, as pairs of key and value.
    fn outputs(cell: &Cell<Self::Settings>) -> Vec<(String, String)> {
        let _ = cell;
        Vec::new()
    }

    /// Returns the members' ordinals in the order in which a rolling change takes them; empty
    /// is content with any.
    fn order(cell: &Cell<Self::Settings>) -> Result<Vec<u32>, Failure> {
        let _ = cell;
        Ok(Vec::new())
    }

    /// Brings one machine to where it should be; changes nothing where it is there already.
    fn apply(cell: &Cell<Self::Settings>, machine: &Machine) -> Result<(), Failure>;

    /// Founds or mends the cluster once all members are applied; idempotent too.
    fn form(cell: &Cell<Self::Settings>) -> Result<(), Failure> {
        let _ = cell;
        Ok(())
    }

    /// Says how one member is. A failure is reported as [`Condition::Down`].
    fn health(cell: &Cell<Self::Settings>, machine: &Machine) -> Result<Condition, Failure>;

    /// Takes the module off one machine; data stays unless `purge`.
    fn remove(cell: &Cell<Self::Settings>, machine: &Machine, purge: bool) -> Result<(), Failure>;
}
