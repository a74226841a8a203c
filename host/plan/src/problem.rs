use std::fmt;
use std::ops::Range;

use crate::source::Span;

/// What is wrong with a value, before it is known where the value stands.
///
/// Parsers of small texts (a range, a selector, a duration) return it with a range inside their own
/// text; the reader that knows where that text came from turns it into a [`crate::Diagnostic`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, lower case, literals in backticks.
    pub message: String,
    /// What to say under the caret.
    pub label: Option<String>,
    /// How to fix it.
    pub help: Option<String>,
    /// The bytes of the value that are wrong; the whole value when absent.
    pub within: Option<Range<usize>>,
    /// Other places that explain it, each with its own label.
    pub related: Vec<(Span, String)>,
}

impl Problem {
    /// States what is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: clean(message.into()),
            ..Self::default()
        }
    }

    /// Adds what to say under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(clean(label.into()));
        self
    }

    /// Adds how to fix it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(clean(help.into()));
        self
    }

    /// Adds how to fix it, if that is known.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(clean).or(self.help);
        self
    }

    /// Narrows it to some bytes of the value.
    pub fn within(mut self, range: Range<usize>) -> Self {
        self.within = Some(range);
        self
    }

    /// Points at another place as well.
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, clean(label.into())));
        self
    }
}

/// Tells whether a character can be shown as it is: control characters steer a terminal, and others
/// reorder or hide the text around them.
pub fn is_showable(c: char) -> bool {
    let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    !c.is_control() && !hidden && !matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Problems quote what others wrote, so whatever could steer a terminal is spelt out.
fn clean(text: String) -> String {
    if text.chars().all(is_showable) {
        return text;
    }
    let spell = |c: char| {
        if is_showable(c) {
            c.to_string()
        } else {
            c.escape_unicode().to_string()
        }
    };
    text.chars().map(spell).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_out_what_could_steer_a_terminal() {
        let problem = Problem::new("`\u{1b}[2J`").help("a\u{202e}b");
        assert_eq!(problem.message, "`\\u{1b}[2J`");
        assert_eq!(problem.help.as_deref(), Some("a\\u{202e}b"));
    }
}
