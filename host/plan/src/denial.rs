use semver::VersionReq;

use crate::document::{Kind, Value};
use crate::version::requirement;

/// Versions of a module that a plan never takes, wherever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which.
    pub versions: VersionReq,
    /// Why not.
    pub reason: Option<String>,
}

impl Denial {
    /// Reads a requirement, or a table with one and a reason.
    pub(crate) fn read(value: &Value<'_>) -> Option<Self> {
        let Kind::Table(_) = value.node().kind else {
            let versions = value.parse(requirement)?;
            return Some(Self {
                versions,
                reason: None,
            });
        };
        let mut table = value.table()?;
        let versions = table.require("versions", "\"<1.4.2\"");
        let versions = versions.and_then(|value| value.parse(requirement));
        let reason = table.get("reason").map(|value| value.string());
        table.finish();
        let reason = match reason {
            Some(reason) => Some(reason?),
            None => None,
        };
        Some(Self {
            versions: versions?,
            reason,
        })
    }
}
