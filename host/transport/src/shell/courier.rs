//! Requests in, replies out, over whatever line leads to a shell.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

use super::answer::{Misread, Section, Sections};
use super::conversation::{Conversation, Heard, Lost, Terms};
use super::leavings::Leavings;
use super::line::{Failure, Line};
use super::script::{Refusal, Script};
use super::{ask, dial, hello, job, lease, look, settle, within};
use crate::resources::memory;
use crate::{Courier, CourierError, Echo, Lease, Parting, Reply, Request, Stage};

/// The directory in which machines remember what outlives a run. Nobody but couriers goes there.
pub const MEMORY: &str = "/var/lib/cellhost";

/// The directory in which a machine remembers what outlives a run.
#[derive(Debug, Clone)]
pub(crate) struct Memory(pub(crate) String);

impl Memory {
    /// The record of what was put at a path.
    pub(crate) fn changes(&self, path: &str) -> String {
        format!("{}/changed/{}", self.0, memory::record(path))
    }

    /// The record of what a service has taken up.
    pub(crate) fn taken_up(&self, service: &str) -> String {
        let name = service.strip_suffix(".service").unwrap_or(service);
        format!("{}/restarted/{}", self.0, memory::record(name))
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self(MEMORY.to_owned())
    }
}

/// How long a machine may take to say how it is after it was lost.
const AFTERMATH: Duration = Duration::from_secs(12);
/// How long a machine may take over what it is asked before its connection gives way.
const PARTING: Duration = Duration::from_secs(2);
/// The pause between two questions to one that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// How the streams of an answer are read.
pub(super) type Reading = Box<dyn FnOnce(Sections, Sections) -> Result<Reply, Misread> + Send>;

/// A request put into shell text.
pub(super) struct Errand {
    /// What the shell is given.
    pub(super) script: Script,
    /// What is kept of its answer.
    pub(super) terms: Terms,
    /// Whether it may change the machine, so that it is never sent twice.
    pub(super) changes: bool,
    /// How its answer is read.
    pub(super) reading: Reading,
}

/// A courier that speaks to a shell.
pub(crate) struct ShellCourier<L> {
    line: L,
    memory: Memory,
    conversation: Mutex<Option<Conversation>>,
    facts: std::sync::Mutex<Option<BTreeMap<String, String>>>,
    lease: std::sync::Mutex<Option<Lease>>,
    parting: std::sync::Mutex<Option<Arc<dyn Parting>>>,
    closing: watch::Sender<bool>,
    leavings: Leavings,
}

impl<L: Line> ShellCourier<L> {
    /// Makes one that opens its line when first asked.
    pub(crate) fn new(line: L, memory: Memory) -> Self {
        Self {
            line,
            memory,
            conversation: Mutex::new(None),
            facts: std::sync::Mutex::new(None),
            lease: std::sync::Mutex::new(None),
            parting: std::sync::Mutex::new(None),
            closing: watch::Sender::new(false),
            leavings: Leavings::default(),
        }
    }

    /// The way to the machine.
    pub(crate) fn line(&self) -> &L {
        &self.line
    }

    /// Ends the conversation and lets go of the line, unless a request is under way or waiting,
    /// with a last question where there is one. The next request opens it again.
    pub(crate) async fn rest(&self) -> bool {
        let Ok(mut kept) = self.conversation.try_lock() else {
            return false;
        };
        if let Some(conversation) = kept.take() {
            self.part(conversation).await;
        }
        self.leavings.wait().await;
        self.line.rest().await;
        true
    }

    /// Ends a conversation with the last question, where there is one.
    async fn part(&self, conversation: Conversation) {
        let parting = self.parting.lock();
        let parting = parting.unwrap_or_else(PoisonError::into_inner).clone();
        let request = parting.as_ref().and_then(|parting| parting.request());
        let mut held = self.leavings.holding(conversation);
        if let (Some(parting), Some(Ok(errand))) = (parting, request.map(|it| self.errand(it))) {
            let terms = Terms {
                deadline: errand.terms.deadline.min(PARTING),
                ..errand.terms
            };
            let (nobody, closing) = (Echo::default(), self.closing.subscribe());
            let heard = held.carry(errand.script, terms, &nobody, closing).await;
            let reply = heard.ok().and_then(|heard| {
                let (output, errors) = (Sections::new(heard.output), Sections::new(heard.errors));
                (errand.reading)(output, errors).ok()
            });
            if let Some(reply) = reply {
                parting.answered(reply);
            }
        }
        if let Some(conversation) = held.release() {
            conversation.farewell().await;
        }
    }

    fn errand(&self, request: Request) -> Result<Errand, Refusal> {
        errand(request, &self.memory)
    }

    fn known(&self) -> Option<BTreeMap<String, String>> {
        let facts = self.facts.lock();
        facts.map_or_else(|error| error.into_inner().clone(), |facts| facts.clone())
    }

