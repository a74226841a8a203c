//! `cellhost unlock`: takes the lock of a cell and leases of machines away from runs that are dead.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_effects::layers::{Leases, Standing as Leased};
use cellhost_plan::{MachineName, Plan};
use cellhost_state::Standing;

use super::counted;
use crate::afar::{self, refused};
use crate::cell_lock::user;
use crate::controller;
use crate::error::{CommandError, Kind};
use crate::reach;
use crate::report;
use crate::session;
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plan
    #[arg(value_name = "PLAN", default_value = "plan.toml")]
    plan: PathBuf,

    /// Only this machine; may be repeated
    #[arg(long, value_name = "NAME")]
    machine: Vec<String>,

    /// Only the lock of the cell in its store, and no machine
    #[arg(long, conflicts_with = "machine")]
    cell: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

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

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let plan = session::load(&args.plan, terminal)?;
    let machines = chosen(&plan, &args.machine)?;
    if args.machine.is_empty() {
        cell(&args, &plan, terminal).await?;
    }
    if args.cell {
        return Ok(ExitCode::SUCCESS);
    }
    let fleet = reach::fleet(&plan, args.ssh_config.as_deref(), args.ask_become_password)?;
    let found = Leases::show(&fleet, machines).await;
    let (leased, unknown) = sorted(found, terminal);
    let result = if leased.is_empty() {
        terminal.note("there is no lease to take away");
        Ok(Vec::new())
    } else if agreed(&args, &counted(leased.len(), "lease"), terminal)? {
        let tokens = leased.into_iter();
        Ok(Leases::remove(&fleet, tokens.collect()).await)
    } else {
        Err(CommandError::new(
            Kind::Failed,
            anyhow!("nothing was taken away"),
        ))
    };
    fleet.close().await;
    let mut bad = unknown;
    for (machine, stands) in result? {
        match stands {
            Ok(None) => terminal.note(format!("{machine}: free")),
            Ok(Some(lease)) => {
                bad += 1;
                let whose = report::clean(&lease.to_string());
                terminal.note(format!(
                    "{machine}: not taken away; it is by now of {whose}"
                ));
            }
            Err(error) => {
                bad += 1;
                terminal.note(format!("{machine}: {}", report::clean(&error.to_string())));
            }
        }
    }
    if bad > 0 {
        let error = anyhow!("{} could not be unlocked", counted(bad, "machine"));
        return Err(CommandError::new(Kind::SomeMachines, error));
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes the lock of the cell away, where it is in a store and somebody has it.
async fn cell(args: &Args, plan: &Plan, terminal: &Terminal) -> Result<(), CommandError> {
    let Some(store) = afar::store(plan)?.map(|store| store.in_haste()) else {
        if args.cell {
            let error =
                anyhow!("the plan names no store, so the lock of its cell is this computer's own");
            return Err(CommandError::new(Kind::Usage, error)
                .hint("it is free once the process that holds it has ended"));
        }
        return Ok(());
    };
    let seen = store.standing().await.map_err(refused)?;
    if matches!(seen, Standing::Free) {
        terminal.note(format!("the lock of cell `{}` is free", plan.cell));
        return Ok(());
    }
    terminal.data(format!("cell {}  {}\n", plan.cell, afar::words(&seen)));
    if !agreed(args, "the lock of the cell", terminal)? {
        let error = anyhow!("nothing was taken away");
        return Err(CommandError::new(Kind::Failed, error));
    }
    let by = format!("{}@{}", user(), controller::host());
    match store.unlock(&seen, &by).await.map_err(refused)? {
        Standing::Free => terminal.note(format!("cell {}: free", plan.cell)),
        other => {
            let error = anyhow!("not taken away; it is by now of {}", afar::words(&other));
            return Err(CommandError::new(Kind::Failed, error));
        }
    }
    Ok(())
}

/// The machines that are meant: those named, or all.
fn chosen(plan: &Plan, named: &[String]) -> Result<Vec<MachineName>, CommandError> {
    let all = plan.machines.iter().map(|machine| machine.name.clone());
    if named.is_empty() {
        return Ok(all.collect());
    }
    let known: Vec<MachineName> = all.collect();
    let mut chosen = Vec::new();
    for name in named {
        let Some(machine) = known.iter().find(|known| known.as_str() == name) else {
            let error = anyhow!("the plan has no machine `{}`", report::clean(name));
            return Err(CommandError::new(Kind::Usage, error));
        };
        chosen.push(machine.clone());
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Shows how every lease stands. Gives those that can be taken away, and how many nobody knows.
fn sorted(found: Vec<Leased>, terminal: &Terminal) -> (Vec<(MachineName, String)>, usize) {
    let mut leased = Vec::new();
    let mut unknown = 0;
    for (machine, stands) in found {
        match stands {
            Ok(None) => {}
            Ok(Some(lease)) => {
                terminal.data(format!(
                    "{machine}  {}\n",
                    report::clean(&lease.to_string())
                ));
                leased.push((machine, lease.token));
            }
            Err(error) => {
                unknown += 1;
                terminal.note(format!("{machine}: {}", report::clean(&error.to_string())));
            }
        }
    }
    (leased, unknown)
}

/// Whether the operator wants it.
fn agreed(args: &Args, what: &str, terminal: &Terminal) -> Result<bool, CommandError> {
    if args.yes {
        return Ok(true);
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        let error = anyhow!("there is no terminal to ask on, so nothing was taken away");
        return Err(CommandError::new(Kind::Usage, error)
            .hint("`--yes` takes away what was shown without asking"));
    }
    terminal.note(format!(
        "A run that loses it while it is alive changes nothing more, and is left half done.\n\
         Take {what} away? Type `yes`:"
    ));
    let mut answer = String::new();
    let read = input.lock().read_line(&mut answer);
    read.map_err(|error| CommandError::new(Kind::Failed, error))?;
    Ok(answer.trim() == "yes")
}
