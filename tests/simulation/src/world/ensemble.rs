//! A quorum as it really is, whatever anybody believes about it.

use std::collections::BTreeMap;
use std::time::Duration;

use cellhost_plan::MachineName;
use tokio::time::Instant;

use crate::chance::Chance;

/// How long a server takes until it has joined, in milliseconds.
const JOINING: (u64, u64) = (200, 4000);
/// How long an election takes.
const ELECTION: (u64, u64) = (50, 1500);

/// Servers that serve while most of them have joined and a leader is elected.
#[derive(Debug)]
pub struct Ensemble {
    servers: BTreeMap<MachineName, Server>,
    leader: Option<MachineName>,
    /// Since when there has been a leader without a break.
    held_since: Option<Instant>,
    /// When there last was a leader for certain.
    last_held: Option<Instant>,
    /// When the last leader was lost.
    lost: Instant,
    /// How long the next election takes.
    election: Duration,
    /// Whether there ever was a quorum.
    founded: bool,
    chance: Chance,
}

/// One server.
#[derive(Debug, Default)]
struct Server {
    /// When it has joined or will have; none while it is down.
    joins: Option<Instant>,
    /// Whether we took it down, and it has not served since.
    down_by_us: bool,
}

/// Who took a server down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// An effect of a run.
    Ours,
    /// Anything else.
    Fate,
}

impl Ensemble {
    /// Servers that were never started.
    pub fn new<'a>(members: impl IntoIterator<Item = &'a MachineName>, mut chance: Chance) -> Self {
        let named = members.into_iter().cloned();
        Self {
            servers: named.map(|name| (name, Server::default())).collect(),
            leader: None,
            held_since: None,
            last_held: None,
            lost: Instant::now(),
            election: chance.between(ELECTION.0, ELECTION.1),
            founded: false,
            chance,
        }
    }

    /// Makes all servers serve, as after a run that went well.
    pub fn found(&mut self) {
        let now = Instant::now();
        for server in self.servers.values_mut() {
            server.joins = Some(now);
        }
        self.leader = {
            let at = self.chance.index(self.servers.len());
            self.servers.keys().nth(at).cloned()
        };
        self.held_since = Some(now);
        self.founded = true;
    }

    /// A server was started, or again.
    pub fn started(&mut self, name: &MachineName) {
        let joining = self.chance.between(JOINING.0, JOINING.1);
        if let Some(server) = self.servers.get_mut(name) {
            server.joins = Some(Instant::now() + joining);
        }
        self.advance();
    }

    /// A server goes down. Returns who is down by our own hand then, where that is more than the
    /// quorum survives.
    pub fn stopped(&mut self, name: &MachineName, hand: Hand) -> Option<Vec<MachineName>> {
        self.advance();
        if let Some(server) = self.servers.get_mut(name) {
            server.joins = None;
            server.down_by_us |= hand == Hand::Ours && self.founded;
        }
        self.advance();
        let down = self.servers.iter().filter(|(_, server)| server.down_by_us);
        let down: Vec<MachineName> = down.map(|(name, _)| name.clone()).collect();
        let survives = self.servers.len() - self.majority();
        (hand == Hand::Ours && down.len() > survives).then_some(down)
    }

    /// Whether a server serves.
    pub fn serves(&mut self, name: &MachineName) -> bool {
        self.advance();
        let joins = self.servers.get(name).and_then(|server| server.joins);
        self.leader.is_some() && joins.is_some_and(|at| at <= Instant::now())
    }

    /// Whether a server went down by our own hand and has not served since.
    pub fn is_down_by_us(&mut self, name: &MachineName) -> bool {
        self.advance();
        self.servers
            .get(name)
            .is_some_and(|server| server.down_by_us)
    }

    /// The leader loses the others for a while.
    pub fn flap(&mut self) {
        self.advance();
        self.lose();
    }

    /// What `srvr` says; none where nothing listens.
    pub fn answer(&mut self, name: &MachineName) -> Option<String> {
        self.advance();
        let joins = self.servers.get(name)?.joins?;
        let mode = match &self.leader {
            Some(leader) if leader == name => "leader",
            Some(_) if joins <= Instant::now() => "follower",
            _ => {
                let words = "This ZooKeeper instance is not currently serving requests\n";
                return Some(words.to_owned());
            }
        };
        Some(serving(mode))
    }

    /// For how long there has been a quorum without a break.
    pub fn held(&mut self) -> Option<Duration> {
        self.advance();
        self.held_since.map(|since| since.elapsed())
    }

    /// When there last was a quorum.
    pub fn last_held(&mut self) -> Option<Instant> {
        self.advance();
        self.last_held
    }

    /// How many servers a quorum takes.
    pub fn majority(&self) -> usize {
        self.servers.len() / 2 + 1
    }

    /// Who its servers are.
    pub fn members(&self) -> impl Iterator<Item = &MachineName> {
        self.servers.keys()
    }

    fn lose(&mut self) {
        self.leader = None;
        self.held_since = None;
        self.lost = Instant::now();
        self.election = self.chance.between(ELECTION.0, ELECTION.1);
    }

    /// Lets happen what time brought since it was last looked at.
    fn advance(&mut self) {
        let now = Instant::now();
        let mut joined: Vec<(Instant, &MachineName)> = self
            .servers
            .iter()
            .filter_map(|(name, server)| Some((server.joins.filter(|at| *at <= now)?, name)))
            .collect();
        joined.sort();
        let enough = joined.get(self.majority() - 1).map(|(at, _)| *at);
        let led = self.leader.as_ref();
        let leads = led.is_some_and(|leader| joined.iter().any(|(_, name)| *name == leader));
        if led.is_some() && !(leads && enough.is_some()) {
            return self.lose();
        }
        if let (None, Some(enough)) = (led, enough) {
            let elected = enough.max(self.lost) + self.election;
            let candidates: Vec<MachineName> = joined
                .iter()
                .filter(|(at, _)| *at <= elected)
                .map(|(_, name)| (*name).clone())
                .collect();
            if elected <= now {
                self.leader = self.chance.pick(&candidates).cloned();
                self.held_since = Some(elected);
                self.founded = true;
            }
        }
        if self.leader.is_some() {
            self.last_held = Some(now);
            for server in self.servers.values_mut() {
                server.down_by_us &= server.joins.is_none_or(|at| at > now);
            }
        }
    }
}

/// What a server says that serves.
pub fn serving(mode: &str) -> String {
    format!(
        "Zookeeper version: 3.8.0-simulated, built on 2022-02-25 08:49 UTC\n\
         Latency min/avg/max: 0/0.0/0\nReceived: 1\nSent: 0\nConnections: 1\nOutstanding: 0\n\
         Zxid: 0x100000000\nMode: {mode}\nNode count: 5\n"
    )
}
