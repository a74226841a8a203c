//! What runs inside the lab's network: the rounds.

mod commands;
mod hand;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::contestant::{Contestant, Half};
use super::fleet::Order;
use super::group::Group;
use super::inspection::{self, Finding};
use super::job::Job;
use super::sample::{Sample, Samples};
use crate::guests::Workshop;
use crate::step::{seconds, succeed};
use commands::Commands;
use hand::Hand;
use watch::Watched;
pub(super) use watch::watch;

/// How often memory is looked at while times are taken, which costs next to nothing.
const SELDOM: Duration = Duration::from_secs(1);
/// How often it is looked at in the runs whose times do not count.
const CLOSELY: Duration = Duration::from_millis(20);

/// Measures what a file orders.
pub(super) fn run(file: &Path) -> Result<()> {
    let order: Order = serde_json::from_str(&fs_err::read_to_string(file)?)?;
    let bout = Bout::new(&order)?;
    let mut samples = Samples::default();
    bout.half(Half::First, &mut samples)?;
    bout.half(Half::NoOp, &mut samples)?;
    bout.weigh(&mut samples)?;
    fs_err::write(&order.answer, serde_json::to_string(&samples)?)?;
    Ok(())
}

/// The contestants, and the machines that they meet on.
struct Bout<'a> {
    order: &'a Order,
    commands: Commands<'a>,
    hand: Hand,
    groups: BTreeMap<Contestant, Group>,
    wanted: BTreeMap<String, String>,
}

impl<'a> Bout<'a> {
    fn new(order: &'a Order) -> Result<Self> {
        let job = Job::load(&Workshop::here()?)?;
        let commands = Commands::new(order, &job)?;
        let hand = Hand::new(order, &job, commands.configuration())?;
        let mut groups = BTreeMap::new();
        for (number, contestant) in order.contestants.iter().enumerate() {
            groups.insert(*contestant, Group::new(&number.to_string())?);
        }
        let mut wanted = BTreeMap::new();
        for machine in &order.machines {
            wanted.insert(machine.name.clone(), inspection::wanted(&job, machine)?);
        }
        Ok(Self {
            order,
            commands,
            hand,
            groups,
            wanted,
        })
    }

    fn size(&self) -> u16 {
        u16::try_from(self.order.machines.len()).unwrap_or(u16::MAX)
    }

    /// Lets everybody do one half of the job in turns, round after round.
    fn half(&self, half: Half, samples: &mut Samples) -> Result<()> {
        let rounds =
            |contestant: Contestant| contestant.rounds(half, self.size(), self.order.short);
        if half == Half::NoOp {
            // Whoever was last may have left nothing, or have been left out.
            self.prepare()?;
        }
        let most = self.order.contestants.iter().map(|one| rounds(*one)).max();
        for round in 0..most.unwrap_or(0) {
            for contestant in &self.order.contestants {
                if round < rounds(*contestant) {
                    let watched = self.play(*contestant, half, SELDOM)?;
                    // What is over within a few looks is weighed later.
                    let peak = watched.peak.filter(|_| !contestant.is_quick());
                    samples.push(self.sample(*contestant, half, &watched, peak, true));
                }
            }
        }
        Ok(())
    }

    /// Has the whole job done, so that there is nothing left to change.
    fn prepare(&self) -> Result<()> {
        self.hand.remove()?;
        self.hand.put()?;
        self.inspect().map(drop)
    }

    /// Lets the quick ones run once more, for their memory alone.
    fn weigh(&self, samples: &mut Samples) -> Result<()> {
        for contestant in &self.order.contestants {
            if contestant.is_quick() {
                let watched = self.play(*contestant, Half::NoOp, CLOSELY)?;
                let sample = self.sample(*contestant, Half::NoOp, &watched, watched.peak, false);
                samples.push(sample);
            }
        }
        Ok(())
    }

    /// One run of one contestant, with all that has to be before and after.
    fn play(&self, contestant: Contestant, half: Half, interval: Duration) -> Result<Watched> {
        let group = self
            .groups
            .get(&contestant)
            .context("a contestant without a group")?;
        let command = self.commands.of(contestant, half)?;
        let log = self.order.place.join("last.log");
        if contestant.is_warm() {
            // Makes the connections, or finds that they stand.
            let before = watch(group, &command, &log, SELDOM)?;
            ensure!(before.good, "{contestant} cannot warm up: {}", tail(&log));
        }
        let before = match half {
            Half::First => {
                self.hand.remove()?;
                None
            }
            Half::NoOp => Some(self.inspect()?),
        };
        // Nobody pays for what others left to be written.
        succeed(&mut Command::new("sync"))?;
        let watched = watch(group, &command, &log, interval)?;
        ensure!(
            watched.good,
            "{contestant}, {half}: it did not end well: {}",
            tail(&log)
        );
        if !contestant.is_warm() {
            group.kill()?;
            self.commands.forget(contestant)?;
        }
        let after = self
            .inspect()
            .with_context(|| format!("{contestant}, {half}"))?;
        if before.is_some_and(|before| before != after) {
            bail!("{contestant} changed something where there was nothing to change");
        }
        eprintln!(
            "   {contestant}, {half}: {} (controller {})",
            seconds(watched.wall),
            seconds(watched.controller)
        );
        Ok(watched)
    }

    /// Looks at every machine; fails where one is not as the job wants it.
    fn inspect(&self) -> Result<BTreeMap<String, Finding>> {
        let findings = self.hand.inspect()?;
        for (machine, finding) in &findings {
            let wanted = self.wanted.get(machine).context("an unknown machine")?;
            finding.expect(wanted).with_context(|| machine.clone())?;
        }
        Ok(findings)
    }

    fn sample(
        &self,
        contestant: Contestant,
        half: Half,
        watched: &Watched,
        peak: Option<u64>,
        timed: bool,
    ) -> Sample {
        Sample {
            contestant,
            half,
            machines: self.size(),
            wall: watched.wall.as_secs_f64(),
            controller: watched.controller.as_secs_f64(),
            computer: watched.computer.as_secs_f64(),
            peak,
            timed,
        }
    }
}

/// The end of what a contestant wrote.
pub(super) fn tail(log: &Path) -> String {
    let text = fs_err::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(30);
    lines.get(from..).unwrap_or_default().join("\n")
}
