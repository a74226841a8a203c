//! `cellhost lab cut`, `heal`, `kill`, `start`, `freeze` and `thaw`.

use std::process::ExitCode;

use cellhost_lab::{Lab, LabError, MachineNumber};

use super::failure::failed;
use crate::error::CommandError;

#[derive(Debug, clap::Args)]
pub(super) struct CutArgs {
    /// The machine to cut off
    machine: String,

    /// Cut it off from this machine only
    other: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct HealArgs {
    /// The machines whose cuts to mend; all, if none is named
    machines: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct MachineArgs {
    /// The machines
    #[arg(required = true)]
    machines: Vec<String>,
}

/// Cuts one machine off from everything, or two from each other.
pub(super) fn cut(args: &CutArgs, mut lab: Lab) -> Result<ExitCode, CommandError> {
    let machine = lab.machine(&args.machine).map_err(failed)?;
    match &args.other {
        None => lab.cut(machine),
        Some(other) => {
            let other = lab.machine(other).map_err(failed)?;
            lab.cut_pair(machine, other)
        }
    }
    .map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

/// Mends the cuts of the machines named, or of all.
pub(super) fn heal(args: &HealArgs, lab: Lab) -> Result<ExitCode, CommandError> {
    let machines = if args.machines.is_empty() {
        lab.machines()
    } else {
        find(&lab, &args.machines)?
    };
    apply(lab, &machines, Lab::heal)
}

/// Does the same to each machine named, once all names are known to be right.
pub(super) fn each(
    args: &MachineArgs,
    lab: Lab,
    action: impl Fn(&mut Lab, MachineNumber) -> Result<(), LabError>,
) -> Result<ExitCode, CommandError> {
    let machines = find(&lab, &args.machines)?;
    apply(lab, &machines, action)
}

fn find(lab: &Lab, names: &[String]) -> Result<Vec<MachineNumber>, CommandError> {
    names
        .iter()
        .map(|name| lab.machine(name).map_err(failed))
        .collect()
}

fn apply(
    mut lab: Lab,
    machines: &[MachineNumber],
    action: impl Fn(&mut Lab, MachineNumber) -> Result<(), LabError>,
) -> Result<ExitCode, CommandError> {
    for machine in machines {
        action(&mut lab, *machine).map_err(failed)?;
    }
    Ok(ExitCode::SUCCESS)
}
