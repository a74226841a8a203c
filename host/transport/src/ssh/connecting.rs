//! Bringing up a connection: one ssh, which stays in the background once the machine let it in.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::destination::Destination;
use super::diagnosis::{Progress, reason, refusal};
use super::master::Master;
use crate::Stage;

/// How much longer than ssh itself we wait, so that its own words come first.
const ALLOWANCE: Duration = Duration::from_secs(2);
/// How long ssh's last words may take once it has ended: a jump host's ssh holds on to the pipe.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// The longest that is kept of what ssh says.
const MOST_WORDS: usize = 8 << 10;
/// How often ssh may come to another stage: over many jump hosts, but not for ever, since what a
/// machine has ssh say before anybody is let in may read like progress.
const MOST_STAGES: usize = 64;

/// Connects, or says at which stage and why not. Nothing was asked of the machine then.
pub(super) async fn connect(
    destination: &Destination,
    master: &Master,
) -> Result<LastWords, (Stage, String)> {
    let broken = |reason: String| (Stage::Resolve, reason);
    let known_keys = master.socket().with_extension("keys");
    let _swept = match destination.known_keys() {
        Some(text) => {
            std::fs::write(&known_keys, text).map_err(|error| broken(error.to_string()))?;
            Some(Swept(known_keys.clone()))
        }
        None => None,
    };
    let mut child = Command::new("ssh")
        .args(destination.arguments(master.socket(), &known_keys))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C is for us, and we end what runs on the machine in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| broken(format!("cannot start `ssh`: {error}")))?;
    let errors = child.stderr.take();
    let mut account = Account::new(errors.ok_or_else(|| broken("ssh has no pipes".to_owned()))?);
    let ended = account.follow(&mut child, destination).await;
    match ended {
        Some(true) => Ok(LastWords::of(account)),
        Some(false) => {
            let _ = timeout(LAST_WORDS, account.rest()).await;
            let (stage, reason) = refusal(&account.words, &account.progress, false);
            // A jump host has a key of its own, which is no business of the plan's.
            if stage == Stage::HostKey && account.words.contains(&*known_keys.to_string_lossy()) {
                let place = destination.pinned_at();
                let reason = format!("it does not show the key that is pinned {place}");
                return Err((stage, reason));
            }
            Err((stage, reason))
        }
        None => {
            end(&child);
            Err(refusal(&account.words, &account.progress, true))
        }
    }
}

/// A file that is only there for as long as ssh connects.
struct Swept(PathBuf);

impl Drop for Swept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Ends an ssh and those that it started for jump hosts.
fn end(child: &Child) {
    let process = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = process.and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::TERM);
    }
}

/// What ssh tells while it connects.
struct Account {
    from: ChildStderr,
    /// The beginning of a line whose end is not there yet.
    line: Vec<u8>,
    words: String,
    progress: Progress,
}

impl Account {
    fn new(from: ChildStderr) -> Self {
        Self {
            from,
            line: Vec::new(),
            words: String::new(),
            progress: Progress::default(),
        }
    }

    /// Waits until ssh has ended, which says whether it is connected. None where a stage took
    /// too long.
    async fn follow(&mut self, child: &mut Child, destination: &Destination) -> Option<bool> {
        let patience = |stage| destination.patience(stage) + ALLOWANCE;
        let mut stage = self.progress.stage();
        let mut until = Instant::now() + patience(stage);
        let (mut deaf, mut stages) = (false, 0);
        while stages < MOST_STAGES {
            tokio::select! {
                ended = child.wait() => return Some(ended.is_ok_and(|status| status.success())),
                heard = self.hear(), if !deaf => deaf = !heard,
                () = sleep_until(until) => return None,
            }
            if self.progress.stage() != stage {
                stage = self.progress.stage();
                until = Instant::now() + patience(stage);
                stages += 1;
            }
        }
        None
    }

    /// Takes what is there; false at the end.
    async fn hear(&mut self) -> bool {
        let mut chunk = [0; 4096];
        let Ok(length @ 1..) = self.from.read(&mut chunk).await else {
            return false;
        };
        for byte in chunk.get(..length).unwrap_or_default() {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.take(String::from_utf8_lossy(&line).trim_end());
            } else if self.line.len() < MOST_WORDS {
                self.line.push(*byte);
            }
        }
        true
    }

    fn take(&mut self, line: &str) {
        if !self.progress.observe(line)
            && !line.starts_with("debug1: ")
            && self.words.len() + line.len() < MOST_WORDS
        {
            self.words.push_str(line);
            self.words.push('\n');
        }
    }

    async fn rest(&mut self) {
        while self.hear().await {}
    }
}

/// What an ssh in the background says, which is why it ended.
pub(super) struct LastWords {
    heard: Arc<Mutex<String>>,
    hearing: JoinHandle<()>,
}

impl LastWords {
    fn of(mut account: Account) -> Self {
        let heard = Arc::<Mutex<String>>::default();
        let words = Arc::clone(&heard);
        let hearing = tokio::spawn(async move {
            account.words.clear();
            while account.hear().await {
                let said = std::mem::take(&mut account.words);
                if !said.is_empty() {
                    *words.lock().unwrap_or_else(PoisonError::into_inner) = said;
                }
            }
        });
        Self { heard, hearing }
    }

    /// The last that it said. Waits a little for an ssh that is about to end.
    pub(super) async fn said(&self) -> Option<String> {
        let ended = async {
            while !self.hearing.is_finished() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(LAST_WORDS, ended).await;
        let words = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let words = reason(&words);
        (!words.is_empty()).then_some(words)
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}
