use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cellhost_plan::MachineName;

use super::{Fault, State};
use crate::{
    Answer, Command, Courier, CourierError, Dial, DialOutcome, Echo, Fate, Parting, Reply, Request,
    Settled, Stage, Stream,
};

type Responder = Box<dyn FnMut(&mut State, &Command) -> Answer + Send>;
type Listener = Box<dyn FnMut(&mut State, &Dial) -> DialOutcome + Send>;
type Start = Box<dyn FnMut(&mut State) -> Result<(), String> + Send>;
type Hook = Box<dyn FnMut(usize, &Request) -> Fault + Send>;

/// A machine in memory, and the courier to it.
pub struct SimulatedMachine {
    name: MachineName,
    state: Mutex<State>,
    behaviour: Mutex<Behaviour>,
    log: Mutex<Vec<Request>>,
    parting: Mutex<Option<Arc<dyn Parting>>>,
}

/// What it does when asked.
#[derive(Default)]
struct Behaviour {
    commands: Vec<(Vec<String>, Responder)>,
    dials: BTreeMap<u16, Listener>,
    starts: BTreeMap<String, Start>,
    hook: Option<Hook>,
    unreachable: Option<Stage>,
}

impl SimulatedMachine {
    /// Makes a freshly installed machine.
    pub fn new(name: MachineName) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new(name.as_str())),
            name,
            behaviour: Mutex::default(),
            log: Mutex::default(),
            parting: Mutex::default(),
        })
    }

    /// Returns its name.
    pub fn name(&self) -> &MachineName {
        &self.name
    }

    /// Returns everything it is and remembers, to look at or to change. Not to be held while
    /// requests are made.
    pub fn state(&self) -> MutexGuard<'_, State> {
        held(&self.state)
    }

    /// Says what commands are answered whose words match: a word for itself, `*` for any word,
    /// `..` at the end for any more. The answer told last counts. A command without an answer
    /// ends with status 127.
    pub fn answer(
        &self,
        pattern: &[&str],
        respond: impl FnMut(&mut State, &Command) -> Answer + Send + 'static,
    ) {
        let pattern = pattern.iter().map(|word| (*word).to_owned()).collect();
        held(&self.behaviour)
            .commands
            .push((pattern, Box::new(respond)));
    }

    /// Says what a port answers.
    pub fn listen(
        &self,
        port: u16,
        respond: impl FnMut(&mut State, &Dial) -> DialOutcome + Send + 'static,
    ) {
        self.state().ports.insert(port);
        held(&self.behaviour).dials.insert(port, Box::new(respond));
    }

    /// Says what happens when a service is started or restarted: listen on a port, or refuse
    /// with the words that the service manager would show.
    pub fn start(
        &self,
        service: &str,
        start: impl FnMut(&mut State) -> Result<(), String> + Send + 'static,
    ) {
        held(&self.behaviour)
            .starts
            .insert(service.to_owned(), Box::new(start));
    }

    /// Says what goes wrong, request by request; the first has number 0.
    pub fn fault(&self, hook: impl FnMut(usize, &Request) -> Fault + Send + 'static) {
        held(&self.behaviour).hook = Some(Box::new(hook));
    }

    /// Makes one request go wrong, by its number from 0.
    pub fn fault_at(&self, number: usize, fault: Fault) {
        self.fault(move |at, _| {
            if at == number {
                fault.clone()
            } else {
                Fault::None
            }
        });
    }

    /// Cuts the machine off, as seen at some stage, or connects it again.
    pub fn cut(&self, stage: Option<Stage>) {
        held(&self.behaviour).unreachable = stage;
    }

    /// What it is asked when its connection gives way to another machine's.
    pub fn parting(&self) -> Option<Arc<dyn Parting>> {
        held(&self.parting).clone()
    }

    /// Lets its connection give way to another machine's.
    pub async fn give_way(&self) {
        let Some(parting) = self.parting() else {
            return;
        };
        let Some(request) = parting.request() else {
            return;
        };
        if let Ok(reply) = self.exchange(request).await {
            parting.answered(reply);
        }
    }

    /// Returns every request so far, the failed ones included.
    pub fn requests(&self) -> Vec<Request> {
        held(&self.log).clone()
    }

    /// Forgets the requests so far; the numbers of requests begin again.
    pub fn forget_requests(&self) {
        held(&self.log).clear();
    }

    /// Returns the commands so far, as lists of words.
    pub fn commands(&self) -> Vec<Vec<String>> {
        let requests = self.requests().into_iter();
        let words = requests.filter_map(|request| match request {
            Request::Command(command) => Some(command.argv),
            _ => None,
        });
        words.collect()
    }

    fn lost(&self, stage: Stage, reason: &str, in_doubt: bool) -> CourierError {
        CourierError::Unreachable {
            machine: self.name.clone(),
            stage,
            reason: reason.to_owned(),
            in_doubt,
        }
    }

    fn carry(&self, request: &Request, cut: Option<usize>) -> Reply {
        let mut state = self.state();
        match request {
            Request::Look(list) => {
                Reply::Facts(list.iter().map(|identity| state.look(identity)).collect())
            }
            Request::Settle(tasks) => {
                let count = cut.unwrap_or(tasks.len());
                let mut behaviour = held(&self.behaviour);
                let starts = &mut behaviour.starts;
                let mut start = |name: &str, state: &mut State| match starts.get_mut(name) {
                    Some(start) => start(state),
                    None => Ok(()),
                };
                let mut fates: Vec<Fate> = Vec::with_capacity(tasks.len());
                for task in tasks.iter().take(count) {
                    let mut earlier = tasks.iter().zip(&fates).enumerate();
                    let needed = earlier.find_map(|(place, (earlier, fate))| {
                        let bad = !matches!(fate, Fate::Done(_));
                        (bad && task.wish.needs(&earlier.wish)).then_some(place)
                    });
                    fates.push(match needed {
                        Some(place) => Fate::Stopped(place),
                        None => state.fate(task, &mut start),
                    });
                }
                Reply::Settled(Settled { fates })
            }
            Request::Command(command) => {
                let mut answer = self.respond(&mut state, command);
                answer.output.truncate(command.limit);
                answer.errors.truncate(command.limit);
                Reply::Answer(answer)
            }
            Request::Read { path, limit } => state.content(path, *limit),
            Request::Status { path } => state.status(path),
            Request::Entries { path } => state.entries(path),
            Request::Dial(dial) => Reply::Dialed(self.dial(&mut state, dial)),
            Request::Machine => Reply::Machine(state.facts.clone()),
            Request::Lease(tenure) => state.tenure(tenure),
            Request::Leased { claim, request } => {
                if let Some(withheld) = state.hold(claim) {
                    return Reply::Withheld(withheld);
                }
                drop(state);
                self.carry(request, cut)
            }
            // No link of a simulated machine leads anywhere.
            Request::Within { request, .. } => {
                drop(state);
                self.carry(request, cut)
            }
        }
    }

    fn respond(&self, state: &mut State, command: &Command) -> Answer {
        let mut behaviour = held(&self.behaviour);
        let mut told = behaviour.commands.iter_mut().rev();
        match told.find(|(pattern, _)| matches(pattern, &command.argv)) {
            Some((_, respond)) => respond(state, command),
            None => Answer {
                status: 127,
                output: Vec::new(),
                errors: format!("no answer was told for {:?}\n", command.argv).into_bytes(),
            },
        }
    }

    fn dial(&self, state: &mut State, dial: &Dial) -> DialOutcome {
        if !state.ports.contains(&dial.port) {
            return DialOutcome::Refused;
        }
        match held(&self.behaviour).dials.get_mut(&dial.port) {
            Some(respond) => respond(state, dial),
            None => DialOutcome::Bytes(Vec::new()),
        }
    }
}

