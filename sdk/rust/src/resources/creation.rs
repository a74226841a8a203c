use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// Something at a path that a program makes when nothing is there yet.
#[derive(Clone, Debug)]
pub struct Creation(state::Creation);

impl Creation {
    /// Wishes for what a program makes at `path`: that program with its arguments, which no shell
    /// reads. It has ten minutes.
    ///
    /// It is run again where it did not end well, so name what it makes last.
    pub fn at<W: Into<String>>(path: impl Into<String>, argv: impl IntoIterator<Item = W>) -> Self {
        Self(state::Creation {
            path: path.into(),
            argv: argv.into_iter().map(Into::into).collect(),
            user: None,
            deadline: 600_000,
        })
    }

    /// Runs it as this user.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.0.user = Some(user.into());
        self
    }

    /// Ends it after so many seconds.
    pub fn deadline_seconds(mut self, seconds: u32) -> Self {
        self.0.deadline = seconds.saturating_mul(1000);
        self
    }
}

impl From<Creation> for Resource {
    fn from(creation: Creation) -> Self {
        Self(Item::Creation(creation.0))
    }
}
