//! The subcommands: one file each, with its `Args` and its `run`.

mod bundle;
mod check;
mod drift;
mod grants;
mod key;
mod lab;
mod module;
mod plan;
mod registry;
mod remove;
mod replay;
mod resume;
mod run;
mod runs;
mod unlock;
mod update;
mod vendor;
mod why;
mod zk;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    error::{CommandError, Kind},
    terminal::Terminal,
};

/// Deploys clusters over ssh by modules that are WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "cellhost",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the machines of a plan to where it wants them
    Run(run::Args),
    /// Go on with a run that failed, was interrupted or died, where it was
    Resume(resume::Args),
    /// List the runs so far, and show what is on record of one
    Runs(runs::Args),
    /// Live through a run once more from its record, without machines or a network
    Replay(replay::Args),
    /// Take machines away from runs that are dead
    Unlock(unlock::Args),
    /// Show what a run would change, and keep it where wanted
    Plan(plan::Args),
    /// Say what differs from the plan; the exit code is 4 where something does
    Drift(drift::Args),
    /// Take modules off their machines, in the reverse order
    Remove(remove::Args),
    /// Say everything that is wrong with a plan, and touch nothing
    Check(check::Args),
    /// Say what the modules of a plan can do at most, and on which machines
    Grants(grants::Args),
    /// Take newer versions of modules from registries, and say what they would do more
    Update(update::Args),
    /// Say where a module of a plan comes from, and which versions of it there are
    Why(why::Args),
    /// Put the modules of a plan into a directory beside it, so that no registry is asked for them
    Vendor(vendor::Args),
    /// Put a plan with its modules into one file, which runs without a network
    Bundle(bundle::Args),
    /// Look at the ZooKeeper ensemble that a plan counts on
    Zk(zk::Args),
    /// Build modules and look into them
    Module(module::Args),
    /// Make keys that modules are signed with
    Key(key::Args),
    /// Offer modules to others
    Registry(registry::Args),
    /// Real Debian machines on this computer, for trying and testing
    Lab(lab::Args),
}

pub(crate) use module::inspect::powers;

/// A number and its noun.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Runs the subcommand chosen, until it ends or is interrupted.
pub(crate) async fn run(
    arguments: Arguments,
    terminal: &Terminal,
) -> Result<ExitCode, CommandError> {
    match arguments.command {
        // A run tidies up after an interrupt by itself.
        Command::Run(args) => run::run(args, terminal).await,
        Command::Resume(args) => resume::run(args, terminal).await,
        Command::Runs(args) => interruptible(runs::run(args, terminal)).await,
        Command::Replay(args) => interruptible(replay::run(args, terminal)).await,
        Command::Unlock(args) => interruptible(unlock::run(args, terminal)).await,
        Command::Plan(args) => plan::run(args, terminal).await,
        Command::Drift(args) => drift::run(args, terminal).await,
        Command::Remove(args) => remove::run(args, terminal).await,
        // Looking ends in order too.
        Command::Key(args) => key::run(&args, terminal),
        Command::Registry(args) => interruptible(registry::run(args, terminal)).await,
        Command::Update(args) => interruptible(update::run(args, terminal)).await,
        Command::Why(args) => interruptible(why::run(args, terminal)).await,
        Command::Vendor(args) => interruptible(vendor::run(args, terminal)).await,
        Command::Bundle(args) => interruptible(bundle::run(args, terminal)).await,
        Command::Zk(args) => zk::run(args, terminal).await,
        Command::Check(args) => interruptible(check::run(args, terminal)).await,
        Command::Grants(args) => interruptible(grants::run(args, terminal)).await,
        Command::Module(args) => interruptible(module::run(args, terminal)).await,
        Command::Lab(args) => interruptible(lab::run(args, terminal)).await,
    }
}

async fn interruptible(
    command: impl Future<Output = Result<ExitCode, CommandError>>,
) -> Result<ExitCode, CommandError> {
    tokio::select! {
        result = command => result,
        _ = tokio::signal::ctrl_c() => {
            Err(CommandError::new(Kind::Interrupted, anyhow::anyhow!("interrupted")))
        }
    }
}
