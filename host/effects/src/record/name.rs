//! Names of turns and effects within a run.

use std::fmt;
use std::str::FromStr;

use cellhost_plan::{InstanceName, MachineName};
use serde::{Deserialize, Serialize};

use crate::{Effect, Hook, Turn};

/// Names a turn. A run that is repeated comes to the same turns by the same names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TurnName {
    /// The module's name in the plan.
    pub module: InstanceName,
    /// Which hook.
    pub hook: Hook,
    /// The machine that the hook was called with, where it takes one.
    #[serde(rename = "machine-of-turn")]
    pub machine: Option<MachineName>,
    /// How many turns of this module, hook and machine came before it.
    pub round: u32,
}

/// Names an effect: its turn, and its place in there.
///
/// As text it reads `module/hook/machine/round/sequence`, with `-` for no machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectName {
    /// The turn that asks.
    #[serde(flatten)]
    pub turn: TurnName,
    /// Its place among the effects of its turn, from 0.
    pub sequence: u32,
}

/// A text that names no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name of an effect: it should read like `redis/apply/db-1/0/3`")]
pub struct WrongName {
    /// The text.
    pub text: String,
}

impl From<&Turn> for TurnName {
    fn from(turn: &Turn) -> Self {
        Self {
            module: turn.module.clone(),
            hook: turn.hook,
            machine: turn.machine.clone(),
            round: turn.round,
        }
    }
}

impl From<&Effect> for EffectName {
    fn from(effect: &Effect) -> Self {
        Self {
            turn: TurnName::from(effect.turn.as_ref()),
            sequence: effect.sequence,
        }
    }
}

impl fmt::Display for TurnName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine.as_ref().map_or("-", MachineName::as_str);
        write!(
            formatter,
            "{}/{}/{machine}/{}",
            self.module, self.hook, self.round
        )
    }
}

impl fmt::Display for EffectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.turn, self.sequence)
    }
}

impl FromStr for EffectName {
    type Err = WrongName;

    fn from_str(text: &str) -> Result<Self, WrongName> {
        named(text).ok_or_else(|| WrongName {
            text: text.to_owned(),
        })
    }
}

fn named(text: &str) -> Option<EffectName> {
    let mut parts = text.split('/');
    let mut part = || parts.next();
    let module = InstanceName::new(part()?).ok()?;
    let hook = serde_json::from_value(part()?.into()).ok()?;
    let machine = match part()? {
        "-" => None,
        name => Some(MachineName::new(name).ok()?),
    };
    let (round, sequence) = (part()?.parse().ok()?, part()?.parse().ok()?);
    let turn = TurnName {
        module,
        hook,
        machine,
        round,
    };
    parts
        .next()
        .is_none()
        .then_some(EffectName { turn, sequence })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_that_it_writes() {
        for text in ["redis/apply/db-1/0/3", "zookeeper/form/-/2/0"] {
            let name: EffectName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            let json = serde_json::to_value(&name).unwrap();
            assert_eq!(serde_json::from_value::<EffectName>(json).unwrap(), name);
        }
    }

    #[test]
    fn refuses_what_names_no_effect() {
        for text in [
            "",
            "redis",
            "redis/apply/db-1/0",
            "redis/dance/db-1/0/3",
            "redis/apply/db-1/0/3/4",
            "redis/apply/db-1/x/3",
        ] {
            assert!(text.parse::<EffectName>().is_err(), "{text}");
        }
    }
}
