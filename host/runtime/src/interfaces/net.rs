//! `cellhost:net/net`: talking to ports.

use std::sync::Arc;
use std::time::Duration;

use cellhost_effects::{Act, Dial, EffectError, Found};
use wasmtime::component::Resource;

use crate::Member;
use crate::contract::cellhost::net::net::{self as wit, Host};
use crate::store::TurnState;

/// Longest answer of a port.
const LONGEST: u32 = 4 << 20;

impl Host for TurnState {
    async fn exchange(
        &mut self,
        seen_from: Resource<Arc<Member>>,
        address: String,
        port: u16,
        send: Vec<u8>,
        limit: u32,
        deadline: u32,
        assumed: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        let deadline = Duration::from_millis(u64::from(deadline));
        let dial = Dial {
            address,
            port,
            send,
            limit: limit.min(LONGEST),
            deadline,
        };
        Ok(
            match self
                .perform(&seen_from, Act::Dial { dial, assumed })
                .await?
            {
                Ok(outcome) => match outcome.found {
                    Found::Dialed(bytes) => Ok(bytes),
                    _ => Err(wit::Error::Other("no answer from the port".to_owned())),
                },
                Err(error) => Err(refused(error)),
            },
        )
    }
}

fn refused(error: EffectError) -> wit::Error {
    match error {
        EffectError::Denied { rule } => wit::Error::Denied(rule),
        EffectError::PortClosed => wit::Error::Refused,
        EffectError::Deadline { .. } => wit::Error::Deadline,
        EffectError::Unreachable { reason, .. } => wit::Error::Unreachable(reason),
        other => wit::Error::Other(other.to_string()),
    }
}
