//! One run for each cell from here: whoever changes machines holds the cell's lock meanwhile, and
//! the one in the cell's store too, where its plan names a store.
//!
//! The kernel keeps the lock and gives it back when the process ends, however that happens. What
//! stands in the file is only for the words to those who come later. Commands that only look never
//! ask for it.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;

use anyhow::anyhow;
use cellhost_plan::{CellName, Plan};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use serde::{Deserialize, Serialize};

use crate::afar::{self, FarLock};
use crate::error::{CommandError, Kind};
use crate::{directories, report};

/// The lock of a cell, held until this is dropped.
pub(crate) struct CellLock {
    // Given back before the one here, so that who comes next from here finds it free.
    far: Option<FarLock>,
    file: File,
    holder: Holder,
}

/// Who holds a lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Holder {
    process: u32,
    user: String,
    command: String,
    since: String,
    run: Option<String>,
}

impl CellLock {
    /// Takes the lock of a cell for a command such as `run`, or says who has it. Never waits.
    pub(crate) async fn take(plan: &Plan, command: &str) -> Result<Self, CommandError> {
        let cell = &plan.cell;
        let store = afar::store(plan)?;
        let directory = directories::state()?.join("locks");
        directories::make(&directory)?;
        let mut lock = Self::take_at(&directory.join(cell.as_str()), cell, command)?;
        if let Some(store) = store {
            lock.far = Some(FarLock::take(store, cell, command).await?);
        }
        Ok(lock)
    }

    /// The lock in the store, where there is one.
    pub(crate) fn far(&self) -> Option<&FarLock> {
        self.far.as_ref()
    }

    fn take_at(path: &Path, cell: &CellName, command: &str) -> Result<Self, CommandError> {
        let failed = |error: std::io::Error| CommandError::new(Kind::Failed, error);
        // The file stays when it is over: whoever waited for a name that is removed would hold
        // another lock than whoever comes next.
        let file = fs_err::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?
            .into_file();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(path, cell)),
            Err(TryLockError::Error(error)) => {
                let error = anyhow!(error).context(format!("cannot lock `{}`", path.display()));
                return Err(CommandError::new(Kind::Failed, error)
                    .hint("the state directory has to be on a file system that has locks"));
            }
        }
        let holder = Holder {
            process: std::process::id(),
            user: user(),
            command: command.to_owned(),
            since: jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M:%S UTC")
                .to_string(),
            run: None,
        };
        let lock = Self {
            far: None,
            file,
            holder,
        };
        lock.write(&lock.holder);
        Ok(lock)
    }

    /// Says which run it is held for.
    pub(crate) async fn held_for(&self, run: &str) -> Result<(), CommandError> {
        self.names(run);
        match &self.far {
            Some(far) => far.held_for(run).await,
            None => Ok(()),
        }
    }

    fn names(&self, run: &str) {
        let run = Some(run.to_owned());
        self.write(&Holder {
            run,
            ..self.holder.clone()
        });
    }

    /// Writes who holds it, where that can be written: the lock itself holds all the same.
    fn write(&self, holder: &Holder) {
        let written = serde_json::to_string(holder).map(|text| {
            let mut file = &self.file;
            file.set_len(0)?;
            std::io::Seek::rewind(&mut file)?;
            file.write_all(text.as_bytes())
        });
        if !matches!(written, Ok(Ok(()))) {
            tracing::debug!(?written, "the holder of the lock is not on record");
        }
    }
}

/// The words to whoever comes second.
fn taken(path: &Path, cell: &CellName) -> CommandError {
    let holder = fs_err::read_to_string(path)
        .ok()
        .and_then(|text| serde_json::from_str::<Holder>(&text).ok());
    let Some(holder) = holder else {
        let error = anyhow!("another cellhost is at work on cell `{cell}`");
        return CommandError::new(Kind::Failed, error).hint(hint(path, None));
    };
    let run = holder
        .run
        .map_or(String::new(), |run| format!(", run {run}"));
    let error = anyhow!(
        "another cellhost is at work on cell `{cell}`: `{}` of {}, process {}, since {}{}",
        report::clean(&holder.command),
        report::clean(&holder.user),
        holder.process,
        report::clean(&holder.since),
        report::clean(&run),
    );
    CommandError::new(Kind::Failed, error).hint(hint(path, Some(holder.process)))
}

fn hint(path: &Path, process: Option<u32>) -> String {
    match process {
        Some(process) => format!(
            "wait until it ends, or end it in order with `kill -INT {process}`; commands that only \
             look, such as `check` and `run --dry-run`, go on beside it"
        ),
        None => format!("`fuser {}` tells which process it is", path.display()),
    }
}

/// The name of the user that runs this program, as far as the environment tells.
pub(crate) fn user() -> String {
    let named = ["SUDO_USER", "LOGNAME", "USER"].iter();
    let named = named.filter_map(|name| std::env::var(name).ok());
    let mut named = named.filter(|name| !name.is_empty());
    named
        .next()
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> CellName {
        CellName::new("web").unwrap()
    }

    fn take(path: &Path) -> Result<CellLock, CommandError> {
        CellLock::take_at(path, &cell(), "run")
    }

    #[test]
    fn the_second_is_told_who_holds_it_and_the_third_gets_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("web");
        let first = take(&path).unwrap();
        first.names("01JABC");
        let refused = take(&path).err().unwrap();
        let words = refused.error.to_string();
        let process = std::process::id();
        assert!(
            words.contains(&format!("process {process}, since ")),
            "{words}"
        );
        assert!(words.contains("cell `web`: `run` of "), "{words}");
        assert!(words.ends_with(", run 01JABC"), "{words}");
        assert!(refused.hints.iter().any(|hint| hint.contains("kill -INT")));
        drop(first);
        assert!(take(&path).is_ok());
    }

    #[test]
    fn what_stands_in_the_file_decides_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("web");
        fs_err::write(&path, "{\"process\": 1}").unwrap();
        let held = take(&path).unwrap();
        fs_err::write(&path, "torn").unwrap();
        let words = take(&path).err().unwrap().error.to_string();
        assert_eq!(words, "another cellhost is at work on cell `web`");
        drop(held);
    }
}
