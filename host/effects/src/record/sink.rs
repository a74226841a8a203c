//! Where the lines of a record go.

use std::io::{Error, Write as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use fs_err::os::unix::fs::OpenOptionsExt as _;

/// Takes the lines of a record, one after the other.
pub trait Sink: Send {
    /// Appends a line, with its line end. With `durable` it outlives this computer's power once
    /// this returns. After an error nothing more is appended.
    fn append(&mut self, line: &[u8], durable: bool) -> Result<(), Error>;

    /// What is left to wait for until everything that was appended so far outlives this computer
    /// too, where it has to.
    fn elsewhere(&mut self) -> Option<Elsewhere> {
        None
    }
}

/// Ends once lines have come to where they are kept beside this computer.
pub type Elsewhere = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A file that only its owner can read.
pub struct FileSink {
    file: fs_err::File,
}

impl FileSink {
    /// Begins a file. There must be none yet.
    pub fn create(path: &Path) -> Result<Self, Error> {
        // What machines answered is nobody else's business.
        let file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        if let Some(folder) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
            // A file whose name is lost is lost too.
            fs_err::File::open(folder)?.sync_all()?;
        }
        Ok(Self { file })
    }

    /// Goes on with a file after its first `length` bytes; what stands behind them goes.
    pub fn reopen(path: &Path, length: u64) -> Result<Self, Error> {
        let file = fs_err::OpenOptions::new().append(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()?;
        Ok(Self { file })
    }
}

impl Sink for FileSink {
    fn append(&mut self, line: &[u8], durable: bool) -> Result<(), Error> {
        self.file.write_all(line)?;
        if durable {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// Lines in memory, for runs that end with the program. Clones share their lines.
#[derive(Debug, Clone, Default)]
pub struct MemorySink {
    lines: Arc<Mutex<Vec<u8>>>,
}

impl MemorySink {
    /// One that has these lines already.
    pub fn holding(lines: &[u8]) -> Self {
        Self {
            lines: Arc::new(Mutex::new(lines.to_vec())),
        }
    }

    /// Everything that was appended so far.
    pub fn bytes(&self) -> Vec<u8> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }
}

impl Sink for MemorySink {
    fn append(&mut self, line: &[u8], _: bool) -> Result<(), Error> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend_from_slice(line);
        Ok(())
    }
}
