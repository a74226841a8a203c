//! The module `mesos` on simulated machines: what it does to them, and what it refuses.

pub(crate) mod world;

use anyhow::Result;
use cellhost_engine::{Event, Happening, Status};
use cellhost_transport::{Request, SimulatedMachine};

use crate::stage::{Mode, NAMES, Stage, Told, deploy_on};
use world::{LATEST, MESOS, OFFERS, QUORUM, World};

const MODULE: &str = "mesos";
/// With everything that a file or a shell could take for something else.
const SECRET: &str = r#"a:b'c"d\e#f $g"#;
const HASH: &str = "6b8d38c8ed4227237bc81764dabb198f580a4acdc693f526f11c57dc7971f3a8";

/// Three masters, of which two run tasks.
pub(crate) const MACHINES: &str = r#"
m1 = { address = "10.0.0.1", roles = ["mesos-master"] }
m2 = { address = "10.0.0.2", roles = ["mesos-master", "mesos-agent", "body"], zone = "a", tags = { rack = "r1" } }
m3 = { address = "10.0.0.3", roles = ["mesos-master", "mesos-agent"], zone = "b" }
"#;

pub(crate) fn source() -> String {
    let (url, _) = MESOS;
    format!("source = {{ url = \"{url}\", sha256 = \"{HASH}\", packages = [\"libsvn1\"] }}")
}

pub(crate) fn plan(settings: &str) -> String {
    format!(
        "[barrier]\nservers = [\"10.0.0.1:2181\", \"10.0.0.2:2181\", \"10.0.0.3:2181\"]\n\
         interval = \"10ms\"\n\n[modules.mesos]\non = \"all\"\n[modules.mesos.settings]\n{}\n\
         {settings}\n",
        source()
    )
}

fn stage() -> Result<(Stage, World)> {
    let stage = Stage::knowing(&[("own", SECRET)])?;
    let world = World::on(&stage);
    Ok((stage, world))
}

async fn run(stage: &Stage, machines: &str, settings: &str) -> Result<Told> {
    let deployment = deploy_on(machines, &plan(settings)).await?;
    stage.run(&deployment, Mode::Real).await
}

/// Masters and agents that run; nothing of how they came to that is remembered here.
async fn founded(machines: &str) -> Result<(Stage, World)> {
    let (stage, world) = stage()?;
    let told = run(&stage, machines, "").await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    world.starts();
    Ok((stage, world))
}

fn machine<'a>(stage: &'a Stage, name: &str) -> &'a SimulatedMachine {
    stage.fleet.machine(name).expect("a machine of the stage")
}

/// Why a turn was refused.
fn refused(told: &Told, place: &str) -> String {
    let rows = told.rows(MODULE);
    let status = rows.get(place).map(|row| &row.status);
    let Some(Status::Failed(why)) = status else {
        panic!("{place}: {rows:?}");
    };
    let own = why.split_once(": refused: ").map(|(_, own)| own);
    own.unwrap_or_else(|| panic!("{why}")).to_owned()
}

