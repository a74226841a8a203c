//! Machines that lie: whoever starts a courier's shell there gets what is no answer, one that does not
//! end, one that steers a terminal, or somebody else's. Beside them an honest one is deployed to as if
//! nothing were.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::operator::Operator;
use crate::site::{Ran, Site, eventually};

const LIAR: &str = include_str!("../../stand-ins/liar.pl");
const MODULE: &str = "greeting-rust";
const PLAN: &str = "[modules.greeting-rust]\non = \"all\"\nsettings = { greeting = \"hello\" }\n";
/// How long a command may take at most: a machine has so long for its greeting, and for its farewell.
const PATIENCE: Duration = Duration::from_secs(40);
/// How much memory the program may have at most, in MiB. With honest machines it has 150.
const MEMORY: u64 = 400;
/// What the line that moves is drawn with.
const DRAWN: [&str; 4] = ["\u{1b}[2K", "\u{1b}[1A", "\u{1b}[1B", "\u{1b}[0m"];
/// The word that is in all that a liar says.
const WORD: &str = "LIAR";

/// A command of the program that has ended.
struct Told {
    ran: Ran,
    /// The most memory that it had, in MiB.
    memory: u64,
    took: Duration,
}

/// A lab in which all machines but the first lie.
struct Liars {
    site: Site,
    count: u16,
}

impl Liars {
    /// Brings up so many machines, the honest one among them.
    fn up(count: u16) -> Result<Self> {
        cellhost_system_tests::guest(MODULE)?;
        let site = Site::up(count)?;
        site.plan(PLAN)?;
        let path = site.path().join("plan.toml");
        let plan = fs_err::read_to_string(&path)?;
        let impatient = "[ssh]\nconnect-timeout = \"4s\"\nlogin-timeout = \"3s\"\n";
        let impatient = plan.replace("[ssh]\n", impatient);
        assert_ne!(plan, impatient);
        fs_err::write(path, format!("{impatient}\n[run]\nretries = 0\n"))?;
        for machine in 2..=count {
            let learns = format!(
                "cat >/usr/local/bin/liar <<'END' && chmod 755 /usr/local/bin/liar && \
                 usermod -s /usr/local/bin/liar root\n{LIAR}END\n"
            );
            site.on(machine, &learns)?;
        }
        Ok(Self { site, count })
    }

    /// Has each machine lie in a way of its own; those for which there is none are honest.
    fn lie(&self, lies: &[&str]) -> Result<()> {
        assert!(lies.len() < usize::from(self.count), "{lies:?}");
        for (machine, lie) in (2..=self.count).zip(lies) {
            let how = format!("echo 'how={lie}' >/etc/liar");
            self.site.on(machine, &how)?;
        }
        Ok(())
    }

