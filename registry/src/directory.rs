//! A directory of finished modules.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use async_trait::async_trait;
use cellhost_manifest::extract;
use cellhost_plan::ModuleId;
use semver::Version;

use crate::shelf::Fetched;
use crate::{Shelf, ShelfError, Stock};

/// The `.wasm` files of a directory, whatever their names are: what they are stands inside them.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    all: OnceLock<Vec<Named>>,
}

type Named = (ModuleId, Version, PathBuf);

impl Directory {
    /// The modules of this directory. It is read when something is looked for first.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            all: OnceLock::new(),
        }
    }

    fn files(&self) -> Result<Vec<PathBuf>, ShelfError> {
        let unreadable = |source| self.unreadable(source);
        let mut files = Vec::new();
        for entry in fs_err::read_dir(&self.path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// What is there, which is read once. A file that is no finished module is no error: a directory
    /// of builds has other files too. Whoever asks for it by name is told why it is none.
    fn all(&self) -> Result<&[Named], ShelfError> {
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        let mut found = Vec::new();
        for path in self.files()? {
            let bytes = fs_err::read(&path).map_err(|source| self.unreadable(source))?;
            if let Ok(embedded) = extract(&bytes) {
                let manifest = embedded.manifest;
                found.push((manifest.id().clone(), manifest.version, path));
            }
        }
        Ok(self.all.get_or_init(|| found))
    }

    fn unreadable(&self, source: std::io::Error) -> ShelfError {
        ShelfError::Unreadable {
            origin: self.origin(),
            source,
        }
    }
}

#[async_trait]
impl Shelf for Directory {
    fn origin(&self) -> String {
        self.path.display().to_string()
    }

    fn modules(&self) -> Result<Vec<ModuleId>, ShelfError> {
        let found: BTreeSet<&ModuleId> = self.all()?.iter().map(|(id, ..)| id).collect();
        Ok(found.into_iter().cloned().collect())
    }

    async fn stock(&self, module: &ModuleId) -> Result<Stock, ShelfError> {
        let own = self.all()?.iter().filter(|(id, ..)| id == module);
        let versions: Vec<Version> = own.map(|(_, version, _)| version.clone()).collect();
        Ok(versions.into())
    }

    fn rejects(&self) -> Vec<(String, String)> {
        let files = self.files().unwrap_or_default();
        let reject = |path: &PathBuf| {
            let name = path.file_stem()?.to_string_lossy().into_owned();
            let error = extract(&fs_err::read(path).ok()?).err()?;
            Some((name, format!("`{}` is no module: {error}", path.display())))
        };
        files.iter().filter_map(reject).collect()
    }

    async fn fetch(
        &self,
        module: &ModuleId,
        version: &Version,
    ) -> Result<Option<Fetched>, ShelfError> {
        let mut all = self.all()?.iter();
        let Some((.., path)) = all.find(|(id, own, _)| id == module && own == version) else {
            return Ok(None);
        };
        let bytes = fs_err::read(path).map_err(|source| self.unreadable(source))?;
        Ok(Some(Fetched { bytes, pin: None }))
    }
}
