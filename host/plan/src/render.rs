use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Related, Severity};
use crate::source::Span;

/// How many bytes apart two places may be to be drawn in one piece.
///
/// Drawing costs what the text between them costs, which adds up in a large and very wrong file.
const NEAR: usize = 8 * 1024;

impl Diagnostic {
    /// Draws it for a reader: message, file, line, column, the line itself with a caret, and help.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut drawn = renderer.render(&[self.group()]);
        drawn.push('\n');
        drawn
    }

    fn group(&self) -> Group<'_> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let (near, far): (Vec<&Related>, Vec<&Related>) = self
            .related
            .iter()
            .partition(|other| self.is_near(other.span));
        let mut group = level
            .primary_title(self.message.as_str())
            .element(self.snippet(&near));
        for other in far {
            let (snippet, start) = self.lines(other.span);
            group = group.element(snippet.annotation(context(other, start)));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    fn is_near(&self, other: Span) -> bool {
        let all = both(self.span, other);
        all.end - all.start <= NEAR
    }

    fn snippet<'a>(&'a self, related: &[&'a Related]) -> Snippet<'a, Annotation<'a>> {
        let extent = related
            .iter()
            .fold(self.span, |all, other| both(all, other.span));
        let (snippet, start) = self.lines(extent);
        let primary = AnnotationKind::Primary.span(within(self.span, start));
        let mut snippet = snippet.annotation(primary.label(self.label.as_deref()));
        for other in related.iter().copied() {
            snippet = snippet.annotation(context(other, start));
        }
        snippet
    }

    /// Cuts out the lines around a span, and tells where the cut begins.
    fn lines(&self, extent: Span) -> (Snippet<'_, Annotation<'_>>, usize) {
        let (first_line, window) = self.source.lines_around(extent);
        let snippet = Snippet::source(self.source.slice(window));
        (
            snippet.line_start(first_line).path(self.source.name()),
            window.start,
        )
    }
}

fn context(other: &Related, start: usize) -> Annotation<'_> {
    AnnotationKind::Context
        .span(within(other.span, start))
        .label(other.label.as_str())
}

fn within(span: Span, start: usize) -> std::ops::Range<usize> {
    span.start - start..span.end - start
}

fn both(one: Span, other: Span) -> Span {
    Span::new(one.start.min(other.start), one.end.max(other.end))
}
