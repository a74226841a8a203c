use serde_json::{Value, json};

use crate::problem::Problem;
use crate::source::{Source, Span};

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The text is usable, yet probably not what was meant.
    Warning,
    /// The text cannot be used.
    Error,
}

impl Severity {
    /// Gives the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Another place in the same file that explains a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// What is to be seen there.
    pub label: String,
}

/// One thing that is wrong in a file, with its place and the way to fix it.
///
/// Spans always lie within the source, on character boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, lower case, literals in backticks.
    pub message: String,
    /// The file.
    pub source: Source,
    /// The place in the file.
    pub span: Span,
    /// The keys that lead to the place, such as `modules.redis.version`; may be empty.
    pub path: String,
    /// What to say under the caret.
    pub label: Option<String>,
    /// How to fix it.
    pub help: Option<String>,
    /// Other places that explain it.
    pub related: Vec<Related>,
}

impl Diagnostic {
    /// Places an error.
    pub fn error(source: &Source, span: Span, problem: Problem) -> Self {
        Self::new(Severity::Error, source, span, problem)
    }

    /// Places a warning.
    pub fn warning(source: &Source, span: Span, problem: Problem) -> Self {
        Self::new(Severity::Warning, source, span, problem)
    }

    /// Places a problem; its inner range is not looked at, the given span counts.
    pub fn new(severity: Severity, source: &Source, span: Span, problem: Problem) -> Self {
        let related = problem.related.into_iter();
        Self {
            severity,
            message: problem.message,
            source: source.clone(),
            span: source.fit(span),
            path: String::new(),
            label: problem.label,
            help: problem.help,
            related: related
                .map(|(span, label)| Related {
                    span: source.fit(span),
                    label,
                })
                .collect(),
        }
    }

    /// Adds the keys that lead to the place.
    pub fn at_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Gives it as JSON, with lines and columns counted from one.
    pub fn to_json(&self) -> Value {
        let related: Vec<Value> = self
            .related
            .iter()
            .map(|other| self.related_json(other))
            .collect();
        json!({
            "severity": self.severity.as_str(),
            "message": self.message,
            "file": self.source.name(),
            "path": self.path,
            "place": self.place_json(self.span),
            "label": self.label,
            "help": self.help,
            "related": related,
        })
    }

    fn related_json(&self, other: &Related) -> Value {
        json!({ "place": self.place_json(other.span), "label": other.label })
    }

    fn place_json(&self, span: Span) -> Value {
        let start = self.source.position(span.start);
        let end = self.source.position(span.end);
        json!({
            "line": start.line,
            "column": start.column,
            "end-line": end.line,
            "end-column": end.column,
        })
    }
}
