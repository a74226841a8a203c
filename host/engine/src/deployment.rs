//! A plan made ready: modules loaded, settings checked, machines numbered.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use cellhost_effects::{
    Certainty, Effect, EffectError, Effects, Hook, Outcome, Rights, Templates, Turn,
};
use cellhost_lock::{Membership, Roster};
use cellhost_plan::{
    Diagnostic, Diagnostics, Grants, InstanceName, Machine, MachineName, ModuleUse, PhaseName,
    Plan, Problem, Rolling,
};
use cellhost_runtime::{CellView, Context, Level, Limits, Member, Module, TurnError, Voice};
use serde_json::Value;

use crate::needs::{self, Need};
use crate::outputs;
use crate::ports;
use crate::schema;
use crate::templates;
use crate::{Ensemble, barrier};

/// A plan that every module in it has agreed to.
#[derive(Clone)]
pub struct Deployment {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Its modules, in the order of the plan.
    pub modules: Vec<Placed>,
    /// Machines that the plan has forgotten and that a module has yet to let go.
    pub gone: Vec<Machine>,
    /// What the modules put out that the plan alone decides, by module and key.
    pub outputs: BTreeMap<(String, String), String>,
    /// The ensemble that its barrier waits for, where it has one.
    pub ensemble: Option<Ensemble>,
}

/// A module where the plan puts it.
#[derive(Clone)]
pub struct Placed {
    /// What the plan says.
    pub usage: ModuleUse,
    /// The module itself.
    pub module: Module,
    /// Its templates, those that the plan replaces among them.
    pub templates: Arc<Templates>,
    /// When it goes.
    pub phase: PhaseName,
    /// The modules it waits for.
    pub after: BTreeSet<InstanceName>,
    /// The outputs of others that it requires.
    pub needs: Vec<Need>,
    /// Its machines, by ordinal.
    pub members: Vec<Arc<Member>>,
    /// Machines that it had and that the plan no longer gives it, by ordinal.
    pub leaving: Vec<Arc<Member>>,
    /// What it may do.
    pub rights: Arc<Rights>,
    /// Whether it ever came through with any of its members.
    pub founded: bool,
    /// Members that joined since it last came through.
    pub newcomers: BTreeSet<MachineName>,
    /// How a change goes through its members; none where it goes to all at once.
    pub rolling: Option<Rolling>,
}

/// Which hook is called, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) hook: Hook,
    pub(crate) machine: Option<MachineName>,
    /// How many such calls came before it in this run.
    pub(crate) round: u32,
    /// How sure it is what other modules have told this one while they ran.
    pub(crate) given: Certainty,
}

impl Call {
    /// The first call of a hook that takes no machine.
    fn first(hook: Hook) -> Self {
        Self {
            hook,
            machine: None,
            round: 0,
            given: Certainty::Exact,
        }
    }
}

impl Placed {
    /// The context of one of its turns.
    pub(crate) fn context(
        &self,
        cell: Arc<CellView>,
        call: Call,
        effects: Arc<dyn Effects>,
        voice: Arc<dyn Voice>,
    ) -> Context {
        let turn = self.turn(call);
        let seed = seed(&turn);
        Context {
            turn,
            cell,
            effects,
            voice,
            limits: Limits::default(),
            seed,
        }
    }

    /// What stands for one of its turns.
    pub(crate) fn turn(&self, call: Call) -> Arc<Turn> {
        Arc::new(Turn {
            module: self.usage.name.clone(),
            version: self.module.embedded().manifest.version.clone(),
            hook: call.hook,
            machine: call.machine,
            round: call.round,
            given: call.given,
            rights: self.rights.clone(),
            templates: self.templates.clone(),
        })
    }

    /// The cell as this module sees it.
    pub(crate) fn view(
        &self,
        plan: &Plan,
        outputs: &BTreeMap<(String, String), String>,
    ) -> Arc<CellView> {
        Arc::new(CellView {
            name: plan.cell.to_string(),
            members: self.members.clone(),
            leaving: self.leaving.clone(),
            settings: self.usage.settings.to_string(),
            outputs: outputs::seen_by(plan, self, outputs),
        })
    }
}

