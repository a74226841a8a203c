use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::choice::choose;
use crate::problem::Problem;

/// When a module runs, as far as its manifest can tell: before or after the barrier that waits for
/// the `ZooKeeper` quorum. A plan may have more phases: see [`crate::Phases`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the barrier.
    PreZk,
    /// After the barrier.
    PostZk,
}

impl Phase {
    /// Lists the phases in the order they run.
    pub const ALL: [Self; 2] = [Self::PreZk, Self::PostZk];

    /// Gives the word for it in plans and manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreZk => "pre-zk",
            Self::PostZk => "post-zk",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        choose(
            "phase",
            text,
            Self::ALL.map(|phase| (phase.as_str(), phase)),
        )
    }
}
