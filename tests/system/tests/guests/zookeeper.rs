//! The module `zookeeper` on simulated machines: what it does to them, and what it refuses.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use cellhost_effects::Hook;
use cellhost_engine::Status;
use cellhost_transport::{DialOutcome, Fault, Package, Request, SimulatedMachine, State};

use crate::stage::{Mode, NAMES, Stage, Told, context, deploy};

const MODULE: &str = "zookeeper";
const PLAN: &str = "[modules.zookeeper]\non = \"all\"\n";
const PORT: u16 = 2181;
const DATA: &str = "/var/lib/zookeeper/data";
const LIST: &str = "/etc/zookeeper/cell/members";

/// Machines on which a service serves as soon as a majority of all of them runs; the first leads.
pub(crate) fn stage() -> Result<Stage> {
    let stage = Stage::new()?;
    let running: Arc<Mutex<BTreeSet<u8>>> = Arc::default();
    for (id, machine) in (1..).zip(stage.fleet.machines()) {
        prepare(id, machine, &running);
    }
    Ok(stage)
}

fn prepare(id: u8, machine: &SimulatedMachine, running: &Arc<Mutex<BTreeSet<u8>>>) {
    for name in ["libzookeeper-java", "default-jre-headless"] {
        machine.state().offer(name, Package::new("3.8.0"));
    }
    machine.answer(&["sleep", "1"], |_, _| 0.into());
    let all = running.clone();
    machine.listen(PORT, move |_, _| {
        let all = all.lock().expect("nobody panicked");
        let role = if id == 1 { "leader" } else { "follower" };
        let followers = all.len().saturating_sub(1);
        let serves = format!(
            "zk_server_state\t{role}\nzk_peer_state\tx - broadcast\nzk_quorum_size\t3\n\
             zk_synced_followers\t{followers}\n"
        );
        let waits = "This ZooKeeper instance is not currently serving requests\n".to_owned();
        let said = if all.len() > 1 { serves } else { waits };
        DialOutcome::Bytes(said.into_bytes())
    });
    machine.state().ports.remove(&PORT);
    let running = running.clone();
    machine.start("zookeeper-member", move |state| {
        // What `ConditionPathExists` does.
        if state.text(&marker(id)).is_some() {
            state.ports.insert(PORT);
            running.lock().expect("nobody panicked").insert(id);
        }
        Ok(())
    });
}

fn marker(id: u8) -> String {
    format!("{DATA}/member-{id}-of-stage")
}

/// Why the ensemble was not formed.
fn refused(told: &Told) -> String {
    let rows = told.rows(MODULE);
    let status = rows.get("form").map(|row| &row.status);
    let Some(Status::Failed(why)) = status else {
        panic!("{status:?}");
    };
    let own = why.strip_prefix("module `zookeeper` 0.1.0, form: refused: ");
    own.unwrap_or_else(|| panic!("{why}")).to_owned()
}

