//! Content, outside and entries of paths.

use std::time::Duration;

use super::answer::{Keep, Misread, Section, Sections};
use super::conversation::Terms;
use super::courier::Errand;
use super::part::Part;
use super::script::{Refusal, Script, number};
use super::words::tail;
use crate::resources::path;
use crate::{FileStatus, Reply};

/// The longest list of names that is taken.
const ENTRIES: usize = 16 << 20;

/// How long a question may take that is answered from files.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

/// What is kept of an answer of this size.
pub(super) fn terms(most: usize) -> Terms {
    Terms {
        output: Keep::Whole(most),
        errors: Keep::Tail(4096),
        deadline: PATIENCE,
    }
}

/// A path as an operand that no program takes for an option.
pub(crate) fn operand(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

/// A request that asks for nothing but the greeting.
pub(super) fn nothing() -> Errand {
    let mut script = Script::default();
    script.text("ch_end ok\n");
    Errand {
        script,
        terms: terms(4096),
        changes: false,
        reading: Box::new(|_, _| Ok(Reply::NotFound)),
    }
}

/// Content.
pub(super) fn read(path: &str, limit: u64) -> Result<Errand, Refusal> {
    let mut script = Script::new(&[Part::Ask]);
    // Shells count in signed numbers.
    let limit = limit.min(1 << 62);
    let beyond = limit + 1;
    let words = [operand(path), limit.to_string(), beyond.to_string()];
    script.call("ch_read", words)?;
    let most = usize::try_from(beyond).unwrap_or(usize::MAX);
    let read = move |mut output: Sections, mut errors: Sections| {
        let Section { data, mark } = output.any()?;
        let length = data.len() as u64;
        match mark.as_str() {
            "end ok" if length > limit => Ok(Reply::TooLarge(length)),
            "end ok" => Ok(Reply::Bytes(data)),
            "end none" => Ok(Reply::NotFound),
            _ => match mark.strip_prefix("end large ").and_then(number) {
                Some(length) => Ok(Reply::TooLarge(length)),
                None => refused(&mark, &mut errors),
            },
        }
    };
    Ok(Errand {
        script,
        terms: terms(most),
        changes: false,
        reading: Box::new(read),
    })
}

/// Outside.
pub(super) fn status(path: &str) -> Result<Errand, Refusal> {
    let path = operand(path);
    let mut script = Script::new(&[Part::Ask]);
    script.call("ch_status", [&path])?;
    // It is asked for in its directory.
    let name = path.rsplit_once('/').map_or("", |(_, name)| name);
    let name = format!("./{name}");
    let read = move |mut output: Sections, mut errors: Sections| {
        let Section { data, mark } = output.any()?;
        match mark.as_str() {
            "end none" => Ok(Reply::Status(None)),
            "end ok" => {
                let mut rest = data.as_slice();
                let facts = path::outside(&mut rest, &name)?
                    .ok_or_else(|| Misread::new("another path than the one asked for"))?;
                Ok(Reply::Status(facts.kind.map(|kind| FileStatus {
                    kind,
                    size: facts.size,
                    mode: facts.mode,
                    owner: facts.owner,
                    group: facts.group,
                })))
            }
            _ => refused(&mark, &mut errors),
        }
    };
    Ok(Errand {
        script,
        terms: terms(16 << 10),
        changes: false,
        reading: Box::new(read),
    })
}

/// Entries. No name holds a slash, so one can stand between them.
pub(super) fn entries(path: &str) -> Result<Errand, Refusal> {
    let mut script = Script::new(&[Part::Ask]);
    script.call("ch_entries", [operand(path)])?;
    let read = |mut output: Sections, mut errors: Sections| {
        let Section { data, mark } = output.any()?;
        match mark.as_str() {
            "end none" => Ok(Reply::Entries(None)),
            "end ok" => {
                let names = data.split(|byte| *byte == b'/');
                let mut names: Vec<String> = names
                    .filter(|name| !name.is_empty())
                    .map(|name| String::from_utf8_lossy(name).into_owned())
                    .collect();
                names.sort_unstable();
                Ok(Reply::Entries(Some(names)))
            }
            _ => refused(&mark, &mut errors),
        }
    };
    Ok(Errand {
        script,
        terms: terms(ENTRIES),
        changes: false,
        reading: Box::new(read),
    })
}

/// The reply where the machine could not do it: its own words.
pub(super) fn refused(mark: &str, errors: &mut Sections) -> Result<Reply, Misread> {
    if mark != "end refused" {
        return Err(Misread(format!(
            "an unknown end: `{}`",
            tail(mark.as_bytes())
        )));
    }
    let words = tail(&errors.any()?.data);
    Ok(Reply::Refused(if words.is_empty() {
        "the machine gave no reason".to_owned()
    } else {
        words
    }))
}
