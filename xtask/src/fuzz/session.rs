//! One target, fuzzed for a while.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::seeds;
use crate::guests::Workshop;
use crate::step;

/// What each input may take: so many bytes, so much memory in megabytes, so many seconds.
const BOUNDS: [&str; 3] = ["-max_len=8192", "-rss_limit_mb=1024", "-timeout=10"];
/// How many lines of what a target wrote are shown where it failed.
const SHOWN: usize = 40;

/// A target that is ready.
pub(super) struct Session {
    name: String,
    program: PathBuf,
    /// What it begins with.
    seeds: PathBuf,
    /// What it keeps from one time to the next.
    corpus: PathBuf,
    /// Where it leaves what it did not withstand.
    left: PathBuf,
    dictionary: PathBuf,
}

/// What came of it.
pub(super) struct Told {
    name: String,
    /// How many inputs were tried.
    pub(super) executions: u64,
    seconds: String,
    /// What was found, in words for whoever mends it.
    pub(super) finding: Option<String>,
}

impl Session {
    /// Lays out what a target needs below `target/fuzz`.
    pub(super) fn prepare(workshop: &Workshop, built: &Path, name: &str) -> Result<Self> {
        let place = |folder: &str| workshop.root().join("target/fuzz").join(folder).join(name);
        let session = Self {
            name: name.to_owned(),
            program: built.join(name),
            seeds: place("seeds"),
            corpus: place("corpus"),
            left: place("findings"),
            dictionary: workshop
                .root()
                .join(format!("fuzz/dictionaries/{name}.dict")),
        };
        seeds::lay_out(workshop.root(), name, &session.seeds)?;
        fs_err::create_dir_all(&session.corpus)?;
        fs_err::create_dir_all(&session.left)?;
        Ok(session)
    }

    /// Tries all that it begins with, then what it makes of that, for so long.
    pub(super) fn run(&self, seconds: u64) -> Result<Told> {
        let begun = Instant::now();
        let mut command = Command::new(&self.program);
        command
            .args(BOUNDS)
            .arg("-print_final_stats=1")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", self.left.display()));
        if self.dictionary.is_file() {
            command.arg(format!("-dict={}", self.dictionary.display()));
        }
        let output = command
            .args([&self.corpus, &self.seeds])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let words = String::from_utf8_lossy(&output.stderr);
        let finding = (!output.status.success()).then(|| {
            let end: Vec<&str> = words.lines().rev().take(SHOWN).collect();
            let end: Vec<&str> = end.into_iter().rev().collect();
            format!(
                "{}\n{} ({})",
                end.join("\n"),
                self.way_back(&words),
                output.status
            )
        });
        Ok(Told {
            name: self.name.clone(),
            executions: executions(&words),
            seconds: step::seconds(begun.elapsed()),
            finding,
        })
    }

    /// How what was found is found again.
    fn way_back(&self, words: &str) -> String {
        let name = &self.name;
        let file = words
            .lines()
            .find_map(|line| line.split("Test unit written to ").nth(1));
        match file {
            Some(file) => format!(
                "found {file}\nagain: cargo xtask fuzz --target {name} --input {file}\n\
                 once it is mended: keep it in fuzz/findings/{name}, as text or as `.hex`"
            ),
            None => format!(
                "it died without a word of what it was given\nagain: cargo xtask fuzz --target {name}"
            ),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            executions,
            seconds,
            finding,
        } = self;
        if let Some(finding) = finding {
            writeln!(formatter, "{finding}")?;
        }
        let word = if finding.is_some() {
            "1 finding"
        } else {
            "no finding"
        };
        write!(
            formatter,
            "fuzz {name}: {executions} executions in {seconds}, {word}"
        )
    }
}

/// What libFuzzer says at its end of how many inputs it tried.
fn executions(words: &str) -> u64 {
    let counts = words
        .lines()
        .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    counts
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_many_inputs_were_tried() {
        let words = "#12 DONE\nstat::number_of_executed_units: 1234\nstat::new_units_added: 5\n";
        assert_eq!(executions(words), 1234);
        assert_eq!(executions("killed"), 0);
    }
}
