//! A shell on a machine, through the connection that stands or a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cellhost_plan::MachineName;
use openssh::Error;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::becoming::{Marks, Password, become_root};
use super::capacity::{Capacity, Seat, Tenant};
use super::connecting::{LastWords, connect};
use super::control::ControlDirectory;
use super::destination::Destination;
use super::diagnosis::diagnose;
use super::master::{Health, Master, PARTING};
use super::standing::{Standing, Watch};
use crate::shell::{Failure, Line, Pipes, ShellCourier};
use crate::{CourierError, Stage};

/// How long a connection that stands may take to give another session.
const REVIVAL: Duration = Duration::from_secs(5);
/// How long a machine is left alone that sent us away at the door, the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Says that no connection stands.
const NONE: u64 = u64::MAX;

/// What the lines of a fleet share.
pub(super) struct Exchange {
    /// Where the control sockets are.
    pub(super) control: Arc<ControlDirectory>,
    /// How many connections may stand.
    pub(super) capacity: Capacity,
    /// How many may come up at once.
    pub(super) gate: Arc<Semaphore>,
    /// What makes the login user root, where that takes a password.
    pub(super) password: Option<Password>,
}

/// The way to a machine over ssh.
pub(super) struct SshLine {
    machine: MachineName,
    destination: Destination,
    key: String,
    exchange: Arc<Exchange>,
    standing: Mutex<Option<Standing>>,
    /// When the connection that stands was last used.
    used: AtomicU64,
    /// Whether it did not take the password that makes the login user root.
    refused: AtomicBool,
}

impl SshLine {
    /// Makes the way to a machine.
    pub(super) fn new(
        machine: MachineName,
        destination: Destination,
        key: String,
        exchange: Arc<Exchange>,
    ) -> Self {
        Self {
            machine,
            destination,
            key,
            exchange,
            standing: Mutex::new(None),
            used: AtomicU64::new(NONE),
            refused: AtomicBool::new(false),
        }
    }

    /// A session, of the connection that stands or a new one.
    async fn reach(&self, command: &str) -> Result<Pipes, CourierError> {
        let mut standing = self.standing.lock().await;
        self.used.store(NONE, Ordering::Relaxed);
        let capacity = &self.exchange.capacity;
        let found = match standing.take() {
            Some(found) => Some(found),
            None => capacity
                .claim(&self.key)
                .await
                .map(|(master, seat)| Standing {
                    master,
                    seat,
                    words: None,
                }),
        };
        let seat = match found {
            Some(found) => match self.warm(found, command).await {
                Ok((pipes, stands)) => {
                    *standing = Some(stands);
                    return Ok(pipes);
                }
                Err(seat) => Some(seat),
            },
            None => capacity.seat().await,
        };
        let Some(seat) = seat else {
            return Err(self.unreachable(Stage::Connect, "the fleet is closed".to_owned()));
        };
        let (pipes, stands) = self.cold(seat, command).await?;
        *standing = Some(stands);
        Ok(pipes)
    }

    /// A session of the connection that stands. Where that does not answer it is let go of, so
    /// that a new one can take its place, and its seat.
    async fn warm(&self, standing: Standing, command: &str) -> Result<(Pipes, Standing), Seat> {
        let Standing {
            master,
            seat,
            words,
        } = standing;
        let limit = REVIVAL.min(self.destination.connect_timeout);
        match timeout(limit, self.session(&master, command)).await {
            Ok(Ok(pipes)) => {
                let standing = Standing {
                    master,
                    seat,
                    words,
                };
                return Ok((pipes, standing));
            }
            Ok(Err(error)) => {
                tracing::debug!(machine = %self.machine, %error, "the connection is gone");
            }
            Err(_) => tracing::debug!(machine = %self.machine, "the connection is silent"),
        }
        // It may wait for a machine that is frozen; we do not.
        tokio::spawn(async move { master.dismiss(PARTING).await });
        Err(seat)
    }

    /// A session of a new connection.
    async fn cold(&self, seat: Seat, command: &str) -> Result<(Pipes, Standing), CourierError> {
        let permit = Arc::clone(&self.exchange.gate).acquire_owned().await.ok();
        let (master, words) = self.connected().await?;
        let patience = self.destination.connect_timeout + REVIVAL;
        let reason = match timeout(patience, self.session(&master, command)).await {
            Ok(Ok(mut pipes)) => {
                pipes.gate = permit;
                let words = Some(words);
                let standing = Standing {
                    master,
                    seat,
                    words,
                };
                return Ok((pipes, standing));
            }
            Ok(Err(error)) => format!("the connection gives no session: {error}"),
            Err(_) => "the connection gives no session in time".to_owned(),
        };
        // Without its socket nobody would ever end it.
        if master.health().await == Health::Alive {
            master.dismiss(PARTING).await;
        } else {
            master.kill();
        }
        Err(self.unreachable(Stage::Start, reason))
    }

