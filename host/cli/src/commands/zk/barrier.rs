//! `cellhost zk barrier`: waits until the ensemble holds still.

use std::process::ExitCode;

use cellhost_engine::stand_at_barrier;

use super::{LookArgs, ensemble};
use crate::error::CommandError;
use crate::reach::Reach;
use crate::report::{self, Format};
use crate::session::Session;
use crate::terminal::Terminal;

pub(super) async fn run(args: LookArgs, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let session = Session::open(&args.plan, terminal).await?;
    let deployment = &session.deployment;
    let ensemble = ensemble(deployment)?;
    let reach = Reach::connect(deployment, &args.connect)?;
    let effects = reach.look();
    let summary = reach
        .follow(terminal, |events, _| {
            stand_at_barrier(deployment, ensemble, effects, events)
        })
        .await?;
    if let Some(evidence) = &summary.barrier {
        match args.format {
            Format::Text if evidence.is_held() => {
                for seen in &evidence.servers {
                    terminal.data(format_args!("{}\n", seen.server));
                }
            }
            Format::Text => {}
            Format::Json => terminal.data(format_args!("{}\n", evidence.to_json())),
        }
    }
    report::ended(&summary)
}
