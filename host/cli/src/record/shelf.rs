//! All records, and how one is found among them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use cellhost_effects::record::{Line, Record};
use cellhost_plan::CellName;

use super::{Kind, Opening};
use crate::directories;
use crate::error::{CommandError, Kind as Fault};

/// Where all records are.
pub(crate) struct Shelf {
    directory: PathBuf,
}

/// One record, as far as its first and its last line tell.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The name of the run.
    pub(crate) id: String,
    /// Where its record is.
    pub(crate) path: PathBuf,
    /// When it began.
    pub(crate) began: String,
    /// What it began with.
    pub(crate) opening: Opening,
    /// How it ended.
    pub(crate) ended: Ended,
    /// How many things it changed, where it came to its end.
    pub(crate) changes: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything was as planned.
    Well,
    /// Not everything was.
    Badly,
    /// It was interrupted.
    Interrupted,
    /// The program died, or is still at it.
    Not,
}

impl Ended {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Well => "finished",
            Self::Badly => "failed",
            Self::Interrupted => "interrupted",
            Self::Not => "cut off",
        }
    }

    fn told_by(last: &Line) -> Self {
        if last.kind != "end" {
            return Self::Not;
        }
        if last
            .body
            .get("interrupted")
            .and_then(serde_json::Value::as_bool)
            == Some(true)
        {
            return Self::Interrupted;
        }
        let turns = last.body.get("turns").and_then(serde_json::Value::as_array);
        let good = |turn: &serde_json::Value| {
            let status = turn.get("status").and_then(serde_json::Value::as_str);
            matches!(status, Some("unchanged" | "changed"))
        };
        if turns.is_some_and(|turns| turns.iter().all(good)) {
            Self::Well
        } else {
            Self::Badly
        }
    }
}

impl Shelf {
    /// Where records are kept from here.
    pub(crate) fn open() -> Result<Self, CommandError> {
        Ok(Self {
            directory: directories::state()?.join("runs"),
        })
    }

    /// The place of a new record.
    pub(super) fn place(&self, cell: &CellName, id: &str) -> Result<PathBuf, CommandError> {
        let directory = self.directory.join(cell.as_str());
        directories::make(&directory)?;
        Ok(directory.join(format!("{id}.jsonl")))
    }

    /// All records, the newest first. Those that cannot be read are told in words.
    pub(crate) fn entries(&self) -> Result<(Vec<Entry>, Vec<String>), CommandError> {
        let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
        for (id, path) in self.files()? {
            match Entry::read(id, &path) {
                Ok(entry) => entries.push(entry),
                Err(error) => unreadable.push(format!("{}: {error:#}", path.display())),
            }
        }
        Ok((entries, unreadable))
    }

    /// The last run of a cell that changed machines. Refused where a record cannot be read that may
    /// be of a later one.
    pub(crate) fn last_real_run(&self, cell: &CellName) -> Result<Option<Entry>, CommandError> {
        for (id, path) in self.files()? {
            let folder = path.parent().and_then(Path::file_name);
            if folder.and_then(|name| name.to_str()) != Some(cell.as_str()) {
                continue;
            }
            match Entry::read(id.clone(), &path) {
                Ok(entry) if entry.opening.kind == Kind::DryRun => {}
                Ok(entry) => return Ok(Some(entry)),
                // It died before it could say what it is, and nothing is done before that.
                Err(_) if Record::read(&path).is_ok_and(|record| record.lines.is_empty()) => {}
                Err(error) => {
                    let error = error.context(format!(
                        "cannot use the record of run {id}, which came last: `{}`",
                        path.display()
                    ));
                    return Err(CommandError::new(Fault::Failed, error)
                        .hint("`cellhost run` looks at every machine anew and needs no record"));
                }
            }
        }
        Ok(None)
    }

    /// The record whose name begins so.
    pub(crate) fn find(&self, prefix: &str) -> Result<Entry, CommandError> {
        let usage = |words: String| CommandError::new(Fault::Usage, anyhow!(words));
        let wanted = prefix.to_ascii_uppercase();
        let mut found = self.files()?;
        found.retain(|(id, _)| id.starts_with(&wanted));
        let shown = crate::report::clean(prefix);
        match found.as_slice() {
            [(id, path)] => Entry::read(id.clone(), path)
                .with_context(|| format!("cannot use the record of run {id}"))
                .map_err(|error| CommandError::new(Fault::Failed, error)),
            [] => Err(usage(format!("there is no run `{shown}`"))
                .hint("`cellhost runs` lists those that there are")),
            several => Err(
                usage(format!("{} runs begin with `{shown}`", several.len()))
                    .hint("give some more letters of its name"),
            ),
        }
    }

    /// The names and places of all records, the newest first.
    fn files(&self) -> Result<Vec<(String, PathBuf)>, CommandError> {
        let failed = |error: std::io::Error| CommandError::new(Fault::Failed, error);
        let mut files = Vec::new();
        let cells = match fs_err::read_dir(&self.directory) {
            Ok(cells) => cells,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
            Err(error) => return Err(failed(error)),
        };
        for cell in cells {
            let cell = cell.map_err(failed)?.path();
            if !cell.is_dir() {
                continue;
            }
            for file in fs_err::read_dir(cell).map_err(failed)? {
                let path = file.map_err(failed)?.path();
                if path.extension().is_some_and(|own| own == "jsonl")
                    && let Some(id) = path.file_stem().and_then(|stem| stem.to_str())
                {
                    files.push((id.to_owned(), path));
                }
            }
        }
        // Names begin with the time.
        files.sort_by(|a, b| b.0.cmp(&a.0));
        Ok(files)
    }
}

impl Entry {
    fn read(id: String, path: &Path) -> anyhow::Result<Self> {
        let (first, last) = Record::outline(path)?;
        Ok(Self {
            id,
            path: path.to_owned(),
            began: first.at.clone(),
            opening: Opening::read(&first)?,
            ended: Ended::told_by(&last),
            changes: last.body.get("changes").and_then(serde_json::Value::as_u64),
        })
    }

    /// The name of the run, short enough to be typed.
    pub(crate) fn short(&self) -> &str {
        self.id.get(..10).unwrap_or(&self.id)
    }
}
