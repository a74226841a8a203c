use std::ops::Range;

use crate::document::Report;
use crate::problem::Problem;
use crate::source::Span;

/// A string or a key with its place, able to point at single characters of itself.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    content: &'a str,
    span: Span,
    path: String,
    report: &'a Report,
}

impl<'a> Text<'a> {
    pub(crate) fn new(content: &'a str, span: Span, path: String, report: &'a Report) -> Self {
        Self {
            content,
            span,
            path,
            report,
        }
    }

    /// Gives the text itself.
    pub fn as_str(&self) -> &'a str {
        self.content
    }

    /// Gives its place, quotes included.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Gives the keys that lead to it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Gives the report that it complains to.
    pub fn report(&self) -> &'a Report {
        self.report
    }

    /// Words a suggestion of what it was meant to be.
    pub fn suggest<'k, I>(&self, known: I) -> Option<String>
    where
        I: IntoIterator<Item = &'k str>,
        I::IntoIter: Clone,
    {
        self.report.suggest(self.content, known)
    }

    /// Gives the place of some of its bytes; the whole when escapes make that unknowable.
    pub fn at(&self, within: Range<usize>) -> Span {
        let raw = self.report.source().slice(self.span);
        let quote = ["", "\"", "'", "\"\"\"", "'''"].into_iter().find(|quote| {
            let inner = raw
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote));
            inner == Some(self.content)
        });
        match quote {
            Some(quote) if within.end <= self.content.len() => {
                let start = self.span.start + quote.len();
                Span::new(start + within.start, start + within.end)
            }
            _ => self.span,
        }
    }

    /// Reports what is wrong with it.
    pub fn reject(&self, problem: Problem) {
        let span = problem
            .within
            .clone()
            .map_or(self.span, |within| self.at(within));
        self.report.error(span, &self.path, problem);
    }

    /// Parses it, reporting what is wrong.
    pub fn parse<T>(&self, parse: impl FnOnce(&'a str) -> Result<T, Problem>) -> Option<T> {
        parse(self.content)
            .map_err(|problem| self.reject(problem))
            .ok()
    }
}
