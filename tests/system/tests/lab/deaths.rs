//! Kills cellhost at random moments of real runs, goes on, and holds the machines against those of
//! a run that nobody killed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use cellhost_effects::record::{EffectName, Past, PastEffect, Record};

use crate::chance::Chance;
use crate::history::{self, Session};
use crate::site::{Ran, Site};

/// How many kills there are, where not the usual few.
const KILLS: &str = "CELLHOST_TEST_KILLS";
/// The seed of all moments.
const SEED: &str = "CELLHOST_TEST_SEED";
/// Where a table of all kills is written.
const TABLE: &str = "CELLHOST_TEST_TABLE";

const USUAL_KILLS: usize = 5;
const MACHINES: u16 = 3;
const PATIENCE: Duration = Duration::from_mins(2);
/// The longest time from the record that is waited for to the kill.
const LONGEST_DELAY: usize = 400;
/// How often a run is gone on with at most: once, and once more with answers to what was asked.
const RESUMES: usize = 3;

/// Beginnings of paths that differ after two runs that nobody killed, or whose content tells how
/// often something was tried. Nothing else may differ.
const OTHERWISE: [&str; 14] = [
    // Each lab has its own keys, and each of its machines is another one.
    "etc/machine-id ",
    "etc/ssh/ssh_host_",
    "home/operator/.ssh/authorized_keys ",
    "root/.ssh/authorized_keys ",
    "var/tmp/systemd-private-",
    "tmp/systemd-private-",
    // Random marks by which services and files are told apart; and the lease, which is given back.
    "var/lib/cellhost/",
    // Times in what package managers write about themselves.
    "var/log/",
    "var/cache/",
    "var/lib/dpkg/",
    "var/lib/apt/",
    // Every boot has another one.
    "var/lib/systemd/",
    // What a group's file was before, kept by the group's own tools after each call.
    "etc/group-",
    "etc/gshadow-",
];

/// When cellhost dies.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// The run that founds, or the one after it that changes things.
    run: usize,
    /// So many records are there.
    records: usize,
    /// And so much time has passed since.
    delay: Duration,
}

/// What became of one kill.
struct Fate {
    moment: Moment,
    /// How many records there were.
    records: usize,
    /// The kind of the last of them.
    last: String,
    /// What was in doubt.
    open: BTreeMap<EffectName, PastEffect>,
    /// What was done about it.
    sessions: Vec<Session>,
    /// Whether machines were, in the end, as after runs that nobody killed.
    equal: bool,
}

/// What the plan says in its two runs.
const TEXTS: [&str; 2] = ["old", "new"];

#[test]
fn after_kills_at_random_moments_machines_are_as_after_a_run_that_nobody_killed() -> Result<()> {
    let (mut chance, seed) = Chance::of(SEED)?;
    let kills = match std::env::var(KILLS) {
        Ok(kills) => kills
            .parse()
            .with_context(|| format!("{KILLS} is a number"))?,
        Err(_) => USUAL_KILLS,
    };
    println!("{SEED}={seed} {KILLS}={kills}");
    let (wanted, lengths) = undisturbed()?;
    let all: usize = lengths.iter().sum();
    let mut fates: Vec<Fate> = Vec::new();
    // A test that never interrupts anything shows nothing: what came too late is made up for.
    let too_few = |fates: &[Fate]| {
        let cut_off = fates.iter().filter(|fate| !fate.sessions.is_empty());
        cut_off.count() * 2 <= kills
    };
    while fates.len() < kills || too_few(&fates) && fates.len() < 3 * kills {
        let number = fates.len();
        let mut records = chance.below(all.saturating_sub(2 * lengths.len()));
        let first = lengths.first().copied().unwrap_or(0) - 2;
        let run = usize::from(records >= first);
        records = if run == 0 { records } else { records - first };
        let longest = if number < kills { LONGEST_DELAY } else { 1 };
        let delay = u64::try_from(chance.below(longest))?;
        let moment = Moment {
            run,
            records: records + 1,
            delay: Duration::from_millis(delay),
        };
        let context = || format!("kill {number} of {SEED}={seed}, {moment:?}");
        let fate = struck(moment, &wanted).with_context(context)?;
        println!("{}", fate.row());
        fates.push(fate);
    }
    ensure!(!too_few(&fates), "most kills came too late");
    if let Some(path) = std::env::var_os(TABLE) {
        fs_err::write(PathBuf::from(path), table(&fates, seed, &lengths))?;
    }
    Ok(())
}

