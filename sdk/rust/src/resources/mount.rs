use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A file system that is mounted, now and after every start.
#[derive(Clone, Debug)]
pub struct Mount(state::Mount);

impl Mount {
    /// Wishes for a source, such as a device or `UUID=…`, with a file system of this type at this
    /// path, from the root.
    pub fn at(
        path: impl Into<String>,
        source: impl Into<String>,
        file_system: impl Into<String>,
    ) -> Self {
        Self(state::Mount {
            path: path.into(),
            source: source.into(),
            file_system: file_system.into(),
            options: Vec::new(),
        })
    }

    /// Adds options, such as `noatime`.
    pub fn options<O: Into<String>>(mut self, options: impl IntoIterator<Item = O>) -> Self {
        self.0.options.extend(options.into_iter().map(Into::into));
        self
    }
}

impl From<Mount> for Resource {
    fn from(mount: Mount) -> Self {
        Self(Item::Mount(mount.0))
    }
}

/// Nothing mounted at a path, nor in the table for it. The directory stays.
#[derive(Clone, Debug)]
pub struct NoMount(String);

impl NoMount {
    /// Wishes it away.
    pub fn at(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl From<NoMount> for Resource {
    fn from(wish: NoMount) -> Self {
        Self(Item::NoMount(wish.0))
    }
}