/// Puts loaded modules where the plan wants them, numbers their machines and asks each module
/// what is wrong. `modules` are by instance name; the roster is brought up to date.
pub async fn prepare(
    plan: Arc<Plan>,
    modules: &BTreeMap<InstanceName, Module>,
    roster: &mut Roster,
) -> Result<Deployment, Diagnostics> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut placed = Vec::new();
    let mut gone: Vec<Machine> = Vec::new();
    for usage in &plan.modules {
        let Some(module) = modules.get(&usage.name) else {
            let problem = Problem::new(format!("module `{}` was not loaded", usage.module));
            found.push(Diagnostic::error(&plan.source, usage.span, problem));
            continue;
        };
        if let Some(settings) = &module.embedded().schema {
            found.extend(schema::check(&plan, usage, settings));
        }
        let membership = roster.enroll(&plan, usage).clone();
        let forgotten = forgotten(&plan, usage, &membership);
        let mut here = place(&plan, &forgotten, usage, module, &membership);
        here.templates = templates::of(&plan, usage, module, &mut found);
        placed.push(here);
        gone.extend(forgotten);
    }
    needs::resolve(&plan, &mut placed, &mut found);
    needs::check(&plan, &placed, &mut found);
    ports::check(&plan, &placed, &mut found);
    let ensemble = Ensemble::find(&plan, &placed).unwrap_or_else(|problem| {
        found.push(problem);
        None
    });
    if !found.is_empty() {
        return Err(found.into());
    }
    let mut deployment = Deployment {
        plan,
        modules: placed,
        gone,
        outputs: outputs::existing(ensemble.as_ref()),
        ensemble,
    };
    deployment.ask_outputs(&mut found).await;
    deployment.check_ensemble(&mut found);
    deployment.ask_problems(&mut found).await;
    if found.is_empty() {
        Ok(deployment)
    } else {
        Err(found.into())
    }
}

impl Deployment {
    /// Finds a module by its name in the plan.
    pub fn placed(&self, name: &InstanceName) -> Option<&Placed> {
        let mut modules = self.modules.iter();
        modules.find(|placed| placed.usage.name == *name)
    }

    /// The ensemble that has to prove itself before a phase begins, where one has to.
    pub(crate) fn ensemble_before(&self, phase: &PhaseName) -> Option<&Ensemble> {
        let stands = !self.plan.barrier.off && self.plan.phases.is_behind_barrier(phase);
        self.ensemble.as_ref().filter(|_| stands)
    }

    /// All machines that a run may speak to: those of the plan and those on their way out.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.plan.machines.iter().chain(&self.gone)
    }

    /// Asks modules in the order in which they run, so that each sees what those before it say.
    async fn ask_outputs(&mut self, found: &mut Vec<Diagnostic>) {
        for name in crate::order::sequence(&self.plan.phases, &self.modules) {
            let Some(placed) = self.placed(&name) else {
                continue;
            };
            let view = placed.view(&self.plan, &self.outputs);
            let context = placed.context(
                view,
                Call::first(Hook::Outputs),
                Arc::new(Nobody),
                Arc::new(Nobody),
            );
            match placed.module.outputs(context).await {
                Ok(told) => outputs::tell(self, &name, told, found),
                Err(error) => found.push(self.crashed(placed, &error)),
            }
        }
    }

    /// Complains about an ensemble whose list is known by now and cannot be right.
    fn check_ensemble(&self, found: &mut Vec<Diagnostic>) {
        let Some(ensemble) = &self.ensemble else {
            return;
        };
        let Some(placed) = self.placed(&ensemble.name) else {
            return;
        };
        if let Err(barrier::Unlisted::Wrong(why)) = ensemble.servers(self, &self.outputs) {
            let problem = Problem::new(why).label("the barrier waits for this ensemble");
            let span = placed.usage.span;
            found.push(Diagnostic::error(&self.plan.source, span, problem));
        }
    }

    async fn ask_problems(&self, found: &mut Vec<Diagnostic>) {
        for placed in &self.modules {
            let view = placed.view(&self.plan, &self.outputs);
            let context = placed.context(
                view,
                Call::first(Hook::Validate),
                Arc::new(Nobody),
                Arc::new(Nobody),
            );
            match placed.module.validate(context).await {
                Ok(problems) => found.extend(problems.into_iter().map(|told| {
                    let span = placed.usage.span_of(&told.setting);
                    let problem = Problem::new(told.message)
                        .label(format!("says module `{}`", placed.usage.module));
                    Diagnostic::error(&self.plan.source, span, problem)
                })),
                Err(error) => found.push(self.crashed(placed, &error)),
            }
        }
    }

    fn crashed(&self, placed: &Placed, error: &TurnError) -> Diagnostic {
        let problem = Problem::new(error.to_string()).label("while this module judged the plan");
        Diagnostic::error(&self.plan.source, placed.usage.span, problem)
    }
}

