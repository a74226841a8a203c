//! The module `marathon` on simulated machines: what it does to them, and what it refuses.

use anyhow::{Context as _, Result};
use cellhost_engine::Status;

use crate::mesos::world::{MARATHON, World};
use crate::mesos::{self, MACHINES};
use crate::stage::{Mode, NAMES, Stage, deploy_on};

const HASH: &str = "8b41bf4f44c7eb54798c75a91e750ca871dd0beb6cbab485b742c4f875469064";
const ENVIRONMENT: &str = "/etc/marathon/cell/environment";

pub(crate) fn plan(settings: &str) -> String {
    let (url, _) = MARATHON;
    format!(
        "{}task-users = [\"app\"]\n\n[modules.marathon]\non = \"all\"\n[modules.marathon.settings]\n\
         source = {{ url = \"{url}\", sha256 = \"{HASH}\", packages = [\"libsvn1\"] }}\n{settings}\n",
        mesos::plan("")
    )
}

fn stage() -> Result<(Stage, World)> {
    let stage = Stage::new()?;
    let world = World::on(&stage);
    Ok((stage, world))
}

#[tokio::test(flavor = "multi_thread")]
async fn marathon_is_founded_behind_mesos_as_foretold_and_the_next_run_changes_nothing()
-> Result<()> {
    let (stage, world) = stage()?;
    let deployment = deploy_on(MACHINES, &plan("user = \"app\"")).await?;
    let foretold = stage.as_foreseen(&deployment).await?;
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    let starts = world.starts();
    assert!(
        starts[..5].iter().all(|(what, _)| *what != "marathon"),
        "{starts:?}"
    );
    let text = stage.text("m2", ENVIRONMENT);
    for line in [
        "MARATHON_MASTER=\"zk://10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/mesos\"\n",
        "MARATHON_ZK=\"zk://10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/marathon\"\n",
        "MARATHON_HOSTNAME=\"10.0.0.2\"\n",
        "MARATHON_MESOS_USER=\"app\"\n",
        "LIBPROCESS_IP=\"10.0.0.2\"\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let key = ("marathon".to_owned(), "nodes".to_owned());
    assert_eq!(
        deployment.outputs.get(&key).map(String::as_str),
        Some("10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080")
    );
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_goes_through_the_instances_one_at_a_time_and_the_leader_is_last() -> Result<()> {
    let (stage, world) = stage()?;
    let told = stage
        .run(&deploy_on(MACHINES, &plan("")).await?, Mode::Real)
        .await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    world.starts();
    let changed = deploy_on(MACHINES, &plan("heap = \"1g\"")).await?;
    let told = stage.run(&changed, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(
        world.starts(),
        [("marathon", 1), ("marathon", 2), ("marathon", 3)]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_would_be_another_marathon_and_is_refused() -> Result<()> {
    let (stage, world) = stage()?;
    stage
        .run(&deploy_on(MACHINES, &plan("")).await?, Mode::Real)
        .await?;
    world.starts();
    let other = deploy_on(MACHINES, &plan("framework-name = \"other\"")).await?;
    let told = stage.run(&other, Mode::Real).await?;
    let rows = told.rows("marathon");
    let Some(Status::Failed(why)) = rows.get("m1").map(|row| &row.status) else {
        panic!("{rows:?}");
    };
    assert!(
        why.contains("m1 is an instance of `marathon at /marathon with role *`"),
        "{why}"
    );
    assert_eq!(world.starts(), []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_leaves_nothing_but_packages() -> Result<()> {
    let (stage, _world) = stage()?;
    let deployment = deploy_on(MACHINES, &plan("")).await?;
    stage.run(&deployment, Mode::Real).await?;
    stage.remove_all(&deployment, false).await?;
    for name in NAMES {
        let state = stage
            .fleet
            .machine(name)
            .expect("a machine")
            .state()
            .clone();
        for path in [
            "/etc/marathon",
            "/opt/marathon",
            "/etc/systemd/system/marathon.service",
        ] {
            assert!(!state.nodes.contains_key(path), "{name} has {path}");
        }
        assert!(state.services.values().all(|one| !one.running));
        assert!(!state.users.contains_key("marathon"), "{name} has its user");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    for (settings, why) in [
        ("zk-path = \"/mesos\"", "Marathon needs a path of its own"),
        ("zk-path = \"/a b\"", "has blanks in it"),
        ("user = \"marathon\"", "agents do not know `marathon`"),
        ("options = { zk = \"x\" }", "is decided by this module"),
    ] {
        let Err(wrong) = deploy_on(MACHINES, &plan(settings)).await else {
            panic!("{settings} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{settings}: {wrong}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_at_its_port_on_the_same_machines_is_refused() -> Result<()> {
    let plan = plan("user = \"app\"");
    let (_, modules) = plan.split_once("[modules.mesos]\n").context("mesos")?;
    let text = format!(
        "[modules.zookeeper]\non = \"all\"\nsettings = {{ client-port = 8080 }}\n\n\
         [modules.mesos]\n{modules}"
    );
    let Err(wrong) = deploy_on(MACHINES, &text).await else {
        panic!("it is accepted");
    };
    let words = wrong.to_string();
    assert!(
        words.contains("`zookeeper` and `marathon` both listen on port 8080 of "),
        "{words}"
    );
    Ok(())
}
