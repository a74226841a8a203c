use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A file that the machine fetches itself, and keeps only if its content has the right hash.
#[derive(Clone, Debug)]
pub struct Download(state::Download);

impl Download {
    /// Wishes for the content of a URL at this path, from the root, as long as it has this
    /// SHA-256, in hexadecimal.
    pub fn at(path: impl Into<String>, url: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self(state::Download {
            path: path.into(),
            url: url.into(),
            sha256: sha256.into(),
            mode: None,
            owner: None,
            group: None,
        })
    }

    /// Sets its permission bits; unset leaves an existing file's alone and gives a new one 0o644.
    pub fn mode(mut self, mode: u16) -> Self {
        self.0.mode = Some(mode);
        self
    }

    /// Sets its owner, by name or number.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.0.owner = Some(owner.into());
        self
    }

    /// Sets its group, by name or number.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.0.group = Some(group.into());
        self
    }
}

impl From<Download> for Resource {
    fn from(download: Download) -> Self {
        Self(Item::Download(download.0))
    }
}
