//! `cellhost check`: everything that is wrong with a plan.

use std::process::ExitCode;

use super::counted;
use crate::error::CommandError;
use crate::session::{PlanArgs, Session};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) async fn run(mut args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    args.plan = args.plan.settled()?;
    let session = Session::open_here(&args.plan, terminal).await?;
    let plan = &session.deployment.plan;
    crate::reach::check_secrets(plan)?;
    terminal.note(format!(
        "{} is fine: {} on {}",
        args.plan.plan.display(),
        counted(plan.modules.len(), "module"),
        counted(plan.machines.len(), "machine"),
    ));
    Ok(ExitCode::SUCCESS)
}
