use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item, Place};

/// One line of a text file that others own too. Without more said, it goes to the end of the
/// file if it is not there yet, and a missing file is an error.
#[derive(Clone, Debug)]
pub struct Line(state::Line);

impl Line {
    /// Wishes for this line, without its end, in the file at this path, from the root.
    pub fn at(path: impl Into<String>, line: impl Into<String>) -> Self {
        Self(state::Line {
            path: path.into(),
            line: line.into(),
            matching: None,
            place: Place::End,
            create: false,
        })
    }

    /// Names lines that say the same in other words, by a regular expression: the first becomes
    /// this line, the others go.
    pub fn replacing(mut self, pattern: impl Into<String>) -> Self {
        self.0.matching = Some(pattern.into());
        self
    }

    /// Puts a new line to the beginning.
    pub fn first(mut self) -> Self {
        self.0.place = Place::Start;
        self
    }

    /// Puts a new line before the first one that matches; one must.
    pub fn before(mut self, pattern: impl Into<String>) -> Self {
        self.0.place = Place::Before(pattern.into());
        self
    }

    /// Puts a new line after the last one that matches; one must.
    pub fn after(mut self, pattern: impl Into<String>) -> Self {
        self.0.place = Place::After(pattern.into());
        self
    }

    /// Lets a missing file be made.
    pub fn create(mut self) -> Self {
        self.0.create = true;
        self
    }
}

impl From<Line> for Resource {
    fn from(line: Line) -> Self {
        Self(Item::Line(line.0))
    }
}

/// A line that a text file has no more.
#[derive(Clone, Debug)]
pub struct NoLine(state::NoLine);

impl NoLine {
    /// Wishes this line away, without its end, from the file at this path.
    pub fn at(path: impl Into<String>, line: impl Into<String>) -> Self {
        Self(state::NoLine {
            path: path.into(),
            line: Some(line.into()),
            matching: None,
        })
    }

    /// Wishes all lines away that match a regular expression.
    pub fn matching(path: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self(state::NoLine {
            path: path.into(),
            line: None,
            matching: Some(pattern.into()),
        })
    }
}

impl From<NoLine> for Resource {
    fn from(line: NoLine) -> Self {
        Self(Item::NoLine(line.0))
    }
}
