use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::super::group::Group;

/// One run, watched.
pub(in super::super) struct Watched {
    /// Whether it ended well.
    pub(in super::super) good: bool,
    /// How long it took.
    pub(in super::super) wall: Duration,
    /// How long the contestant's own processes computed.
    pub(in super::super) controller: Duration,
    /// How long the whole computer computed.
    pub(in super::super) computer: Duration,
    /// The most memory seen, if it was looked at.
    pub(in super::super) peak: Option<u64>,
}

/// Runs a program in a group and watches it.
pub(in super::super) fn watch(
    group: &Group,
    program: &Command,
    log: &Path,
    interval: Duration,
) -> Result<Watched> {
    let ended = AtomicBool::new(false);
    let (controller, computer) = (group.computed()?, computed()?);
    thread::scope(|scope| {
        let scales = scope.spawn(|| weigh(group, interval, &ended));
        let begun = Instant::now();
        let status = group.spawn(program, log).and_then(|mut child| {
            let status = child.wait()?;
            Ok((status.success(), begun.elapsed()))
        });
        let after = group.computed().and_then(|own| Ok((own, computed()?)));
        ended.store(true, Ordering::Relaxed);
        scales.thread().unpark();
        let peak = scales.join().ok().flatten();
        let ((good, wall), (own, all)) = (status?, after?);
        Ok(Watched {
            good,
            wall,
            controller: own.saturating_sub(controller),
            computer: all.saturating_sub(computer),
            peak,
        })
    })
}

/// Looks at a group's memory again and again until it is told that the run is over.
fn weigh(group: &Group, interval: Duration, ended: &AtomicBool) -> Option<u64> {
    let mut peak = None;
    loop {
        thread::park_timeout(interval);
        if ended.load(Ordering::Relaxed) {
            return peak;
        }
        peak = peak.max(Some(group.memory()));
    }
}

/// How long all processors together have computed since the computer was started.
fn computed() -> Result<Duration> {
    let text = fs_err::read_to_string("/proc/stat")?;
    let line = text.lines().next().context("/proc/stat is empty")?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    // User, nice, system; then idle and waiting, which are no computing; then interrupts.
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|at| numbers.get(*at));
    let ticks: u64 = busy.sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Of what `/proc/stat` counts in, a second has so many, on every Linux that people meet.
const TICKS: u64 = 100;
