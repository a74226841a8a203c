//! Tells on stderr what a lab is doing.

use std::time::Instant;

use cellhost_lab::Progress;

use crate::terminal::Terminal;

/// Writes one line for each step, with the time since the beginning.
pub(super) struct Narrator<'a> {
    terminal: &'a Terminal,
    start: Instant,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            start: Instant::now(),
        }
    }

    /// Returns the seconds since the beginning.
    pub(super) fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

impl Progress for Narrator<'_> {
    fn step(&self, text: &str) {
        self.terminal
            .note(format_args!("{:6.1} s  {text}", self.elapsed()));
    }

    fn detail(&self, text: &str) {
        if self.terminal.is_interactive() {
            self.terminal
                .faint(format_args!("{:6.1} s    {text}", self.elapsed()));
        }
    }
}
