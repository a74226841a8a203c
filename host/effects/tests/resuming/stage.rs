//! Two machines, what a module does to each of them, and a record in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cellhost_effects::layers::{Arbiter, Live, Question, Resumed, Verdict};
use cellhost_effects::record::{EffectName, Journal, MemorySink, Past, Record, Sink};
use cellhost_effects::{
    Act, Answer, Certainty, Command, Content, Doubt, Effect, EffectError, Effects, Ending, File,
    Found, Hook, Input, Item, Listener, Outcome, Rights, Templates, Turn,
};
use cellhost_plan::{InstanceName, MachineName};
use cellhost_transport::{SimulatedFleet, State};
use serde_json::json;

pub(crate) const MACHINES: [&str; 2] = ["m1", "m2"];

/// What a run and its resumes have in common.
pub(crate) struct Stage {
    pub(crate) fleet: Arc<SimulatedFleet>,
    /// What was sent to machines since this was last emptied.
    pub(crate) sent: Arc<Mutex<Vec<EffectName>>>,
    /// What a resumed run does about `init`.
    pub(crate) doubt: Doubt,
    pub(crate) verdict: Verdict,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let names = MACHINES.map(|name| MachineName::new(name).unwrap());
        let fleet = Arc::new(SimulatedFleet::of(&names));
        for machine in fleet.machines() {
            let count = |state: &mut State, path: &str| {
                let times = state.text(path).map_or(0, str::len) + 1;
                state.write(path, "x".repeat(times));
                Answer::from("done\n")
            };
            machine.answer(&["init"], move |state, _| count(state, "/init"));
            machine.answer(&["bump"], move |state, _| count(state, "/bump"));
            machine.answer(&["is-init"], |state, _| Answer {
                status: i32::from(state.text("/init").is_none()),
                output: state.text("/init").unwrap_or_default().into(),
                errors: Vec::new(),
            });
        }
        Self {
            fleet,
            sent: Arc::default(),
            doubt: Doubt::Verify(command("is-init")),
            verdict: Verdict::Open,
        }
    }

    /// Runs, or goes on with what is on record, until the end or until so many lines are written.
    /// Gives the record as the program's death leaves it, and whether all went well.
    pub(crate) async fn run(&self, record: &[u8], lines: usize) -> (Vec<u8>, bool) {
        let read = Record::parse(record).unwrap();
        let memory = MemorySink::holding(&record[..usize::try_from(read.length).unwrap()]);
        let past = Past::of(&read).unwrap();
        let sink = Dying {
            left: lines,
            memory: memory.clone(),
        };
        let journal = Arc::new(Journal::after(&read, sink));
        if !read.lines.is_empty() && journal.append("resume", &json!({}), true).is_err() {
            return (memory.bytes(), false);
        }
        let heard = Heard {
            inner: Live::new(self.fleet.clone()),
            sent: self.sent.clone(),
        };
        let effects = Resumed::new(heard, journal, past, Arc::new(Person(self.verdict)));
        let good = self.play(&effects).await;
        (memory.bytes(), good)
    }

    /// What the engine does: one turn for each machine.
    pub(crate) async fn play(&self, effects: &dyn Effects) -> bool {
        let mut all = true;
        for machine in MACHINES {
            let turn = turn(machine);
            let result = self.module(effects, &turn).await;
            let ending = Ending {
                good: result.is_ok(),
                status: if result.is_ok() { "changed" } else { "failed" }.to_owned(),
                changes: 4,
                reason: result.as_ref().err().map(ToString::to_string),
            };
            effects.ended(&turn, ending);
            all &= result.is_ok();
        }
        all
    }

    /// What the module does: looks, lists, and commands that must not run twice.
    async fn module(&self, effects: &dyn Effects, turn: &Arc<Turn>) -> Result<(), EffectError> {
        let path = || "/seed".to_owned();
        let (doubt, bump) = (self.doubt.clone(), Doubt::Again);
        let read = Act::Read {
            path: path(),
            limit: 9,
        };
        match ask(effects, turn, 0, read).await {
            Err(EffectError::NotFound { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => panic!("there is no seed"),
        }
        ask(effects, turn, 1, file("/etc/a", "a")).await?;
        let command = command("init");
        ask(effects, turn, 2, Act::Run { command, doubt }).await?;
        let (command, assumed) = (self::command("is-init"), None);
        let probe = Act::Probe { command, assumed };
        let Found::Answer(told) = ask(effects, turn, 3, probe).await?.found else {
            panic!("a probe has an answer");
        };
        let (command, doubt) = (self::command("bump"), bump);
        ask(effects, turn, 4, Act::Run { command, doubt }).await?;
        let text = format!("init {}\n", told.output.len());
        ask(effects, turn, 5, file("/etc/b", &text)).await?;
        ask(effects, turn, 6, Act::Pause(Duration::from_hours(1))).await?;
        let path = "/etc/b".to_owned();
        ask(effects, turn, 7, Act::Status { path }).await?;
        Ok(())
    }

    /// What the machines are, but for how often the harmless command ran.
    pub(crate) fn state(&self) -> BTreeMap<String, Vec<Option<String>>> {
        let paths = ["/etc/a", "/etc/b", "/init"];
        let machines = self.fleet.machines().map(|machine| {
            let state = machine.state();
            let texts = paths.map(|path| state.text(path).map(str::to_owned));
            (machine.name().to_string(), texts.to_vec())
        });
        machines.collect()
    }

    /// What was sent since this was last asked.
    pub(crate) fn take_sent(&self) -> Vec<EffectName> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

/// The effects that have an outcome on record.
pub(crate) fn completed(record: &[u8]) -> BTreeSet<EffectName> {
    let past = Past::of(&Record::parse(record).unwrap()).unwrap();
    let turns = past.turns().iter().flat_map(|(name, turn)| {
        let told = turn
            .effects
            .iter()
            .filter(|(_, effect)| effect.told.is_some());
        told.map(|(sequence, _)| EffectName {
            turn: name.clone(),
            sequence: *sequence,
        })
    });
    turns.collect()
}

pub(crate) fn command(word: &str) -> Command {
    Command {
        argv: vec![word.to_owned()],
        input: Input::Nothing,
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_secs(10),
    }
}

pub(crate) fn turn(machine: &str) -> Arc<Turn> {
    let rights = Rights::default();
    Arc::new(Turn {
        module: InstanceName::new("tried").unwrap(),
        version: semver::Version::new(1, 0, 0),
        hook: Hook::Apply,
        machine: Some(MachineName::new(machine).unwrap()),
        round: 0,
        given: Certainty::Exact,
        rights: Arc::new(rights),
        templates: Arc::new(Templates::parse(&BTreeMap::new()).unwrap()),
    })
}

pub(crate) async fn ask(
    effects: &dyn Effects,
    turn: &Arc<Turn>,
    sequence: u32,
    act: Act,
) -> Result<Outcome, EffectError> {
    let effect = Effect {
        turn: turn.clone(),
        sequence,
        machine: turn.machine.clone().unwrap(),
        act,
        listener: Listener::default(),
        consent: cellhost_effects::Consent::default(),
    };
    effects.perform(effect).await
}

fn file(path: &str, text: &str) -> Act {
    Act::Ensure(vec![Item::File(File {
        path: path.to_owned(),
        content: Content::Bytes {
            bytes: text.as_bytes().to_vec(),
            shown: None,
        },
        mode: None,
        owner: None,
        group: None,
        backup: false,
    })])
}

/// Hears what is sent.
struct Heard<E> {
    inner: E,
    sent: Arc<Mutex<Vec<EffectName>>>,
}

#[async_trait]
impl<E: Effects> Effects for Heard<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        self.sent.lock().unwrap().push(EffectName::from(&effect));
        self.inner.perform(effect).await
    }
}

/// Takes so many lines; of the next one it takes a half, and then nothing more, as when the
/// program dies.
struct Dying {
    left: usize,
    memory: MemorySink,
}

impl Sink for Dying {
    fn append(&mut self, line: &[u8], durable: bool) -> std::io::Result<()> {
        if self.left == 0 {
            self.memory.append(&line[..line.len() / 2], durable)?;
            return Err(std::io::Error::other("the program is dead"));
        }
        self.left -= 1;
        self.memory.append(line, durable)
    }
}

struct Person(Verdict);

#[async_trait]
impl Arbiter for Person {
    async fn decide(&self, _: Question) -> Verdict {
        self.0
    }
}
