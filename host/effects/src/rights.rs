//! What a module may do.

use std::collections::BTreeSet;

use cellhost_manifest::Asks;
use cellhost_plan::{MachineName, SecretName};

/// What a module may do: what it asked for in its manifest, on the machines and with the
/// secrets that the plan gives it.
#[derive(Debug, Clone)]
pub struct Rights {
    /// What the module asked for.
    pub asks: Asks,
    /// The machines it may name.
    pub machines: BTreeSet<MachineName>,
    /// The secrets it may name: those in its settings.
    pub secrets: BTreeSet<SecretName>,
}
