//! What stands in the store of a turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_effects::{Act, Consent, Effect, EffectError, Listener, Outcome};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::limits::{Meter, TICK};
use crate::totals::Part;
use crate::{Context, Fault, Member, wasi};

/// The state of one turn.
pub(crate) struct TurnState {
    pub(crate) context: Context,
    pub(crate) table: ResourceTable,
    pub(crate) published: Vec<(String, String)>,
    pub(crate) log_left: usize,
    meter: Meter,
    wasi: WasiCtx,
    sequence: u32,
    /// How long it has waited for machines since that was last taken away.
    waited: Duration,
}

impl TurnState {
    /// Waits for what machines do, which is no computing of the guest's.
    pub(crate) async fn await_machines<T>(&mut self, machines: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let outcome = machines.await;
        self.waited += begun.elapsed();
        outcome
    }

    /// The next effect of this turn.
    pub(crate) fn effect(&mut self, machine: &Member, act: Act) -> wasmtime::Result<Effect> {
        let limit = self.context.limits.effects;
        if self.sequence >= limit {
            return Err(Fault::Effects { limit }.into());
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let turn = self.context.turn.clone();
        Ok(Effect {
            turn,
            sequence,
            machine: machine.name.clone(),
            act,
            listener: Listener::default(),
            consent: Consent::default(),
        })
    }

    /// Performs one act on the machine behind a handle.
    pub(crate) async fn perform(
        &mut self,
        on: &Resource<Arc<Member>>,
        act: Act,
    ) -> wasmtime::Result<Result<Outcome, EffectError>> {
        let member = self.table.get(on)?.clone();
        let effect = self.effect(&member, act)?;
        let effects = self.context.effects.clone();
        Ok(self.await_machines(effects.perform(effect)).await)
    }
}

impl WasiView for TurnState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// A store for one turn, within its limits and its part of what all turns have.
pub(crate) fn store(engine: &wasmtime::Engine, context: Context, part: Part) -> Store<TurnState> {
    let limits = context.limits;
    let state = TurnState {
        table: ResourceTable::new(),
        published: Vec::new(),
        log_left: limits.log_bytes,
        meter: Meter::new(limits, part),
        wasi: wasi::empty(context.seed),
        sequence: 0,
        waited: Duration::ZERO,
        context,
    };
    let mut store = Store::new(engine, state);
    store.limiter_async(|state| &mut state.meter);
    store.set_hostcall_fuel(limits.call_bytes);
    store.set_epoch_deadline(1);
    let mut computed = Duration::ZERO;
    let mut last = Instant::now();
    store.epoch_deadline_callback(move |mut context| {
        // Called on the first tick that finds guest code running. A guest that only computes
        // is found by every tick; a longer gap was mostly spent waiting to be let on.
        let waited = std::mem::take(&mut context.data_mut().waited);
        let gap = last.elapsed().saturating_sub(waited);
        last = Instant::now();
        computed += if gap < TICK * 4 { gap } else { TICK };
        if computed > limits.computing {
            let limit_ms = u64::try_from(limits.computing.as_millis()).unwrap_or(u64::MAX);
            return Err(Fault::Time { limit_ms }.into());
        }
        Ok(UpdateDeadline::Yield(1))
    });
    store
}
