//! What the program writes: data for programs to stdout, words for people to stderr.

use std::{
    fmt,
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};

use crate::error::{CommandError, Kind};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// Writes to stdout and stderr, in colour only where a person reads it.
///
/// Writing never fails the command: whoever closes a stream does not want the rest.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    colour: ColorChoice,
    interactive: bool,
}

impl Terminal {
    /// Looks at what stderr is; `NO_COLOR` and its relatives are honoured.
    pub(crate) fn new() -> Self {
        let stderr = std::io::stderr();
        Self {
            colour: AutoStream::choice(&stderr),
            interactive: stderr.is_terminal(),
        }
    }

    /// Tells whether a person watches stderr, so that progress is worth showing.
    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Writes data, as it is, to stdout.
    pub(crate) fn data(&self, text: impl fmt::Display) {
        let mut stdout = anstream::stdout();
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

    /// Writes what clap has to say, which is either help or a complaint.
    pub(crate) fn refuse(&self, refusal: &clap::Error) -> ExitCode {
        // Clap chooses the stream: stdout for help that was asked for, stderr otherwise.
        let _ = refusal.print();
        if refusal.use_stderr() {
            Kind::Usage.exit_code()
        } else {
            ExitCode::SUCCESS
        }
    }

    fn stderr(&self) -> AutoStream<std::io::Stderr> {
        AutoStream::new(std::io::stderr(), self.colour)
    }
}