/// What was asked of a machine, kind by kind.
fn kinds(machine: &SimulatedMachine) -> Vec<&'static str> {
    let kind = |request: &Request| match request {
        Request::Look(_) => "look",
        Request::Dial(dial) if dial.port == 2181 => "barrier",
        Request::Dial(_) => "dial",
        Request::Read { .. } => "read",
        _ => "something else",
    };
    let mut kinds: Vec<&str> = machine.requests().iter().map(kind).collect();
    kinds.retain(|kind| *kind != "barrier");
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_and_agents_are_founded_as_foretold_and_the_next_run_changes_nothing() -> Result<()>
{
    let (stage, world) = stage()?;
    let deployment = deploy_on(MACHINES, &plan("")).await?;
    let foretold = stage.as_foreseen(&deployment).await?;
    assert!(foretold.exact >= 29, "{foretold}");
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    let mut starts = world.starts();
    starts.sort_unstable();
    let all = [
        ("agent", 2),
        ("agent", 3),
        ("master", 1),
        ("master", 2),
        ("master", 3),
    ];
    assert_eq!(starts, all);
    assert_eq!(stage.text("m2", QUORUM), "MESOS_QUORUM=2\n");
    assert_eq!(stage.text("m2", "/etc/mesos/cell/masters"), "2 of 1 2 3\n");
    let master = stage.text("m2", "/etc/mesos/cell/master");
    for line in [
        "MESOS_ZK=\"zk://10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/mesos\"\n",
        "MESOS_IP=\"10.0.0.2\"\n",
        "MESOS_ADVERTISE_IP=\"10.0.0.2\"\n",
        "MESOS_CLUSTER=\"stage\"\n",
        "MESOS_WORK_DIR=\"/var/lib/mesos/master\"\n",
    ] {
        assert!(master.contains(line), "{line}{master}");
    }
    let agent = stage.text("m2", "/etc/mesos/cell/agent");
    for line in [
        "MESOS_MASTER=\"zk://10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/mesos\"\n",
        "MESOS_RECOVER=\"reconnect\"\n",
        "MESOS_RECONFIGURATION_POLICY=\"additive\"\n",
    ] {
        assert!(agent.contains(line), "{line}{agent}");
    }
    assert_eq!(
        stage.text("m2", OFFERS),
        "# What this agent offers. Written by cellhost.\n\
         MESOS_ATTRIBUTES=\"rack:r1;role_body:true;zone:a\"\n\
         MESOS_RESOURCES=\"ports:[31000-32000]\"\n"
    );
    for machine in stage.fleet.machines() {
        machine.forget_requests();
    }
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    // One look for each; what an agent offers is read before, and `form` asks each master how it is
    // and of what version.
    assert_eq!(
        kinds(machine(&stage, "m1")),
        ["look", "read", "dial", "dial"]
    );
    assert_eq!(
        kinds(machine(&stage, "m2")),
        ["read", "look", "read", "dial", "dial"]
    );
    assert_eq!(world.starts(), []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_major_version_brings_a_warning() -> Result<()> {
    let (stage, world) = founded(MACHINES).await?;
    let warned = |told: &Told| {
        told.events.iter().any(|event| {
            let Event::Turn {
                happening: Happening::Said(_, words),
                ..
            } = event
            else {
                return false;
            };
            words.contains("the agent 10.0.0.3 has 0.28.1")
        })
    };
    assert!(!warned(&run(&stage, MACHINES, "").await?));
    world.services().versions.insert(("agent", 3), "0.28.1");
    let told = run(&stage, MACHINES, "").await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert!(warned(&told), "{:?}", told.events);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_goes_through_the_masters_one_at_a_time_and_the_leader_is_last() -> Result<()> {
    let (stage, world) = founded(MACHINES).await?;
    let settings = "master-options = { max_agent_ping_timeouts = \"10\" }";
    let told = run(&stage, MACHINES, settings).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(
        world.starts(),
        [("master", 1), ("master", 2), ("master", 3)]
    );
    assert!(
        stage
            .text("m1", "/etc/mesos/cell/master")
            .contains("MESOS_MAX_AGENT_PING_TIMEOUTS=\"10\"")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_come_and_go_without_two_groups_that_could_decide() -> Result<()> {
    let two = MACHINES.replace(
        "[\"mesos-master\", \"mesos-agent\"], zone = \"b\"",
        "[\"mesos-agent\"], zone = \"b\"",
    );
    let (stage, world) = founded(&two).await?;
    assert_eq!(stage.text("m1", "/etc/mesos/cell/masters"), "2 of 1 2\n");
    let told = run(&stage, MACHINES, "").await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(stage.text("m3", "/etc/mesos/cell/masters"), "2 of 1 2 3\n");
    let told = run(&stage, &two, "").await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(stage.text("m1", "/etc/mesos/cell/masters"), "2 of 1 2\n");
    let m3 = machine(&stage, "m3");
    assert!(!m3.state().nodes.contains_key(QUORUM));
    assert!(!m3.state().services["mesos-master"].running);
    assert!(m3.state().services["mesos-agent"].running);
    assert_eq!(world.services().dangers, [""; 0]);
    let again = run(&stage, &two, "").await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    assert_eq!(
        again.warnings(),
        ["2 masters outlive the loss of no more than 1 would"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_master_becomes_three_only_on_an_explicit_word() -> Result<()> {
    let one = MACHINES.replace("[\"mesos-master\", ", "[");
    let (stage, world) = founded(&one).await?;
    let told = run(&stage, MACHINES, "").await?;
    let why = refused(&told, "form");
    assert!(
        why.starts_with("1 of the 3 masters of the plan have the registry, and 2 have to"),
        "{why}"
    );
    assert_eq!(stage.text("m1", QUORUM), "MESOS_QUORUM=1\n");
    let told = run(&stage, MACHINES, "forget-registry = true").await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(stage.text("m1", QUORUM), "MESOS_QUORUM=2\n");
    assert_eq!(world.services().dangers, [""; 0]);
    let again = run(&stage, MACHINES, "forget-registry = true").await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_tasks_keeps_what_it_offers_and_a_drained_one_begins_anew() -> Result<()> {
    let (stage, world) = founded(MACHINES).await?;
    let offers = stage.text("m2", OFFERS);
    let moved = MACHINES.replace("zone = \"a\"", "zone = \"c\"");
    let told = run(&stage, &moved, "").await?;
    assert_eq!(
        refused(&told, "m2"),
        "m2's attributes change from `rack:r1;role_body:true;zone:a` to \
         `rack:r1;role_body:true;zone:c`: an agent does not come back with others than it had, and \
         its tasks would be lost. Drain it (`DRAIN_AGENT` at the leading master) until it is \
         `DRAINED`, and run again: it comes back as a new agent"
    );
    assert_eq!(stage.text("m2", OFFERS), offers);
    assert_eq!(world.starts(), []);

    world.services().drained.insert(2);
    let told = run(&stage, &moved, "").await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(world.starts(), [("agent", 2)]);
    assert!(stage.text("m2", LATEST).contains("zone:c"));
    assert!(run(&stage, &moved, "").await?.changes().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolation_that_the_kernel_cannot_give_is_refused() -> Result<()> {
    let (stage, world) = stage()?;
    let m2 = machine(&stage, "m2");
    m2.state()
        .write("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
    let settings = "isolation = \"cgroups/cpu,cgroups/mem\"";
    let told = run(&stage, MACHINES, settings).await?;
    assert_eq!(
        refused(&told, "m2"),
        "`isolation` is `cgroups/cpu,cgroups/mem`, and m2 has the second version of cgroups, which \
         Mesos does not know: boot it with `systemd.unified_cgroup_hierarchy=0`, or take \
         `posix/cpu,posix/mem`"
    );
    assert!(!world.services().agents.contains_key(&2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_in_files_that_others_cannot_read_and_nowhere_else() -> Result<()> {
    let (stage, _world) = stage()?;
    let text = format!(
        "[secrets]\nown = {{ env = \"OWN\" }}\n\n{}",
        plan("credential = { principal = \"cell\", secret = { secret = \"own\" } }")
    );
    let told = stage
        .run(&deploy_on(MACHINES, &text).await?, Mode::Real)
        .await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert!(!told.journal.contains("a:b'"), "{}", told.journal);
    let shown = stage.text("m2", "/etc/mesos/cell/credentials");
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    assert_eq!(shown["credentials"][0]["secret"], SECRET);
    let shown: serde_json::Value =
        serde_json::from_str(&stage.text("m2", "/etc/mesos/cell/credential"))?;
    assert_eq!(shown["secret"], SECRET);
    let node = machine(&stage, "m2").state().nodes["/etc/mesos/cell/credentials"].clone();
    assert_eq!((node.mode, node.group.as_str()), (0o640, "mesos"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_takes_all_but_data_unless_it_is_told_to_purge() -> Result<()> {
    let (stage, _world) = founded(MACHINES).await?;
    let deployment = deploy_on(MACHINES, &plan("")).await?;
    let data = ["/var/lib/mesos/master", "/var/lib/mesos/agent"];
    for purge in [false, true] {
        stage.remove_all(&deployment, purge).await?;
        for name in NAMES {
            let state = machine(&stage, name).state();
            for path in [
                "/etc/mesos",
                "/opt/mesos",
                "/etc/systemd/system/mesos-master.service",
                "/etc/systemd/system/mesos-agent.service",
            ] {
                assert!(!state.nodes.contains_key(path), "{name} has {path}");
            }
            assert!(
                state
                    .services
                    .values()
                    .all(|one| !one.running && !one.enabled)
            );
        }
        for path in data {
            let there = machine(&stage, "m2").state().nodes.contains_key(path);
            assert_eq!(there, !purge, "{path}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_come_from_packages_or_an_image_too() -> Result<()> {
    let digest = "0".repeat(64);
    let image = format!("registry.example.org/mesos@sha256:{digest}");
    let unit = "/etc/systemd/system/mesos-agent.service";
    for (from, words) in [
        (
            "source = { packages = [\"mesos\"] }".to_owned(),
            vec![
                "ExecStart=/usr/sbin/mesos-agent\n".to_owned(),
                "KillMode=process\n".to_owned(),
            ],
        ),
        (
            format!("source = {{ image = \"{image}\" }}"),
            vec![
                "--privileged --pid host".to_owned(),
                "    --env MESOS_ATTRIBUTES \\\n".to_owned(),
                format!("    --entrypoint mesos-agent {image}\n"),
            ],
        ),
    ] {
        let (stage, _world) = stage()?;
        let plan = plan("").replace(&source(), &from);
        let told = stage
            .run(&deploy_on(MACHINES, &plan).await?, Mode::Real)
            .await?;
        assert!(told.summary.is_good(), "{:?}", told.summary);
        let text = stage.text("m2", unit);
        for word in words {
            assert!(text.contains(&word), "{word}{text}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let (url, _) = MESOS;
    for (settings, why) in [
        (
            "master-options = { quorum = \"1\" }",
            "follows from the number of masters",
        ),
        ("zk-path = \"/mesos mesos\"", "has blanks in it"),
        ("zk-path = \"\"", "has no path at its end"),
        ("agent-dir = \"/tmp/mesos\"", "`/tmp/mesos` is not below"),
        ("agent-dir = \"/var/lib/mesos/master\"", "share files"),
        (
            "task-ports = \"5000-6000\"",
            "has 5050 in it, the port of the masters",
        ),
        ("master-role = \"boss\"", "no machine has the role `boss`"),
    ] {
        let Err(wrong) = deploy_on(MACHINES, &plan(settings)).await else {
            panic!("{settings} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{settings}: {wrong}");
    }
    let bare = plan("").replace(&source(), &format!("source = {{ url = \"{url}\" }}"));
    let Err(wrong) = deploy_on(MACHINES, &bare).await else {
        panic!("an archive without a hash is accepted");
    };
    assert!(wrong.to_string().contains("lacks `sha256`"), "{wrong}");
    let local = MACHINES.replace("10.0.0.2\"", "localhost\"");
    let Err(wrong) = deploy_on(&local, &plan("")).await else {
        panic!("a loopback is accepted");
    };
    assert!(
        wrong.to_string().contains("which is no IPv4 address"),
        "{wrong}"
    );
    Ok(())
}
