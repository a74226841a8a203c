use super::Resource;
use crate::bindings::cellhost::state::state::Item;

/// A group of the system.
#[derive(Clone, Debug)]
pub struct Group(String);

impl Group {
    /// Wishes for a group of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<Group> for Resource {
    fn from(group: Group) -> Self {
        Self(Item::Group(group.0))
    }
}

/// No group by a name.
#[derive(Clone, Debug)]
pub struct NoGroup(String);

impl NoGroup {
    /// Wishes it away.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<NoGroup> for Resource {
    fn from(wish: NoGroup) -> Self {
        Self(Item::NoGroup(wish.0))
    }
}
