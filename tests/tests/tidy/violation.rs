//! What a rule finds.

use std::fmt;

/// One place where a rule is broken.
pub(crate) struct Violation {
    /// The file, by its path from the root.
    pub(crate) file: String,
    /// The line, where it is about one.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) rule: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl Violation {
    /// Finds fault with a whole file.
    pub(crate) fn of_file(file: &str, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            rule: rule.into(),
            remedy: remedy.into(),
        }
    }

    /// Finds fault with a line, counted from 1.
    pub(crate) fn at(self, line: usize) -> Self {
        Self {
            line: Some(line),
            ..self
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}\n    to do: {}", self.rule, self.remedy)
    }
}

/// Writes out what was found; empty where all is well, so that tests compare it with nothing.
pub(crate) fn listed(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Fails a test with everything that was found.
#[track_caller]
pub(crate) fn assert_none(violations: &[Violation]) {
    let count = violations.len();
    assert!(count == 0, "{count} found\n{}", listed(violations));
}

#[test]
fn message_says_file_rule_and_what_to_do() {
    let violation = Violation::of_file("a/b.rs", "it is wrong", "make it right").at(3);
    assert_eq!(
        listed(&[violation]),
        "a/b.rs:3: it is wrong\n    to do: make it right"
    );
}
