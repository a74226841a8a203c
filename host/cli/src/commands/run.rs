//! `cellhost run`: brings the machines of a plan to where it wants them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use cellhost_effects::layers::{Halt, Journal, Journaled, Live, Policy, Preview, Secrets};
use cellhost_effects::{Effects, Vault};
use cellhost_engine::{Summary, run as run_deployment};
use cellhost_plan::Plan;
use cellhost_transport::{Fleet, SshFleet};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::directories;
use crate::error::{CommandError, Kind};
use crate::password::root_password;
use crate::progress::Progress;
use crate::report::{self, Format};
use crate::session::{PlanArgs, Session};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,

    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,

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
    format: Format,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let mut session = Session::open(&args.plan, terminal).await?;
    let plan = session.deployment.plan.clone();
    let (vault, password) = root_password(&plan, args.ask_become_password, vault(&plan)?)?;
    let vault = Arc::new(vault);
    if !args.dry_run {
        session.lock.save()?;
    }
    let journal = Arc::new(begin_journal(&plan)?);
    record(&journal, "run", &opening(&session, args.dry_run))?;
    let fleet: Arc<dyn Fleet> = Arc::new(
        SshFleet::new(
            &plan.ssh,
            session.deployment.machines(),
            args.ssh_config.as_deref(),
            password,
        )
        .map_err(|error| CommandError::new(Kind::Failed, error))?,
    );
    let (stop, stopped) = watch::channel(false);
    let live = Halt::new(Live::new(fleet.clone()), stopped.clone());
    let effects = stack(live, vault, journal.clone(), args.dry_run);

    let (events, heard) = mpsc::unbounded_channel();
    let show = report::Options {
        diff: args.diff || args.dry_run,
        output: args.output,
        dry_run: args.dry_run,
    };
    let progress = tokio::spawn(Progress::new(terminal, show).follow(heard));
    let signals = Signals::listen().map_err(|error| CommandError::new(Kind::Failed, error))?;
    let interrupt = tokio::spawn(interrupted(signals, terminal.clone(), stop));
    let summary = run_deployment(&session.deployment, effects, events, stopped).await;
    fleet.close().await;
    interrupt.abort();
    let _ = progress.await;
    record(&journal, "end", &report::object(&summary, args.dry_run))?;
    if !args.dry_run {
        dismiss(&mut session, &summary)?;
    }
    report::summary(terminal, &summary, args.format, args.dry_run);
    terminal.faint(format!("record: {}", journal.path().display()));
    ended(&summary)
}

/// Forgets the machines that modules have let go.
fn dismiss(session: &mut Session, summary: &Summary) -> Result<(), CommandError> {
    for placed in &session.deployment.modules {
        let name = &placed.usage.name;
        if summary.is_good_for(name) {
            let left: Vec<_> = placed
                .leaving
                .iter()
                .map(|member| member.name.clone())
                .collect();
            session.lock.roster.dismiss(name, &left);
        }
    }
    session.lock.save()
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

/// What a run begins with, for its record.
fn opening(session: &Session, dry_run: bool) -> serde_json::Value {
    let modules: Vec<serde_json::Value> = session
        .deployment
        .modules
        .iter()
        .map(|placed| {
            json!({
                "name": placed.usage.name,
                "module": placed.usage.module.to_string(),
                "version": placed.module.embedded().manifest.version,
                "sha256": placed.module.digest(),
                "machines": placed.members.iter().map(|member| &member.name).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "cellhost": env!("CARGO_PKG_VERSION"),
        "cell": session.deployment.plan.cell,
        "dry-run": dry_run,
        "modules": modules,
    })
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

/// The layers that every effect passes.
fn stack(
    live: impl Effects + 'static,
    vault: Arc<Vault>,
    journal: Arc<Journal>,
    dry_run: bool,
) -> Arc<dyn Effects> {
    if dry_run {
        let below = Policy::new(Secrets::new(Preview::new(live), vault));
        Arc::new(Journaled::new(below, journal))
    } else {
        Arc::new(Journaled::new(
            Policy::new(Secrets::new(live, vault)),
            journal,
        ))
    }
}

fn record(journal: &Journal, kind: &str, body: &serde_json::Value) -> Result<(), CommandError> {
    journal
        .append(kind, body, true)
        .map_err(|error| CommandError::new(Kind::Failed, error))
}

fn begin_journal(plan: &Plan) -> Result<Journal, CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    let directory = directories::state()?.join("runs").join(plan.cell.as_str());
    fs_err::create_dir_all(&directory).map_err(|error| failed(error.into()))?;
    let path = directory.join(format!("{}.jsonl", ulid::Ulid::new()));
    Journal::begin(&path).map_err(|error| failed(error.into()))
}

fn ended(summary: &Summary) -> Result<ExitCode, CommandError> {
    if summary.interrupted {
        return Err(CommandError::new(Kind::Interrupted, anyhow!("interrupted")));
    }
    if summary.is_good() {
        return Ok(ExitCode::SUCCESS);
    }
    let good = summary.rows.iter().any(|row| row.status.is_good());
    let kind = if good {
        Kind::SomeMachines
    } else {
        Kind::Failed
    };
    Err(CommandError::new(
        kind,
        anyhow!("not everything is as planned"),
    ))
}
