//! The bodies of lines about turns and effects.

use cellhost_plan::MachineName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Asked, EffectName, Told, TurnName};
use crate::{Effect, Ending};

/// Which effect a line is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    #[serde(flatten)]
    pub(crate) name: EffectName,
    pub(crate) machine: MachineName,
}

impl From<&Effect> for Place {
    fn from(effect: &Effect) -> Self {
        Self {
            name: EffectName::from(effect),
            machine: effect.machine.clone(),
        }
    }
}

/// `intent`: something is about to be asked of a machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) effect: Place,
    pub(crate) verb: String,
    pub(crate) asked: Value,
    pub(crate) digest: String,
}

impl Intent {
    pub(crate) fn of(effect: &Effect, asked: Asked) -> Self {
        Self {
            effect: Place::from(effect),
            verb: effect.act.verb().to_owned(),
            asked: asked.value,
            digest: asked.digest,
        }
    }
}

/// `outcome`: what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Came {
    pub(crate) effect: Place,
    #[serde(flatten)]
    pub(crate) told: Told,
}

/// `doubt`: what was found out about a command of which nobody knew whether it ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Doubted {
    pub(crate) effect: Place,
    pub(crate) rule: String,
    pub(crate) happened: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<Told>,
}

/// `live`: a resumed turn leaves the record. What was on record from this effect on is void.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WentLive {
    pub(crate) turn: TurnName,
    pub(crate) from: u32,
}

/// `turn`: a turn ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TurnEnded {
    pub(crate) turn: TurnName,
    #[serde(flatten)]
    pub(crate) ending: Ending,
}

/// `again`: a resumed run comes to a turn that is on record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CameAgain {
    pub(crate) turn: TurnName,
}
