//! Making things so: one script for all wishes, in order. What needs one that failed is not tried.

mod creations;
mod directories;
mod fates;
mod files;
mod nests;
mod services;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::Keep;
use super::ask::operand;
use super::conversation::Terms;
use super::courier::{Errand, Memory};
use super::part::Part;
use super::script::{Refusal, Script};
use crate::resources::memory::{self, Manner};
use crate::resources::{Facts, Wish};
use crate::{Reply, Task};

/// How much content goes into one piece of a script, which the machine holds at once.
const PIECE: usize = 384 << 10;
/// From where on content is worth packing: what is shorter arrives as it is, which starts no program.
const PACKING: usize = 8 << 10;
/// The longest text that comes back to be shown once it is replaced, and how much of all.
const SHOWN: u64 = 256 << 10;
const ALL_SHOWN: u64 = 4 << 20;
/// How many tasks of one kind are done in one go at most.
const MOST: usize = 100;
/// How long a list may take: packages are slow, and nothing is ended half way lightly.
const PATIENCE: Duration = Duration::from_hours(2);

/// A script that settles wishes, under construction.
pub(crate) struct Settling {
    /// Its text so far.
    pub(crate) script: Script,
    memory: Memory,
    serial: u32,
    touched: Vec<String>,
    /// Tokens of the changes so far, by path.
    tokens: BTreeMap<String, String>,
    steps: Vec<Step>,
    /// How much may still be asked for to be shown.
    room: u64,
}

/// What has a fate of its own.
#[derive(Debug)]
enum Step {
    /// A task, by its place.
    Task { place: usize },
    /// The first half of a task: a file is written beside its place, a service is started; with the
    /// hash of what it replaces, where that is shown. It need not be told of where it went well.
    First { hash: Option<String> },
    /// What several tasks need between their halves: what was written is made to last, what was
    /// started is looked at.
    Joint,
    /// Files of one directory are put in their places, or directories are made; those that do not go
    /// this way go alone.
    Together,
    /// The other half of a task, after that step: its file is put in its place, its service stands. It
    /// need not be told of either.
    Last { place: usize, first: usize },
    /// Names are made to last.
    Flush,
}

impl Step {
    /// The place of the task that is done with it.
    fn task(&self) -> Option<usize> {
        match self {
            Self::Task { place } | Self::Last { place, .. } => Some(*place),
            Self::First { .. } | Self::Joint | Self::Together | Self::Flush => None,
        }
    }

    /// Whether the machine may say nothing of it, which means that it went well.
    fn may_be_quiet(&self) -> bool {
        matches!(self, Self::First { .. } | Self::Last { .. })
    }
}

impl Settling {
    /// The directory in which the machine remembers what outlives a run.
    pub(crate) fn memory(&self) -> &str {
        &self.memory.0
    }

    /// A new name in the directory of a path.
    pub(crate) fn beside(&mut self, path: &str) -> String {
        self.serial += 1;
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let mut random = [0_u8; 8];
        // The shell refuses a name that exists, so this is not what safety rests on.
        let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
        let random = u64::from_ne_bytes(random);
        format!("{directory}/.cellhost-{random:016x}-{}", self.serial)
    }

