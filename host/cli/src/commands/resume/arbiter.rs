//! Asks a person about commands of which nobody knows whether they ran.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use cellhost_effects::layers::{Arbiter, Question, Verdict};
use cellhost_effects::record::EffectName;
use cellhost_engine::Stop;

use crate::report::{clean, quoted};
use crate::terminal::Terminal;

/// Whoever runs the program: what they said beforehand, else what they say when they are asked.
pub(super) struct Person {
    done: Vec<EffectName>,
    again: Vec<EffectName>,
    terminal: Terminal,
    /// Whether nobody wants to be asked any more.
    stop: Stop,
    /// One question at a time.
    asking: tokio::sync::Mutex<()>,
    open: Mutex<Vec<EffectName>>,
}

impl Person {
    pub(super) fn new(
        done: Vec<EffectName>,
        again: Vec<EffectName>,
        terminal: &Terminal,
        stop: Stop,
    ) -> Self {
        Self {
            done,
            again,
            terminal: terminal.clone(),
            stop,
            asking: tokio::sync::Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// The commands about which nobody said anything.
    pub(super) fn open(&self) -> Vec<EffectName> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.clone()
    }

    async fn asked(&self, question: &Question) -> Verdict {
        let _turn = self.asking.lock().await;
        let words: Vec<String> = question
            .command
            .argv
            .iter()
            .map(|word| quoted(word))
            .collect();
        let mut text = format!(
            "nobody knows whether this ran on {} ({}):\n  $ {}\n",
            question.machine,
            clean(&question.effect.to_string()),
            words.join(" "),
        );
        let choice =
            "did it? [y] yes, it is done; [a] run it again; [n] nobody can say, stop here: ";
        text.push_str(choice);
        loop {
            let answer = self.terminal.ask_amid(&text, &self.stop).await;
            let Some(answer) = answer else {
                return Verdict::Open;
            };
            match answer.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Verdict::Done,
                "a" | "again" => return Verdict::Again,
                "n" | "no" => return Verdict::Open,
                _ => choice.clone_into(&mut text),
            }
        }
    }
}

#[async_trait]
impl Arbiter for Person {
    async fn decide(&self, question: Question) -> Verdict {
        if self.done.contains(&question.effect) {
            return Verdict::Done;
        }
        if self.again.contains(&question.effect) {
            return Verdict::Again;
        }
        let verdict = self.asked(&question).await;
        if verdict == Verdict::Open {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.push(question.effect);
        }
        verdict
    }
}