    /// Carries an errand once.
    async fn attempt(
        &self,
        errand: Errand,
        echo: &Echo,
        asks_machine: bool,
    ) -> Result<Reply, Parted> {
        let doubt = Doubt {
            changes: errand.changes,
            deadline: errand.terms.deadline,
        };
        // Told after the lock is given back, however this ends.
        let _idle = Idle(&self.line);
        let mut kept = self.conversation.lock().await;
        if *self.closing.borrow() {
            return Err(Parted::from(CourierError::Unreachable {
                machine: self.line.machine().clone(),
                stage: Stage::Effect,
                reason: "the courier is closed".to_owned(),
                in_doubt: false,
            }));
        }
        let conversation = self.speak(kept.take()).await?;
        let fresh = conversation.is_fresh();
        let mut held = self.leavings.holding(conversation);
        let closing = self.closing.subscribe();
        let carried = held.carry(errand.script, errand.terms, echo, closing).await;
        let conversation = held.release();
        let mut heard = match carried {
            Ok(heard) => heard,
            Err(lost) => {
                // Where nobody speaks there is nobody to wait for.
                let silent = matches!(lost, Lost::Silent { .. } | Lost::Ended { began: false, .. });
                if let (Some(conversation), false) = (conversation, silent) {
                    conversation.farewell().await;
                }
                let lost_later = matches!(lost, Lost::Ended { .. }) && !fresh;
                return Err(Parted {
                    lost: lost_later && !*self.closing.borrow(),
                    error: self.lost(lost, fresh, &doubt).await,
                });
            }
        };
        self.greet(&mut heard, fresh)?;
        if heard.usable {
            *kept = conversation;
        }
        if asks_machine {
            return Ok(Reply::Machine(self.known().unwrap_or_default()));
        }
        let reply = (errand.reading)(Sections::new(heard.output), Sections::new(heard.errors));
        if matches!(reply, Ok(Reply::Withheld(_)))
            && let Some(ended) = kept.take()
        {
            // This shell has read no further, and ends.
            ended.farewell().await;
        }
        reply.map_err(|misread| self.garbled(misread).into())
    }

    /// Returns the conversation that is still good, or opens a new one.
    async fn speak(&self, kept: Option<Conversation>) -> Result<Conversation, CourierError> {
        if let Some(mut kept) = kept
            && !kept.is_over().await
        {
            return Ok(kept);
        }
        let pipes = self.line.open().await?;
        let memory = &self.memory.0;
        Ok(Conversation::new(pipes, memory, self.line.patience()))
    }

    /// Takes the greeting off an answer, where there is one.
    fn greet(&self, heard: &mut Heard, fresh: bool) -> Result<(), CourierError> {
        if !fresh {
            return Ok(());
        }
        let greeting = if heard.output.is_empty() {
            Section {
                data: Vec::new(),
                mark: String::new(),
            }
        } else {
            heard.output.remove(0)
        };
        match hello::read(&greeting) {
            Ok(mut facts) => {
                let lease = hello::take_lease(&mut facts);
                *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
                *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
                Ok(())
            }
            Err(hello::NoGreeting::Unfit(missing)) => Err(CourierError::Unfit {
                machine: self.line.machine().clone(),
                missing,
            }),
            Err(hello::NoGreeting::Misread(misread)) => Err(self.garbled(misread)),
        }
    }

    /// Adds to an error what the machine says of itself after it was lost in the middle of a change.
    async fn told_with_aftermath(&self, mut error: CourierError) -> CourierError {
        // One that is frozen has said nothing for long enough.
        if *self.closing.borrow() || error.to_string().contains("not responding") {
            return error;
        }
        let boot = |facts: &BTreeMap<String, String>| facts.get("boot.id").cloned();
        let before = self.known().as_ref().and_then(boot);
        let nobody = Echo::default();
        let asked = async {
            loop {
                match self.attempt(ask::nothing(), &nobody, true).await {
                    Ok(Reply::Machine(facts)) => return boot(&facts),
                    _ => sleep(PAUSE).await,
                }
            }
        };
        let since = match timeout(AFTERMATH, asked).await {
            Ok(now) if before.is_some() && now != before => {
                "the machine was restarted in the middle of this; run again"
            }
            Ok(_) => "the machine is up and answers again; run again",
            Err(_) => "it has not answered since and may be restarting; run again when it does",
        };
        if let CourierError::Unreachable { reason, .. } = &mut error {
            *reason = format!("{reason}; {since}: what was done is found done");
        }
        error
    }

    fn garbled(&self, Misread(reason): Misread) -> CourierError {
        CourierError::Garbled {
            machine: self.line.machine().clone(),
            reason,
        }
    }

