//! `cellhost unlock`: takes leases of machines away from runs that are dead.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_effects::layers::{Leases, Standing};
use cellhost_plan::{MachineName, Plan};

use super::counted;
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
    let fleet = reach::fleet(&plan, args.ssh_config.as_deref(), args.ask_become_password)?;
    let found = Leases::show(&fleet, machines).await;
    let (leased, unknown) = sorted(found, terminal);
    let result = if leased.is_empty() {
        terminal.note("there is no lease to take away");
        Ok(Vec::new())
    } else if agreed(&args, leased.len(), terminal)? {
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
fn sorted(found: Vec<Standing>, terminal: &Terminal) -> (Vec<(MachineName, String)>, usize) {
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
fn agreed(args: &Args, count: usize, terminal: &Terminal) -> Result<bool, CommandError> {
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
        "A run that loses its lease while it is alive changes nothing more there, and is left half done.\n\
         Take {} away? Type `yes`:",
        counted(count, "lease")
    ));
    let mut answer = String::new();
    let read = input.lock().read_line(&mut answer);
    read.map_err(|error| CommandError::new(Kind::Failed, error))?;
    Ok(answer.trim() == "yes")
}