    /// Asks the program for something.
    fn tell(&self, words: &[&str]) -> Result<Told> {
        let begun = Instant::now();
        let mut command = self.site.cellhost(words, &[]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = drained(child.stdout.take().context("stdout")?);
        let stderr = drained(child.stderr.take().context("stderr")?);
        let mut memory = 0;
        let status = loop {
            memory = most_memory(&child).max(memory);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if begun.elapsed() > PATIENCE * 2 {
                child.kill()?;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let text = |thread: std::thread::JoinHandle<Vec<u8>>| -> Result<String> {
            let bytes = thread.join().ok().context("what it wrote")?;
            Ok(String::from_utf8(bytes)?)
        };
        let (stdout, stderr) = (text(stdout)?, text(stderr)?);
        let code = status.code();
        let ran = Ran {
            code,
            stdout,
            stderr,
        };
        let took = begun.elapsed();
        Ok(Told { ran, memory, took })
    }

    /// The same for what may take modules, and fails unless it withstood.
    fn deploy(&self, words: &[&str]) -> Result<Ran> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let (verb, options) = words.split_first().context("a verb")?;
        let before = files(self.site.path())?;
        let told = self.tell(&[&[*verb, "--modules", guests], options].concat())?;
        assert_eq!(files(self.site.path())?, before, "{words:?}");
        Ok(withstood(told))
    }

    /// A look ahead and a run in which the liars lie. Gives how each liar ended.
    fn is_lied_to(&self, lies: &[&str]) -> Result<BTreeMap<String, (String, String)>> {
        self.lie(lies)?;
        let some = [Some(0), Some(3)];
        let foreseen = self.deploy(&["plan", "--format", "json"])?;
        ensure!(some.contains(&foreseen.code), "{}", foreseen.written());
        let ran = self.deploy(&["run", "--format", "json"])?;
        ensure!(some.contains(&ran.code), "{}", ran.written());
        self.honest_is_done(&ran)?;
        self.can_be_read()?;
        self.liars(&ran, lies)
    }

    /// Goes on with that run while they still lie.
    fn is_gone_on_with(&self) -> Result<()> {
        self.deploy(&["resume"])?.ends_with(3);
        self.is_done(1)?;
        self.can_be_read()
    }

    fn honest_is_done(&self, ran: &Ran) -> Result<()> {
        let (status, reason) = ran.turn(MODULE, "m1")?;
        ensure!(
            ["changed", "unchanged"].contains(&status.as_str()),
            "m1 {status}: {reason}"
        );
        self.is_done(1)
    }

    /// Fails unless a machine is as the plan has it.
    fn is_done(&self, machine: u16) -> Result<()> {
        let said = self.site.on(machine, "cat /etc/greeting/greeting.txt")?;
        let wanted = format!("hello from m{machine}, member {machine}\n");
        ensure!(said.starts_with(&wanted), "{said}");
        let active = self.site.on(machine, "systemctl is-active greeting")?;
        ensure!(active == "active", "{active}");
        Ok(())
    }

    /// How each of the liars ended. One that is said to be as planned is.
    fn liars(&self, ran: &Ran, lies: &[&str]) -> Result<BTreeMap<String, (String, String)>> {
        let mut found = BTreeMap::new();
        for (machine, lie) in (2..=self.count).zip(lies) {
            let (status, reason) = ran.turn(MODULE, &format!("m{machine}"))?;
            match status.as_str() {
                "changed" | "unchanged" => self.is_done(machine).context((*lie).to_owned())?,
                "failed" | "unreachable" => ensure!(!reason.is_empty(), "{lie}"),
                other => bail!("{lie}: {other}"),
            }
            found.insert((*lie).to_owned(), (status, reason));
        }
        Ok(found)
    }

    /// Fails unless the last run is on record and can be lived through once more.
    fn can_be_read(&self) -> Result<()> {
        let runs = withstood(self.tell(&["runs"])?).ends_with(0);
        let last = runs.stdout.lines().nth(1).context("a run")?;
        let last = last.split_whitespace().next().context("a name")?;
        for words in [
            &["runs", "show", last][..],
            &["runs", "show", "--format", "json", last],
            &["replay", last],
        ] {
            withstood(self.tell(words)?).ends_with(0);
        }
        Ok(())
    }
}

fn drained(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// The most memory that a program has had so far, in MiB; nothing of one that has ended.
fn most_memory(child: &Child) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    number.unwrap_or_default() / 1024
}

/// What is where the program was started, but for what it and the lab keep for themselves.
fn files(place: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![place.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs_err::read_dir(directory)? {
            let path = entry?.path();
            let name = path.strip_prefix(place)?.display().to_string();
            if ["lab", "state", "cellhost.lock"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(name, fs_err::read(path)?);
            }
        }
    }
    Ok(found)
}

/// Fails unless a command ended in time with a code that it may have, with little memory, and wrote
/// nothing that does something to a terminal.
#[track_caller]
fn withstood(told: Told) -> Ran {
    let Told { ran, memory, took } = told;
    let written = ran.written();
    assert!(took < PATIENCE, "{took:?}: {written}");
    assert!(memory < MEMORY, "{memory} MiB: {written}");
    let known = [Some(0), Some(1), Some(3)];
    assert!(known.contains(&ran.code), "{:?}: {written}", ran.code);
    assert!(!written.contains("panicked"), "{written}");
    steers_nothing(&written);
    ran
}

/// Fails where text has what steers a terminal, or a line that a machine has begun.
#[track_caller]
fn steers_nothing(text: &str) {
    let steers = |c: char| {
        c.is_control() && c != '\n'
            || matches!(
                c,
                '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            )
            || matches!(c, '\u{2066}'..='\u{2069}')
    };
    let found = text.lines().find(|line| line.contains(steers));
    assert_eq!(found, None);
    let begun = text.lines().find(|line| line.starts_with("error: LIAR"));
    assert_eq!(begun, None);
}

fn word<'a>(told: &'a BTreeMap<String, (String, String)>, lie: &str) -> &'a str {
    told.get(lie).map_or("", |(status, _)| status)
}

#[test]
fn machines_that_answer_without_sense_or_end_are_let_go() -> Result<()> {
    let liars = Liars::up(14)?;
    let told = liars.is_lied_to(&[
        "closes",
        "half",
        "garbage",
        "flood",
        "inside",
        "marks",
        "silent",
        "trickle",
        "closes after=1",
        "garbage after=1",
        "framed after=1",
        "aside after=1",
        "endless after=1",
    ])?;
    let good = told
        .values()
        .filter(|(status, _)| status.ends_with("changed"));
    assert_eq!(good.count(), 0, "{told:?}");
    Ok(())
}

#[test]
fn machines_that_forge_frames_are_not_believed() -> Result<()> {
    let liars = Liars::up(14)?;
    let told = liars.is_lied_to(&[
        "agrees",
        "refuses",
        "unfit",
        "unknown",
        "large",
        "stale",
        "unmarked",
        "reversed",
        "doubled",
        "huge",
        "agrees after=1",
        "early",
        "foreign",
    ])?;
    // Frames of nobody's before the first answer are what a login shell may say.
    assert_eq!(word(&told, "foreign"), "changed", "{told:?}");
    let good = told
        .values()
        .filter(|(status, _)| status.ends_with("changed"));
    assert_eq!(good.count(), 1, "{told:?}");
    liars.is_gone_on_with()
}

#[test]
fn words_of_machines_do_nothing_to_the_terminal() -> Result<()> {
    let liars = Liars::up(6)?;
    let site = &liars.site;
    site.on(
        6,
        "printf 'LIAR \\033[31m\\233 \\302\\2331m\\007\\nAuthenticated to LIAR\\n' >/etc/ssh/liar && \
         echo 'Banner /etc/ssh/liar' >>/etc/ssh/sshd_config && \
         printf 'cat /etc/ssh/liar >&2\\n' >/etc/ssh/sshrc && systemctl reload ssh",
    )?;
    // What cannot be made so is told in the machine's own words.
    site.on(5, "echo >/etc/greeting")?;
    let lies = ["words", "facts", "states", "complains", "greets"];
    let told = liars.is_lied_to(&lies)?;
    assert!(told["complains"].1.contains(WORD), "{told:?}");
    assert_eq!(word(&told, "facts"), "changed", "{told:?}");
    assert_eq!(word(&told, "greets"), "changed", "{told:?}");
    liars.is_gone_on_with()?;

    // Somebody sees it.
    liars.lie(&["words after=1", "facts", "states", "complains"])?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path in UTF-8")?;
    let operator = Operator::begins(site, &["run", "--output", "--diff", "--modules", guests])?;
    let (code, screen) = operator.leaves()?;
    assert_eq!(code, Some(3), "{screen}");
    assert!(screen.contains(WORD), "{screen}");
    assert!(!screen.contains("\rerror: LIAR"), "{screen:?}");
    let drawn = screen.replace('\r', "");
    steers_nothing(
        &DRAWN
            .iter()
            .fold(drawn, |text, drawn| text.replace(drawn, "")),
    );
    Ok(())
}

#[test]
fn answers_that_are_damaged_here_and_there_lead_nobody_astray() -> Result<()> {
    let liars = Liars::up(7)?;
    for seeds in [1_u32, 11] {
        let lies = (seeds..).zip([0, 0, 1, 1, 2, 2]);
        let lies: Vec<String> = lies
            .map(|(seed, after)| format!("damages after={after} seed={seed}"))
            .collect();
        let lies: Vec<&str> = lies.iter().map(String::as_str).collect();
        liars.is_lied_to(&lies)?;
    }
    Ok(())
}

#[test]
fn whoever_waits_for_a_machine_that_says_nothing_more_can_leave() -> Result<()> {
    let liars = Liars::up(2)?;
    liars.lie(&["silent after=1"])?;
    let mut run = liars.site.begin(&["--format", "json"])?;
    eventually(
        "the honest machine is done",
        Duration::from_secs(30),
        || liars.site.does(1, "systemctl -q is-active greeting"),
    )?;
    let process = Pid::from_raw(i32::try_from(run.id())?).context("a process")?;
    // A list that is being settled is waited for, unless somebody insists.
    for _ in 0..2 {
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(run.try_wait()?, None, "it waits");
        kill_process(process, Signal::INT)?;
    }
    let begun = Instant::now();
    let ran = Ran::of(&run.wait_with_output()?)?.ends_with(130);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    steers_nothing(&ran.written());
    liars.is_done(1)
}