    /// Adds content to the temporary file that is open.
    pub(crate) fn content(&mut self, content: &[u8]) -> Result<(), Refusal> {
        if content.is_empty() {
            return Ok(());
        }
        if content.len() <= PACKING && !content.contains(&0) {
            let length = content.len().to_string();
            let words = [length.as_bytes(), content];
            return self.script.call("ch_feed ch_text", words);
        }
        for piece in content.chunks(PIECE) {
            let packed = (piece.len() > PACKING).then(|| pack(piece)).flatten();
            let (call, bytes) = match &packed {
                Some(packed) => ("ch_packed", packed.as_slice()),
                None => ("ch_plain", piece),
            };
            self.script.text(&format!("ch_feed {call} <<'_'\n"));
            let text = STANDARD.encode(bytes);
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (line, after) = rest.split_at(rest.len().min(1024));
                self.script.text(line);
                self.script.text("\n");
                rest = after;
            }
            self.script.text("_\n");
        }
        Ok(())
    }

    /// A change of what stands at a path, as the shell notes it: record, fingerprint and token.
    pub(crate) fn note(&mut self, path: &str, fingerprint: String) -> Result<[String; 3], Refusal> {
        let token = token()?;
        self.tokens.insert(path.to_owned(), token.clone());
        Ok([self.memory.changes(path), fingerprint, token])
    }

    /// What a service takes up, as the shell keeps it: the record, then a word for each path.
    /// Nothing where no change of any path is remembered.
    pub(crate) fn taken_up(
        &self,
        service: &str,
        stood: &BTreeMap<String, String>,
        takes: Vec<(&str, Manner)>,
    ) -> Vec<String> {
        let mut words = Vec::new();
        for (path, manner) in takes {
            if let Some(token) = self.tokens.get(path).or_else(|| stood.get(path)) {
                let record = memory::record(path);
                words.push(format!("{} {token} {record}", manner.word()));
            }
        }
        if !words.is_empty() {
            words.insert(0, self.memory.taken_up(service));
        }
        words
    }

    /// Says that a name in a directory changed, which has to outlive a loss of power.
    pub(crate) fn touched(&mut self, path: &str) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let directory = format!("{directory}/");
        if !self.touched.contains(&directory) {
            self.touched.push(directory);
        }
    }

    /// Asks for what is replaced, so that it can be shown, where that is a text of some length, and
    /// gives its hash.
    fn show(&mut self, task: &Task) -> Result<Option<String>, Refusal> {
        let (Wish::File(file), Facts::Path(facts)) = (&task.wish, &task.facts) else {
            return Ok(None);
        };
        let fits = facts.size <= SHOWN.min(self.room);
        if facts.hash.is_none() || facts.content.is_some() || !fits {
            return Ok(None);
        }
        if task.wish.replaces(&task.facts).is_none() {
            return Ok(None);
        }
        self.room -= facts.size;
        let limit = facts.size.to_string();
        let words = [operand(&file.path), limit];
        self.script.need(&[Part::File]);
        self.script.call("ch_ask ch_file_before", words)?;
        Ok(facts.hash.clone())
    }

    /// Settles a task in a step of its own.
    fn task(&mut self, tasks: &[Task], place: usize) -> Result<(), Refusal> {
        let Some(task) = tasks.get(place) else {
            return Ok(());
        };
        let needs = self.needs(tasks, &task.wish);
        self.step(&needs);
        task.wish.settle(&task.facts, self)?;
        self.script.text("ch_done\n");
        self.steps.push(Step::Task { place });
        Ok(())
    }

    /// Tells the shell what to clear away should it have to leave: calls with their words.
    fn sweeping(&mut self, calls: &[(&str, Vec<String>)]) -> Result<(), Refusal> {
        self.script.text("ch_sweep() {\n");
        for (call, words) in calls {
            self.script.call(call, words)?;
        }
        self.script.text("}\n");
        Ok(())
    }

    /// Begins a step of the script, and gives its number.
    fn step(&mut self, needs: &[usize]) -> usize {
        let number = self.steps.len();
        let mut text = format!("ch_next {number}");
        for need in needs {
            let _ = write!(text, " {need}");
        }
        text.push('\n');
        self.script.text(&text);
        number
    }

    /// Makes the names that changed outlive a loss of power, as a step of its own.
    fn flush(&mut self) -> Result<(), Refusal> {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return Ok(());
        }
        self.step(&[]);
        self.script.call("ch_do ch_last", touched)?;
        self.script.text("ch_done\n");
        self.steps.push(Step::Flush);
        Ok(())
    }

    /// The steps of earlier tasks that a task needs. What a service is started with has to be
    /// there for good by then.
    fn needs(&self, tasks: &[Task], wish: &Wish) -> Vec<usize> {
        let mut needs = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let needed = match step {
                Step::Flush => matches!(wish, Wish::Service(_)),
                step => step
                    .task()
                    .and_then(|place| tasks.get(place))
                    .is_some_and(|earlier| wish.needs(&earlier.wish)),
            };
            if needed {
                needs.push(number);
            }
        }
        needs
    }
}

/// Puts the wishes into a script.
pub(super) fn errand(tasks: &[Task], memory: &Memory) -> Result<Errand, Refusal> {
    let mut settling = Settling {
        script: Script::default(),
        memory: memory.clone(),
        serial: 0,
        touched: Vec::new(),
        tokens: BTreeMap::new(),
        steps: Vec::new(),
        room: ALL_SHOWN,
    };
    let mut next = 0;
    while let Some(task) = tasks.get(next) {
        let together = files::together(tasks.get(next..).unwrap_or_default());
        if together > 0 {
            settling.files(tasks, next, together)?;
            next += together;
            continue;
        }
        let together = creations::together(tasks.get(next..).unwrap_or_default());
        if together > 0 {
            settling.creations(tasks, next, together)?;
            next += together;
            continue;
        }
        let together = directories::together(tasks.get(next..).unwrap_or_default());
        if together > 1 {
            settling.directories(tasks, next, together)?;
            next += together;
            continue;
        }
        if matches!(task.wish, Wish::Service(_)) {
            settling.flush()?;
        }
        let together = services::together(tasks.get(next..).unwrap_or_default());
        if together > 0 {
            settling.services(tasks, next, together)?;
            next += together;
            continue;
        }
        settling.task(tasks, next)?;
        next += 1;
    }
    settling.flush()?;
    settling.script.text("ch_close\n");
    let Settling {
        script,
        steps,
        room,
        ..
    } = settling;
    let most = 64 + 64 * steps.len() + usize::try_from(ALL_SHOWN - room).unwrap_or(0);
    Ok(Errand {
        script,
        terms: Terms {
            output: Keep::Whole(most),
            errors: Keep::Tail(4096),
            deadline: PATIENCE,
        },
        changes: true,
        reading: Box::new(move |output, errors| {
            Ok(Reply::Settled(fates::read(&steps, output, errors)?))
        }),
    })
}

/// How many tasks from the first can be done in one go: those that fit and need none of each other.
fn apart(tasks: &[Task], fits: impl Fn(&Task) -> bool) -> usize {
    let mut count = 0;
    while let Some(task) = tasks.get(count).filter(|_| count < MOST) {
        let mut earlier = tasks.iter().take(count);
        if !fits(task) || earlier.any(|earlier| task.wish.needs(&earlier.wish)) {
            break;
        }
        count += 1;
    }
    count
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < bytes.len() - bytes.len() / 8).then_some(packed)
}

/// A word that no other change has.
fn token() -> Result<String, Refusal> {
    let mut random = [0_u8; 12];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(|error| Refusal(format!("no randomness on this computer: {error}")))?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
