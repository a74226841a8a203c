//! What commands that go to machines have in common: how machines are reached, how what happens
//! is shown, and how an interrupt ends it in order.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::anyhow;
use cellhost_effects::layers::{
    Agreed, Approval, Arbiter, Foresight, Halt, InHours, Journaled, Leases, Live, Never, Noted,
    Notes, Patience, Policy, Preview, Resumed, Retried, Secrets,
};
use cellhost_effects::record::{Journal, Past};
use cellhost_effects::{Agreement, Effects, Vault};
use cellhost_engine::{Deployment, Event, Events, Happening, Stop, Summary};
use cellhost_plan::{Plan, Rules, SecretName, SecretSource};
use cellhost_state::Loss;
use cellhost_transport::{Fleet, SshFleet};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::approval::Operator;
use crate::controller;
use crate::error::{CommandError, Kind};
use crate::password::{ask_for, root_password};
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

    #[command(flatten)]
    connect: ConnectArgs,

    /// How to write the summary to standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// How machines are reached.
#[derive(Debug, clap::Args)]
pub(crate) struct ConnectArgs {
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
}

/// The machines of a deployment within reach of a command.
pub(crate) struct Reach {
    fleet: Arc<dyn Fleet>,
    vault: Arc<Vault>,
    leases: Arc<Leases>,
    patience: Patience,
    rules: Rules,
    notes: Arc<OnceLock<Arc<Journal>>>,
    events: Events,
    heard: mpsc::UnboundedReceiver<Event>,
    stop: Stop,
    show: report::Options,
    /// Whether only the line of what is under way is shown.
    silent: bool,
}

impl Reach {
    /// Reads secrets and makes a fleet of the machines; speaks to none of them yet.
    pub(crate) fn open(
        deployment: &Deployment,
        args: &ReachArgs,
        dry_run: bool,
    ) -> Result<Self, CommandError> {
        let show = report::Options {
            diff: args.diff || dry_run,
            output: args.output,
            dry_run,
        };
        Self::made(deployment, &args.connect, show, dry_run)
    }

    /// The same, for a command that only looks.
    pub(crate) fn connect(
        deployment: &Deployment,
        args: &ConnectArgs,
    ) -> Result<Self, CommandError> {
        let show = report::Options {
            diff: false,
            output: false,
            dry_run: false,
        };
        Self::made(deployment, args, show, true)
    }

    fn made(
        deployment: &Deployment,
        args: &ConnectArgs,
        show: report::Options,
        only_looks: bool,
    ) -> Result<Self, CommandError> {
        let plan = &deployment.plan;
        let (vault, password) = root_password(plan, args.ask_become_password, vault(plan)?)?;
        let config = args.ssh_config.as_deref();
        let fleet = SshFleet::new(&plan.ssh, deployment.machines(), config, password)
            .map_err(|error| CommandError::new(Kind::Failed, error))?;
        // Who only looks needs no name, and leaves none behind.
        let leases = Leases::new(if only_looks {
            controller::onlooker(&plan.cell)
        } else {
            controller::owner(&plan.cell)?
        });
        let usual = Patience::default();
        let (events, heard) = mpsc::unbounded_channel();
        Ok(Self {
            fleet: Arc::new(fleet),
            vault: Arc::new(vault),
            leases: Arc::new(leases),
            patience: Patience {
                retries: plan.run.retries.unwrap_or(usual.retries),
                ..usual
            },
            rules: plan.rules.clone(),
            notes: Arc::default(),
            events,
            heard,
            stop: Stop::new(),
            show,
            silent: false,
        })
    }

    /// The layers of a run that changes machines.
    pub(crate) fn real(&self, journal: Arc<Journal>) -> Arc<dyn Effects> {
        Arc::new(Journaled::new(self.below_the_journal(), journal))
    }

    /// The same layers for a run that is gone on with after what is on record.
    pub(crate) fn resumed(
        &self,
        journal: Arc<Journal>,
        past: Past,
        arbiter: Arc<dyn Arbiter>,
    ) -> Arc<dyn Effects> {
        let below = self.below_the_journal();
        Arc::new(Resumed::new(below, journal, past, arbiter))
    }

    fn below_the_journal(&self) -> impl Effects + use<> {
        let below = Secrets::new(Foresight::new(self.changing()), self.vault.clone());
        Policy::new(self.patient(below))
    }

