//! `cellhost zk nodes`: which servers of the ensemble serve.

use std::process::ExitCode;

use anyhow::anyhow;
use cellhost_engine::{Seen, ask_ensemble};
use serde_json::{Value, json};

use super::{LookArgs, ensemble};
use crate::error::{CommandError, Kind};
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
            ask_ensemble(deployment, ensemble, effects, events)
        })
        .await?;
    let seen = summary.barrier.as_ref().map(|seen| seen.servers.as_slice());
    let seen = seen.unwrap_or_default();
    let serving = |seen: &&Seen| seen.answer.mode().is_some();
    match args.format {
        Format::Text => {
            for one in seen.iter().filter(serving) {
                terminal.data(format_args!("{}\n", one.server));
            }
        }
        Format::Json => {
            let all: Vec<Value> = seen.iter().map(Seen::to_json).collect();
            terminal.data(format_args!("{}\n", json!(all)));
        }
    }
    for one in seen.iter().filter(|seen| !serving(seen)) {
        terminal.note(report::clean(&one.to_string()));
    }
    if let Some(reason) = summary.rows.iter().find_map(|row| row.status.reason()) {
        let kind = if summary.interrupted {
            Kind::Interrupted
        } else {
            Kind::Failed
        };
        return Err(CommandError::new(
            kind,
            anyhow!("{}", report::clean(reason)),
        ));
    }
    if seen.iter().any(|seen| serving(&seen)) {
        return Ok(ExitCode::SUCCESS);
    }
    Err(CommandError::new(
        Kind::Failed,
        anyhow!("no server of `{}` serves", ensemble.name),
    ))
}
