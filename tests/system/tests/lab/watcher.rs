//! Watches the command lines and environments of everything that runs, on the machines and on this
//! computer, for secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use cellhost_system_tests::Canaries;

use crate::site::OWN;

const PAUSE: Duration = Duration::from_millis(10);
/// A process that has shown the same so often is looked at only now and then.
const USUAL: u32 = 8;
const SELDOM: u32 = 32;
/// Variables by which programs on machines are given secrets; what they start has them too.
const CARRIERS: [&str; 4] = [
    "MINIO_ROOT_PASSWORD",
    "MYSQL_PWD",
    "REDISCLI_AUTH",
    // How MariaDB tells its own script that gives a new member its data.
    "WSREP_SST_OPT_AUTH",
];

/// Looks until it is dropped. The machines of a lab are containers, so that their processes are among
/// those of this computer.
pub(crate) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What was seen.
#[derive(Default)]
struct Seen {
    programs: BTreeSet<String>,
    /// Where, and what.
    leaks: BTreeSet<(String, String)>,
}

/// A process as it was when it was last looked at.
#[derive(Default)]
struct Known {
    words: Vec<u8>,
    times: u32,
}

impl Watcher {
    /// Begins to look for these.
    pub(crate) fn start(canaries: Arc<Mutex<Canaries>>) -> Self {
        let (seen, stop) = (
            Arc::new(Mutex::new(Seen::default())),
            Arc::new(AtomicBool::new(false)),
        );
        let (sees, stopped) = (seen.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let own = namespace(Path::new("/proc/self"));
            let mut known = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                look(&canaries, own.as_deref(), &mut known, &sees);
                std::thread::sleep(PAUSE);
            }
        });
        Self {
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// Whether a program of this name was seen.
    pub(crate) fn saw(&self, program: &str) -> bool {
        self.seen().programs.contains(program)
    }

    /// What of secrets was seen in what belongs to a lab in this directory, or to nobody knows whom.
    /// Values are not told.
    pub(crate) fn leaks(&self, lab: &Path) -> BTreeSet<String> {
        let lab = lab.display().to_string();
        let seen = self.seen();
        let own = seen.leaks.iter();
        let own = own.filter(|(place, _)| place.is_empty() || place.contains(&lab));
        own.map(|(_, what)| what.clone()).collect()
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(
    canaries: &Mutex<Canaries>,
    own: Option<&Path>,
    known: &mut BTreeMap<u32, Known>,
    sees: &Mutex<Seen>,
) {
    let mut now = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let mut process = known.remove(&pid).unwrap_or_default();
        process.times += 1;
        if process.times < USUAL || process.times.wrapping_add(pid).is_multiple_of(SELDOM) {
            examine(&entry.path(), own, canaries, &mut process, sees);
        }
        now.insert(pid, process);
    }
    *known = now;
}

/// A process that has ended meanwhile has nothing to hide.
fn examine(
    path: &Path,
    own: Option<&Path>,
    canaries: &Mutex<Canaries>,
    process: &mut Known,
    sees: &Mutex<Seen>,
) {
    let Ok(words) = fs::read(path.join("cmdline")) else {
        return;
    };
    if words.is_empty() || words == process.words {
        return;
    }
    let mut leaks = Vec::new();
    let program = program(&words);
    let canaries = canaries.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(what) = canaries.within(&words) {
        leaks.push(format!("the arguments of {program} have {what}"));
    }
    let is_elsewhere = namespace(path).as_deref() != own;
    if is_elsewhere {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        // It may have become another program in between.
        let is_own = environment
            .windows(OWN.len())
            .any(|part| part == OWN.as_bytes());
        let is_same = fs::read(path.join("cmdline")).is_ok_and(|again| again == words);
        if let Some(what) = canaries
            .within(&without_carriers(&environment))
            .filter(|_| is_same && !is_own)
        {
            leaks.push(format!("the environment of {program} has {what}"));
        }
    }
    drop(canaries);
    let place = if leaks.is_empty() {
        String::new()
    } else {
        place(path, is_elsewhere)
    };
    *process = Known { words, times: 0 };
    let mut seen = sees.lock().unwrap_or_else(PoisonError::into_inner);
    seen.programs.insert(program);
    seen.leaks
        .extend(leaks.into_iter().map(|what| (place.clone(), what)));
}

/// Where a process is at home: the disk of its machine, or its directory on this computer.
fn place(process: &Path, is_elsewhere: bool) -> String {
    if is_elsewhere {
        let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
        let mut mounts = mounts.lines();
        let root = mounts.find(|line| line.split(' ').nth(4) == Some("/"));
        return root.unwrap_or_default().to_owned();
    }
    let directory = fs::read_link(process.join("cwd")).unwrap_or_default();
    directory.display().to_string()
}

/// What of an environment has no reason to have a secret in it.
fn without_carriers(environment: &[u8]) -> Vec<u8> {
    let variables = environment.split(|byte| *byte == 0);
    let others = variables.filter(|variable| {
        let name = variable.split(|byte| *byte == b'=').next();
        !CARRIERS
            .iter()
            .any(|carrier| name == Some(carrier.as_bytes()))
    });
    others.collect::<Vec<_>>().join(&0)
}

/// The last part of the path of a program.
fn program(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let first = text.split(['\0', ' ']).next().unwrap_or_default();
    first.rsplit('/').next().unwrap_or_default().to_owned()
}

fn namespace(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/pid")).ok()
}
