//! Lists of wishes through all layers: how many exchanges they cost, and what a failure stops.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cellhost_effects::{Act, EffectError, Found, Hook, Item, Service, Settlement};
use cellhost_transport::resources::software::Software;
use cellhost_transport::{Node, Package, Request};

use crate::asking::{Asker, directory, file};
use crate::stage::{Mode, Stage};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine", "/etc/mine/**", "/etc/other", "/etc/other/**"]
packages = ["mine"]
services = ["mine", "other"]
"#;

fn service(name: &str, watched: &[&str]) -> Item {
    Item::Service(Service {
        name: name.to_owned(),
        enabled: true,
        running: true,
        restart_for: watched.iter().map(|path| (*path).to_owned()).collect(),
        reload_for: Vec::new(),
    })
}

fn list(content: &str) -> Vec<Item> {
    let watched = ["/etc/mine/a.conf", "/etc/mine/b.conf"];
    vec![
        directory("/etc/mine"),
        file(watched[0], content),
        file(watched[1], content),
        service("mine", &watched),
    ]
}

async fn settled(asker: &Asker, list: Vec<Item>) -> Result<Vec<Settlement>, EffectError> {
    match asker.ask(Act::Ensure(list)).await?.found {
        Found::Settled(settlements) => Ok(settlements),
        other => panic!("{other:?}"),
    }
}

/// What was asked of the machine since it was asked last.
fn exchanges(stage: &Stage) -> Vec<&'static str> {
    let m1 = stage.fleet.machine("m1").expect("m1");
    let requests = m1.requests();
    m1.forget_requests();
    let kind = |request: &Request| match request {
        Request::Look(_) => "look",
        Request::Settle(_) => "settle",
        _ => "other",
    };
    requests.iter().map(kind).collect()
}

fn stage() -> Result<Stage> {
    let stage = Stage::new()?;
    let mut state = stage.fleet.machine("m1").expect("m1").state();
    let package = Package::new("1").with_service("mine").with_service("other");
    state.offer("mine", package);
    drop(state);
    Ok(stage)
}

#[tokio::test]
async fn one_exchange_where_nothing_changed_and_two_where_something_did() -> Result<()> {
    let stage = stage()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let software = Item::Software(Software {
        names: BTreeSet::from(["mine".to_owned()]),
        versions: BTreeMap::new(),
        start: false,
    });
    let with = |content| [vec![software.clone()], list(content)].concat();
    settled(&asker, with("first\n")).await?;
    // Nobody knows what a package brings, so the rest is looked at once it is there.
    assert_eq!(exchanges(&stage), ["look", "settle", "look", "settle"]);
    settled(&asker, with("first\n")).await?;
    assert_eq!(exchanges(&stage), ["look"]);
    let changes = settled(&asker, with("second\n")).await?;
    assert_eq!(exchanges(&stage), ["look", "settle"]);
    for place in [2, 3] {
        let diff = changes[place].diff.as_deref().expect("what it replaced");
        assert!(diff.contains("-first\n+second"), "{diff}");
    }
    assert_eq!(changes[4].lines, ["restart"]);
    settled(&asker, with("second\n")).await?;
    assert_eq!(exchanges(&stage), ["look"]);
    Ok(())
}

#[tokio::test]
async fn a_failure_stops_what_needs_it_and_nothing_else() -> Result<()> {
    let stage = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write("/etc/systemd/system/mine.service", "");
    m1.state().write("/etc/systemd/system/other.service", "");
    m1.state().write("/etc/mine", "a file in the way");
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let mut wanted = list("x\n");
    wanted.push(directory("/etc/other"));
    wanted.push(file("/etc/other/conf", "y\n"));
    wanted.push(service("other", &["/etc/other/conf"]));
    let error = settled(&asker, wanted.clone()).await;
    let Err(EffectError::Failed(failure)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(exchanges(&stage), ["look", "settle"]);
    let missed: Vec<u32> = failure.missed.iter().map(|missed| missed.index).collect();
    let stopped: Vec<u32> = failure
        .stopped
        .iter()
        .map(|stopped| stopped.index)
        .collect();
    assert_eq!((missed, stopped), (vec![0], vec![1, 2, 3]), "{failure}");
    assert!(failure.settlements[4..].iter().all(Settlement::changed));
    assert!(!m1.state().services.contains_key("mine"));
    assert!(m1.state().services["other"].running);
    assert_eq!(m1.state().text("/etc/other/conf"), Some("y\n"));
    // Out of the way, and the rest follows; what is done stays as it is.
    m1.state()
        .nodes
        .insert("/etc/mine".to_owned(), Node::directory());
    settled(&asker, wanted).await?;
    assert!(m1.state().services["mine"].running);
    assert_eq!(m1.state().services["other"].starts, 1);
    Ok(())
}

#[tokio::test]
async fn a_restart_is_owed_to_a_file_of_an_earlier_list_and_run() -> Result<()> {
    let stage = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write("/etc/systemd/system/mine.service", "");
    let wanted = list("first\n");
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    settled(&asker, wanted.clone()).await?;
    settled(&asker, list("second\n")[..2].to_vec()).await?;
    let restarts = || m1.state().services["mine"].restarts;
    assert_eq!(restarts(), 0);
    // Another run, and a dry one before it, which sees the same and changes nothing.
    for mode in [Mode::Dry, Mode::Dry, Mode::Real, Mode::Real] {
        let asker = Asker::new(&stage, mode, Hook::Apply, ASKS)?;
        let before = restarts();
        let answer = settled(&asker, vec![service("mine", &["/etc/mine/a.conf"])]).await?;
        assert_eq!(answer[0].changed(), before == 0, "{mode:?} {answer:?}");
        assert_eq!(restarts(), u32::from(before > 0 || mode == Mode::Real));
    }
    Ok(())
}
