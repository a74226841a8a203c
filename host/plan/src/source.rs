use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A half-open range of bytes in a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// Spans `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Gives the same bytes as a standard range.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

/// A line and a column, both counted from one; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A named text that spans and diagnostics point into; cheap to clone.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// Wraps a text under the name that diagnostics show for it, most often its path.
    pub fn new(name: &str, text: &str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(after_newlines).collect();
        Self(Arc::new(Inner {
            name: name.to_owned(),
            text: text.to_owned(),
            line_starts,
        }))
    }

    /// Gives the name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Gives the whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Gives the folder that relative paths in the text start from.
    pub fn folder(&self) -> &Path {
        Path::new(self.name()).parent().unwrap_or(Path::new(""))
    }

    /// Gives the text of a span, nothing when it lies outside the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text().get(span.range()).unwrap_or_default()
    }

    /// Moves a span into the text and onto character boundaries.
    pub fn fit(&self, span: Span) -> Span {
        let start = self.text().floor_char_boundary(span.start);
        let end = self.text().ceil_char_boundary(span.end.max(start));
        Span::new(start, end)
    }

    /// Gives the line and column of a byte.
    pub fn position(&self, at: usize) -> Position {
        let at = self.text().floor_char_boundary(at);
        let line = self.line_of(at);
        let before = self.slice(Span::new(self.line_start(line), at));
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// Gives the whole lines around a span with the number of the first of them.
    pub(crate) fn lines_around(&self, span: Span) -> (usize, Span) {
        let first = self.line_of(span.start);
        let start = self.line_start(first);
        let end = self.line_start(self.line_of(span.end) + 1);
        (first, Span::new(start, end))
    }

    fn line_of(&self, at: usize) -> usize {
        self.0.line_starts.partition_point(|start| *start <= at)
    }

    fn line_start(&self, line: usize) -> usize {
        let index = line.saturating_sub(1);
        self.0
            .line_starts
            .get(index)
            .copied()
            .unwrap_or(self.text().len())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Source").field(&self.0.name).finish()
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.name == other.0.name && self.0.text == other.0.text)
    }
}

impl Eq for Source {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_columns_in_characters() {
        let source = Source::new("a.toml", "one\nzwölf = 1\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        let equals = source.text().find('=').unwrap();
        assert_eq!(source.position(equals), Position { line: 2, column: 7 });
        assert_eq!(source.position(1000), Position { line: 3, column: 1 });
    }

    #[test]
    fn fits_spans_onto_character_boundaries() {
        let source = Source::new("a.toml", "aöb");
        assert_eq!(source.fit(Span::new(2, 2)), Span::new(1, 3));
        assert_eq!(source.fit(Span::new(90, 2)), Span::new(4, 4));
    }
}
