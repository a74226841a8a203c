//! `cellhost lab`: machines of one's own, as many as wanted, gone when no longer needed.

mod down;
mod exec;
mod failure;
mod faults;
mod hash;
mod image;
mod narrator;
mod ssh;
mod status;
mod up;

use std::{path::PathBuf, process::ExitCode};

use cellhost_lab::{Lab, LabDirectory};
use clap::Subcommand;

use crate::{
    error::{CommandError, Kind},
    terminal::Terminal,
};
use failure::failed;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Directory of the lab; labs in different directories are independent
    #[arg(
        long,
        value_name = "PATH",
        env = cellhost_lab::LAB_DIRECTORY_VARIABLE,
        global = true,
        hide_env_values = true
    )]
    dir: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring up N machines, or add those that are missing
    Up(up::Args),
    /// Remove the lab with all it ever made
    Down,
    /// Show every machine
    Status(status::Args),
    /// Log in to a machine, or run a command on it
    Ssh(ssh::Args),
    /// Run a command on this computer, inside the lab's network
    Exec(exec::Args),
    /// Pull a machine's cable, or keep two machines from reaching each other
    Cut(faults::CutArgs),
    /// Mend all cuts, or those of the machines named
    Heal(faults::HealArgs),
    /// Cut a machine's power
    Kill(faults::MachineArgs),
    /// Switch a killed machine on again
    Start(faults::MachineArgs),
    /// Stop a machine where it stands, as if it hung
    Freeze(faults::MachineArgs),
    /// Let a frozen machine go on
    Thaw(faults::MachineArgs),
    /// Sum up all that is on a machine's disk
    Hash(hash::Args),
    /// Build an image, if it is not there, and show where it is
    Image(image::Args),
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let terminal = terminal.clone();
    // The lab waits for other programs, so it has a thread of its own to wait on.
    let work = tokio::task::spawn_blocking(move || dispatch(args, &terminal));
    work.await
        .map_err(|error| CommandError::new(Kind::Bug, error))?
}

fn dispatch(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let directory = LabDirectory::choose(args.dir.as_deref()).map_err(failed)?;
    let open = || Lab::open(&directory).map_err(failed);
    match args.command {
        Command::Up(args) => up::run(&args, &directory, terminal),
        Command::Down => down::run(&directory, terminal),
        Command::Status(args) => status::run(&args, &open()?, terminal),
        Command::Ssh(args) => ssh::run(&args, open()?),
        Command::Exec(args) => exec::run(&args, open()?),
        Command::Cut(args) => faults::cut(&args, open()?),
        Command::Heal(args) => faults::heal(&args, open()?),
        Command::Kill(args) => faults::each(&args, open()?, |lab, machine| lab.kill(machine)),
        Command::Start(args) => faults::each(&args, open()?, Lab::start),
        Command::Freeze(args) => faults::each(&args, open()?, |lab, machine| lab.freeze(machine)),
        Command::Thaw(args) => faults::each(&args, open()?, |lab, machine| lab.thaw(machine)),
        Command::Hash(args) => hash::run(&args, &open()?, terminal),
        Command::Image(args) => image::run(&args, terminal),
    }
}
