//! What a turn is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use cellhost_effects::{Effects, Turn};
use cellhost_plan::MachineName;

use crate::Limits;

/// What a turn is given: everything that it may see or do.
#[derive(Clone)]
pub struct Context {
    /// The turn itself: module, hook, machine and rights.
    pub turn: Arc<Turn>,
    /// The cell as the module sees it.
    pub cell: Arc<CellView>,
    /// Where its effects go.
    pub effects: Arc<dyn Effects>,
    /// Where its words go.
    pub voice: Arc<dyn Voice>,
    /// What it may use up.
    pub limits: Limits,
    /// What its random numbers grow from, so that a turn can be repeated exactly.
    pub seed: u64,
}

/// The cell as one module sees it.
#[derive(Debug, Clone, Default)]
pub struct CellView {
    /// The cell's name.
    pub name: String,
    /// The module's machines, by ordinal.
    pub members: Vec<Arc<Member>>,
    /// Machines it was on and that the plan no longer gives it, by ordinal.
    pub leaving: Vec<Arc<Member>>,
    /// The module's settings, a JSON object.
    pub settings: String,
    /// What other modules put out, by module and key.
    pub outputs: BTreeMap<(String, String), String>,
}

impl CellView {
    /// Finds a machine by name, among members and those leaving.
    pub fn find(&self, name: &MachineName) -> Option<&Arc<Member>> {
        self.members
            .iter()
            .chain(&self.leaving)
            .find(|member| member.name == *name)
    }
}

/// One machine as a module sees it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name in the plan.
    pub name: MachineName,
    /// Its address in the plan.
    pub address: String,
    /// Its roles, sorted.
    pub roles: Vec<String>,
    /// Its tags, sorted by key.
    pub tags: Vec<(String, String)>,
    /// Its variables, sorted by name.
    pub variables: Vec<(String, String)>,
    /// Its failure zone.
    pub zone: Option<String>,
    /// Its number among the module's members.
    pub ordinal: u32,
}

/// How much a line of a module matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever debugs the module.
    Debug,
    /// For the record of the run.
    Info,
    /// For the operator, now.
    Warn,
}

/// Hears what modules say. Must not wait.
pub trait Voice: Send + Sync {
    /// One line for the record.
    fn said(&self, turn: &Turn, level: Level, message: String);

    /// What the turn is doing right now.
    fn doing(&self, turn: &Turn, what: String);
}

/// What stands behind a handle that a guest holds.
#[expect(
    unreachable_pub,
    reason = "generated code re-exports it from a private module"
)]
pub type Handle = Arc<Member>;