#[async_trait]
impl Courier for SimulatedMachine {
    async fn exchange_aloud(&self, request: Request, echo: Echo) -> Result<Reply, CourierError> {
        let fault = {
            let mut log = held(&self.log);
            let mut behaviour = held(&self.behaviour);
            let fault = match (behaviour.unreachable, &mut behaviour.hook) {
                (Some(stage), _) => Fault::Before(stage),
                (None, Some(hook)) => hook(log.len(), request.asked()),
                (None, None) => Fault::None,
            };
            log.push(request.asked().clone());
            fault
        };
        let changes = matches!(
            request.asked(),
            Request::Settle(_) | Request::Command(_) | Request::Dial(_)
        ) || matches!(request, Request::Leased { .. });
        let lost = || self.lost(Stage::Effect, "the connection was lost", changes);
        match fault {
            Fault::None => {
                let reply = self.carry(&request, None);
                if let Reply::Answer(answer) = &reply {
                    echo.hear(Stream::Output, &answer.output);
                    echo.hear(Stream::Errors, &answer.errors);
                }
                Ok(reply)
            }
            Fault::Before(stage) => Err(self.lost(stage, "it is cut off", false)),
            Fault::After => {
                self.carry(&request, None);
                Err(lost())
            }
            Fault::Within(count) => {
                self.carry(&request, Some(count));
                Err(lost())
            }
            Fault::Slow(delay) => self.carry_slowly(&request, delay).await,
            Fault::Garbled => Err(CourierError::Garbled {
                machine: self.name.clone(),
                reason: "as it was told to".to_owned(),
            }),
        }
    }

    fn before_parting(&self, parting: Arc<dyn Parting>) {
        *held(&self.parting) = Some(parting);
    }

    async fn close(&self) {}
}

impl SimulatedMachine {
    async fn carry_slowly(
        &self,
        request: &Request,
        delay: std::time::Duration,
    ) -> Result<Reply, CourierError> {
        if let Request::Command(command) = request.asked()
            && command.deadline < delay
        {
            tokio::time::sleep(command.deadline).await;
            return Err(CourierError::Deadline {
                machine: self.name.clone(),
                deadline_ms: u64::try_from(command.deadline.as_millis()).unwrap_or(u64::MAX),
            });
        }
        tokio::time::sleep(delay).await;
        Ok(self.carry(request, None))
    }
}

impl From<&str> for Answer {
    /// A success with this output.
    fn from(output: &str) -> Self {
        Self {
            status: 0,
            output: output.into(),
            errors: Vec::new(),
        }
    }
}

impl From<i32> for Answer {
    /// An end with this status and no output.
    fn from(status: i32) -> Self {
        Self {
            status,
            output: Vec::new(),
            errors: Vec::new(),
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn matches(pattern: &[String], argv: &[String]) -> bool {
    match pattern.split_first() {
        None => argv.is_empty(),
        Some((last, [])) if last == ".." => true,
        Some((word, pattern)) => argv
            .split_first()
            .is_some_and(|(first, rest)| (word == "*" || word == first) && matches(pattern, rest)),
    }
}
