//! Watches the command lines of everything that runs, on the machines and on this computer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(2);

/// Looks until it is asked what it saw. The machines of a lab are containers, so that their
/// processes are among those of this computer.
pub(crate) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<BTreeSet<String>>>,
}

impl Watcher {
    /// Begins to look.
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::Relaxed) {
                look(&mut seen);
                std::thread::sleep(PAUSE);
            }
            seen
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Stops and gives every command line that was seen.
    pub(crate) fn seen(mut self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is taken only here");
        thread.join().expect("looking does not fail")
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn look(seen: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process = entry
            .file_name()
            .to_string_lossy()
            .chars()
            .all(|c| c.is_ascii_digit());
        // A process that has ended meanwhile has nothing to hide.
        if let (true, Ok(words)) = (is_process, std::fs::read(entry.path().join("cmdline"))) {
            seen.insert(String::from_utf8_lossy(&words).replace('\0', " "));
        }
    }
}
