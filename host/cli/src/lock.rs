//! `cellhost.lock`, beside the plan: what earlier runs decided and later ones keep to. Where the
//! cell has a store, the store's word counts, and the file is a copy of it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cellhost_lock::{Document, Roster};
use cellhost_plan::CellName;
use cellhost_registry::Pin;
use cellhost_state::Store;

use crate::afar::refused;
use crate::error::{CommandError, Kind};
use crate::files;

/// The lock of the plans in one directory, seen from one cell.
pub(crate) struct Lock {
    path: PathBuf,
    cell: CellName,
    written: Document,
    far: Option<Far>,
    /// Which machine has which number in which module.
    pub(crate) roster: Roster,
    /// Which bytes the modules are that come from registries.
    pub(crate) pins: Vec<Pin>,
}

/// The same of one cell in its store.
struct Far {
    store: Store,
    /// The number of the last writing.
    number: u64,
    written: Option<Roster>,
}

impl Lock {
    /// Reads the lock beside a plan; there need not be one yet.
    pub(crate) async fn load(
        plan: &Path,
        cell: &CellName,
        store: Option<&Store>,
    ) -> Result<Self, CommandError> {
        let path = plan.with_file_name("cellhost.lock");
        let written = match fs_err::read_to_string(&path) {
            Ok(text) => Document::parse(&text)
                .with_context(|| format!("`{}` cannot be understood", path.display()))
                .map_err(|error| {
                    CommandError::new(Kind::Usage, error).hint(
                        "take it back from version control; machines keep their numbers in it",
                    )
                })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Document::default(),
            Err(error) => return Err(CommandError::new(Kind::Failed, error)),
        };
        let far = match store {
            Some(store) => Some(Far::load(store).await?),
            None => None,
        };
        let there = far.as_ref().and_then(|far| far.written.clone());
        let roster = there.or_else(|| written.cells.get(cell).cloned());
        let pins = written.modules.get(cell).cloned().unwrap_or_default();
        Ok(Self {
            path,
            cell: cell.clone(),
            written,
            far,
            roster: roster.unwrap_or_default(),
            pins,
        })
    }

    /// Writes the lock where it changed, as a whole or not at all.
    pub(crate) async fn save(&mut self) -> Result<(), CommandError> {
        if let Some(far) = &mut self.far {
            far.save(&self.roster).await?;
        }
        let mut document = self.written.clone();
        document
            .cells
            .insert(self.cell.clone(), self.roster.clone());
        self.pin(&mut document);
        self.write(document)
    }

    /// Writes which modules were found, and nothing else.
    pub(crate) fn save_pins(&mut self) -> Result<(), CommandError> {
        let mut document = self.written.clone();
        self.pin(&mut document);
        self.write(document)
    }

    fn pin(&self, document: &mut Document) {
        if self.pins.is_empty() {
            document.modules.remove(&self.cell);
        } else {
            document
                .modules
                .insert(self.cell.clone(), self.pins.clone());
        }
    }

    fn write(&mut self, document: Document) -> Result<(), CommandError> {
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
        files::write(&self.path, document.text()?.as_bytes(), 0o644)?;
        Ok(())
    }
}

/// The text of a lock with the modules of another one, which comes with a plan, and the numbers that
/// machines have in this one; none where that is the same.
pub(crate) fn carried(here: &str, with_plan: &str) -> anyhow::Result<Option<String>> {
    let here = Document::parse(here)?;
    let mut carried = Document::parse(with_plan)?;
    carried.cells.extend(here.cells.clone());
    if carried == here {
        return Ok(None);
    }
    Ok(Some(carried.text()?))
}

impl Far {
    async fn load(store: &Store) -> Result<Self, CommandError> {
        let (number, text) = store.in_haste().roster().await.map_err(refused)?;
        let written = text.map(|text| {
            Roster::parse(&text)
                .with_context(|| {
                    format!(
                        "the numbers of machines in `{}` cannot be understood",
                        store.url()
                    )
                })
                .map_err(|error| CommandError::new(Kind::Failed, error))
        });
        Ok(Self {
            store: store.clone(),
            number,
            written: written.transpose()?,
        })
    }

    /// Writes it where it changed. Only who holds the cell's lock comes here.
    async fn save(&mut self, roster: &Roster) -> Result<(), CommandError> {
        if self.written.as_ref() == Some(roster) {
            return Ok(());
        }
        let text = roster
            .text()
            .map_err(|error| CommandError::new(Kind::Bug, error))?;
        let written = self.store.write_roster(self.number, &text).await;
        self.number = written.map_err(refused)?;
        self.written = Some(roster.clone());
        Ok(())
    }
}
