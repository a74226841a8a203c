//! `cellhost:facts/facts`: what a machine is.

use std::sync::Arc;

use cellhost_effects::{Act, EffectError, Found};
use wasmtime::component::Resource;

use crate::Member;
use crate::contract::cellhost::facts::facts::{self as wit, Host};
use crate::store::TurnState;

impl Host for TurnState {
    async fn get(
        &mut self,
        on: Resource<Arc<Member>>,
        name: String,
    ) -> wasmtime::Result<Result<Option<String>, wit::Error>> {
        Ok(match self.perform(&on, Act::Fact { name }).await? {
            Ok(outcome) => match outcome.found {
                Found::Fact(fact) => Ok(fact),
                _ => Err(wit::Error::Other("no answer about the fact".to_owned())),
            },
            Err(EffectError::Denied { rule }) => Err(wit::Error::Denied(rule)),
            Err(EffectError::Unreachable { reason, .. }) => Err(wit::Error::Unreachable(reason)),
            Err(other) => Err(wit::Error::Other(other.to_string())),
        })
    }
}
