//! A directory of finished modules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cellhost_manifest::extract;
use cellhost_plan::ModuleId;
use semver::Version;

use crate::{Shelf, ShelfError};

/// The `.wasm` files of a directory, whatever their names are: what they are stands inside them.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The modules of this directory. It is read each time something is looked for.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn files(&self) -> Result<Vec<PathBuf>, ShelfError> {
        let unreadable = |source| ShelfError::Unreadable {
            origin: self.origin(),
            source,
        };
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

    /// What a file holds; none where it is no finished module, which is no error: a directory of
    /// builds has other files too. Whoever asks for it by name is told why it is none.
    fn look(&self, path: &Path) -> Result<Option<(ModuleId, Version, Vec<u8>)>, ShelfError> {
        let bytes = fs_err::read(path).map_err(|source| ShelfError::Unreadable {
            origin: self.origin(),
            source,
        })?;
        Ok(extract(&bytes).ok().map(|embedded| {
            (
                embedded.manifest.id().clone(),
                embedded.manifest.version,
                bytes,
            )
        }))
    }
}

impl Shelf for Directory {
    fn origin(&self) -> String {
        self.path.display().to_string()
    }

    fn modules(&self) -> Result<Vec<(ModuleId, Vec<Version>)>, ShelfError> {
        let mut found: BTreeMap<ModuleId, Vec<Version>> = BTreeMap::new();
        for path in self.files()? {
            if let Some((id, version, _)) = self.look(&path)? {
                found.entry(id).or_default().push(version);
            }
        }
        Ok(found.into_iter().collect())
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

    fn fetch(&self, module: &ModuleId, version: &Version) -> Result<Option<Vec<u8>>, ShelfError> {
        for path in self.files()? {
            if let Some((id, found, bytes)) = self.look(&path)?
                && id == *module
                && found == *version
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}
