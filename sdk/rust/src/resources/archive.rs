use super::Resource;
use crate::bindings::cellhost::state::state::{self, ArchiveSource, Item};

/// An archive unpacked to `<directory>/<version>`, with the link `<directory>/current` to it.
#[derive(Clone, Debug)]
pub struct Archive(state::Archive);

impl Archive {
    /// Wishes for what a URL leads to, as long as it has this SHA-256, in hexadecimal.
    pub fn fetched(
        directory: impl Into<String>,
        version: impl Into<String>,
        url: impl Into<String>,
        sha256: impl Into<String>,
    ) -> Self {
        let source = ArchiveSource::Url(url.into());
        Self::new(directory.into(), version.into(), source, sha256.into())
    }

    /// Wishes for an archive that is on the machine already.
    pub fn from_path(
        directory: impl Into<String>,
        version: impl Into<String>,
        path: impl Into<String>,
        sha256: impl Into<String>,
    ) -> Self {
        let source = ArchiveSource::Path(path.into());
        Self::new(directory.into(), version.into(), source, sha256.into())
    }

    fn new(directory: String, version: String, source: ArchiveSource, sha256: String) -> Self {
        Self(state::Archive {
            directory,
            version,
            source,
            sha256,
            strip: 0,
            owner: None,
            group: None,
        })
    }

    /// Drops this many leading parts of its members' names.
    pub fn strip(mut self, parts: u8) -> Self {
        self.0.strip = parts;
        self
    }

    /// Sets the owner of all that is unpacked, by name or number.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.0.owner = Some(owner.into());
        self
    }

    /// Sets the group of all that is unpacked, by name or number.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.0.group = Some(group.into());
        self
    }
}

impl From<Archive> for Resource {
    fn from(archive: Archive) -> Self {
        Self(Item::Archive(archive.0))
    }
}