    /// Connects. An sshd that has too many at its door (`MaxStartups`) sends some away before it
    /// says a word; nothing was asked of it then, so that is tried again for a while.
    async fn connected(&self) -> Result<(Master, LastWords), CourierError> {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let master = self.exchange.control.fresh(&self.key);
            let master =
                master.map_err(|error| self.unreachable(Stage::Connect, error.to_string()))?;
            let (stage, reason) = match connect(&self.destination, &master).await {
                Ok(words) => return Ok((master, words)),
                Err(refusal) => refusal,
            };
            let over = begun.elapsed() + pause > self.destination.connect_timeout;
            if over || stage != Stage::Banner || !sent_away(&reason) {
                return Err(self.unreachable(stage, reason));
            }
            tracing::debug!(machine = %self.machine, reason, "trying again");
            // Not all at the same moment: the key is as good as a throw of dice.
            let spread = u32::from_str_radix(self.key.get(..2).unwrap_or_default(), 16);
            sleep(pause + pause * spread.unwrap_or(0) / 256).await;
            pause *= 2;
        }
    }

    async fn session(&self, master: &Master, command: &str) -> Result<Pipes, Error> {
        let mut pipes = master.session(command).await?;
        pipes.keeper = Box::new((pipes.keeper, Watch::over(master.clone())));
        Ok(pipes)
    }

    fn unreachable(&self, stage: Stage, reason: String) -> CourierError {
        CourierError::Unreachable {
            machine: self.machine.clone(),
            stage,
            reason,
            in_doubt: false,
        }
    }
}

/// Whether sshd closed the connection before its greeting.
fn sent_away(reason: &str) -> bool {
    reason.starts_with("kex_exchange_identification: ")
        && ["closed by remote host", "reset by peer"]
            .iter()
            .any(|words| reason.contains(words))
}

#[async_trait]
impl Line for SshLine {
    fn machine(&self) -> &MachineName {
        &self.machine
    }

    async fn open(&self) -> Result<Pipes, CourierError> {
        let password = self.exchange.password.as_ref();
        let Some(password) = password.filter(|_| self.destination.becoming.is_some()) else {
            return self.reach(&self.destination.command()).await;
        };
        let stuck = |reason| self.unreachable(Stage::Become, reason);
        if let Some(reason) = password.barred(&self.refused).await {
            return Err(stuck(reason));
        }
        let marks = Marks::new().map_err(|error| stuck(error.to_string()))?;
        let mut pipes = self.reach(&marks.command()).await?;
        let patience = self.destination.login_timeout;
        let (machine, refused) = (&self.machine, &self.refused);
        become_root(machine, &mut pipes, &marks, password, refused, patience)
            .await
            .map_err(stuck)?;
        Ok(pipes)
    }

    fn idle(&self) {
        if let Ok(standing) = self.standing.try_lock()
            && standing.is_some()
        {
            let capacity = &self.exchange.capacity;
            self.used.store(capacity.now(), Ordering::Relaxed);
            capacity.idle();
        }
    }

    async fn rest(&self) {
        let mut standing = self.standing.lock().await;
        self.used.store(NONE, Ordering::Relaxed);
        if let Some(stands) = standing.take() {
            stands.master.dismiss(PARTING).await;
        }
    }

    async fn close(&self) {
        if self.destination.keep_alive.is_zero() {
            self.rest().await;
        }
    }

    fn patience(&self) -> Duration {
        self.destination.login_timeout
    }

    async fn last_words(&self) -> Option<String> {
        let standing = self.standing.lock().await;
        standing.as_ref()?.words.as_ref()?.said().await
    }

    fn explain(&self, words: &str, late: bool) -> Failure {
        diagnose(words, late, self.destination.becoming)
    }
}

#[async_trait]
impl Tenant for ShellCourier<SshLine> {
    fn last_used(&self) -> Option<u64> {
        let used = self.line().used.load(Ordering::Relaxed);
        (used != NONE).then_some(used)
    }

    async fn leave(&self) -> bool {
        self.rest().await
    }
}