    /// The values of secrets, told apart without telling them.
    pub(crate) fn fingerprints(&self, key: &[u8; 32]) -> BTreeMap<SecretName, String> {
        self.vault.fingerprints(key)
    }

    /// The layers of a run that only says what it would change.
    pub(crate) fn preview(&self, journal: Arc<Journal>) -> Arc<dyn Effects> {
        let below = Foresight::new(Preview::new(self.live()));
        let below = Secrets::new(below, self.vault.clone());
        let below = Policy::new(self.patient(below));
        Arc::new(Journaled::new(below, journal))
    }

    /// The layers of a run that makes the changes that were agreed to. About others the operator is
    /// asked, where that may be and somebody is there.
    pub(crate) fn agreed(
        &self,
        journal: Arc<Journal>,
        agreement: Agreement,
        ask: bool,
        terminal: &Terminal,
    ) -> Arc<dyn Effects> {
        let approval: Arc<dyn Approval> = if ask && terminal.can_ask() {
            Arc::new(Operator::new(terminal, self.stop.clone()))
        } else {
            Arc::new(Never)
        };
        let below = Agreed::new(self.changing(), agreement, self.vault.clone(), approval);
        let below = Foresight::new(below);
        let below = Secrets::new(below, self.vault.clone());
        let below = Policy::new(self.patient(below));
        Arc::new(Journaled::new(below, journal))
    }

    /// The layers of a run that only says what it would change, and notes all of it. Without a
    /// journal it leaves no trace here either.
    pub(crate) fn noting(&self, journal: Option<Arc<Journal>>) -> (Arc<dyn Effects>, Arc<Notes>) {
        let notes = Notes::new(&ulid::Ulid::new().to_string(), self.vault.clone());
        let below = Noted::new(Preview::new(self.live()), notes.clone());
        let below = Foresight::new(below);
        let below = Secrets::new(below, self.vault.clone());
        let below = Policy::new(self.patient(below));
        let effects: Arc<dyn Effects> = match journal {
            Some(journal) => Arc::new(Journaled::new(below, journal)),
            None => Arc::new(below),
        };
        (effects, notes)
    }

