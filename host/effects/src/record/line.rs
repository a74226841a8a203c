//! Lines of a record: how one is sealed, and how all are read back.

use std::path::Path;

use cellhost_manifest::digest;
use serde::Deserialize;
use serde_json::Value;

use super::FORMAT;

/// How a line begins: with the hash of everything behind it.
const SEAL: &str = "{\"sha256\":\"";
/// How many characters the hash has.
const HASH: usize = 64;

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Line {
    /// Its place, from 0.
    pub number: u64,
    /// The hash of the line before; empty in the first.
    before: String,
    /// When it was written.
    pub at: String,
    /// What sort of line it is.
    pub kind: String,
    /// What it says.
    pub body: Value,
}

/// A record read back, whole but for a line that was being written when the program died.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Its lines.
    pub lines: Vec<Line>,
    /// How many bytes they take.
    pub length: u64,
    /// How many bytes of an unfinished line come after them.
    pub torn: usize,
    /// The hash of the last line.
    pub(super) last: String,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("cannot read the record")]
    Unreadable {
        /// Why not; names the file.
        #[from]
        source: std::io::Error,
    },
    /// A line is not what was written, or lines are missing.
    #[error("line {line} of the record {reason}")]
    Broken {
        /// Which one, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Another cellhost wrote it.
    #[error("the record has the form {found}, and this cellhost reads the form {FORMAT}")]
    Format {
        /// What stands in its first line.
        found: String,
    },
}

impl RecordError {
    pub(super) fn broken(line: usize, reason: impl Into<String>) -> Self {
        Self::Broken {
            line: line.saturating_add(1),
            reason: reason.into(),
        }
    }
}

/// Writes a line and its hash.
pub(super) fn sealed(
    number: u64,
    before: &str,
    kind: &str,
    body: &str,
) -> Result<(String, String), serde_json::Error> {
    let kind = serde_json::to_string(kind)?;
    let at = jiff::Timestamp::now();
    let rest = format!(
        "\"number\":{number},\"before\":\"{before}\",\"at\":\"{at}\",\"kind\":{kind},\"body\":{body}}}"
    );
    let hash = digest(rest.as_bytes());
    Ok((format!("{SEAL}{hash}\",{rest}\n"), hash))
}

/// The lines that have an end, and how many bytes come after the last one.
fn whole(bytes: &[u8]) -> (impl DoubleEndedIterator<Item = &[u8]>, usize) {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    let (whole, torn) = bytes.split_at(end.map_or(0, |at| at + 1));
    let lines = whole.split_inclusive(|byte| *byte == b'\n');
    (lines, torn.len())
}