/// Machines after both runs, and how many records each run has.
fn undisturbed() -> Result<(Vec<Vec<String>>, Vec<usize>)> {
    let site = Site::up(MACHINES)?;
    let mut lengths = Vec::new();
    for text in TEXTS {
        site.chores(text, "")?;
        site.run(&[], &[])?.ends_with(0);
        let record = history::newest(&site.runs())?.context("a record")?;
        lengths.push(history::lines(&record)?);
    }
    Ok((disks(&site)?, lengths))
}

/// Kills one run, goes on with it, and looks what the machines are like in the end.
fn struck(moment: Moment, wanted: &[Vec<String>]) -> Result<Fate> {
    let site = Site::up(MACHINES)?;
    let mut fate = None;
    for (run, text) in TEXTS.into_iter().enumerate() {
        site.chores(text, "")?;
        if run == moment.run {
            fate = Some(survived(&site, moment)?);
        } else {
            site.run(&[], &[])?.ends_with(0);
        }
    }
    let mut fate = fate.context("one of the runs is killed")?;
    fate.hold(&site)?;
    let found = disks(&site)?;
    for (machine, (found, wanted)) in (1..).zip(found.iter().zip(wanted)) {
        let more: Vec<_> = found.iter().filter(|line| !wanted.contains(line)).collect();
        let less: Vec<_> = wanted.iter().filter(|line| !found.contains(line)).collect();
        let done = site.on(machine, "tail -n +1 /var/lib/chores/ledger /run/chores")?;
        ensure!(
            found == wanted,
            "m{machine} has {more:#?} instead of {less:#?}; {done}"
        );
        let starts = site.on(machine, "cat /var/lib/chores/starts")?;
        ensure!(starts.lines().eq(TEXTS), "m{machine} started with {starts}");
        let active = site.does(machine, "systemctl is-active --quiet chores")?;
        ensure!(active, "m{machine} has no service");
    }
    fate.equal = found.len() == wanted.len();
    let again = site.run(&["--format", "json"], &[])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    Ok(fate)
}

/// Kills the run that is due, and goes on until it came to its end.
fn survived(site: &Site, moment: Moment) -> Result<Fate> {
    let path = killed(site, moment)?;
    let record = Record::read(&path)?;
    let last = record.lines.last().context("a record")?.kind.clone();
    let open = history::doubtful(&Past::of(&record)?);
    let records = record.lines.len();
    if last != "end" {
        gone_on_with(site)?;
    }
    let sessions = history::sessions(&Record::read(&path)?)?;
    Ok(Fate {
        moment,
        records,
        last,
        open,
        sessions,
        equal: false,
    })
}

