//! What the program writes: data for programs to stdout, words for people to stderr.

use std::{
    fmt,
    io::{IsTerminal as _, Stderr, Stdout, Write as _},
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use anstream::{AutoStream, ColorChoice};
use cellhost_plan::Diagnostics;
use clap::builder::styling::{AnsiColor, Style};
use indicatif::ProgressBar;

use crate::error::{CommandError, Kind};

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

    /// Asks a question and reads one line; none where nobody is there, or the input ends.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        let asked = || {
            let mut stderr = self.stderr();
            let _ = write!(stderr, "{question}");
            let _ = stderr.flush();
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line).ok()?;
            (read > 0).then_some(line)
        };
        match self.line.get() {
            Some(line) => line.suspend(asked),
            None => asked(),
        }
    }

    /// Writes data, as it is, to stdout.
    pub(crate) fn data(&self, text: impl fmt::Display) {
        let mut stdout = self.stdout();
        let _ = write!(stdout, "{text}");
        let _ = stdout.flush();
    }

    /// Writes a line for people to stderr.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        let _ = writeln!(self.stderr(), "{text}");
    }

    /// Writes a less important line for people to stderr.
    pub(crate) fn faint(&self, text: impl fmt::Display) {
        let _ = writeln!(self.stderr(), "{FAINT}{text}{FAINT:#}");
    }

    /// Writes why a command failed: the message, its causes and what may help.
    pub(crate) fn error(&self, error: &CommandError) {
        let mut stderr = self.stderr();
        let _ = writeln!(stderr, "{ERROR}error:{ERROR:#} {}", error.error);
        for cause in error.error.chain().skip(1) {
            let _ = writeln!(stderr, "  caused by: {cause}");
        }
        for hint in &error.hints {
            let _ = writeln!(stderr, "{HINT}hint:{HINT:#} {hint}");
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
        self.data(text.ansi());
        ExitCode::SUCCESS
    }

    fn stdout(&self) -> AutoStream<Stdout> {
        AutoStream::new(std::io::stdout(), self.stdout)
    }

    fn stderr(&self) -> AutoStream<Stderr> {
        AutoStream::new(std::io::stderr(), self.stderr)
    }
}
