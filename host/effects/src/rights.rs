//! What a module may do.

use std::collections::BTreeSet;

use cellhost_plan::{Asks, MachineName, PathPrefix, SecretName};

/// What a module may do: what it asked for in its manifest and is granted by the plan, on the
/// machines and with the secrets that the plan gives it.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// What the module asked for.
    pub asks: Asks,
    /// What the plan grants of that; all of it where nothing is said here.
    pub grants: Option<Asks>,
    /// What no module may write, whatever it is granted.
    pub untouched: Vec<PathPrefix>,
    /// The machines it may name.
    pub machines: BTreeSet<MachineName>,
    /// The secrets it may name: those in its settings.
    pub secrets: BTreeSet<SecretName>,
}
