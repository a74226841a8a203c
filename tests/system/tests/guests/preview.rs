use anyhow::Result;
use cellhost_effects::{
    Act, Answer, Certainty, EffectError, File, Found, Hook, Item, Outcome, Settlement,
};
use cellhost_transport::{FileKind, Package};

use crate::asking::{Asker, absent, command, directory, file, probe, run, service, software};
use crate::stage::{Mode, Stage};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine"]
commands = [["tool", "**"]]
packages = ["mine"]
services = ["mine"]
"#;

fn stage() -> Result<(Stage, Asker)> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state()
        .offer("mine", Package::new("1").with_service("mine"));
    m1.answer(&["tool", ".."], |_, _| "real".into());
    let asker = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    Ok((stage, asker))
}

fn settled(outcome: Outcome) -> Vec<Settlement> {
    match outcome.found {
        Found::Settled(settlements) => settlements,
        other => panic!("{other:?}"),
    }
}

fn assuming(answer: &str) -> Act {
    Act::Probe {
        command: command(&["tool", "look"]),
        assumed: Some(answer.into()),
    }
}

fn answered(outcome: Outcome) -> (String, Certainty) {
    match outcome.found {
        Found::Answer(Answer { output, .. }) => (
            String::from_utf8_lossy(&output).into_owned(),
            outcome.certainty,
        ),
        other => panic!("{other:?}"),
    }
}

async fn read(asker: &Asker, path: &str) -> Result<String, EffectError> {
    let path = path.to_owned();
    match asker.ask(Act::Read { path, limit: 100 }).await?.found {
        Found::Bytes(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        other => panic!("{other:?}"),
    }
}

async fn kind(asker: &Asker, path: &str) -> Result<Option<FileKind>, EffectError> {
    let path = path.to_owned();
    match asker.ask(Act::Status { path }).await?.found {
        Found::Status(status) => Ok(status.map(|status| status.kind)),
        other => panic!("{other:?}"),
    }
}

async fn entries(asker: &Asker, path: &str) -> Result<Vec<String>, EffectError> {
    let path = path.to_owned();
    match asker.ask(Act::Entries { path }).await?.found {
        Found::Entries(entries) => Ok(entries),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn later_looks_see_what_was_held_back() -> Result<()> {
    let (stage, asker) = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write("/etc/mine/old", "old\n");
    m1.state().write("/etc/mine/kept", "kept\n");
    let before = stage.state();
    let list = || {
        Act::Ensure(vec![
            directory("/etc/mine/sub"),
            file("/etc/mine/sub/new", "new\n"),
            file("/etc/mine/kept", "other\n"),
            absent("/etc/mine/old"),
        ])
    };
    let first = settled(asker.ask(list()).await?);
    assert!(first.iter().all(Settlement::changed), "{first:?}");
    assert_eq!(read(&asker, "/etc/mine/sub/new").await?, "new\n");
    assert_eq!(read(&asker, "/etc/mine/kept").await?, "other\n");
    let gone = read(&asker, "/etc/mine/old").await;
    assert!(
        matches!(gone, Err(EffectError::NotFound { .. })),
        "{gone:?}"
    );
    assert_eq!(
        kind(&asker, "/etc/mine/sub").await?,
        Some(FileKind::Directory)
    );
    assert_eq!(
        kind(&asker, "/etc/mine/sub/new").await?,
        Some(FileKind::File)
    );
    assert_eq!(kind(&asker, "/etc/mine/old").await?, None);
    assert_eq!(entries(&asker, "/etc/mine").await?, ["kept", "sub"]);
    assert_eq!(entries(&asker, "/etc/mine/sub").await?, ["new"]);
    let again = settled(asker.ask(list()).await?);
    assert!(!again.iter().any(Settlement::changed), "{again:?}");
    assert_eq!(stage.state(), before);
    Ok(())
}

#[tokio::test]
async fn one_machine_is_not_another() -> Result<()> {
    let (_stage, asker) = stage()?;
    let list = || Act::Ensure(vec![directory("/etc/mine")]);
    assert!(settled(asker.ask_of("m1", list()).await?)[0].changed());
    assert!(settled(asker.ask_of("m2", list()).await?)[0].changed());
    assert!(!settled(asker.ask_of("m2", list()).await?)[0].changed());
    Ok(())
}

#[tokio::test]
async fn software_of_an_earlier_list_is_not_installed_again() -> Result<()> {
    let (stage, asker) = stage()?;
    let before = stage.state();
    let first = settled(asker.ask(Act::Ensure(vec![software("mine")])).await?);
    assert_eq!(first[0].lines, ["install mine"]);
    assert_eq!(first[0].certainty, Certainty::Exact);
    let second = Act::Ensure(vec![software("mine"), service("mine")]);
    let second = settled(asker.ask(second).await?);
    assert!(!second[0].changed(), "{second:?}");
    // Only the package knows whether it brings the service running.
    assert_eq!(second[1].certainty, Certainty::Assumed);
    assert_eq!(stage.state(), before);
    Ok(())
}

#[tokio::test]
async fn a_look_is_answered_by_the_machine_until_something_was_held_back() -> Result<()> {
    let (stage, asker) = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    let real = ("real".to_owned(), Certainty::Exact);
    assert_eq!(answered(asker.ask(assuming("assumed")).await?), real);
    assert_eq!(m1.commands().len(), 1);

    let ran = asker.ask(run(command(&["tool", "change"]))).await?;
    assert!(matches!(ran.found, Found::Ran(None)), "{ran:?}");
    let assumed = ("assumed".to_owned(), Certainty::Assumed);
    assert_eq!(answered(asker.ask(assuming("assumed")).await?), assumed);
    assert_eq!(m1.commands().len(), 1);

    // Where nothing is assumed, the machine is asked, and its word is worth little.
    let asked = answered(asker.ask(probe(command(&["tool", "look"]))).await?);
    assert_eq!(asked, ("real".to_owned(), Certainty::Unknown));
    assert_eq!(m1.commands().len(), 2);
    Ok(())
}

#[tokio::test]
async fn says_what_would_be_kept_of_a_file_and_keeps_it() -> Result<()> {
    let (stage, dry) = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write("/etc/mine/kept", "old\n");
    let list = || {
        let Item::File(wish) = file("/etc/mine/kept", "new\n") else {
            panic!("no file");
        };
        Act::Ensure(vec![Item::File(File {
            backup: true,
            ..wish
        })])
    };
    let name = format!(
        "/etc/mine/kept.cellhost-{}",
        &cellhost_manifest::digest(b"old\n")[..12]
    );
    let shown = settled(dry.ask(list()).await?);
    let line = format!("keep what it held as {name}");
    assert_eq!(shown[0].lines, ["content", &line]);
    assert!(!m1.state().nodes.contains_key(&name));
    let real = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    assert_eq!(settled(real.ask(list()).await?), shown);
    assert_eq!(stage.text("m1", &name), "old\n");
    assert!(!settled(real.ask(list()).await?)[0].changed());
    Ok(())
}
