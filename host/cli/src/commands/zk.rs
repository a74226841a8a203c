//! `cellhost zk`: looks at the ensemble that a plan counts on.

mod barrier;
mod nodes;

use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_engine::{Deployment, Ensemble};
use clap::Subcommand;

use crate::error::{CommandError, Kind};
use crate::reach::ConnectArgs;
use crate::report::Format;
use crate::session::PlanArgs;
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the servers of the plan's ensemble that serve, one host:port a line
    Nodes(LookArgs),
    /// Wait until the plan's ensemble holds still, as a run would, and list its servers
    Barrier(LookArgs),
}

#[derive(Debug, clap::Args)]
struct LookArgs {
    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    connect: ConnectArgs,

    /// How to write the list to standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl LookArgs {
    fn settled(mut self) -> Result<Self, CommandError> {
        self.plan = self.plan.settled()?;
        Ok(self)
    }
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    match args.command {
        Command::Nodes(args) => nodes::run(args.settled()?, terminal).await,
        Command::Barrier(args) => barrier::run(args.settled()?, terminal).await,
    }
}

/// The ensemble of a plan, whether or not its runs wait for it.
fn ensemble(deployment: &Deployment) -> Result<&Ensemble, CommandError> {
    deployment.ensemble.as_ref().ok_or_else(|| {
        CommandError::new(Kind::Usage, anyhow!("this plan has no ensemble")).hint(
            "a module `zookeeper` before `post-zk` is one, and so are `ensemble` and `servers` in `[barrier]`",
        )
    })
}
