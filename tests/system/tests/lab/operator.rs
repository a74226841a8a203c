//! Somebody at a terminal: sees what the program shows there, and types.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::site::Site;

const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// An operator who has begun a command.
pub(crate) struct Operator {
    terminal: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    /// How much of the screen was read.
    read: usize,
}

impl Operator {
    /// Types a command of the program.
    pub(crate) fn begins(site: &Site, words: &[&str]) -> Result<Self> {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let program = cellhost_system_tests::program()?;
        let typed = format!("'{}' {}", program.display(), quoted.join(" "));
        // `script` lends a terminal, and hands on what is typed here.
        let mut terminal = site
            .elsewhere(&["script", "-qec", &typed, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let keys = terminal.stdin.take().context("keys")?;
        let mut shown = terminal.stdout.take().context("a screen")?;
        let screen = Arc::new(Mutex::new(Vec::new()));
        let seen = screen.clone();
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = shown.read(&mut chunk) {
                let chunk = chunk.get(..length).unwrap_or_default();
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.extend_from_slice(chunk);
            }
        });
        Ok(Self {
            terminal,
            keys,
            screen,
            reader: Some(reader),
            read: 0,
        })
    }

    /// Everything that was shown so far.
    pub(crate) fn screen(&self) -> String {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&screen).into_owned()
    }

    /// Waits until these words are shown behind those that were read before, and gives what is new
    /// up to there.
    pub(crate) fn reads(&mut self, words: &str) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            let rest = screen.get(self.read..).unwrap_or_default();
            if let Some(at) = rest.find(words) {
                let upto = at + words.len();
                let new = rest.get(..upto).unwrap_or_default().to_owned();
                self.read += upto;
                return Ok(new);
            }
            if Instant::now() > end {
                bail!("no `{words}` is shown: {screen}");
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) -> Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Waits for the end of the command: its code, and all that was shown.
    pub(crate) fn leaves(mut self) -> Result<(Option<i32>, String)> {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.terminal.try_wait()? {
                break status;
            }
            if Instant::now() > end {
                bail!("it does not end: {}", self.screen());
            }
            std::thread::sleep(PAUSE);
        };
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        Ok((status.code(), self.screen()))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Nothing is left of it when a test fails in the middle.
        let _ = self.terminal.kill();
        let _ = self.terminal.wait();
    }
}
