use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A directory. Missing parents are made with mode 0o755.
#[derive(Clone, Debug)]
pub struct Directory(state::Directory);

impl Directory {
    /// Wishes for a directory at this path, from the root.
    pub fn at(path: impl Into<String>) -> Self {
        Self(state::Directory {
            path: path.into(),
            mode: None,
            owner: None,
            group: None,
        })
    }

    /// Sets its permission bits.
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

impl From<Directory> for Resource {
    fn from(directory: Directory) -> Self {
        Self(Item::Directory(directory.0))
    }
}
