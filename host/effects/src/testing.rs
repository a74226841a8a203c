//! What tests of layers have in common.

use std::collections::BTreeMap;
use std::sync::Arc;

use cellhost_plan::{InstanceName, MachineName};

use crate::{Act, Certainty, Consent, Effect, Hook, Listener, Rights, Templates, Turn};

/// An effect of a turn that may do nothing.
pub(crate) fn effect(act: Act) -> Effect {
    let rights = Rights::default();
    let turn = Turn {
        module: InstanceName::new("tested").unwrap(),
        version: semver::Version::new(1, 0, 0),
        hook: Hook::Apply,
        machine: None,
        round: 0,
        given: Certainty::Exact,
        rights: Arc::new(rights),
        templates: Arc::new(Templates::parse(&BTreeMap::new()).unwrap()),
    };
    Effect {
        turn: Arc::new(turn),
        sequence: 0,
        machine: MachineName::new("m1").unwrap(),
        act,
        listener: Listener::default(),
        consent: Consent::default(),
    }
}