/// Begins a run and kills it; where its record is.
fn killed(site: &Site, moment: Moment) -> Result<PathBuf> {
    let before = history::newest(&site.runs())?;
    let mut run = site.begin(&[])?;
    let end = Instant::now() + PATIENCE;
    let path = loop {
        let newest = history::newest(&site.runs())?;
        if let Some(path) = newest.filter(|path| before.as_ref() != Some(path))
            && (history::lines(&path)? >= moment.records || run.try_wait()?.is_some())
        {
            break path;
        }
        if Instant::now() > end {
            run.kill()?;
            bail!("so many records never come");
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    std::thread::sleep(moment.delay);
    run.kill()?;
    run.wait()?;
    Ok(path)
}

/// Goes on with a run, and answers what is asked about by looking at the machines.
fn gone_on_with(site: &Site) -> Result<()> {
    let mut answers = Vec::new();
    for _ in 0..RESUMES {
        let mut words = vec!["resume".to_owned()];
        words.append(&mut answers);
        let ran = resumed(site, &words)?;
        if ran.code == Some(0) {
            return Ok(());
        }
        answers = answered(site, &ran)?;
        ensure!(!answers.is_empty(), "it asks nothing: {}", ran.written());
    }
    bail!("it does not come to its end");
}

/// Runs the program to its end with these words.
fn resumed(site: &Site, words: &[String]) -> Result<Ran> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ran::of(&site.cellhost(&words, &[]).output()?)
}

/// What an operator says who looks whether each chore was done that is asked about.
pub(crate) fn answered(site: &Site, ran: &Ran) -> Result<Vec<String>> {
    let path = history::newest(&site.runs())?.context("a record")?;
    let open = history::doubtful(&Past::of(&Record::read(&path)?)?);
    let mut answers = Vec::new();
    for (name, effect) in open {
        let asked = format!("--assume-done {name}`");
        if !ran.stderr.contains(&asked) {
            continue;
        }
        let words = history::command(&effect);
        let [_, verb, chore] = words.as_slice() else {
            bail!("{name} is no chore: {words:?}");
        };
        let number = effect.machine.as_str().trim_start_matches('m').parse()?;
        let look = format!("grep -qsxF '{verb} {chore}' /var/lib/chores/ledger");
        let answer = if site.does(number, &look)? {
            "--assume-done"
        } else {
            "--do-again"
        };
        answers.extend([answer.to_owned(), name.to_string()]);
    }
    Ok(answers)
}

/// The disks of all machines, without what may differ.
fn disks(site: &Site) -> Result<Vec<Vec<String>>> {
    let mut disks = Vec::new();
    for machine in site.lab.machines() {
        let mut lines = site.lab.fingerprint(machine)?.differences;
        lines.retain(|line| !OTHERWISE.iter().any(|path| line.starts_with(path)));
        disks.push(lines);
    }
    Ok(disks)
}

impl Fate {
    /// Nothing that had come about was sent again: neither by the record nor by what machines counted.
    fn hold(&self, site: &Site) -> Result<()> {
        for session in &self.sessions {
            ensure!(session.twice.is_empty(), "sent twice: {:?}", session.twice);
        }
        for machine in 1..=MACHINES {
            let calls = site.on(machine, "grep -v ^ended /run/chores | sort | uniq -c")?;
            for call in calls.lines() {
                let mut words = call.split_whitespace();
                let count: usize = words.next().context("a number")?.parse()?;
                let (verb, chore) = (words.next().unwrap_or_default(), words.next());
                let name = format!("m{machine}");
                let was_open = self.open.values().any(|effect| {
                    let words = history::command(effect);
                    effect.machine.as_str() == name
                        && (words.get(2).map(String::as_str) == chore || verb == "make")
                });
                // Only what says of itself that it does no harm, and was open, may come twice; what
                // is made once is ended when its shell is.
                let most = match verb {
                    "put" | "make" if was_open => 2,
                    _ => 1,
                };
                ensure!(count <= most, "m{machine} was called: {calls}");
            }
        }
        Ok(())
    }

    /// A row of the table.
    fn row(&self) -> String {
        let sum = |count: fn(&Session) -> usize| self.sessions.iter().map(count).sum::<usize>();
        let open: Vec<String> = self
            .open
            .iter()
            .map(|(name, effect)| {
                let words = history::command(effect);
                let what = words.get(1).map_or(effect.verb.as_str(), String::as_str);
                format!("{what} on {} (`{name}`)", effect.machine)
            })
            .collect();
        let happened =
            |told: &BTreeMap<EffectName, bool>| told.values().filter(|did| **did).count();
        let told = |all: usize, did: usize| match all {
            0 => "–".to_owned(),
            _ => format!("{all}, {did} had happened"),
        };
        let (mut verified, mut verified_done, mut asked, mut asked_done) = (0, 0, 0, 0);
        for session in &self.sessions {
            verified += session.verified.len();
            verified_done += happened(&session.verified);
            asked += session.asked.len();
            asked_done += happened(&session.asked);
        }
        format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            if self.moment.run == 0 {
                "founding"
            } else {
                "change"
            },
            self.records,
            self.last,
            if open.is_empty() {
                "–".to_owned()
            } else {
                open.join(", ")
            },
            sum(|session| session.answered),
            told(verified, verified_done),
            told(asked, asked_done),
            sum(|session| session.again.len()),
            sum(|session| session.anew),
            if self.equal { "yes" } else { "no" },
            sum(|session| session.twice.len()),
        )
    }
}

/// All kills as a part of a page.
fn table(fates: &[Fate], seed: u64, lengths: &[usize]) -> String {
    let mut text = format!(
        "A run that founds ({} records) and one that changes what is there ({} records), on {MACHINES} \
         machines of a lab; {} kills at\nmoments that grew from the seed {seed}. A run that had ended \
         by then has nothing open and nothing to go on with.\n\n",
        lengths.first().copied().unwrap_or_default(),
        lengths.get(1).copied().unwrap_or_default(),
        fates.len(),
    );
    text.push_str(
        "| killed in | records | the last one | open | answered from the record | verified | asked \
         | sent again, in doubt | sent first | equal | twice |\n\
         |---|---:|---|---|---:|---|---|---:|---:|---|---:|\n",
    );
    for fate in fates {
        let _ = writeln!(text, "{}", fate.row());
    }
    text
}