/// Reads one line, and compares its hash with what it says.
fn unsealed(at: usize, text: &[u8]) -> Result<(Line, String), RecordError> {
    let broken = |reason: &str| RecordError::broken(at, reason);
    let text = std::str::from_utf8(text).map_err(|_| broken("is no text"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let (hash, rest) = text
        .strip_prefix(SEAL)
        .and_then(|text| text.split_at_checked(HASH))
        .ok_or_else(|| broken("does not begin with its hash"))?;
    let rest = rest
        .strip_prefix("\",")
        .ok_or_else(|| broken("does not begin with its hash"))?;
    if digest(rest.as_bytes()) != hash {
        return Err(broken("was changed after it was written"));
    }
    let line = serde_json::from_str(text)
        .map_err(|error| RecordError::broken(at, format!("makes no sense: {error}")))?;
    Ok((line, hash.to_owned()))
}

impl Record {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        Self::parse(&fs_err::read(path)?)
    }

    /// Reads the first and the last line of a file, whatever stands between them.
    pub fn outline(path: &Path) -> Result<(Line, Line), RecordError> {
        let bytes = fs_err::read(path)?;
        let (mut lines, _) = whole(&bytes);
        let first = lines
            .next()
            .ok_or_else(|| RecordError::broken(0, "is missing"))?;
        let (first, _) = unsealed(0, first)?;
        let last = match lines.next_back() {
            Some(last) => unsealed(lines.count().saturating_add(1), last)?.0,
            None => first.clone(),
        };
        let mut record = Self::default();
        record.lines.push(first.clone());
        record.check_format()?;
        Ok((first, last))
    }

    /// Reads lines. Whatever comes after the last line end was being written when the program
    /// died, and counts as never written; every other line has to be as it was written.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let (lines, torn) = whole(bytes);
        let mut record = Self {
            lines: Vec::new(),
            length: (bytes.len() - torn) as u64,
            torn,
            last: String::new(),
        };
        for (at, text) in lines.enumerate() {
            let (line, hash) = unsealed(at, text)?;
            if line.before != record.last || line.number != at as u64 {
                return Err(RecordError::broken(at, "does not follow the one before it"));
            }
            record.last = hash;
            record.lines.push(line);
        }
        record.check_format()?;
        Ok(record)
    }

    fn check_format(&self) -> Result<(), RecordError> {
        let Some(first) = self.lines.first().filter(|line| line.kind == "run") else {
            return Ok(());
        };
        match first.body.get("format") {
            Some(format) if *format == FORMAT => Ok(()),
            other => Err(RecordError::Format {
                found: other.map_or_else(|| "of no number".to_owned(), Value::to_string),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::record::{Journal, MemorySink};

    fn written() -> Vec<u8> {
        let sink = MemorySink::default();
        let journal = Journal::over(sink.clone());
        let bodies = [
            json!({"format": FORMAT, "cell": "c"}),
            json!({"said": "héllo\nworld", "list": [1, 2, null]}),
            json!({}),
        ];
        for (kind, body) in ["run", "outcome", "end"].iter().zip(&bodies) {
            journal.append(kind, body, true).unwrap();
        }
        sink.bytes()
    }

    #[test]
    fn reads_what_was_written() {
        let bytes = written();
        let record = Record::parse(&bytes).unwrap();
        let kinds: Vec<&str> = record.lines.iter().map(|line| line.kind.as_str()).collect();
        assert_eq!(kinds, ["run", "outcome", "end"]);
        assert_eq!(record.lines[1].body["said"], "héllo\nworld");
        assert_eq!((record.torn, record.length), (0, bytes.len() as u64));
    }

    #[test]
    fn names_the_line_where_the_chain_breaks() {
        let text = String::from_utf8(written()).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.remove(1);
        let error = Record::parse(lines.concat().as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2 of the record does not follow the one before it"
        );
    }

    #[test]
    fn refuses_the_form_of_another_program() {
        let sink = MemorySink::default();
        let journal = Journal::over(sink.clone());
        journal.append("run", &json!({"format": 2}), true).unwrap();
        let error = Record::parse(&sink.bytes()).unwrap_err();
        assert!(matches!(error, RecordError::Format { found } if found == "2"));
    }

    proptest! {
        #[test]
        fn notices_every_byte_that_changed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = written();
            let good = Record::parse(&bytes).unwrap();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            // A lost line end at the very end cannot be told from a line that was being written.
            if let Ok(record) = Record::parse(&bytes) {
                prop_assert_eq!(at, bytes.len() - 1);
                prop_assert!(record.torn > 0);
                prop_assert_eq!(&record.lines[..], &good.lines[..2]);
            }
        }

        #[test]
        fn loses_no_more_than_the_line_that_was_torn(at in any::<prop::sample::Index>()) {
            let bytes = written();
            let good = Record::parse(&bytes).unwrap();
            let kept = &bytes[..at.index(bytes.len())];
            let record = Record::parse(kept).unwrap();
            let ends = kept.split(|byte| *byte == b'\n').count() - 1;
            prop_assert_eq!(&record.lines[..], &good.lines[..ends]);
            prop_assert_eq!(record.torn as u64 + record.length, kept.len() as u64);
        }
    }
}
