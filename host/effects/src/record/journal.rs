//! Writing a record.

use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use super::line::sealed;
use super::{Elsewhere, FileSink, Record, RecordError, Sink};

/// Writes lines to a sink, each chained to the one before by its hash.
pub struct Journal {
    state: Mutex<State>,
}

struct State {
    sink: Box<dyn Sink>,
    next: u64,
    last: String,
    broken: bool,
}

/// Why a record could not be kept. A run does not go on without its record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be made or written.
    #[error("cannot write the journal")]
    Unwritable {
        /// Why not; names the file.
        #[from]
        source: std::io::Error,
    },
    /// What stands there cannot be gone on with.
    #[error("cannot go on with the journal")]
    Unreadable {
        /// Why not.
        #[from]
        source: RecordError,
    },
    /// What was to be written has no form.
    #[error("cannot write down what happened")]
    Formless {
        /// Why not.
        #[from]
        source: serde_json::Error,
    },
    /// A line before this one could not be written as a whole.
    #[error("the journal was left half written")]
    Broken,
}

impl Journal {
    /// Begins a new file. There must be none yet.
    pub fn begin(path: &Path) -> Result<Self, JournalError> {
        Ok(Self::over(FileSink::create(path)?))
    }

    /// Begins with the first line of a sink.
    pub fn over(sink: impl Sink + 'static) -> Self {
        Self::after(&Record::default(), sink)
    }

    /// Goes on after a record with a sink that has its lines.
    pub fn after(record: &Record, sink: impl Sink + 'static) -> Self {
        let state = State {
            sink: Box::new(sink),
            next: record.lines.len() as u64,
            last: record.last.clone(),
            broken: false,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Goes on with a file, without a line that was being written when the program died.
    pub fn resume(path: &Path) -> Result<(Self, Record), JournalError> {
        let record = Record::read(path)?;
        let sink = FileSink::reopen(path, record.length)?;
        Ok((Self::after(&record, sink), record))
    }

    /// Appends one line of a kind that must not be lost. It is wherever it has to be when this
    /// returns: on the disk, and elsewhere too where the record is kept there.
    pub async fn keep(&self, kind: &str, body: &impl Serialize) -> Result<(), JournalError> {
        let elsewhere = self.write(kind, body, true)?;
        match elsewhere {
            Some(elsewhere) => Ok(elsewhere.await?),
            None => Ok(()),
        }
    }

    /// Appends one line of a kind. With `durable` it is on the disk of this computer when this
    /// returns, and nowhere else yet.
    pub fn append(
        &self,
        kind: &str,
        body: &impl Serialize,
        durable: bool,
    ) -> Result<(), JournalError> {
        self.write(kind, body, durable).map(drop)
    }

    fn write(
        &self,
        kind: &str,
        body: &impl Serialize,
        durable: bool,
    ) -> Result<Option<Elsewhere>, JournalError> {
        let body = serde_json::to_string(body)?;
        let mut state = self.state.lock().map_err(|_| JournalError::Broken)?;
        if state.broken {
            return Err(JournalError::Broken);
        }
        let (line, hash) = sealed(state.next, &state.last, kind, &body)?;
        // A part of a line may stand there now, and nothing can follow that.
        state.broken = true;
        state.sink.append(line.as_bytes(), durable)?;
        state.broken = false;
        state.last = hash;
        state.next += 1;
        Ok(if durable {
            state.sink.elsewhere()
        } else {
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;
    use crate::record::MemorySink;

    #[test]
    fn goes_on_with_a_file_whose_last_line_was_torn() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run.jsonl");
        let journal = Journal::begin(&path).unwrap();
        journal.append("one", &json!(1), true).unwrap();
        journal.append("two", &json!(2), true).unwrap();
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Journal::begin(&path).is_err(), "a record was overwritten");
        let text = fs_err::read(&path).unwrap();
        fs_err::write(&path, &text[..text.len() - 7]).unwrap();
        let (journal, record) = Journal::resume(&path).unwrap();
        assert_eq!(record.lines.len(), 1);
        journal.append("three", &json!(3), true).unwrap();
        let record = Record::read(&path).unwrap();
        let kinds: Vec<&str> = record.lines.iter().map(|line| line.kind.as_str()).collect();
        assert_eq!((kinds.as_slice(), record.torn), (&["one", "three"][..], 0));
    }

    #[tokio::test]
    async fn waits_until_a_line_is_elsewhere_too_and_goes_on_here_where_it_is_not() {
        struct Away(MemorySink);
        impl Sink for Away {
            fn append(&mut self, line: &[u8], durable: bool) -> std::io::Result<()> {
                self.0.append(line, durable)
            }
            fn elsewhere(&mut self) -> Option<Elsewhere> {
                Some(Box::pin(async { Err(std::io::Error::other("away")) }))
            }
        }
        let memory = MemorySink::default();
        let journal = Journal::over(Away(memory.clone()));
        assert!(journal.keep("one", &json!(1)).await.is_err());
        journal.append("two", &json!(2), true).unwrap();
        assert_eq!(Record::parse(&memory.bytes()).unwrap().lines.len(), 2);
    }

    #[test]
    fn writes_nothing_after_a_line_that_failed() {
        struct Full(u8);
        impl Sink for Full {
            fn append(&mut self, _: &[u8], _: bool) -> std::io::Result<()> {
                self.0 += 1;
                match self.0 {
                    2 => Err(std::io::ErrorKind::StorageFull.into()),
                    _ => Ok(()),
                }
            }
        }
        let journal = Journal::over(Full(0));
        journal.append("one", &json!(1), true).unwrap();
        let full = journal.append("two", &json!(2), true).unwrap_err();
        assert!(matches!(full, JournalError::Unwritable { .. }));
        let after = journal.append("three", &json!(3), true).unwrap_err();
        assert!(matches!(after, JournalError::Broken));
    }
}
