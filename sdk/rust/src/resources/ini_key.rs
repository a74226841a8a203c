use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// One key of an ini file that others own too. A missing file is an error unless
/// [`create`](Self::create) says otherwise.
#[derive(Clone, Debug)]
pub struct IniKey(state::IniKey);

impl IniKey {
    /// Wishes for a key in a section of the file at this path, standing alone until
    /// [`value`](Self::value) gives it one. An empty section is what comes before the first.
    pub fn at(path: impl Into<String>, section: impl Into<String>, key: impl Into<String>) -> Self {
        Self(state::IniKey {
            path: path.into(),
            section: section.into(),
            key: key.into(),
            value: None,
            create: false,
        })
    }

    /// Sets its value.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.0.value = Some(value.into());
        self
    }

    /// Lets a missing file be made.
    pub fn create(mut self) -> Self {
        self.0.create = true;
        self
    }
}

impl From<IniKey> for Resource {
    fn from(key: IniKey) -> Self {
        Self(Item::IniKey(key.0))
    }
}

/// A key that an ini file has no more.
#[derive(Clone, Debug)]
pub struct NoIniKey(state::NoIniKey);

impl NoIniKey {
    /// Wishes a key away from a section of the file at this path.
    pub fn at(path: impl Into<String>, section: impl Into<String>, key: impl Into<String>) -> Self {
        Self(state::NoIniKey {
            path: path.into(),
            section: section.into(),
            key: key.into(),
        })
    }
}

impl From<NoIniKey> for Resource {
    fn from(key: NoIniKey) -> Self {
        Self(Item::NoIniKey(key.0))
    }
}
