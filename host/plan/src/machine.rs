use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::host_key::HostKey;
use crate::name::MachineName;
use crate::source::Span;

/// One target computer of a plan, with everything its groups give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name, unique in the plan.
    pub name: MachineName,
    /// Where ssh reaches it; never empty, never begins with `-`.
    pub address: String,
    /// The user to log in as: its own, else the plan's; ssh decides when absent.
    pub user: Option<String>,
    /// The port: its own, else the plan's; ssh decides when absent.
    pub port: Option<u16>,
    /// The keys of which it has to show one; without any, what is known elsewhere counts.
    pub host_keys: Vec<HostKey>,
    /// What it is for.
    pub roles: BTreeSet<String>,
    /// The groups it is in.
    pub groups: BTreeSet<String>,
    /// Free marks to select it by.
    pub tags: BTreeMap<String, String>,
    /// The part of the network or building it shares a fate with.
    pub zone: Option<String>,
    /// Free values that modules may read.
    pub variables: BTreeMap<String, Json>,
    /// Where its name, or the range that made it, stands in the plan.
    pub span: Span,
}
