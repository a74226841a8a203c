use std::fmt;

use crate::problem::Problem;
use serde::Serialize;

/// A pattern for names in which `*` stands for any characters, also none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// Checks a pattern.
    pub fn new(text: &str) -> Result<Self, Problem> {
        if is_plain(text) {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("`{}` is not a pattern for names", text.escape_debug());
        let help = "a name, in which `*` may stand for any characters, such as `redis-server@*`";
        Err(Problem::new(message).help(help))
    }

    /// Gives the text of the pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a name matches; a name that could be a path or an option never does.
    pub fn matches(&self, name: &str) -> bool {
        is_plain(name) && matches(&self.0, name)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_plain(name: &str) -> bool {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    !name.is_empty() && !name.starts_with('-') && !name.contains(wrong)
}

/// Takes the parts between stars greedily from the left, which is enough and never slow.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(inner) = name
        .strip_prefix(head)
        .and_then(|left| left.strip_suffix(tail))
    else {
        return false;
    };
    let mut left = inner;
    middle.split('*').all(|part| match left.find(part) {
        Some(at) => {
            left = left.get(at + part.len()..).unwrap_or_default();
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_written_with_stars_for_anything() {
        let table = [
            ("redis", "redis", true),
            ("redis", "redis2", false),
            ("redis-server@*", "redis-server@7000", true),
            ("redis-server@*", "redis-server@", true),
            ("redis-server@*", "redis", false),
            ("*", "anything", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "ac", false),
            ("a*a", "a", false),
            ("ab*ba", "aba", false),
            ("**", "x", true),
            ("*a*a*", "banana", true),
            ("*x*x*", "axb", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(
                Glob::new(pattern).unwrap().matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn never_matches_what_could_be_a_path_or_an_option() {
        let all = Glob::new("*").unwrap();
        for name in ["", "-f", "../x", "a/b", "a b", "a\nb"] {
            assert!(!all.matches(name), "{name:?}");
        }
    }
}