/// The members of a module that the plan no longer names at all, as they were last known.
fn forgotten(plan: &Plan, usage: &ModuleUse, membership: &Membership) -> Vec<Machine> {
    let seats = membership.machines.iter();
    seats
        .filter(|(name, _)| plan.machine(*name).is_none())
        .map(|(name, seat)| Machine {
            name: name.clone(),
            address: seat.address.clone(),
            user: seat.user.clone(),
            port: seat.port,
            host_keys: seat.host_keys.clone(),
            roles: BTreeSet::new(),
            groups: BTreeSet::new(),
            tags: BTreeMap::new(),
            zone: None,
            variables: BTreeMap::new(),
            span: usage.span,
        })
        .collect()
}

fn place(
    plan: &Plan,
    gone: &[Machine],
    usage: &ModuleUse,
    module: &Module,
    membership: &Membership,
) -> Placed {
    let manifest = &module.embedded().manifest;
    let mut members = Vec::new();
    let mut leaving = Vec::new();
    let given: HashSet<&MachineName> = usage.machines.iter().collect();
    let gone: HashMap<&MachineName, &Machine> = gone
        .iter()
        .map(|machine| (&machine.name, machine))
        .collect();
    for (name, seat) in &membership.machines {
        let known = || gone.get(name).copied();
        let Some(machine) = plan.machine(name).or_else(known) else {
            continue;
        };
        let member = Arc::new(member(machine, seat.ordinal));
        if given.contains(name) {
            members.push(member);
        } else {
            leaving.push(member);
        }
    }
    members.sort_by_key(|member| member.ordinal);
    leaving.sort_by_key(|member| member.ordinal);
    let rights = Rights {
        asks: manifest.asks.clone(),
        grants: match &usage.grants {
            Some(Grants::Only(grants)) => Some(grants.clone()),
            Some(Grants::Asked) | None => None,
        },
        untouched: plan.rules.untouched.clone(),
        machines: members
            .iter()
            .chain(&leaving)
            .map(|member| member.name.clone())
            .collect(),
        secrets: usage.secrets.clone(),
        through: usage.links.clone(),
    };
    Placed {
        phase: usage.phase.clone().unwrap_or_else(|| manifest.phase.into()),
        after: usage.after.iter().cloned().collect(),
        needs: Vec::new(),
        usage: usage.clone(),
        module: module.clone(),
        templates: module.templates().clone(),
        members,
        leaving,
        rights: Arc::new(rights),
        founded: membership.machines.values().any(|seat| seat.settled),
        newcomers: membership.newcomers(),
        rolling: usage.rolling.rule(manifest.rolling.as_ref()),
    }
}

fn member(machine: &Machine, ordinal: u32) -> Member {
    let words = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Member {
        name: machine.name.clone(),
        address: machine.address.clone(),
        roles: machine.roles.iter().cloned().collect(),
        tags: machine
            .tags
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        variables: machine
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), words(value)))
            .collect(),
        zone: machine.zone.clone(),
        ordinal,
    }
}

/// A number that is the same whenever the same turn is repeated.
fn seed(turn: &Turn) -> u64 {
    use sha2::{Digest, Sha256};
    let machine = turn.machine.as_ref().map_or("", MachineName::as_str);
    // What is foreseen of an apply is foreseen of that very apply.
    let hook = if turn.hook == Hook::Foresee {
        Hook::Apply
    } else {
        turn.hook
    };
    let name = format!("{}\n{hook}\n{machine}", turn.module);
    let hash = Sha256::digest(name.as_bytes());
    hash.iter()
        .take(8)
        .fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
}

/// No machines, and nobody listens: what pure hooks get.
struct Nobody;

#[async_trait]
impl Effects for Nobody {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let rule = format!("the hook `{}` may not reach machines", effect.turn.hook);
        Err(EffectError::Denied { rule })
    }
}

impl Voice for Nobody {
    fn said(&self, _: &Turn, _: Level, _: String) {}
    fn doing(&self, _: &Turn, _: String) {}
}
