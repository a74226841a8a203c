use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A symbolic link.
#[derive(Clone, Debug)]
pub struct Link(state::Link);

impl Link {
    /// Wishes for a link at `path`, from the root, that points at `target` as written.
    pub fn at(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self(state::Link {
            path: path.into(),
            target: target.into(),
        })
    }
}

impl From<Link> for Resource {
    fn from(link: Link) -> Self {
        Self(Item::Link(link.0))
    }
}
