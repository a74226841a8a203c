//! Starting other programs and hearing how they ended.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::LabError;

/// The most of a program's stderr that an error message carries, counted in lines from the end.
const STDERR_LINES: usize = 8;

/// Runs a program to its end, without input, and returns what it wrote.
pub(crate) fn run(command: &mut Command) -> Result<Output, LabError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| start_error(command, source))?;
    judge(command, output)
}

/// Runs a program that reads `input` from stdin.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Result<Output, LabError> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| start_error(command, source))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all tells why by its status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|source| start_error(command, source))?;
    judge(command, output)
}

/// Turns an unsuccessful end into an error.
pub(crate) fn judge(command: &Command, output: Output) -> Result<Output, LabError> {
    if output.status.success() {
        return Ok(output);
    }
    Err(LabError::Program {
        line: line(command),
        status: output.status,
        stderr: tail(&String::from_utf8_lossy(&output.stderr)),
    })
}

/// Names the program that could not be started.
pub(crate) fn start_error(command: &Command, source: std::io::Error) -> LabError {
    LabError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    }
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let skipped = lines.len().saturating_sub(STDERR_LINES);
    lines
        .into_iter()
        .skip(skipped)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_program_and_its_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo broken >&2; exit 4"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 4") && text.contains("broken"),
            "{text}"
        );
    }

    #[test]
    fn input_reaches_the_program() {
        let output = run_with_input(&mut Command::new("cat"), "two words").unwrap();
        assert_eq!(output.stdout, b"two words");
    }

    #[test]
    fn tail_keeps_the_last_lines_only() {
        let text = (0..20)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join("\n");
        assert!(tail(&text).starts_with("12; "));
    }
}
