use std::cell::{Cell, RefCell};

use crate::diagnostic::{Diagnostic, Severity};
use crate::diagnostics::Diagnostics;
use crate::problem::Problem;
use crate::source::{Source, Span};
use crate::suggestion::did_you_mean;

/// How many words one report compares at most to find what was meant.
const COMPARISONS: usize = 200_000;

/// Collects what is wrong with one source.
#[derive(Debug)]
pub struct Report {
    source: Source,
    found: RefCell<Vec<Diagnostic>>,
    comparisons: Cell<usize>,
}

impl Report {
    /// Starts with nothing wrong.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            found: RefCell::default(),
            comparisons: Cell::new(COMPARISONS),
        }
    }

    /// Gives the source it is about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Adds an error at a place.
    pub fn error(&self, span: Span, path: &str, problem: Problem) {
        self.push(Severity::Error, span, path, problem);
    }

    /// Adds a warning at a place.
    pub fn warning(&self, span: Span, path: &str, problem: Problem) {
        self.push(Severity::Warning, span, path, problem);
    }

    /// Tells whether an error has been added.
    pub fn has_errors(&self) -> bool {
        self.found
            .borrow()
            .iter()
            .any(|one| one.severity == Severity::Error)
    }

    /// Gives everything added, in the order of the source.
    pub fn finish(self) -> Diagnostics {
        self.found.into_inner().into()
    }

    /// Words a suggestion, until a wholly wrong file has used up the time for it.
    pub fn suggest<'a, I>(&self, unknown: &str, known: I) -> Option<String>
    where
        I: IntoIterator<Item = &'a str>,
        I::IntoIter: Clone,
    {
        let known = known.into_iter();
        let left = self.comparisons.get().checked_sub(known.clone().count())?;
        self.comparisons.set(left);
        did_you_mean(unknown, known)
    }

    fn push(&self, severity: Severity, span: Span, path: &str, problem: Problem) {
        let diagnostic = Diagnostic::new(severity, &self.source, span, problem).at_path(path);
        self.found.borrow_mut().push(diagnostic);
    }
}
