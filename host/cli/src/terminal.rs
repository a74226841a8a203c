//! What the program writes: data for programs to stdout, words for people to stderr.

use std::{
    fmt,
    io::{IsTerminal as _, Stderr, Stdout, Write as _},
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use anstream::{AutoStream, ColorChoice};
use cellhost_engine::Stop;
use cellhost_plan::Diagnostics;
use clap::builder::styling::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::error::{CommandError, Kind};
use crate::report::{clean, is_strange};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Writes to stdout and stderr, in colour only where a person reads it.
///
/// Writing never fails the command: whoever closes a stream does not want the rest.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    stdout: ColorChoice,
    stderr: ColorChoice,
    interactive: bool,
    /// The line of what is under way, where there is one.
    line: Arc<OnceLock<ProgressBar>>,
    /// What waits to be written while a question stands there.
    held: Arc<Mutex<Option<String>>>,
}

impl Terminal {
    /// Looks at what stdout and stderr are; `NO_COLOR` and its relatives are honoured.
    pub(crate) fn new() -> Self {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        Self {
            stdout: AutoStream::choice(&stdout),
            stderr: AutoStream::choice(&stderr),
            interactive: stderr.is_terminal(),
            line: Arc::default(),
            held: Arc::default(),
        }
    }

    /// Tells whether a person watches stderr, so that progress is worth showing.
    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Tells whether a person is there to answer.
    pub(crate) fn can_ask(&self) -> bool {
        self.interactive && std::io::stdin().is_terminal()
    }

    /// Takes up the line of what is under way, so that questions can stand above it.
    pub(crate) fn shows(&self, line: ProgressBar) {
        let _ = self.line.set(line);
    }

    /// Asks a question and reads one line, while nothing else goes on; none where nobody is there, or
    /// the input ends.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        let mut stderr = self.stderr();
        let _ = write!(stderr, "{}", harmless(question));
        let _ = stderr.flush();
        read_line()
    }

    /// The same in the middle of a run: what others write meanwhile is shown afterwards, and where
    /// the operator stops all of it instead there is no answer.
    pub(crate) async fn ask_amid(&self, question: &str, stop: &Stop) -> Option<String> {
        if !self.can_ask() || stop.is_cancelled() {
            return None;
        }
        self.hold();
        let mut stderr = self.stderr();
        let _ = write!(stderr, "{}", harmless(question));
        let _ = stderr.flush();
        let read = tokio::task::spawn_blocking(read_line);
        let answer = tokio::select! {
            line = read => line.ok().flatten(),
            // Whoever reads stays behind, and nobody asks any more.
            () = stop.cancelled() => None,
        };
        if answer.is_none() {
            let _ = writeln!(stderr);
        }
        self.release();
        answer
    }

    /// Takes the line of what is under way away, and keeps back what is written from now on.
    fn hold(&self) {
        if let Some(line) = self.line.get() {
            line.set_draw_target(ProgressDrawTarget::hidden());
            // One that is hidden leaves what it has drawn.
            let _ = write!(self.stderr(), "\r\x1b[2K");
        }
        *self.held() = Some(String::new());
    }

    /// Shows what was kept back, and the line again.
    fn release(&self) {
        let held = self.held().take();
        let _ = write!(self.stderr(), "{}", held.unwrap_or_default());
        if let Some(line) = self.line.get() {
            line.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line to stderr, or keeps it back while a question stands there.
    fn line(&self, text: &impl fmt::Display) {
        match self.held().as_mut() {
            Some(held) => {
                let _ = fmt::Write::write_fmt(held, format_args!("{text}\n"));
            }
            None => {
                let _ = writeln!(self.stderr(), "{text}");
            }
        }
    }

    /// Writes data to stdout. What could steer a terminal is written as JSON may write it, so that it
    /// is the same for whoever reads that.
    pub(crate) fn data(&self, text: impl fmt::Display) {
        self.raw(escaped(&text.to_string()));
    }

    fn raw(&self, text: impl fmt::Display) {
        let mut stdout = self.stdout();
        let _ = write!(stdout, "{text}");
        let _ = stdout.flush();
    }

    /// Writes a line for people to stderr.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        self.line(&harmless(text));
    }

    /// Writes a less important line for people to stderr.
    pub(crate) fn faint(&self, text: impl fmt::Display) {
        self.line(&format_args!("{FAINT}{}{FAINT:#}", harmless(text)));
    }

    /// Writes why a command failed: the message, its causes and what may help.
    pub(crate) fn error(&self, error: &CommandError) {
        let mut stderr = self.stderr();
        let _ = writeln!(stderr, "{ERROR}error:{ERROR:#} {}", harmless(&error.error));
        for cause in error.error.chain().skip(1) {
            let _ = writeln!(stderr, "  caused by: {}", harmless(cause));
        }
        for hint in &error.hints {
            let _ = writeln!(stderr, "{HINT}hint:{HINT:#} {}", harmless(hint));
        }
    }

    /// Draws what is wrong with a file.
    pub(crate) fn drawn(&self, found: &Diagnostics) {
        let text = found.render(self.stderr != ColorChoice::Never);
        let _ = writeln!(self.stderr(), "{}\n", text.trim_end());
    }

    /// Writes what clap has to say: help that was asked for, or a complaint.
    pub(crate) fn refuse(&self, refusal: &clap::Error) -> ExitCode {
        let text = refusal.render();
        if refusal.use_stderr() {
            let _ = write!(self.stderr(), "{}", text.ansi());
            return Kind::Usage.exit_code();
        }
        self.raw(text.ansi());
        ExitCode::SUCCESS
    }

    fn stdout(&self) -> AutoStream<Stdout> {
        AutoStream::new(std::io::stdout(), self.stdout)
    }

    fn stderr(&self) -> AutoStream<Stderr> {
        AutoStream::new(std::io::stderr(), self.stderr)
    }
}

/// Words in which somebody else's may be, such as a registry's, line by line.
fn harmless(words: impl fmt::Display) -> String {
    let words = words.to_string();
    let lines: Vec<String> = words.split('\n').map(clean).collect();
    lines.join("\n")
}

/// Text in which nothing steers a terminal, and of which JSON says the same.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_strange(c) && !matches!(c, '\n' | '\t') {
            // None of them is beyond the first plane.
            let _ = fmt::Write::write_fmt(&mut escaped, format_args!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn read_line() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).ok()?;
    (read > 0).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn data_steers_no_terminal_and_says_the_same() {
        let words = "a\t\u{1b}[31m\u{7}\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}ü";
        let written = escaped(&serde_json::json!(words).to_string());
        let strange = |c: char| c.is_control() || ('\u{2000}'..'\u{2070}').contains(&c);
        assert!(!written.contains(strange), "{written:?}");
        assert!(written.contains('ü'), "{written}");
        let read: String = serde_json::from_str(&written).unwrap();
        assert_eq!(read, words);
    }
}
