//! `cellhost.lock`, beside the plan: what earlier runs decided and later ones keep to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cellhost_engine::Roster;
use cellhost_plan::CellName;
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, Kind};

/// The lock of the plans in one directory, seen from one cell.
pub(crate) struct Lock {
    path: PathBuf,
    cell: CellName,
    written: Document,
    /// Which machine has which number in which module.
    pub(crate) roster: Roster,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    cells: BTreeMap<CellName, Roster>,
}

impl Lock {
    /// Reads the lock beside a plan; there need not be one yet.
    pub(crate) fn load(plan: &Path, cell: &CellName) -> Result<Self, CommandError> {
        let path = plan.with_file_name("cellhost.lock");
        let written: Document = match fs_err::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .with_context(|| format!("`{}` cannot be understood", path.display()))
                .map_err(|error| {
                    CommandError::new(Kind::Usage, error).hint(
                        "take it back from version control; machines keep their numbers in it",
                    )
                })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Document::default(),
            Err(error) => return Err(CommandError::new(Kind::Failed, error)),
        };
        let roster = written.cells.get(cell).cloned().unwrap_or_default();
        Ok(Self {
            path,
            cell: cell.clone(),
            written,
            roster,
        })
    }

    /// Writes the lock where it changed, as a whole or not at all.
    pub(crate) fn save(&mut self) -> Result<(), CommandError> {
        let mut document = self.written.clone();
        document
            .cells
            .insert(self.cell.clone(), self.roster.clone());
        if document == self.written {
            return Ok(());
        }
        self.replace(&document)
            .with_context(|| format!("cannot write `{}`", self.path.display()))
            .map_err(|error| {
                CommandError::new(Kind::Failed, error)
                    .hint("machines keep their numbers in it, so nothing was run without it")
            })?;
        self.written = document;
        Ok(())
    }

    fn replace(&self, document: &Document) -> anyhow::Result<()> {
        let text = format!(
            "# Written by cellhost. Keep it with the plan: machines have their numbers in it.\n\n{}",
            toml::to_string(document)?
        );
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let mut file = tempfile::Builder::new()
            .permissions(mode)
            .tempfile_in(directory)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}
