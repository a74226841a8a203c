//! The job that the bench measures does what the figures are about.

use anyhow::Result;
use cellhost_engine::Status;
use cellhost_transport::{FileKind, Request};

use crate::stage::{Mode, NAMES, Stage, deploy};

/// The guest that has the job.
pub(crate) const GUEST: &str = "bench-job";

const PLAN: &str = "[modules.bench-job]\non = \"all\"\n";

/// How many looks and how many settlements a machine was asked for, and nothing else.
fn exchanges(stage: &Stage, machine: &str) -> (usize, usize) {
    let machine = stage.fleet.machine(machine).expect("a machine");
    let requests = machine.requests();
    let looks = requests.iter().filter(|r| matches!(r, Request::Look(_)));
    let settles = requests.iter().filter(|r| matches!(r, Request::Settle(_)));
    let told = (looks.count(), settles.count());
    assert_eq!(told.0 + told.1, requests.len(), "{requests:?}");
    machine.forget_requests();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_changes_37_things_in_two_exchanges_and_the_second_none_in_one() -> Result<()>
{
    let stage = Stage::new()?;
    let deployment = deploy(PLAN).await?;
    let first = stage.run(&deployment, Mode::Real).await?;
    for name in NAMES {
        let row = first.rows(GUEST)[name];
        assert_eq!(row.status, Status::Changed(37), "{row:?}");
        assert_eq!(exchanges(&stage, name), (1, 1), "{name}");
        let machine = stage.fleet.machine(name).expect("a machine");
        let state = machine.state();
        for service in ["bench-gateway", "bench-ledger"] {
            let service = state.service(service).expect("a service with a unit");
            assert!(service.running && service.enabled, "{service:?}");
        }
        let private = &state.nodes["/etc/bench/mailer"];
        assert_eq!((private.kind, private.mode), (FileKind::Directory, 0o700));
        assert!(state.nodes.contains_key("/etc/bench/search/ready"));
    }
    let second = stage.run(&deployment, Mode::Real).await?;
    for name in NAMES {
        let row = second.rows(GUEST)[name];
        assert_eq!(row.status, Status::Unchanged, "{row:?}");
        assert_eq!(exchanges(&stage, name), (1, 0), "{name}");
    }
    Ok(())
}
