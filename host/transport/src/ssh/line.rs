//! A shell on a machine, through the connection that stands or a new one.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use openssh::Session;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::control::ControlDirectory;
use super::destination::Destination;
use super::diagnosis::diagnose;
use crate::shell::{Failure, Line, Pipes};
use crate::{CourierError, Stage};

/// How long a connection that stands may take to give another session.
const REVIVAL: Duration = Duration::from_secs(5);

/// The way to a machine over ssh.
pub(super) struct SshLine {
    machine: MachineName,
    destination: Destination,
    control: Option<PathBuf>,
    gate: Arc<Semaphore>,
}

impl SshLine {
    /// Makes the way to a machine; `gate` limits how many connections come up at once.
    pub(super) fn new(
        machine: MachineName,
        destination: Destination,
        control: Option<&ControlDirectory>,
        gate: Arc<Semaphore>,
    ) -> Self {
        let control = control.map(|control| control.socket(&destination.key()));
        Self {
            machine,
            destination,
            control,
            gate,
        }
    }

    /// A session of the connection that stands, if one does. One that does not answer is let go
    /// of, so that a new one can take its place.
    async fn warm(&self) -> Option<Pipes> {
        let control = self.control.as_ref()?;
        if !control.exists() {
            return None;
        }
        let limit = REVIVAL.min(self.destination.connect_timeout);
        match timeout(limit, self.session(control.clone())).await {
            Ok(Ok(pipes)) => return Some(pipes),
            Ok(Err(error)) => {
                tracing::debug!(machine = %self.machine, %error, "control socket is stale");
            }
            Err(_) => tracing::debug!(machine = %self.machine, "control socket is silent"),
        }
        self.abandon(control).await;
        None
    }

    async fn session(&self, control: PathBuf) -> Result<Pipes, openssh::Error> {
        let session = Arc::new(Session::resume_mux(control.into_boxed_path(), None));
        let mut child = session
            .arc_raw_command(self.destination.command())
            .stdin(openssh::Stdio::piped())
            .stdout(openssh::Stdio::piped())
            .stderr(openssh::Stdio::piped())
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

    /// Tells a master that does not serve to end, and frees its place whether it listens or not.
    async fn abandon(&self, control: &PathBuf) {
        let session = Session::resume_mux(control.clone().into_boxed_path(), None);
        let _ = timeout(Duration::from_secs(1), session.close()).await;
        let _ = std::fs::remove_file(control);
    }

    /// A connection of its own, which serves later sessions too.
    async fn cold(&self) -> Result<Pipes, CourierError> {
        let permit = Arc::clone(&self.gate).acquire_owned().await;
        let mut child = Command::new("ssh")
            .args(self.destination.arguments(self.control.as_deref()))
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own group: Ctrl-C is for us, and we end what runs on the machine in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.unreachable(format!("cannot start `ssh`: {error}")))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(self.unreachable("ssh has no pipes".to_owned()));
        };
        Ok(Pipes {
            input: Box::new(input),
            output: Box::new(output),
            errors: Box::new(errors),
            keeper: Box::new(child),
            gate: permit.ok(),
        })
    }

    fn unreachable(&self, reason: String) -> CourierError {
        CourierError::Unreachable {
            machine: self.machine.clone(),
            stage: Stage::Resolve,
            reason,
            in_doubt: false,
        }
    }
}

#[async_trait]
impl Line for SshLine {
    fn machine(&self) -> &MachineName {
        &self.machine
    }

    async fn open(&self) -> Result<Pipes, CourierError> {
        match self.warm().await {
            Some(pipes) => Ok(pipes),
            None => self.cold().await,
        }
    }

    fn patience(&self) -> Duration {
        // ssh itself bounds connecting and the banner; the rest is keys, login and a shell.
        let allowance = self.destination.connect_timeout.saturating_mul(2);
        allowance.saturating_add(Duration::from_secs(10))
    }

    fn explain(&self, words: &str, late: bool) -> Failure {
        // The socket appears once the machine has let us in.
        let authenticated = self.control.as_ref().map(|control| control.exists());
        diagnose(words, late, authenticated, self.destination.becoming)
    }
}
