//! The operator, asked about what was not agreed to.

use std::fmt::Write as _;

use async_trait::async_trait;
use cellhost_effects::layers::{Approval, Deviation};
use cellhost_engine::Stop;
use tokio::sync::Mutex;

use crate::report::clean;
use crate::terminal::Terminal;

/// Asks on the terminal, one question at a time.
pub(crate) struct Operator {
    terminal: Terminal,
    stop: Stop,
    asking: Mutex<()>,
}

impl Operator {
    /// An operator who can stop the run by this.
    pub(crate) fn new(terminal: &Terminal, stop: Stop) -> Self {
        Self {
            terminal: terminal.clone(),
            stop,
            asking: Mutex::new(()),
        }
    }
}

#[async_trait]
impl Approval for Operator {
    async fn allows(&self, deviation: &Deviation) -> bool {
        let _one = self.asking.lock().await;
        if self.stop.is_cancelled() {
            return false;
        }
        let mut question = format!(
            "not in the kept plan: {} on {}\n",
            deviation.module, deviation.machine
        );
        for line in &deviation.lines {
            let _ = writeln!(question, "  {}", clean(line));
        }
        question.push_str("do it all the same? (y = this one, n = stop) ");
        let answer = self.terminal.ask_amid(&question, &self.stop).await;
        let yes = answer.is_some_and(|word| word.trim().eq_ignore_ascii_case("y"));
        if !yes {
            self.stop.cancel();
        }
        yes
    }
}
