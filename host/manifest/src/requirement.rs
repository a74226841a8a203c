use std::fmt;
use std::str::FromStr;

use cellhost_plan::{DEFAULT_NAMESPACE, ModuleId, Problem, check_word};
use serde::{Serialize, Serializer};

/// An output of another module that a module needs, such as `zookeeper.connect`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The module that provides it.
    pub module: ModuleId,
    /// The name it provides it under.
    pub output: String,
}

impl FromStr for Requirement {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let Some((module, output)) = text.rsplit_once('.') else {
            let message = format!("`{}` is not an output of a module", text.escape_debug());
            return Err(Problem::new(message).help("write one such as `zookeeper.connect`"));
        };
        let start = module.len() + 1;
        check_word("name for an output", output).map_err(|problem| {
            let inner = problem.within.clone().unwrap_or(0..output.len());
            problem.within(start + inner.start..start + inner.end)
        })?;
        Ok(Self {
            module: module.parse()?,
            output: output.to_owned(),
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.module.namespace() {
            DEFAULT_NAMESPACE => write!(formatter, "{}.{}", self.module.name(), self.output),
            _ => write!(formatter, "{}.{}", self.module, self.output),
        }
    }
}

impl Serialize for Requirement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
