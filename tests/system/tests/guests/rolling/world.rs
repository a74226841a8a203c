//! Servers on simulated machines, which take their time to start and serve only as a majority.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cellhost_transport::{DialOutcome, Package};
use tokio::time::Instant;

use crate::stage::{NAMES, Stage};

/// How long a server takes until it serves.
pub(crate) const START: Duration = Duration::from_secs(3);

const PORT: u16 = 2181;

/// All servers, and what became of them.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Servers>>);

#[derive(Default)]
struct Servers {
    by_name: BTreeMap<String, Server>,
    leader: Option<String>,
    starts: Vec<String>,
    most_down: usize,
}

#[derive(Default)]
struct Server {
    /// From when it serves; none where it does not.
    serves_from: Option<Instant>,
    serves_until: Option<Instant>,
    was_up: bool,
    breaks: bool,
    refuses: bool,
    start: Option<Duration>,
    lives: Option<Duration>,
}

impl Server {
    fn serves(&self) -> bool {
        let now = Instant::now();
        let over = self.serves_until.is_some_and(|end| end <= now);
        self.serves_from.is_some_and(|begin| begin <= now) && !over
    }
}

impl Servers {
    fn server(&mut self, name: &str) -> &mut Server {
        self.by_name.entry(name.to_owned()).or_default()
    }

    fn look(&mut self) -> usize {
        for server in self.by_name.values_mut() {
            server.was_up |= server.serves();
        }
        let up = self.by_name.values().filter(|one| one.serves()).count();
        let servers = self.by_name.values();
        let down = servers.filter(|one| one.was_up && !one.serves()).count();
        self.most_down = self.most_down.max(down);
        up
    }

    fn start(&mut self, name: &str) -> Result<(), String> {
        self.look();
        self.starts.push(name.to_owned());
        let server = self.server(name);
        if server.refuses {
            server.serves_from = None;
            return Err("it does not want to".to_owned());
        }
        let begin = Instant::now() + server.start.unwrap_or(START);
        server.serves_from = (!server.breaks).then_some(begin);
        server.serves_until = server.lives.map(|lives| begin + lives);
        self.look();
        Ok(())
    }

    fn answer(&mut self, name: &str) -> DialOutcome {
        let up = self.look();
        if !self.server(name).serves() {
            return DialOutcome::Refused;
        }
        if up * 2 <= NAMES.len() {
            return DialOutcome::Bytes(b"not serving\n".to_vec());
        }
        let leads = |name: &String| self.by_name.get(name).is_some_and(Server::serves);
        if !self.leader.as_ref().is_some_and(leads) {
            let mut serving = self.by_name.iter().filter(|(_, one)| one.serves());
            self.leader = serving.next().map(|(name, _)| name.clone());
        }
        let role = if self.leader.as_deref() == Some(name) {
            "leader"
        } else {
            "follower"
        };
        DialOutcome::Bytes(format!("Mode: {role}\n").into_bytes())
    }
}

impl World {
    /// Puts servers on all machines of a stage, none of them installed yet.
    pub(crate) fn on(stage: &Stage) -> Self {
        let world = Self::default();
        for name in NAMES {
            let machine = stage.fleet.machine(name).expect("a machine of the stage");
            let server = Package::new("1").with_service("quorum");
            machine.state().offer("quorum-server", server);
            let own = world.clone();
            machine.start("quorum", move |_| own.servers().start(name));
            let own = world.clone();
            machine.listen(PORT, move |_, _| own.servers().answer(name));
        }
        world
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.0.lock().expect("nobody panics with it")
    }

    /// Forgets what happened so far.
    pub(crate) fn forget(&self) {
        let mut servers = self.servers();
        servers.look();
        servers.starts.clear();
        servers.most_down = 0;
    }

    /// Who was started since, in that order.
    pub(crate) fn starts(&self) -> Vec<String> {
        self.servers().starts.clone()
    }

    /// How many were down at the same time at most.
    pub(crate) fn most_down(&self) -> usize {
        self.servers().most_down
    }

    /// Who leads.
    pub(crate) fn leader(&self) -> Option<String> {
        let mut servers = self.servers();
        servers.answer("m1");
        servers.leader.clone()
    }

    /// A server dies.
    pub(crate) fn kill(&self, name: &str) {
        self.servers().server(name).serves_from = None;
    }

    /// A server takes so long for its next start.
    pub(crate) fn back_after(&self, name: &str, time: Duration) {
        self.servers().server(name).start = Some(time);
    }

    /// A server starts and never serves.
    pub(crate) fn break_at_start(&self, name: &str) {
        self.servers().server(name).breaks = true;
    }

    /// A server does not start at all.
    pub(crate) fn refuse_to_start(&self, name: &str) {
        self.servers().server(name).refuses = true;
    }

    /// A server dies so long after its next start.
    pub(crate) fn die_after(&self, name: &str, time: Duration) {
        self.servers().server(name).lives = Some(time);
    }
}
