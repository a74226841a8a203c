//! A connection that stands: an ssh in the background, spoken to over its control socket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use openssh::{Session, Stdio};
use openssh_mux_client::{Connection, Error};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::{sleep, timeout};

use crate::shell::Pipes;

/// How long a master may take to answer what it answers by itself.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a master of ours that was told to end may take.
pub(super) const PARTING: Duration = Duration::from_secs(2);

/// A connection that stands, known by its control socket.
#[derive(Debug, Clone)]
pub(super) struct Master(PathBuf);

/// How a master is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers.
    Alive,
    /// It is there and says nothing.
    Hung,
    /// Nobody listens at its socket.
    Gone,
}

impl Master {
    /// The master at this socket, whether there is one or not.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self(socket)
    }

    /// Its control socket.
    pub(super) fn socket(&self) -> &Path {
        &self.0
    }

    /// Asks how it is; the machine has no part in that.
    pub(super) async fn health(&self) -> Health {
        self.health_within(ANSWER).await
    }

    /// The same, for whoever cannot wait so long.
    pub(super) async fn health_within(&self, patience: Duration) -> Health {
        match timeout(patience, self.process()).await {
            Ok(Ok(_)) => Health::Alive,
            Ok(Err(_)) => Health::Gone,
            Err(_) => Health::Hung,
        }
    }

    async fn process(&self) -> Result<Option<Pid>, Error> {
        let mut connection = Connection::connect(&self.0).await?;
        let process = connection.send_alive_check().await?;
        Ok(i32::try_from(process.get()).ok().and_then(Pid::from_raw))
    }

    /// Runs a command on the machine.
    pub(super) async fn session(&self, command: &str) -> Result<Pipes, openssh::Error> {
        let socket = self.0.clone().into_boxed_path();
        let session = Arc::new(Session::resume_mux(socket, None));
        let mut child = session
            .arc_raw_command(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await?;
        let (Some(input), Some(output), Some(errors)) = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) else {
            return Err(openssh::Error::Disconnected);
        };
        Ok(Pipes {
            input: Box::new(input),
            output: Box::new(output),
            errors: Box::new(errors),
            keeper: Box::new(child),
            gate: None,
        })
    }

    /// Tells it to take no more sessions and to end with its last one, and waits so long for its
    /// end. A session of another run goes on. One that does not answer is killed.
    pub(super) async fn dismiss(&self, patience: Duration) {
        match timeout(ANSWER, self.stop()).await {
            Ok(Ok(Some(process))) => ended(process, patience).await,
            Ok(_) => {}
            Err(_) => self.kill(),
        }
        let _ = std::fs::remove_file(&self.0);
    }

    async fn stop(&self) -> Result<Option<Pid>, Error> {
        let process = self.process().await?;
        let mut connection = Connection::connect(&self.0).await?;
        connection.request_stop_listening().await?;
        Ok(process)
    }

    /// Ends the ssh that was started with this socket: it cannot be asked who it is.
    pub(super) fn kill(&self) {
        let Some(socket) = self.0.to_str() else {
            return;
        };
        let wanted = format!("ControlPath={socket}");
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.parse().ok());
            let Some(process) = process.and_then(Pid::from_raw) else {
                continue;
            };
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let mut words = words.split(|byte| *byte == 0);
            if words.any(|word| word == wanted.as_bytes()) {
                tracing::debug!(socket, "killing an ssh that hangs");
                let _ = kill_process(process, Signal::KILL);
            }
        }
    }
}

/// Waits until a process is gone, or for as long as that may take.
async fn ended(process: Pid, patience: Duration) {
    let wait = async {
        let mut pause = Duration::from_millis(1);
        while test_kill_process(process).is_ok() && !is_zombie(process) {
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    };
    let _ = timeout(patience, wait).await;
}

/// Whether a process has ended and nobody has asked how; what adopted ours may take its time.
fn is_zombie(process: Pid) -> bool {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('Z'))
}
