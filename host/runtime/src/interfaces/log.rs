//! `cellhost:log/log`: words for the operator.

use crate::Level;
use crate::contract::cellhost::log::log::{self as wit, Host};
use crate::store::TurnState;

/// Longest line; a longer one is cut.
const LINE: usize = 4096;
/// What a line takes beside its text, so that lines without any come to an end too.
const COST: usize = 64;

impl Host for TurnState {
    async fn write(&mut self, level: wit::Level, message: String) -> wasmtime::Result<()> {
        let message = cut(&message);
        // What comes to the limit is dropped; that it was is said once.
        if message.len() + COST >= self.log_left {
            if self.log_left > 0 {
                self.log_left = 0;
                let words = "it said too much; the rest of this turn's lines are dropped";
                self.context
                    .voice
                    .said(&self.context.turn, Level::Warn, words.to_owned());
            }
            return Ok(());
        }
        self.log_left -= message.len() + COST;
        let level = match level {
            wit::Level::Debug => Level::Debug,
            wit::Level::Info => Level::Info,
            wit::Level::Warn => Level::Warn,
        };
        self.context.voice.said(&self.context.turn, level, message);
        Ok(())
    }

    async fn doing(&mut self, what: String) -> wasmtime::Result<()> {
        let what = cut(&what);
        if what.len() + COST < self.log_left {
            self.log_left -= what.len() + COST;
            self.context.voice.doing(&self.context.turn, what);
        }
        Ok(())
    }
}

/// A line that is safe to show: one line, no control characters, not too long.
fn cut(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LINE)
        .collect::<String>()
        .trim()
        .to_owned()
}
