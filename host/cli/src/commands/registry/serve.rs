//! `cellhost registry serve`: the modules of a directory over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use cellhost_registry::{Offer, serve};
use tokio::net::TcpListener;

use crate::commands::counted;
use crate::error::{CommandError, Kind};
use crate::terminal::Terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory of finished modules
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Where to listen. There is no TLS and nobody is asked who they are: what is not loopback
    /// belongs behind a proxy that does both
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
}

pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let failed = |error: anyhow::Error| CommandError::new(Kind::Failed, error);
    let offer = Offer::new(&args.directory);
    let modules = offer.modules().map_err(|error| failed(error.into()))?;
    for (module, version) in &modules {
        terminal.note(format!("{module} {version}"));
    }
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))
        .map_err(failed)?;
    let address = listener
        .local_addr()
        .map_err(|error| failed(error.into()))?;
    let count = counted(modules.len(), "module");
    terminal.note(format!("{count} at oci+http://{address}, until Ctrl-C"));
    match serve(offer, listener).await {
        Ok(never) => match never {},
        Err(error) => Err(failed(error.into())),
    }
}
