//! What commands that go to machines have in common: how machines are reached, how what happens
//! is shown, and how an interrupt ends it in order.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use cellhost_effects::layers::{Halt, Journaled, Live, Policy, Preview, Secrets};
use cellhost_effects::record::Journal;
use cellhost_effects::{Effects, Vault};
use cellhost_engine::{Deployment, Events, Stop, Summary};
use cellhost_plan::Plan;
use cellhost_transport::{Fleet, SshFleet};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::error::{CommandError, Kind};
use crate::password::root_password;
use crate::progress::Progress;
use crate::report::{self, Format};
use crate::terminal::Terminal;

/// How machines are reached and what is shown of it.
#[derive(Debug, clap::Args)]
pub(crate) struct ReachArgs {
    /// Show the difference of every file that changes (a dry run always does)
    #[arg(long)]
    diff: bool,

    /// Show what commands and package managers write while they run (of one that fails, the last
    /// lines are always shown)
    #[arg(long)]
    output: bool,

    /// An ssh configuration to use instead of the plan's or your own
    #[arg(
        long,
        value_name = "FILE",
        env = "CELLHOST_SSH_CONFIG",
        hide_env_values = true
    )]
    ssh_config: Option<PathBuf>,

    /// Ask once for the password that makes the login user root on the machines
    #[arg(long)]
    ask_become_password: bool,

    /// How to write the summary to standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// The machines of a deployment within reach of a command.
pub(crate) struct Reach {
    fleet: Arc<dyn Fleet>,
    vault: Arc<Vault>,
    tell: watch::Sender<bool>,
    stop: Stop,
    show: report::Options,
}

impl Reach {
    /// Reads secrets and makes a fleet of the machines; speaks to none of them yet.
    pub(crate) fn open(
        deployment: &Deployment,
        args: &ReachArgs,
        dry_run: bool,
    ) -> Result<Self, CommandError> {
        let plan = &deployment.plan;
        let (vault, password) = root_password(plan, args.ask_become_password, vault(plan)?)?;
        let config = args.ssh_config.as_deref();
        let fleet = SshFleet::new(&plan.ssh, deployment.machines(), config, password)
            .map_err(|error| CommandError::new(Kind::Failed, error))?;
        let (tell, stop) = watch::channel(false);
        let show = report::Options {
            diff: args.diff || dry_run,
            output: args.output,
            dry_run,
        };
        Ok(Self {
            fleet: Arc::new(fleet),
            vault: Arc::new(vault),
            tell,
            stop,
            show,
        })
    }

    /// The layers of a run that changes machines.
    pub(crate) fn real(&self, journal: Arc<Journal>) -> Arc<dyn Effects> {
        let below = Policy::new(Secrets::new(self.live(), self.vault.clone()));
        Arc::new(Journaled::new(below, journal))
    }

    /// The layers of a run that only says what it would change.
    pub(crate) fn preview(&self, journal: Arc<Journal>) -> Arc<dyn Effects> {
        let below = Preview::new(self.live());
        let below = Policy::new(Secrets::new(below, self.vault.clone()));
        Arc::new(Journaled::new(below, journal))
    }

    fn live(&self) -> Halt<Live> {
        Halt::new(Live::new(self.fleet.clone()), self.stop.clone())
    }

    /// Shows what happens while this goes on, lets an interrupt end it in order, and lets go of
    /// the machines.
    pub(crate) async fn follow<F: Future<Output = Summary>>(
        self,
        terminal: &Terminal,
        work: impl FnOnce(Events, Stop) -> F,
    ) -> Result<Summary, CommandError> {
        let (events, heard) = mpsc::unbounded_channel();
        let progress = tokio::spawn(Progress::new(terminal, self.show).follow(heard));
        let signals = Signals::listen().map_err(|error| CommandError::new(Kind::Failed, error))?;
        let interrupt = tokio::spawn(interrupted(signals, terminal.clone(), self.tell));
        let summary = work(events, self.stop).await;
        self.fleet.close().await;
        interrupt.abort();
        let _ = progress.await;
        Ok(summary)
    }
}

/// Reads the values of all secrets, or says everything that is wrong with them.
pub(crate) fn vault(plan: &Plan) -> Result<Vault, CommandError> {
    Vault::open(&plan.secrets).map_err(|errors| {
        let mut lines = errors.iter().map(|error| {
            let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        });
        let first = lines.next().unwrap_or_default();
        lines.fold(
            CommandError::new(Kind::Usage, anyhow!("{first}")),
            CommandError::hint,
        )
    })
}

/// Stops the run at the first interrupt and the program at the second. Never ends by itself: a
/// dropped sender would look like an interrupt.
async fn interrupted(mut signals: Signals, terminal: Terminal, stop: watch::Sender<bool>) {
    signals.next().await;
    let _ = stop.send(true);
    terminal.note(
        "interrupted: commands are ended, lists that are being settled are waited for; \
         once more leaves at once",
    );
    signals.next().await;
    #[expect(
        clippy::exit,
        reason = "whoever asks twice does not want to wait for anything"
    )]
    std::process::exit(130);
}

/// The ways in which a program is asked to end: by a key, by a service manager, and by a terminal
/// that goes away.
struct Signals {
    key: Signal,
    manager: Signal,
    terminal: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            key: signal(SignalKind::interrupt())?,
            manager: signal(SignalKind::terminate())?,
            terminal: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.key.recv() => {}
            _ = self.manager.recv() => {}
            _ = self.terminal.recv() => {}
        }
    }
}
