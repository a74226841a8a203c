use crate::problem::{Problem, is_showable};

/// The longest line of prose, in bytes.
const LONGEST: usize = 1000;

/// Checks one line of prose: people read it in a terminal, so nothing in it may steer one.
pub fn line(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("this text must not be empty"));
    }
    if text.len() > LONGEST {
        return Err(Problem::new(format!(
            "this text is longer than {LONGEST} bytes"
        )));
    }
    match text.char_indices().find(|(_, c)| !is_showable(*c)) {
        None => Ok(text.to_owned()),
        Some((at, c)) => {
            let problem = Problem::new("this must be one line of plain text");
            Err(problem.within(at..at + c.len_utf8()))
        }
    }
}
