//! Making things so: one script for all wishes, in order, until one fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::{Keep, Sections};
use super::conversation::Terms;
use super::courier::{Errand, Memory};
use super::script::{Refusal, Script};
use super::words::tail;
use crate::resources::Wish;
use crate::resources::memory::{self, Manner};
use crate::{Reply, Settled, Task};

/// How much content goes into one piece of a script, which the machine holds at once.
const PIECE: usize = 384 << 10;
/// From where on content is worth packing.
const PACKING: usize = 1 << 10;
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
    pub(crate) fn content(&mut self, content: &[u8]) {
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

    fn flush(&mut self) -> Result<(), Refusal> {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return Ok(());
        }
        self.script.call("ch_do ch_sync", touched)
    }
}

/// Puts the wishes into a script.
pub(super) fn errand(tasks: Vec<Task>, memory: &Memory) -> Result<Errand, Refusal> {
    let mut settling = Settling {
        script: Script::default(),
        memory: memory.clone(),
        serial: 0,
        touched: Vec::new(),
        tokens: BTreeMap::new(),
    };
    let count = tasks.len();
    for Task { wish, facts } in tasks {
        // What a service is started with has to be there for good by then.
        if matches!(wish, Wish::Service(_)) {
            settling.flush()?;
        }
        wish.settle(&facts, &mut settling)?;
        settling.script.text("ch_done\n");
    }
    settling.flush()?;
    settling.script.text("ch_close\n");
    Ok(Errand {
        script: settling.script,
        terms: Terms {
            output: Keep::Whole(64 + 64 * count),
            errors: Keep::Tail(4096),
            deadline: PATIENCE,
        },
        changes: true,
        reading: Box::new(move |output, errors| Ok(Reply::Settled(read(output, errors)?))),
    })
}

fn read(mut output: Sections, mut errors: Sections) -> Result<Settled, super::Misread> {
    let mut done = 0;
    loop {
        let words = errors.any()?.data;
        match output.any()?.mark.as_str() {
            "done" => done += 1,
            "end ok" => {
                return Ok(Settled {
                    done,
                    failure: None,
                });
            }
            "end refused" => {
                let words = tail(&words);
                let silent = words.is_empty();
                let failure = if silent {
                    "the machine gave no reason"
                } else {
                    &words
                };
                return Ok(Settled {
                    done,
                    failure: Some(failure.to_owned()),
                });
            }
            _ => return Err(super::Misread::new("an unknown mark")),
        }
    }
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
