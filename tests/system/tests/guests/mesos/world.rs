//! Masters, agents and instances of Marathon that keep the rules of the real ones, as far as they
//! matter here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use cellhost_transport::{DialOutcome, Package, SimulatedMachine, State};

use crate::stage::Stage;

pub(crate) const MESOS: (&str, &str) = ("http://files/mesos.tar", "mesos 1.11");
pub(crate) const MARATHON: (&str, &str) = ("http://files/marathon.tar", "marathon 1.11");
pub(crate) const QUORUM: &str = "/etc/mesos/cell/quorum";
pub(crate) const OFFERS: &str = "/etc/mesos/cell/offers";
pub(crate) const LATEST: &str = "/var/lib/mesos/agent/meta/slaves/latest";

/// The services of the three machines.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Services>>);

/// What there is to know about them.
#[derive(Default)]
pub(crate) struct Services {
    /// Masters that run, with how many of them decide.
    pub(crate) masters: BTreeMap<u8, usize>,
    /// Agents that run, with what they offer.
    pub(crate) agents: BTreeMap<u8, String>,
    /// Instances of Marathon that run.
    pub(crate) marathons: BTreeSet<u8>,
    /// Every start, in order: of what on which machine.
    pub(crate) starts: Vec<(&'static str, u8)>,
    /// Agents that have no tasks and get none.
    pub(crate) drained: BTreeSet<u8>,
    /// What a master or an agent is a version of, where it is not the usual one.
    pub(crate) versions: BTreeMap<(&'static str, u8), &'static str>,
    /// What must never be.
    pub(crate) dangers: Vec<String>,
}

impl Services {
    fn version(&self, what: &'static str, number: u8) -> &'static str {
        self.versions
            .get(&(what, number))
            .copied()
            .unwrap_or("1.11.0")
    }
}

impl World {
    /// Puts the services onto the machines of a stage, and an ensemble beside them.
    pub(crate) fn on(stage: &Stage) -> Self {
        let world = Self::default();
        for (number, machine) in (1..).zip(stage.fleet.machines()) {
            for name in ["libsvn1", "mesos", "marathon", "docker.io"] {
                machine.state().offer(name, Package::new("1.11"));
            }
            for (url, content) in [MESOS, MARATHON] {
                machine.state().web.insert(url.to_owned(), content.into());
            }
            machine.answer(&["sleep", "1"], |_, _| 0.into());
            let mode = if number == 1 { "leader" } else { "follower" };
            machine.listen(2181, move |_, _| {
                let words = format!("Zookeeper version: 3.8.0\nMode: {mode}\n");
                DialOutcome::Bytes(words.into_bytes())
            });
            world.master(number, machine);
            world.agent(number, machine);
            world.marathon(number, machine);
        }
        world
    }

    /// What there is to know.
    pub(crate) fn services(&self) -> MutexGuard<'_, Services> {
        self.0.lock().expect("nobody panicked")
    }

    /// Every start since the last time this was asked.
    pub(crate) fn starts(&self) -> Vec<(&'static str, u8)> {
        std::mem::take(&mut self.services().starts)
    }

    fn master(&self, number: u8, machine: &SimulatedMachine) {
        let world = self.clone();
        machine.listen(5050, move |state, dial| {
            let mut services = world.services();
            if !runs(state, "mesos-master") || state.text(QUORUM).is_none() {
                services.masters.remove(&number);
                return DialOutcome::Refused;
            }
            let leader = services.masters.keys().next_back().copied().unwrap_or(0);
            let agents = services.agents.len();
            let count = services.masters.len();
            let is_leader = u8::from(leader == number);
            let asked = String::from_utf8_lossy(&dial.send).into_owned();
            said(match asked.split(' ').nth(1).unwrap_or_default() {
                "/metrics/snapshot" => ok(&format!(
                    "{{\"master/elected\":{is_leader}.0,\"registrar/log/recovered\":1.0,\
                     \"registrar/log/ensemble_size\":{count}.0,\"master/slaves_active\":{agents}.0}}"
                )),
                "/redirect" => {
                    format!("HTTP/1.0 307 x\r\nLocation: //10.0.0.{leader}:5050\r\n\r\n")
                }
                "/slaves" => {
                    let agents: Vec<String> = services
                        .agents
                        .keys()
                        .map(|id| {
                            let state = if services.drained.contains(id) {
                                "DRAINED"
                            } else {
                                "DRAINING"
                            };
                            let version = services.version("agent", *id);
                            format!(
                                "{{\"hostname\":\"10.0.0.{id}\",\"active\":true,\
                                 \"version\":\"{version}\",\
                                 \"drain_info\":{{\"state\":\"{state}\"}}}}"
                            )
                        })
                        .collect();
                    ok(&format!("{{\"slaves\":[{}]}}", agents.join(",")))
                }
                "/version" => {
                    let version = services.version("master", number);
                    ok(&format!("{{\"version\":\"{version}\"}}"))
                }
                _ => "HTTP/1.0 404 x\r\n\r\n".to_owned(),
            })
        });
        let world = self.clone();
        machine.start("mesos-master", move |state| {
            // What `ConditionPathExists` does.
            let Some(quorum) = state.text(QUORUM) else {
                return Ok(());
            };
            let quorum = quorum.trim().strip_prefix("MESOS_QUORUM=");
            let quorum: usize = quorum.and_then(|text| text.parse().ok()).unwrap_or(0);
            let mut services = world.services();
            services.masters.insert(number, quorum);
            services.starts.push(("master", number));
            let fewest = services.masters.values().min().copied().unwrap_or(0);
            if 2 * fewest <= services.masters.len() {
                let words = format!("{:?} could decide twice", services.masters);
                services.dangers.push(words);
            }
            Ok(())
        });
    }

    fn agent(&self, number: u8, machine: &SimulatedMachine) {
        let world = self.clone();
        machine.listen(5051, move |state, _| {
            if !runs(state, "mesos-agent") {
                return DialOutcome::Refused;
            }
            let registered = u8::from(!world.services().masters.is_empty());
            said(ok(&format!("{{\"slave/registered\":{registered}.0}}")))
        });
        let world = self.clone();
        machine.start("mesos-agent", move |state| {
            let offers = state.text(OFFERS).unwrap_or_default().to_owned();
            let known = state.text(LATEST).map(str::to_owned);
            if known.is_some_and(|known| known != offers && !offers.starts_with(known.trim_end())) {
                return Err("Incompatible agent info detected".to_owned());
            }
            state.write(LATEST, offers.clone());
            let mut services = world.services();
            services.starts.push(("agent", number));
            services.agents.insert(number, offers);
            Ok(())
        });
    }

    fn marathon(&self, number: u8, machine: &SimulatedMachine) {
        let world = self.clone();
        machine.listen(8080, move |state, dial| {
            if !runs(state, "marathon") {
                return DialOutcome::Refused;
            }
            let leader = world.services().marathons.iter().next_back().copied();
            let asked = String::from_utf8_lossy(&dial.send).into_owned();
            said(
                match (asked.split(' ').nth(1).unwrap_or_default(), leader) {
                    ("/ping", _) => ok("pong"),
                    ("/v2/leader", Some(leader)) => {
                        ok(&format!("{{\"leader\":\"10.0.0.{leader}:8080\"}}"))
                    }
                    _ => "HTTP/1.0 404 x\r\n\r\n".to_owned(),
                },
            )
        });
        let world = self.clone();
        machine.start("marathon", move |_| {
            let mut services = world.services();
            services.starts.push(("marathon", number));
            services.marathons.insert(number);
            Ok(())
        });
    }
}

fn runs(state: &State, service: &str) -> bool {
    state.services.get(service).is_some_and(|one| one.running)
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn said(text: String) -> DialOutcome {
    DialOutcome::Bytes(text.into_bytes())
}
