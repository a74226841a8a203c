use serde::Serialize;

use super::{Lines, Pattern, one_line};

/// A line that is there.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The line, without its end.
    pub line: String,
    /// Lines that say the same in other words: the first becomes this line, the others go.
    pub matching: Option<Pattern>,
    /// Where it goes if nothing stands for it yet.
    pub place: Place,
}

/// A line that is not there.
#[derive(Debug, Clone, Serialize)]
pub struct NoLine {
    /// The line, without its end.
    pub line: Option<String>,
    /// Other lines that go.
    pub matching: Option<Pattern>,
}

/// Where a new line goes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// To the end.
    End,
    /// To the beginning.
    Start,
    /// Before the first line that matches.
    Before(Pattern),
    /// After the last line that matches.
    After(Pattern),
}

impl Line {
    pub(super) fn check(&self) -> Result<(), String> {
        one_line("line", &self.line)
    }

    pub(super) fn put(&self, lines: &mut Lines<'_>) -> Result<(), String> {
        let line = self.line.as_bytes();
        let stands = standing(lines, Some(line), self.matching.as_ref());
        match stands.split_first() {
            Some((first, others)) => {
                lines.set(*first, line.to_vec());
                // Without a pattern nothing was said about lines that are there twice.
                if self.matching.is_some() {
                    lines.remove(others);
                }
            }
            None => lines.insert(self.place.within(lines)?, line.to_vec()),
        }
        Ok(())
    }
}

impl NoLine {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.line.is_none() && self.matching.is_none() {
            return Err("neither a line nor a pattern says what goes".to_owned());
        }
        self.line
            .as_deref()
            .map_or(Ok(()), |line| one_line("line", line))
    }

    pub(super) fn take(&self, lines: &mut Lines<'_>) {
        let line = self.line.as_deref().map(str::as_bytes);
        let stands = standing(lines, line, self.matching.as_ref());
        lines.remove(&stands);
    }
}

impl Place {
    fn within(&self, lines: &Lines<'_>) -> Result<usize, String> {
        let (pattern, found) = match self {
            Self::End => return Ok(lines.len()),
            Self::Start => return Ok(0),
            Self::Before(pattern) => {
                let mut all = lines.iter();
                (pattern, all.position(|line| pattern.matches(line)))
            }
            Self::After(pattern) => {
                let mut all = lines.iter();
                let last = all.rposition(|line| pattern.matches(line));
                (pattern, last.map(|at| at + 1))
            }
        };
        found.ok_or_else(|| {
            let pattern = serde_json::json!(pattern);
            format!("no line matches {pattern}, which says where the new line goes")
        })
    }
}

fn standing(lines: &Lines<'_>, line: Option<&[u8]>, matching: Option<&Pattern>) -> Vec<usize> {
    let stands =
        |text: &[u8]| line == Some(text) || matching.is_some_and(|pattern| pattern.matches(text));
    let all = lines.iter().enumerate();
    all.filter(|(_, text)| stands(text))
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    fn put(text: &str, line: &str, matching: Option<&str>, place: Place) -> Result<String, String> {
        let mut lines = Lines::of(text.as_bytes());
        let wish = Line {
            line: line.to_owned(),
            matching: matching.map(pattern),
            place,
        };
        wish.put(&mut lines)?;
        Ok(String::from_utf8(lines.into_bytes()).unwrap())
    }

    #[test]
    fn replaces_the_first_of_what_says_the_same_and_drops_the_rest() {
        let text = "# ssh\n#Port 22\nPort 2222\nUsePAM yes\nPort 2022\n";
        let changed = put(text, "Port 22", Some("^#?Port "), Place::End).unwrap();
        assert_eq!(changed, "# ssh\nPort 22\nUsePAM yes\n");
    }

    #[test]
    fn puts_a_new_line_where_it_was_told_to() {
        let text = "a\nb\na\n";
        for (place, wanted) in [
            (Place::End, "a\nb\na\nx\n"),
            (Place::Start, "x\na\nb\na\n"),
            (Place::Before(pattern("^a$")), "x\na\nb\na\n"),
            (Place::After(pattern("^a$")), "a\nb\na\nx\n"),
            (Place::After(pattern("^b$")), "a\nb\nx\na\n"),
        ] {
            assert_eq!(put(text, "x", None, place).unwrap(), wanted);
        }
        let nowhere = put(text, "x", None, Place::After(pattern("^c$")));
        assert!(nowhere.unwrap_err().contains("no line matches \"^c$\""));
    }

    #[test]
    fn leaves_lines_alone_that_are_there_twice_and_were_not_asked_about() {
        assert_eq!(
            put("a\nx\nx\n", "x", None, Place::End).unwrap(),
            "a\nx\nx\n"
        );
    }

    #[test]
    fn takes_what_is_equal_and_what_matches() {
        let mut lines = Lines::of(b"a\nb1\nb2\nc");
        let gone = NoLine {
            line: Some("a".to_owned()),
            matching: Some(pattern("^b")),
        };
        gone.take(&mut lines);
        assert_eq!(lines.into_bytes(), b"c");
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing_and_all_other_lines_stay(
            text in "([ab#=]{0,3}\r?\n){0,6}[ab]{0,2}",
            line in "[ab#=]{0,3}",
            matching in prop::option::of("[ab]"),
        ) {
            let first = put(&text, &line, matching.as_deref(), Place::End).unwrap();
            let again = put(&first, &line, matching.as_deref(), Place::End).unwrap();
            prop_assert_eq!(&first, &again);
            let other = |text: &str| -> Vec<String> {
                let stands = |other: &str| {
                    other == line || matching.as_deref().is_some_and(|part| other.contains(part))
                };
                text.lines().filter(|line| !stands(line)).map(str::to_owned).collect()
            };
            prop_assert_eq!(other(&first), other(&text));
        }
    }
}
