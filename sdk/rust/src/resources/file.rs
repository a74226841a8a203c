use serde::Serialize;

use super::Resource;
use crate::Failure;
use crate::bindings::cellhost::state::state::{self, Content, Item, Rendering};

/// A regular file. It is replaced as a whole or not at all.
#[derive(Clone, Debug)]
pub struct File(state::File);

/// Where a file is wished for; its content makes it a [`File`].
#[derive(Clone, Debug)]
pub struct FilePlace(String);

impl File {
    /// Begins the wish for a file at this path, from the root.
    pub fn at(path: impl Into<String>) -> FilePlace {
        FilePlace(path.into())
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

    /// Keeps what it replaces beside it, as `<path>.cellhost-<12 digits of its hash>`. The five
    /// newest of these stay.
    pub fn backup(mut self) -> Self {
        self.0.backup = true;
        self
    }
}

impl FilePlace {
    /// Fills it with a text.
    pub fn text(self, text: impl Into<String>) -> File {
        self.holding(Content::Text(text.into()))
    }

    /// Fills it with bytes.
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> File {
        self.holding(Content::Bytes(bytes.into()))
    }

    /// Fills it with a template, rendered by the host with the fields of `variables`. A
    /// [`Secret`](crate::Secret) anywhere in them stands for its value.
    pub fn rendered(self, template: &str, variables: &impl Serialize) -> Result<File, Failure> {
        let rendering = Rendering {
            template: template.to_owned(),
            variables: serde_json::to_string(variables)?,
        };
        Ok(self.holding(Content::Rendered(rendering)))
    }

    fn holding(self, content: Content) -> File {
        File(state::File {
            path: self.0,
            content,
            mode: None,
            owner: None,
            group: None,
            backup: false,
        })
    }
}

impl From<File> for Resource {
    fn from(file: File) -> Self {
        Self(Item::File(file.0))
    }
}
