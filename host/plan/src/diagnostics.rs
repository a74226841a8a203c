use std::fmt;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Severity};

/// Everything that is wrong with a file, in the order of the file; warnings included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Tells whether at least one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Gives the errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter().filter(|one| one.severity == Severity::Error)
    }

    /// Gives all of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Counts all of them.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives them as a list.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }

    /// Gives them as a JSON list.
    pub fn to_json(&self) -> Value {
        self.0.iter().map(Diagnostic::to_json).collect()
    }

    /// Draws all of them for a reader, a blank line between two.
    pub fn render(&self, coloured: bool) -> String {
        let drawn: Vec<String> = self.0.iter().map(|one| one.render(coloured)).collect();
        drawn.join("\n")
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        list.dedup();
        Self(list)
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.errors().next().or(self.0.first()) else {
            return formatter.write_str("nothing is wrong");
        };
        let place = first.source.position(first.span.start);
        let (file, message) = (first.source.name(), &first.message);
        write!(
            formatter,
            "{file}:{}:{}: {message}",
            place.line, place.column
        )?;
        match self.len() - 1 {
            0 => Ok(()),
            more => write!(formatter, " (and {more} more)"),
        }
    }
}

impl std::error::Error for Diagnostics {}
