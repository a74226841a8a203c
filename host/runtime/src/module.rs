//! A loaded module and the calls of its hooks.

use std::sync::Arc;

use cellhost_effects::Templates;
use cellhost_manifest::Embedded;
use cellhost_plan::MachineName;
use wasmtime::component::Resource;
use wasmtime::{Engine, Store};

use crate::contract::exports::cellhost::module::lifecycle;
use crate::contract::{self, ModulePre};
use crate::limits::Ticker;
use crate::store::{TurnState, store};
use crate::totals::Pool;
use crate::{Context, Fault, Import, Limits, Member, TurnError};

/// A loaded module. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    engine: Engine,
    pre: ModulePre<TurnState>,
    embedded: Arc<Embedded>,
    templates: Arc<Templates>,
    imports: Arc<[Import]>,
    digest: Arc<str>,
    pool: Arc<Pool>,
    // Without its ticks, nothing would end a guest that only computes.
    _ticker: Arc<Ticker>,
}

/// What a module is made of.
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) pre: ModulePre<TurnState>,
    pub(crate) embedded: Embedded,
    pub(crate) templates: Templates,
    pub(crate) imports: Vec<Import>,
    pub(crate) digest: String,
    pub(crate) pool: Arc<Pool>,
}

/// Something wrong with the plan's use of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as a JSON pointer; empty for the whole module.
    pub setting: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// How a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All is well.
    Healthy,
    /// It serves, but not as planned.
    Degraded(String),
    /// It does not serve.
    Down(String),
}

/// What a turn returned and what it put out on the way.
#[derive(Debug, Clone)]
pub struct Turned<T> {
    /// What the hook returned.
    pub value: T,
    /// Outputs that it published.
    pub published: Vec<(String, String)>,
}

impl Module {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            engine: parts.engine,
            pre: parts.pre,
            embedded: Arc::new(parts.embedded),
            templates: Arc::new(parts.templates),
            imports: parts.imports.into(),
            digest: parts.digest.into(),
            pool: parts.pool,
            _ticker: parts.ticker,
        }
    }

    /// What travels inside the module: manifest, schema, templates.
    pub fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    /// Its templates, parsed.
    pub fn templates(&self) -> &Arc<Templates> {
        &self.templates
    }

    /// What it imports.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The SHA-256 of its bytes, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Asks what is wrong with the plan's use of it.
    pub async fn validate(&self, context: Context) -> Result<Vec<Problem>, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let told = turn
            .hooks
            .cellhost_module_lifecycle()
            .call_validate(&mut turn.store)
            .await;
        let problems = turn.returned(told)?.value;
        let problem = |told: lifecycle::Problem| Problem {
            setting: told.setting,
            message: told.message,
        };
        Ok(problems.into_iter().map(problem).collect())
    }

    /// Asks what it tells later modules.
    pub async fn outputs(&self, context: Context) -> Result<Vec<(String, String)>, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let told = turn
            .hooks
            .cellhost_module_lifecycle()
            .call_outputs(&mut turn.store)
            .await;
        Ok(turn.returned(told)?.value)
    }

    /// Asks for the order of a rolling change.
    pub async fn order(&self, context: Context) -> Result<Vec<u32>, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let told = turn
            .hooks
            .cellhost_module_lifecycle()
            .call_order(&mut turn.store)
            .await;
        Ok(turn.agreed(told)?.value)
    }

    /// Brings one machine to where it should be.
    pub async fn apply(&self, context: Context) -> Result<Turned<()>, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let on = turn.machine()?;
        let told = turn
            .hooks
            .cellhost_module_lifecycle()
            .call_apply(&mut turn.store, on)
            .await;
        turn.agreed(told)
    }

    /// Founds or mends the cluster.
    pub async fn form(&self, context: Context) -> Result<Turned<()>, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let told = turn
            .hooks
            .cellhost_module_lifecycle()
            .call_form(&mut turn.store)
            .await;
        turn.agreed(told)
    }

    /// Asks how one member is.
    pub async fn health(&self, context: Context) -> Result<Condition, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let on = turn.machine()?;
        let told = turn
            .hooks
            .cellhost_module_lifecycle()
            .call_health(&mut turn.store, on)
            .await;
        Ok(match turn.returned(told)?.value {
            lifecycle::Condition::Healthy => Condition::Healthy,
            lifecycle::Condition::Degraded(why) => Condition::Degraded(why),
            lifecycle::Condition::Down(why) => Condition::Down(why),
        })
    }

    /// Takes the module off one machine.
    pub async fn remove(&self, context: Context, purge: bool) -> Result<Turned<()>, TurnError> {
        let mut turn = Running::begin(self, context).await?;
        let on = turn.machine()?;
        let hooks = turn.hooks.cellhost_module_lifecycle();
        let told = hooks.call_remove(&mut turn.store, on, purge).await;
        turn.agreed(told)
    }
}