async fn after(prepare: impl FnOnce(&mut State)) -> Result<(Stage, Told)> {
    let stage = stage()?;
    prepare(&mut stage.fleet.machine("m2").expect("m2").state());
    let told = stage.run(&deploy(PLAN).await?, Mode::Real).await?;
    Ok((stage, told))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_is_founded_and_the_next_run_looks_once_and_changes_nothing() -> Result<()> {
    let stage = stage()?;
    let deployment = deploy(PLAN).await?;
    let foretold = stage.as_foreseen(&deployment).await?;
    assert!(foretold.exact >= 21, "{foretold}");
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    let list = "# Written by cellhost, one member at a time: not by hand.\n\
                server.1=10.0.0.1:2888:3888:participant\n\
                server.2=10.0.0.2:2888:3888:participant\n\
                server.3=10.0.0.3:2888:3888:participant\n";
    for (id, name) in (1..).zip(NAMES) {
        assert_eq!(stage.text(name, LIST), list);
        assert_eq!(stage.text(name, &format!("{DATA}/myid")), format!("{id}\n"));
        assert_eq!(stage.text(name, &format!("{DATA}/initialize")), "");
    }
    for machine in stage.fleet.machines() {
        machine.forget_requests();
    }
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    for machine in stage.fleet.machines() {
        let kind = |request: &Request| match request {
            Request::Look(_) => "look",
            Request::Dial(_) => "dial",
            Request::Read { .. } => "read",
            _ => "something else",
        };
        let kinds: Vec<&str> = machine.requests().iter().map(kind).collect();
        assert_eq!(kinds, ["look", "dial", "read"], "{}", machine.name());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_alone_tells_what_clients_connect_to() -> Result<()> {
    let plan = format!("{PLAN}settings = {{ client-port = 2182, chroot = \"/orders\" }}\n");
    let deployment = deploy(&plan).await?;
    let key = (MODULE.to_owned(), "connect".to_owned());
    assert_eq!(
        deployment.outputs.get(&key).map(String::as_str),
        Some("10.0.0.1:2182,10.0.0.2:2182,10.0.0.3:2182/orders")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_another_member_is_refused_and_left_as_it_is() -> Result<()> {
    let myid = format!("{DATA}/myid");
    let (stage, told) = after(|state| state.write(&myid, "7\n")).await?;
    assert_eq!(
        refused(&told),
        "m2 is member 2, and /var/lib/zookeeper/data is the data of member 7: it would vote in \
         another's name. Move that data away, or give the machine its number back by `ordinals`"
    );
    assert_eq!(stage.text("m2", &myid), "7\n");
    for machine in stage.fleet.machines() {
        assert!(
            !machine.state().ports.contains(&PORT),
            "{} serves",
            machine.name()
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_not_known_as_the_ensembles_is_refused_until_somebody_says_so() -> Result<()> {
    let log = format!("{DATA}/version-2/log.100000001");
    let (stage, told) = after(|state| state.write(&log, "data")).await?;
    assert_eq!(
        refused(&told),
        "/var/lib/zookeeper/data on m2 holds data that is not known as this ensemble's. Move it \
         away; or, if it is member 2's own, say so by `touch \
         /var/lib/zookeeper/data/member-2-of-stage`"
    );
    let machine = stage.fleet.machine("m2").expect("m2");
    assert_eq!(machine.state().text(&marker(2)), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_at_the_client_port_is_refused() -> Result<()> {
    let (_stage, told) = after(|state| {
        state.ports.insert(PORT);
    })
    .await?;
    assert_eq!(
        refused(&told),
        "something that cellhost has not set up answers at port 2181 of m2: perhaps another \
         ZooKeeper. Stop it, or choose another `client-port`"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_somebody_else_wrote_is_refused() -> Result<()> {
    let (_stage, told) = after(|state| state.write(LIST, "server.1=somewhere\n")).await?;
    assert_eq!(
        refused(&told),
        "m2: /etc/zookeeper/cell/members is not what cellhost has written there: mend it by hand, \
         as the other members have it"
    );
    Ok(())
}

/// It waits long, and looks often while it does: that is no computing.
#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_without_a_quorum_is_waited_for_in_vain_and_told_member_by_member() -> Result<()>
{
    let stage = stage()?;
    for machine in stage.fleet.machines() {
        machine.start("zookeeper-member", |_| Ok(()));
    }
    let plan = format!("{PLAN}settings = {{ tick-time = 100, init-limit = 1 }}\n");
    let deployment = deploy(&plan).await?;
    let first = stage.run(&deployment, Mode::Real).await?;
    assert!(!first.summary.is_good());
    for machine in stage.fleet.machines() {
        machine.fault(|_, _| Fault::Slow(Duration::from_millis(3)));
    }
    let placed = deployment.modules.first().context("a module")?;
    let mut form = context(
        placed,
        Hook::Form,
        None,
        stage.stack(Mode::Real, &stage.journal()?)?,
    );
    form.limits.computing = Duration::from_secs(1);
    let Err(error) = placed.module.form(form).await else {
        panic!("it is formed");
    };
    assert_eq!(
        error.to_string(),
        "module `zookeeper` 0.1.0, form: waited in vain for the first quorum: m1 does not \
         listen, m2 does not listen, m3 does not listen. `journalctl -u zookeeper-member` on a \
         machine says why"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_are_warned_of() -> Result<()> {
    let stage = stage()?;
    let two = PLAN.replace("all", "m[1-2]");
    let told = stage.run(&deploy(&two).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(
        told.warnings(),
        ["two members outlive the loss of none: either stops without the other"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let cases = [
        (
            "settings = { peer-port = 2181 }",
            "2181 is taken by `client-port`",
        ),
        (
            "settings = { data-dir = \"/tmp/zookeeper\" }",
            "`/tmp/zookeeper` is not below",
        ),
        (
            "settings = { options = { tickTime = \"1\" } }",
            "is decided by this module",
        ),
        (
            "ordinals = { m3 = 256 }",
            "m3 has the number 256: ZooKeeper's go from 1 to 255",
        ),
        (
            "ordinals = { m3 = 255 }\nsettings = { options = { extendedTypesEnabled = \"true\" } }",
            "m3 has the number 255: ZooKeeper's go from 1 to 254",
        ),
    ];
    for (line, why) in cases {
        let Err(wrong) = deploy(&format!("{PLAN}{line}\n")).await else {
            panic!("{line} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{line}: {wrong}");
    }
    Ok(())
}
