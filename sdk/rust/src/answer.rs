use crate::bindings::cellhost::exec::exec;

/// How a program ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Its exit status; 128 and the signal's number where a signal ended it; 127 where there
    /// is no such program.
    pub status: i32,
    /// What it wrote to standard output.
    pub output: Vec<u8>,
    /// What it wrote to standard error.
    pub errors: Vec<u8>,
}

impl Answer {
    /// Makes up the answer of a program that ends well and writes this: what a dry run assumes.
    pub fn assumed(output: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 0,
            output: output.into(),
            errors: Vec::new(),
        }
    }

    /// Tells whether it ended with status 0.
    pub fn is_success(&self) -> bool {
        self.status == 0
    }

    /// Returns what it wrote to standard output, as text without space around it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).trim().to_owned()
    }

    /// Returns its exit status and what it complained about, on one line.
    pub fn complaint(&self) -> String {
        let words = if self.errors.is_empty() {
            &self.output
        } else {
            &self.errors
        };
        let words = String::from_utf8_lossy(words);
        let line: Vec<&str> = words.split_whitespace().collect();
        format!("status {}: {}", self.status, line.join(" "))
    }
}

impl From<exec::Answer> for Answer {
    fn from(answer: exec::Answer) -> Self {
        Self {
            status: answer.status,
            output: answer.output,
            errors: answer.errors,
        }
    }
}

impl From<Answer> for exec::Answer {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            output: answer.output,
            errors: answer.errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_and_prefers_standard_error() {
        let answer = Answer {
            status: 1,
            output: b"half done".to_vec(),
            errors: b"ERR no\n such  node\n".to_vec(),
        };
        assert_eq!(answer.complaint(), "status 1: ERR no such node");
    }
}
