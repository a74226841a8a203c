use cellhost_plan::{ModuleId, ModulePlace};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::signature::Signature;

/// What a requirement came to: these bytes, this year and the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The module.
    #[serde(rename = "name")]
    pub module: ModuleId,
    /// What was asked for.
    pub requirement: VersionReq,
    /// What was found.
    pub version: Version,
    /// Where.
    pub registry: ModulePlace,
    /// The hash of its manifest, which signatures are about.
    pub manifest: String,
    /// The hash of its bytes.
    pub layer: String,
    /// How many there are.
    pub size: u64,
    /// What it imports and asks for, in words, so that a change of the lock shows when it is more. What
    /// counts is what stands in the module.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// Who vouched for it. They are verified each time, by the keys that the plan trusts then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}
