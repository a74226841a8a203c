//! Why a module was not loaded, or why its turn ended early.

use cellhost_effects::{Hook, TemplateError, Turn};
use cellhost_manifest::ExtractError;
use cellhost_plan::{InstanceName, MachineName};

/// Why a module was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are no module, or carry no manifest.
    #[error("`{label}` is no module")]
    NotAModule {
        /// What the bytes were called.
        label: String,
        /// What is wrong with them.
        source: Box<ExtractError>,
    },
    /// It needs something that this host does not offer.
    #[error("module `{module}` {version} needs `{needs}`; this host offers {offers}")]
    Missing {
        /// Its name.
        module: String,
        /// Its version.
        version: semver::Version,
        /// The import.
        needs: String,
        /// What of the same package there is, in words.
        offers: String,
        /// What to do about it.
        hint: String,
    },
    /// It does not export the hooks of a module, or not as this host knows them.
    #[error("module `{module}` {version} does not fit this host: {reason}")]
    Unfit {
        /// Its name.
        module: String,
        /// Its version.
        version: semver::Version,
        /// The linker's words.
        reason: String,
    },
    /// One of its templates does not parse.
    #[error("module `{module}` {version} has a broken template")]
    Template {
        /// Its name.
        module: String,
        /// Its version.
        version: semver::Version,
        /// What is wrong.
        source: TemplateError,
    },
    /// It could not be compiled.
    #[error("module `{module}` {version} cannot be compiled: {reason}")]
    Compile {
        /// Its name.
        module: String,
        /// Its version.
        version: semver::Version,
        /// The compiler's words.
        reason: String,
    },
    /// The runtime itself could not be set up.
    #[error("cannot set up the WebAssembly engine: {reason}")]
    Engine {
        /// Why not.
        reason: String,
    },
}

impl LoadError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Missing { hint, .. } => Some(hint),
            _ => None,
        }
    }
}

/// A turn that ended early: whose, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("module `{module}` {version}, {hook}{}: {fault}", on(.machine.as_ref()))]
pub struct TurnError {
    /// The module's name in the plan.
    pub module: InstanceName,
    /// Its version.
    pub version: semver::Version,
    /// The hook.
    pub hook: Hook,
    /// The machine of the turn, where it has one.
    pub machine: Option<MachineName>,
    /// Why.
    pub fault: Fault,
}

impl TurnError {
    pub(crate) fn new(turn: &Turn, fault: Fault) -> Self {
        Self {
            module: turn.module.clone(),
            version: turn.version.clone(),
            hook: turn.hook,
            machine: turn.machine.clone(),
            fault,
        }
    }
}

fn on(machine: Option<&MachineName>) -> String {
    machine.map_or_else(String::new, |machine| format!(" on `{machine}`"))
}

/// Why a turn ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The module declined: going on would be dangerous.
    #[error("refused: {0}")]
    Refused(String),
    /// The module gave up.
    #[error("{0}")]
    Failed(String),
    /// It computed for too long without asking for anything.
    #[error("it computed for more than {limit_ms} ms (limit `computing`)")]
    Time {
        /// The limit.
        limit_ms: u64,
    },
    /// It wanted too much memory.
    #[error("it wanted {wanted} MiB of memory; it may have {limit} MiB (limit `memory`)")]
    Memory {
        /// What it wanted, in MiB.
        wanted: usize,
        /// The limit, in MiB.
        limit: usize,
    },
    /// It wanted more memory than all turns may have together.
    #[error(
        "it wanted {wanted} MiB of memory; all turns together may have {limit} MiB (limit \
         `CELLHOST_MEMORY`, in MiB)"
    )]
    AllMemory {
        /// What it wanted, in MiB.
        wanted: usize,
        /// The limit, in MiB.
        limit: usize,
    },
    /// It wanted too large a table.
    #[error("it wanted {wanted} table elements; it may have {limit} (limit `table`)")]
    Table {
        /// What it wanted.
        wanted: usize,
        /// The limit.
        limit: usize,
    },
    /// It asked for too many effects in one turn.
    #[error("it asked for more than {limit} effects in one turn (limit `effects`)")]
    Effects {
        /// The limit.
        limit: u32,
    },
    /// It gave too much in one call.
    #[error("it gave more than {limit} MiB in one call (limit `data`)")]
    Data {
        /// The limit, in MiB.
        limit: usize,
    },
    /// It crashed.
    #[error("it crashed: {reason}")]
    Trap {
        /// The trap, and where.
        reason: String,
    },
    /// The host is at fault.
    #[error("cellhost failed: {reason}")]
    Host {
        /// What went wrong.
        reason: String,
    },
}
