//! Brings the records of a store here, where everything that reads records finds them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cellhost_effects::record::Record;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::segments::name;
use crate::{Store, StoreError};

/// How many objects are asked for at once.
const AT_ONCE: usize = 16;

/// What came of bringing records here.
#[derive(Debug, Default)]
pub struct Brought {
    /// How many lines the store has of each run.
    pub lines: BTreeMap<String, u64>,
    /// What could not be brought, and why.
    pub problems: Vec<String>,
}

impl Store {
    /// Brings a directory of records up to what is in the store. Lines that are here and follow what
    /// is there stay: they could not be sent. Where both go on differently the store counts, and
    /// what was here is put aside.
    pub async fn bring(&self, directory: &Path) -> Result<Brought, StoreError> {
        let runs = self.folders("runs").await?;
        let mut brought = Brought::default();
        for run in runs.iter().filter(|run| is_name(run)) {
            match self.bring_one(run, directory).await {
                Ok(lines) => {
                    brought.lines.insert(run.clone(), lines);
                }
                Err(error @ (StoreError::Away { .. } | StoreError::Refused { .. })) => {
                    return Err(error);
                }
                Err(error) => brought.problems.push(format!("run {run}: {error}")),
            }
        }
        Ok(brought)
    }

    async fn bring_one(&self, run: &str, directory: &Path) -> Result<u64, StoreError> {
        let folder = format!("runs/{run}");
        let path = directory.join(format!("{run}.jsonl"));
        let here = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.broken(&folder, error.to_string())),
        };
        let files = self.files(&folder).await?;
        let mut starts: Vec<u64> = files.iter().filter_map(|name| first_line(name)).collect();
        starts.sort_unstable();
        // Of segments that are here as a whole only the last is asked for again: it tells whether
        // what is here is what is there.
        let ends = line_ends(&here);
        let known = starts.partition_point(|start| *start <= ends.len() as u64);
        let from = known.saturating_sub(1);
        let begin = starts.get(from).copied().unwrap_or(0);
        let wanted = starts.get(from..).unwrap_or_default();
        let there = self.fetch(run, wanted).await?;
        let offset = match begin.checked_sub(1) {
            None => 0,
            Some(before) => usize::try_from(before)
                .ok()
                .and_then(|before| ends.get(before).copied())
                .unwrap_or(0),
        };
        let common = here.get(..offset).unwrap_or_default();
        let rest = here.get(offset..).unwrap_or_default();
        let lines = begin + line_ends(&there).len() as u64;
        if rest.starts_with(&there) {
            return Ok(lines);
        }
        let mut whole = [common, &there].concat();
        if Record::parse(&whole).is_err() && begin > 0 {
            whole = self.fetch(run, &starts).await?;
        }
        let record =
            Record::parse(&whole).map_err(|error| self.broken(&folder, error.to_string()))?;
        if record.torn > 0 {
            return Err(self.broken(&folder, "ends within a line"));
        }
        let written = self.put(&path, &here, &whole);
        written.map_err(|error| self.broken(&folder, format!("cannot be kept here: {error}")))?;
        Ok(record.lines.len() as u64)
    }

    async fn fetch(&self, run: &str, starts: &[u64]) -> Result<Vec<u8>, StoreError> {
        let read = |start: u64| async move {
            let name = name(run, start);
            let bytes = self.read(&name).await?;
            bytes.ok_or_else(|| self.broken(&name, "is gone"))
        };
        let parts: Vec<Vec<u8>> = stream::iter(starts.to_vec())
            .map(read)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(parts.concat())
    }

    /// Puts a record in its place, and what was there and is no beginning of it aside.
    fn put(&self, path: &Path, here: &[u8], whole: &[u8]) -> std::io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(directory)?;
        file.write_all(whole)?;
        file.as_file().sync_all()?;
        if !whole.starts_with(here) {
            let aside =
                path.with_extension(format!("{}.aside", jiff::Timestamp::now().as_second()));
            tracing::warn!(
                ?aside,
                url = self.url(),
                "the store has another record of a run"
            );
            fs_err::rename(path, aside)?;
        }
        file.persist(path)?;
        Ok(())
    }
}

/// Names of runs become names of files here.
fn is_name(run: &str) -> bool {
    run.len() == 26 && run.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn first_line(name: &str) -> Option<u64> {
    name.strip_suffix(".jsonl")?.parse().ok()
}

/// Where each line ends.
fn line_ends(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate();
    let ends = ends.filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).collect()
}