    async fn lost(&self, lost: Lost, fresh: bool, errand: &Doubt) -> CourierError {
        let machine = self.line.machine().clone();
        match lost {
            Lost::Ended {
                words,
                began: false,
            } if fresh => self.unanswered(&words, false, errand),
            Lost::Silent { words } => self.unanswered(&words, true, errand),
            Lost::Ended { words, .. } => {
                let last = self.line.last_words().await.unwrap_or_default();
                let words = [words, last].into_iter().filter(|words| !words.is_empty());
                let reason = words.collect::<Vec<_>>().join("; ");
                CourierError::Unreachable {
                    machine,
                    stage: Stage::Effect,
                    reason: if reason.is_empty() {
                        "the connection was lost".to_owned()
                    } else {
                        reason
                    },
                    in_doubt: errand.changes,
                }
            }
            Lost::Late => CourierError::Deadline {
                machine,
                deadline_ms: u64::try_from(errand.deadline.as_millis()).unwrap_or(u64::MAX),
            },
            Lost::Misread(misread) => self.garbled(misread),
        }
    }

    fn unanswered(&self, words: &str, late: bool, errand: &Doubt) -> CourierError {
        let machine = self.line.machine().clone();
        match self.line.explain(words, late) {
            Failure::Unreachable {
                stage,
                reason,
                sent,
            } => CourierError::Unreachable {
                machine,
                stage,
                reason,
                in_doubt: sent && errand.changes,
            },
            Failure::Unfit(missing) => CourierError::Unfit { machine, missing },
        }
    }
}

/// Puts a request into shell text.
pub(super) fn errand(request: Request, memory: &Memory) -> Result<Errand, Refusal> {
    match request {
        Request::Look(list) => look::errand(list, memory),
        Request::Settle(tasks) => settle::errand(&tasks, memory),
        Request::Command(command) => job::errand(&command),
        Request::Read { path, limit } => ask::read(&path, limit),
        Request::Status { path } => ask::status(&path),
        Request::Entries { path } => ask::entries(&path),
        Request::Dial(dial) => dial::errand(dial),
        Request::Machine => Ok(ask::nothing()),
        Request::Lease(tenure) => lease::errand(&tenure, memory),
        Request::Leased { claim, request } => {
            lease::under(&claim, errand(*request, memory)?, memory)
        }
        Request::Within { realm, request } => within::errand(&realm, errand(*request, memory)?),
    }
}

/// How long the script of a request is; none where it cannot be put into one. For measuring what
/// building it costs.
pub fn script_length(request: Request) -> Option<usize> {
    let errand = errand(request, &Memory::default()).ok()?;
    let (_, text) = errand.script.into_parts();
    Some(text.len())
}

/// Why an errand has no reply.
struct Parted {
    error: CourierError,
    /// Whether a connection was lost that had been good before.
    lost: bool,
}

impl From<CourierError> for Parted {
    fn from(error: CourierError) -> Self {
        Self { error, lost: false }
    }
}

/// Tells a line that a request is over.
struct Idle<'line, L: Line>(&'line L);

impl<L: Line> Drop for Idle<'_, L> {
    fn drop(&mut self) {
        self.0.idle();
    }
}

/// What is known of an errand once it is under way.
struct Doubt {
    changes: bool,
    deadline: Duration,
}

#[async_trait]
impl<L: Line> Courier for ShellCourier<L> {
    async fn exchange_aloud(&self, request: Request, echo: Echo) -> Result<Reply, CourierError> {
        let asks_machine = matches!(request, Request::Machine);
        if asks_machine && let Some(facts) = self.known() {
            return Ok(Reply::Machine(facts));
        }
        // What only looks can be asked once more; a change never is.
        let again = match request.asked() {
            Request::Settle(_) | Request::Command(_) | Request::Dial(_) => None,
            _ if matches!(request, Request::Leased { .. }) => None,
            _ => Some(request.clone()),
        };
        let errand = match self.errand(request) {
            Ok(errand) => errand,
            Err(Refusal(reason)) => return Ok(Reply::Refused(reason)),
        };
        let again = again.map(|request| self.errand(request));
        match (self.attempt(errand, &echo, asks_machine).await, again) {
            (Err(Parted { error, lost: true }), Some(Ok(errand))) => {
                tracing::debug!(%error, "asking once more over a new connection");
                let second = self.attempt(errand, &echo, asks_machine).await;
                second.map_err(|parted| parted.error)
            }
            (Err(Parted { error, lost: true }), None) => Err(self.told_with_aftermath(error).await),
            (first, _) => first.map_err(|parted| parted.error),
        }
    }

    fn greeted_by(&self) -> Option<Lease> {
        let lease = self.lease.lock();
        lease.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn before_parting(&self, parting: Arc<dyn Parting>) {
        let mut kept = self.parting.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(parting);
    }

    fn is_idle(&self) -> bool {
        let kept = self.conversation.try_lock();
        kept.is_ok_and(|kept| kept.is_some())
    }

    async fn close(&self) {
        self.closing.send_replace(true);
        if let Some(conversation) = self.conversation.lock().await.take() {
            conversation.farewell().await;
        }
        self.leavings.wait().await;
        self.line.close().await;
    }
}