/// A turn under way.
struct Running {
    store: Store<TurnState>,
    hooks: contract::Module,
}

impl Running {
    async fn begin(module: &Module, context: Context) -> Result<Self, TurnError> {
        let turn = context.turn.clone();
        let limits = context.limits;
        let part = module.pool.enter(limits.memory).await;
        let mut store = store(&module.engine, context, part);
        match module.pre.instantiate_async(&mut store).await {
            Ok(hooks) => Ok(Self { store, hooks }),
            Err(error) => Err(TurnError::new(&turn, fault(&error, limits))),
        }
    }

    /// A handle of the turn's own machine.
    fn machine(&mut self) -> Result<Resource<Arc<Member>>, TurnError> {
        let state = self.store.data_mut();
        let turn = state.context.turn.clone();
        let lost = |reason: &str| {
            TurnError::new(
                &turn,
                Fault::Host {
                    reason: reason.to_owned(),
                },
            )
        };
        let name: &MachineName = turn
            .machine
            .as_ref()
            .ok_or_else(|| lost("the hook needs a machine"))?;
        let member = state
            .context
            .cell
            .find(name)
            .cloned()
            .ok_or_else(|| lost("the machine is no member of the module"))?;
        let own = state
            .table
            .push(member)
            .map_err(|error| lost(&error.to_string()))?;
        Ok(Resource::new_borrow(own.rep()))
    }

    fn returned<T>(self, told: wasmtime::Result<T>) -> Result<Turned<T>, TurnError> {
        let state = self.store.into_data();
        match told {
            Ok(value) => Ok(Turned {
                value,
                published: state.published,
            }),
            Err(error) => {
                let fault = fault(&error, state.context.limits);
                Err(TurnError::new(&state.context.turn, fault))
            }
        }
    }

    fn agreed<T>(
        self,
        told: wasmtime::Result<Result<T, lifecycle::Failure>>,
    ) -> Result<Turned<T>, TurnError> {
        let turn = self.store.data().context.turn.clone();
        let turned = self.returned(told)?;
        match turned.value {
            Ok(value) => Ok(Turned {
                value,
                published: turned.published,
            }),
            Err(lifecycle::Failure::Refused(why)) => {
                Err(TurnError::new(&turn, Fault::Refused(why)))
            }
            Err(lifecycle::Failure::Failed(why) | lifecycle::Failure::Other(why)) => {
                Err(TurnError::new(&turn, Fault::Failed(why)))
            }
        }
    }
}

/// Decides what an error out of wasmtime means: one of our limits, the guest's own crash, or ours.
fn fault(error: &wasmtime::Error, limits: Limits) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.clone();
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        let place = error
            .downcast_ref::<wasmtime::WasmBacktrace>()
            .and_then(|trace| trace.frames().iter().find_map(|frame| frame.func_name()))
            .map_or_else(String::new, |name| format!(" in `{name}`"));
        return Fault::Trap {
            reason: format!("{trap}{place}"),
        };
    }
    let reason = format!("{error:#}");
    // wasmtime has no type for this one.
    if reason.contains("fuel allocated for hostcalls") {
        let limit = limits.call_bytes >> 20;
        return Fault::Data { limit };
    }
    Fault::Trap { reason }
}
