use std::fmt;

use crate::problem::Problem;
use serde::Serialize;

/// A pattern for a command: the program as given, then arguments, `*` for any one of them, `**` at
/// the end for any rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CommandPattern(Vec<String>);

/// Says which part of a command pattern is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongPart {
    /// The place of the part, counted from zero.
    pub index: usize,
    /// What is wrong with it.
    pub problem: Box<Problem>,
}

impl WrongPart {
    fn new(index: usize, problem: Problem) -> Self {
        Self {
            index,
            problem: Box::new(problem),
        }
    }
}

impl CommandPattern {
    /// Checks the parts.
    pub fn new(parts: &[&str]) -> Result<Self, WrongPart> {
        let Some((program, arguments)) = parts.split_first() else {
            return Err(WrongPart::new(
                0,
                Problem::new("this command is empty").help(HELP),
            ));
        };
        check_program(program).map_err(|problem| WrongPart::new(0, problem))?;
        for (index, argument) in arguments.iter().enumerate() {
            let last = index + 1 == arguments.len();
            check_argument(argument, last).map_err(|problem| WrongPart::new(index + 1, problem))?;
        }
        Ok(Self(parts.iter().map(|part| (*part).to_owned()).collect()))
    }

    /// Gives the parts.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// Tells whether a command matches.
    ///
    /// The program counts as text: `redis-cli` does not match `/tmp/redis-cli`.
    pub fn matches<T: AsRef<str>>(&self, command: &[T]) -> bool {
        let Some((program, arguments)) = command.split_first() else {
            return false;
        };
        let Some((wanted, pattern)) = self.0.split_first() else {
            return false;
        };
        if wanted != program.as_ref() {
            return false;
        }
        let (pattern, open) = match pattern.split_last() {
            Some((last, before)) if last == "**" => (before, true),
            _ => (pattern, false),
        };
        let enough = arguments.len() == pattern.len() || (open && arguments.len() > pattern.len());
        let fits = |(wanted, found): (&String, &T)| wanted == "*" || wanted == found.as_ref();
        enough && pattern.iter().zip(arguments).all(fits)
    }
}

impl fmt::Display for CommandPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

const HELP: &str = "write the program and its arguments, such as `[\"redis-cli\", \"**\"]`";

fn check_program(text: &str) -> Result<(), Problem> {
    let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '*';
    let plain_path = || {
        let mut parts = text.split('/').skip(1);
        text.starts_with('/') && parts.all(|part| !matches!(part, "" | "." | ".."))
    };
    let usable = !text.is_empty()
        && !text.starts_with('-')
        && !text.contains(wrong)
        && (!text.contains('/') || plain_path());
    if usable {
        return Ok(());
    }
    let message = format!("`{}` does not name a program", text.escape_debug());
    Err(Problem::new(message).help("a program's name or its absolute path, without patterns"))
}

fn check_argument(text: &str, last: bool) -> Result<(), Problem> {
    if text.contains(char::is_control) {
        return Err(Problem::new("this argument has control characters"));
    }
    if text == "**" && !last {
        let problem = Problem::new("`**` stands for the rest, so nothing can follow it");
        return Err(problem.help("use `*` for one argument"));
    }
    if text.contains('*') && !matches!(text, "*" | "**") {
        let problem = Problem::new("a star stands for a whole argument, not for a part of one");
        return Err(problem.help("write `*` alone, or spell the argument out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &[&str], command: &[&str]) -> bool {
        CommandPattern::new(pattern).unwrap().matches(command)
    }

    #[test]
    fn matches_argument_by_argument() {
        let status = ["systemctl", "status", "*"];
        assert!(matches(&status, &["systemctl", "status", "redis"]));
        assert!(!matches(&status, &["systemctl", "status"]));
        assert!(!matches(&status, &["systemctl", "status", "a", "b"]));
        assert!(!matches(&status, &["systemctl", "stop", "redis"]));
        assert!(!matches(&["id"], &["id", "-u"]));
        assert!(!matches(&["id"], &[]));
    }

    #[test]
    fn lets_two_stars_stand_for_any_rest() {
        let any = ["redis-cli", "-p", "**"];
        assert!(matches(&any, &["redis-cli", "-p"]));
        assert!(matches(&any, &["redis-cli", "-p", "7000", "ping"]));
        assert!(!matches(&any, &["redis-cli"]));
        assert!(!matches(&any, &["redis-cli", "-h"]));
    }

    #[test]
    fn takes_the_program_as_text() {
        let any = ["redis-cli", "**"];
        for program in [
            "/tmp/redis-cli",
            "./redis-cli",
            "redis-cli ",
            "REDIS-CLI",
            "redis-cli2",
        ] {
            assert!(!matches(&any, &[program]), "{program}");
        }
    }

    #[test]
    fn treats_stars_in_a_command_as_plain_text() {
        assert!(!matches(&["echo", "a"], &["echo", "*"]));
        assert!(!matches(&["echo", "a"], &["echo", "**"]));
        assert!(matches(&["echo", "*"], &["echo", "**"]));
    }

    #[test]
    fn refuses_patterns_that_would_match_any_program() {
        let wrong: [(&[&str], usize); 9] = [
            (&[], 0),
            (&["*"], 0),
            (&["**"], 0),
            (&["redis*"], 0),
            (&["a b"], 0),
            (&["/bin/../tmp/x"], 0),
            (&["./x"], 0),
            (&["a", "**", "b"], 1),
            (&["a", "b", "--x=*"], 2),
        ];
        for (pattern, place) in wrong {
            assert_eq!(
                CommandPattern::new(pattern).unwrap_err().index,
                place,
                "{pattern:?}"
            );
        }
    }
}
