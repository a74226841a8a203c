//! Which ensemble a plan waits for.

use std::sync::Arc;

use cellhost_manifest::OutputKind;
use cellhost_plan::{
    Diagnostic, Ensemble as Named, InstanceName, MachineName, Plan, Problem, Servers, Span,
};
use cellhost_runtime::Member;
use semver::Version;

use crate::outputs::Outputs;
use crate::{Deployment, Placed};

/// What a module has to be called to be taken for the ensemble without a word of the plan.
pub(crate) const MODULE: &str = "zookeeper";
/// The output that lists the servers.
pub(crate) const OUTPUT: &str = "connect";

/// Why the servers of an ensemble are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unlisted {
    /// The module that deploys it tells them only when it runs.
    #[error("module `{name}` has not told its `{OUTPUT}` yet")]
    Untold {
        /// The instance.
        name: InstanceName,
    },
    /// What it told cannot be right.
    #[error("{0}")]
    Wrong(String),
}

/// An ensemble that a barrier waits for.
#[derive(Debug, Clone)]
pub struct Ensemble {
    /// The instance that deploys it, or `zookeeper` for one that was there before.
    pub name: InstanceName,
    /// The servers, where the plan names them.
    pub existing: Option<Servers>,
}

impl Ensemble {
    /// Finds the ensemble of a plan, or says what is wrong.
    pub(crate) fn find(plan: &Plan, placed: &[Placed]) -> Result<Option<Self>, Diagnostic> {
        let rules = &plan.barrier;
        let wrong = |span: Span, problem: Problem| Diagnostic::error(&plan.source, span, problem);
        match &rules.ensemble {
            Some(Named::Servers(servers)) => {
                let name = InstanceName::new(MODULE).map_err(|bug| wrong(rules.span, bug))?;
                if let Some(other) = plan.module(&name) {
                    let problem = Problem::new(
                        "the plan names servers of an ensemble and has a module `zookeeper` too",
                    )
                    .label("this one, or those of `[barrier]`?")
                    .help(
                        "leave one of them out, or give the module another name and say `ensemble`",
                    );
                    return Err(wrong(other.span, problem));
                }
                let existing = Some(servers.clone());
                Ok(Some(Self { name, existing }))
            }
            Some(Named::Instance(name)) => {
                let found = placed.iter().find(|placed| placed.usage.name == *name);
                found.map_or(Ok(None), |placed| {
                    Self::deployed(plan, placed)
                        .map(Some)
                        .map_err(|problem| wrong(rules.span, problem))
                })
            }
            None => {
                let mut fit = placed.iter().filter(|placed| {
                    placed.usage.module.name() == MODULE && Self::deployed(plan, placed).is_ok()
                });
                let first = fit.next();
                if let (Some(first), Some(second)) = (first, fit.next()) {
                    let (first, other) = (&first.usage.name, &second.usage.name);
                    let problem =
                        Problem::new(format!("`{first}` and `{other}` are both ensembles"))
                            .label("which one does the barrier wait for?")
                            .help(format!("write `ensemble = \"{first}\"` into `[barrier]`"));
                    return Err(wrong(second.usage.span, problem));
                }
                Ok(first.map(Self::of))
            }
        }
    }

    fn of(placed: &Placed) -> Self {
        Self {
            name: placed.usage.name.clone(),
            existing: None,
        }
    }

    fn deployed(plan: &Plan, placed: &Placed) -> Result<Self, Problem> {
        let name = &placed.usage.name;
        let manifest = &placed.module.embedded().manifest;
        if !manifest.provides.contains_key(OUTPUT) {
            let message = format!("module `{name}` provides no `{OUTPUT}`");
            return Err(Problem::new(message).help("a barrier needs the list of servers from it"));
        }
        if plan.phases.is_behind_barrier(&placed.phase) {
            let message = format!("module `{name}` runs in the phase {}", placed.phase);
            return Err(Problem::new(message).help("the barrier stands before it"));
        }
        Ok(Self::of(placed))
    }

    /// The list of its servers, as far as it is known by now. Each member is in it.
    pub(crate) fn servers(
        &self,
        deployment: &Deployment,
        outputs: &Outputs,
    ) -> Result<Servers, Unlisted> {
        if let Some(servers) = &self.existing {
            return Ok(servers.clone());
        }
        let key = (self.name.to_string(), OUTPUT.to_owned());
        let untold = || Unlisted::Untold {
            name: self.name.clone(),
        };
        let told = outputs.get(&key).ok_or_else(untold)?;
        let checked = OutputKind::Servers.check(told);
        let servers = checked.and_then(|()| told.parse::<Servers>());
        let servers = servers.map_err(|problem| {
            let name = &self.name;
            Unlisted::Wrong(format!(
                "the `{OUTPUT}` of `{name}` is no list of servers: {problem}"
            ))
        })?;
        match self.stale(deployment, &servers) {
            Some(why) => Err(Unlisted::Wrong(why)),
            None => Ok(servers),
        }
    }

    /// Why a list cannot be that of its members by now, where that can be told: it is too short, or
    /// has some of them by their names or addresses in the plan, and others not.
    fn stale(&self, deployment: &Deployment, servers: &Servers) -> Option<String> {
        let (name, members) = (&self.name, self.members(deployment));
        let is_listed = |member: &&Member| {
            let mut hosts = servers.list.iter().map(|server| server.host.as_str());
            hosts.any(|host| host == member.address || host == member.name.as_str())
        };
        let (known, missing): (Vec<&Member>, Vec<&Member>) =
            members.iter().map(AsRef::as_ref).partition(is_listed);
        let (count, listed) = (members.len(), servers.list.len());
        if listed < count {
            return Some(format!(
                "`{name}` has {count} machines and lists {listed} of them: {servers}"
            ));
        }
        if known.is_empty() || missing.is_empty() {
            return None;
        }
        let missing: Vec<&str> = missing.iter().map(|member| member.name.as_str()).collect();
        let missing = missing.join(", ");
        Some(format!("`{name}` does not list {missing}: {servers}"))
    }

    /// The machines that it runs on, where a module of the plan deploys it.
    pub(super) fn machines<'a>(
        &self,
        deployment: &'a Deployment,
    ) -> impl Iterator<Item = MachineName> + use<'a> {
        let members = self.members(deployment).iter();
        members.map(|member| member.name.clone())
    }

    fn members<'a>(&self, deployment: &'a Deployment) -> &'a [Arc<Member>] {
        let placed = self.placed(deployment);
        placed.map_or(&[], |placed| placed.members.as_slice())
    }

    /// The version of the module that deploys it.
    pub(super) fn version(&self, deployment: &Deployment) -> Version {
        self.placed(deployment)
            .map_or(Version::new(0, 0, 0), |placed| {
                placed.module.embedded().manifest.version.clone()
            })
    }

    fn placed<'a>(&self, deployment: &'a Deployment) -> Option<&'a Placed> {
        let mut modules = deployment.modules.iter();
        modules.find(|placed| placed.usage.name == self.name)
    }
}
