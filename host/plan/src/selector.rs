use std::ops::Range;

use crate::choice::choose;
use crate::problem::Problem;
use crate::range::expand;

/// A condition on machines such as `role:redis & !zone:b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The terms, all of which must hold; at least one.
    pub terms: Vec<Term>,
}

/// One term of a [`Selector`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether it must not hold.
    pub negated: bool,
    /// What it asks.
    pub condition: Condition,
    /// Where it stands in the selector's text, without the `!`.
    pub within: Range<usize>,
}

/// What a [`Term`] asks of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: every machine meets it.
    All,
    /// To have a role.
    Role(String),
    /// To have a tag, and for it to have a value where one is given.
    Tag(String, Option<String>),
    /// To be in a zone.
    Zone(String),
    /// To be in a group.
    Group(String),
    /// To be the machine, or one of the range of machines, of this name.
    Machines(String),
}

const HELP: &str = "a selector is `all`, `role:x`, `tag:k=v`, `zone:z`, `group:g` or a machine, \
                    joined by `&`, negated by `!`";

impl Selector {
    /// Parses a selector; whether its names exist is not looked at.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut terms = Vec::new();
        let mut at = 0;
        for part in text.split('&') {
            terms.push(Term::parse(part, at, text)?);
            at += part.len() + 1;
        }
        Ok(Self { terms })
    }
}

impl Term {
    fn parse(part: &str, at: usize, text: &str) -> Result<Self, Problem> {
        let negated = part.trim_start().starts_with('!');
        let rest = part
            .trim_start()
            .strip_prefix('!')
            .unwrap_or(part)
            .trim_start();
        let start = at + part.len() - rest.len();
        let word = rest.trim_end();
        let within = start..start + word.len();
        if word.is_empty() {
            return Err(nothing_there(text, start, negated));
        }
        let mut foreigners = word.char_indices().filter(|(_, c)| is_foreign(*c));
        if let Some(first) = foreigners.next() {
            // In `a | b` the bar is what is wrong, not the space before it.
            let next = foreigners.find(|(_, c)| !c.is_whitespace());
            let adjoins = |next: &(usize, char)| {
                let between = word.get(first.0..next.0).unwrap_or_default();
                between.chars().all(char::is_whitespace)
            };
            let (offset, c) = next.filter(adjoins).unwrap_or(first);
            return Err(foreign(c, start + offset));
        }
        let condition = Condition::parse(word).map_err(|problem| {
            let inner = problem.within.clone().unwrap_or(0..word.len());
            problem.within(start + inner.start..start + inner.end)
        })?;
        Ok(Self {
            negated,
            condition,
            within,
        })
    }
}

impl Condition {
    fn parse(word: &str) -> Result<Self, Problem> {
        if word == "all" {
            return Ok(Self::All);
        }
        let Some((kind, name)) = word.split_once(':') else {
            expand(word)?;
            return Ok(Self::Machines(word.to_owned()));
        };
        let kinds = [("role", 0), ("tag", 1), ("zone", 2), ("group", 3)];
        let kind_number = choose("kind of selector", kind, kinds)
            .map_err(|problem| problem.within(0..kind.len()))?;
        let (key, value) = match name.split_once('=') {
            Some((key, value)) if kind == "tag" => (key, Some(value.to_owned())),
            _ => (name, None),
        };
        if key.is_empty() || value.as_deref() == Some("") {
            let message = format!("nothing follows `{word}`");
            return Err(Problem::new(message)
                .within(word.len()..word.len())
                .help(HELP));
        }
        let key = key.to_owned();
        Ok(match kind_number {
            0 => Self::Role(key),
            1 => Self::Tag(key, value),
            2 => Self::Zone(key),
            _ => Self::Group(key),
        })
    }
}

fn is_foreign(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "!|,()\"'`\\;".contains(c)
}

fn foreign(c: char, at: usize) -> Problem {
    let help = match c {
        '|' | ',' => "write a list for a union, such as `on = [\"role:a\", \"role:b\"]`",
        '(' | ')' => "there are no parentheses; write a list for a union",
        c if c.is_whitespace() => "join conditions with `&`",
        _ => HELP,
    };
    let message = match c {
        c if c.is_whitespace() => "`&` is missing here".to_owned(),
        c => format!("`{}` does not belong here", c.escape_debug()),
    };
    Problem::new(message)
        .within(at..at + c.len_utf8())
        .help(help)
}

fn nothing_there(text: &str, at: usize, negated: bool) -> Problem {
    let message = match (text.trim().is_empty(), negated) {
        (true, _) => "this selector is empty",
        (_, true) => "a condition is missing after `!`",
        _ => "a condition is missing here",
    };
    Problem::new(message).within(at..at).help(HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(text: &str) -> Vec<(bool, Condition)> {
        let terms = Selector::parse(text).unwrap().terms;
        terms
            .into_iter()
            .map(|term| (term.negated, term.condition))
            .collect()
    }

    #[test]
    fn reads_every_kind_of_condition() {
        let expected = vec![
            (false, Condition::Role("redis".into())),
            (true, Condition::Zone("b".into())),
            (true, Condition::Tag("rack".into(), Some("a".into()))),
            (false, Condition::Tag("ssd".into(), None)),
            (false, Condition::Group("nucleus".into())),
            (false, Condition::Machines("db[1-3]".into())),
            (false, Condition::All),
        ];
        let text = "role:redis & !zone:b & ! tag:rack=a&tag:ssd & group:nucleus & db[1-3] & all";
        assert_eq!(conditions(text), expected);
    }

    #[test]
    fn remembers_where_a_term_stands() {
        let selector = Selector::parse(" all & !zone:b ").unwrap();
        let places: Vec<_> = selector.terms.into_iter().map(|term| term.within).collect();
        assert_eq!(places, [1..4, 8..14]);
    }

    #[test]
    fn points_at_what_is_wrong() {
        let table = [
            ("", 0..0),
            ("all &", 5..5),
            ("role:a | role:b", 7..8),
            ("role:a role:b", 6..7),
            ("!!all", 1..2),
            ("all & rol:x", 6..9),
            ("role:", 5..5),
            ("x & tag:k=", 10..10),
            ("x & db[3-1]", 6..11),
        ];
        for (text, within) in table {
            assert_eq!(
                Selector::parse(text).unwrap_err().within,
                Some(within),
                "{text}"
            );
        }
    }
}
