use super::Resource;
use crate::bindings::cellhost::state::state::Item;

/// Nothing at a path; a directory goes with all it holds.
#[derive(Clone, Debug)]
pub struct Absent(String);

impl Absent {
    /// Wishes for nothing at this path, from the root.
    pub fn at(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl From<Absent> for Resource {
    fn from(absent: Absent) -> Self {
        Self(Item::Absent(absent.0))
    }
}
