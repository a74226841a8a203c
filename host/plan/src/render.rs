use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

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
        let mut group = level
            .primary_title(self.message.as_str())
            .element(self.snippet());
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    /// Shows only the lines it is about: cutting them out first keeps this fast in a large file.
    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let (first_line, window) = self.source.lines_around(self.extent());
        let inner = |span: Span| span.start - window.start..span.end - window.start;
        let primary = AnnotationKind::Primary
            .span(inner(self.span))
            .label(self.label.as_deref());
        let related = self.related.iter().map(|other| {
            AnnotationKind::Context
                .span(inner(other.span))
                .label(other.label.as_str())
        });
        Snippet::source(self.source.slice(window))
            .line_start(first_line)
            .path(self.source.name())
            .annotation(primary)
            .annotations(related)
    }

    fn extent(&self) -> Span {
        let spans = self.related.iter().map(|other| other.span);
        spans.fold(self.span, |all, one| {
            Span::new(all.start.min(one.start), all.end.max(one.end))
        })
    }
}