    /// The same reach, with nothing shown of what happens but that something does.
    pub(crate) fn in_silence(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Says which run this is for, before it begins: whoever is refused on a machine is told its
    /// name, and its journal tells what was tried again.
    pub(crate) fn serve(&self, run: &str, journal: &Arc<Journal>) {
        self.leases.serve(run);
        let _ = self.notes.set(journal.clone());
    }

    /// Ends everything in order, as an interrupt does, once the cell's lock or its store is lost.
    pub(crate) fn heed(&self, loss: Option<Loss>, terminal: &Terminal) {
        let Some(loss) = loss else { return };
        let (stop, terminal) = (self.stop.clone(), terminal.clone());
        tokio::spawn(async move {
            let reason = loss.happened().await;
            stop.cancel();
            terminal.note(format!("nothing more begins: {}", report::clean(&reason)));
        });
    }

    /// Tells when the operator wants all of it to stop.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// The layers of a command that only looks and leaves no record.
    pub(crate) fn look(&self) -> Arc<dyn Effects> {
        Arc::new(Policy::new(Secrets::new(self.live(), self.vault.clone())))
    }

    /// The way to the machines for a run that changes them, when the plan lets it.
    fn changing(&self) -> InHours<Halt<Live>> {
        InHours::new(self.live(), self.rules.clone())
    }

    /// The way to the machines. Whatever changes one takes its lease.
    fn live(&self) -> Halt<Live> {
        let live = Live::leasing(self.fleet.clone(), self.leases.clone());
        Halt::new(live, self.stop.clone())
    }

    /// Tries again what fails for a reason that passes, and tells of it. It stands above the
    /// secrets, since reasons are told in words.
    fn patient<E: Effects>(&self, below: E) -> Retried<E> {
        let (events, notes) = (self.events.clone(), self.notes.clone());
        Retried::new(below, self.patience, move |retry| {
            if let Some(journal) = notes.get() {
                // A note that cannot be written stops nothing: the outcome after it will.
                let _ = journal.append("retry", &retry.note(), false);
            }
            let turn = &retry.effect.turn;
            let _ = events.send(Event::Turn {
                module: turn.module.clone(),
                hook: turn.hook,
                machine: turn.machine.clone(),
                happening: Happening::Retrying {
                    machine: retry.effect.machine.clone(),
                    attempts: retry.attempts,
                    pause: retry.pause,
                    reason: retry.reason.to_owned(),
                },
            });
        })
    }

    /// Shows what happens while this goes on, lets an interrupt end it in order, and lets go of
    /// the machines.
    pub(crate) async fn follow<F: Future<Output = Summary>>(
        self,
        terminal: &Terminal,
        work: impl FnOnce(Events, Stop) -> F,
    ) -> Result<Summary, CommandError> {
        let progress =
            tokio::spawn(Progress::new(terminal, self.show, self.silent).follow(self.heard));
        let signals = Signals::listen().map_err(|error| CommandError::new(Kind::Failed, error))?;
        let interrupt = tokio::spawn(interrupted(signals, terminal.clone(), self.stop.clone()));
        let signs = tokio::spawn(keep(self.leases.clone(), self.fleet.clone()));
        let summary = work(self.events, self.stop).await;
        signs.abort();
        for (machine, why) in self.leases.release(self.fleet.clone()).await {
            let why = report::clean(&why);
            terminal.faint(format!(
                "the lease on {machine} stays, and the next run from here takes it over: {why}"
            ));
        }
        self.fleet.close().await;
        interrupt.abort();
        let _ = progress.await;
        Ok(summary)
    }
}

async fn keep(leases: Arc<Leases>, fleet: Arc<dyn Fleet>) {
    leases.keep(fleet).await;
}

/// The machines of a plan, without any of the layers: for what is about leases alone. Of the plan's
/// secrets it takes no more than what the login needs.
pub(crate) fn fleet(
    plan: &Plan,
    config: Option<&Path>,
    ask_become_password: bool,
) -> Result<Arc<dyn Fleet>, CommandError> {
    let needed = plan.ssh.r#become.as_ref();
    let needed = needed.and_then(|how| how.password.clone());
    let mut login = plan.clone();
    login
        .secrets
        .retain(|name, _| Some(name) == needed.as_ref());
    let (_, password) = root_password(&login, ask_become_password, vault(&login)?)?;
    let fleet = SshFleet::new(&plan.ssh, &plan.machines, config, password);
    let fleet = fleet.map_err(|error| CommandError::new(Kind::Failed, error))?;
    Ok(Arc::new(fleet))
}

/// Reads the values of the secrets that modules and the login need, or says everything that is wrong
/// with them.
pub(crate) fn vault(plan: &Plan) -> Result<Vault, CommandError> {
    let login = plan.ssh.r#become.as_ref();
    let login = login.and_then(|how| how.password.as_ref());
    let named = plan.modules.iter().flat_map(|usage| &usage.secrets);
    let named: BTreeSet<&SecretName> = named.chain(login).collect();
    opened(plan, |name, _| named.contains(name))
}

/// The same without programs and questions, for a command that touches nothing: whether the rest is
/// there.
pub(crate) fn check_secrets(plan: &Plan) -> Result<(), CommandError> {
    opened(plan, |_, source| source.is_at_hand()).map(drop)
}

fn opened(
    plan: &Plan,
    is_meant: impl Fn(&SecretName, &SecretSource) -> bool,
) -> Result<Vault, CommandError> {
    let mut sources = plan.secrets.clone();
    sources.retain(|name, source| is_meant(name, source));
    let interrupted = Cell::new(false);
    let ask = |name: &SecretName| match ask_for(&format!("secret `{name}`: ")) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => {
            interrupted.set(true);
            Err("interrupted".to_owned())
        }
        Err(error) => Err(error.to_string()),
    };
    let opened = Vault::open(&sources, &ask);
    if interrupted.get() {
        let error = anyhow!("interrupted; nothing was touched");
        return Err(CommandError::new(Kind::Interrupted, error));
    }
    opened.map_err(|errors| {
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

/// Stops the run at the first interrupt and the program at the second. Never ends by itself.
async fn interrupted(mut signals: Signals, terminal: Terminal, stop: Stop) {
    signals.next().await;
    stop.cancel();
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
