//! What a dry run calls certain comes about; what it cannot know it does not call so.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use cellhost_effects::{
    Act, Certainty, Edit, EffectError, File, Found, Hook, Item, Line, Place, Settlement,
};
use cellhost_engine::{Event, Happening, Tally};
use cellhost_transport::Package;
use cellhost_transport::resources::{download::Download, group::Group, user::User};

use crate::asking::{Asker, command, directory, file, probe, run, service, software};
use crate::greeting::{GUESTS, plan};
use crate::stage::{Mode, Stage, Told, deploy};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc", "/srv", "/var/lib/mine"]
commands = [["tool", "**"]]
packages = ["mine"]
services = ["mine", "other"]
users = ["mine"]
groups = ["mine"]
urls = ["https://example.org/*"]
"#;

/// What was told of changes, by machine, where it is this sure.
fn told(told: &Told, wanted: Certainty) -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let mut found: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    for event in &told.events {
        let Event::Turn { happening, .. } = event else {
            continue;
        };
        match happening {
            Happening::Settled { machine, changed } => {
                let sure = changed.iter().filter(|it| it.certainty == wanted);
                let lines = sure.map(|it| (it.subject.clone(), it.lines.clone()));
                found.entry(machine.to_string()).or_default().extend(lines);
            }
            Happening::Ran {
                machine,
                argv,
                certainty,
                ..
            } if *certainty == wanted => {
                let lines = found.entry(machine.to_string()).or_default();
                lines.push((argv.join(" "), Vec::new()));
            }
            _ => {}
        }
    }
    found
}

fn settled(found: Found) -> Vec<Settlement> {
    match found {
        Found::Settled(settlements) => settlements,
        other => panic!("{other:?}"),
    }
}

fn owned(path: &str, content: &str, owner: &str) -> Item {
    let Item::File(wish) = file(path, content) else {
        panic!("no file");
    };
    Item::File(File {
        owner: Some(owner.to_owned()),
        ..wish
    })
}

fn line(path: &str, line: &str) -> Item {
    Item::Edit(Edit {
        path: path.to_owned(),
        create: false,
        change: cellhost_effects::Change::Line(Line {
            line: line.to_owned(),
            matching: None,
            place: Place::End,
        }),
    })
}

/// A machine that can have a package that brings a user, files and a service.
fn stage() -> Result<Stage> {
    let stage = Stage::new()?;
    for name in ["m1", "m2"] {
        let machine = stage.fleet.machine(name).context(name)?;
        let package = Package::new("1")
            .with_user("mine")
            .with_file("/etc/mine/mine.conf", "as packaged\n")
            .with_service("mine");
        machine.state().offer("mine", package);
        machine.answer(&["tool", ".."], |_, _| "told\n".into());
    }
    Ok(stage)
}

/// What a module for it would wish for.
fn wishes() -> Vec<Item> {
    vec![
        directory("/srv/before"),
        software("mine"),
        owned("/etc/mine/own.conf", "own\n", "mine"),
        file("/etc/mine/mine.conf", "ours\n"),
        file("/srv/before/data", "data\n"),
        service("mine"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_certain_on_empty_machines_is_what_the_run_does() -> Result<()> {
    for guest in GUESTS {
        let stage = Stage::new()?;
        let deployment = deploy(&plan(guest)).await?;
        let dry = stage.run(&deployment, Mode::Dry).await?;
        let real = stage.run(&deployment, Mode::Real).await?;
        let certain = told(&dry, Certainty::Exact);
        assert_eq!(certain, told(&real, Certainty::Exact), "{guest}");
        assert!(
            certain.values().all(|lines| lines.len() == 4),
            "{certain:?}"
        );
        let tally = Tally {
            exact: 12,
            ..Tally::default()
        };
        assert_eq!(dry.summary.tally(), tally, "{guest}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_package_may_bring_is_not_certain_and_the_rest_is() -> Result<()> {
    let stage = stage()?;
    let before = stage.state();
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let foreseen = settled(dry.ask(Act::Ensure(wishes())).await?.found);
    assert_eq!(stage.state(), before);
    let sure: Vec<bool> = foreseen
        .iter()
        .map(|it| it.certainty == Certainty::Exact)
        .collect();
    assert_eq!(
        sure,
        [true, true, false, false, true, false],
        "{foreseen:?}"
    );

    let real = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let came = settled(real.ask(Act::Ensure(wishes())).await?.found);
    for (foreseen, came) in foreseen.iter().zip(&came) {
        if foreseen.certainty == Certainty::Exact {
            assert_eq!(foreseen, came);
        }
    }
    // That the package brings the very file is what nobody could know.
    assert_eq!(foreseen[3].lines, ["create, mode 0644"]);
    assert_eq!(came[3].lines, ["content"]);
    Ok(())
}

#[tokio::test]
async fn a_line_in_a_file_of_a_package_to_come_is_no_failure() -> Result<()> {
    let stage = stage()?;
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let list = || {
        Act::Ensure(vec![
            software("mine"),
            line("/etc/mine/mine.conf", "own = 1"),
        ])
    };
    let foreseen = settled(dry.ask(list()).await?.found);
    assert_eq!(foreseen[1].certainty, Certainty::Unknown);
    assert!(foreseen[1].changed(), "{foreseen:?}");
    let real = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    assert!(settled(real.ask(list()).await?.found)[1].changed());

    // Where nothing brings the file, the run would fail, and so does the dry run.
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let missing = || Act::Ensure(vec![line("/etc/nobody.conf", "own = 1")]);
    let foreseen = dry.ask(missing()).await;
    let came = real.ask(missing()).await;
    assert!(
        matches!(foreseen, Err(EffectError::Failed(_))),
        "{foreseen:?}"
    );
    assert_eq!(foreseen.err(), came.err());
    Ok(())
}

#[tokio::test]
async fn foretells_what_the_machine_cannot_do() -> Result<()> {
    let stage = stage()?;
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let real = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    for (list, words) in [
        (
            vec![file("/etc/none/x", "x\n")],
            "there is no directory /etc/none",
        ),
        (vec![owned("/etc/x", "x\n", "mine")], "mine"),
        (vec![service("other")], "there is no service other"),
    ] {
        let foreseen = dry.ask(Act::Ensure(list.clone())).await;
        let came = real.ask(Act::Ensure(list)).await;
        for result in [foreseen, came] {
            let Err(EffectError::Failed(failure)) = result else {
                panic!("{words}: {result:?}");
            };
            assert_eq!(failure.missed.len(), 1, "{failure:?}");
            assert!(failure.to_string().contains(words), "{failure}");
        }
    }
    // What comes about before it in the same list is there by then.
    let group = Item::Group(Group {
        name: "mine".to_owned(),
    });
    let user = Item::User(User {
        name: "mine".to_owned(),
        group: "mine".to_owned(),
        home: "/srv".to_owned(),
        shell: "/bin/sh".to_owned(),
        groups: std::collections::BTreeSet::new(),
    });
    let list = vec![
        directory("/etc/none/deep"),
        group,
        user,
        owned("/etc/none/deep/x", "x\n", "mine"),
        file("/etc/none/y", "y\n"),
    ];
    let foreseen = settled(dry.ask(Act::Ensure(list)).await?.found);
    let sure = |it: &Settlement| it.changed() && it.certainty == Certainty::Exact;
    assert!(foreseen.iter().all(sure), "{foreseen:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_module_asks_for_is_no_surer_than_what_it_was_told() -> Result<()> {
    let stage = stage()?;
    let asker = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let sure = |settlements: Vec<Settlement>| settlements[0].certainty;
    let wish = |path: &str| Act::Ensure(vec![file(path, "x\n")]);
    assert_eq!(
        sure(settled(asker.ask(wish("/etc/a")).await?.found)),
        Certainty::Exact
    );
    // The machine answers, but as one that the run will not meet.
    let look = asker.ask(probe(command(&["tool", "look"]))).await?;
    assert_eq!(look.certainty, Certainty::Unknown);
    assert_eq!(
        sure(settled(asker.ask(wish("/etc/b")).await?.found)),
        Certainty::Unknown
    );
    assert_eq!(
        sure(settled(asker.ask_of("m2", wish("/etc/b")).await?.found)),
        Certainty::Unknown
    );
    assert_eq!(
        asker.ask(run(command(&["tool", "do"]))).await?.certainty,
        Certainty::Unknown
    );

    // Another turn was told nothing yet; what it is told of others now is about another cell.
    let asker = Asker::new(&stage, Mode::Dry, Hook::Form, ASKS)?;
    let ran = asker.ask(run(command(&["tool", "do"]))).await?;
    assert_eq!(ran.certainty, Certainty::Exact);
    let look = asker
        .ask_of("m2", probe(command(&["tool", "look"])))
        .await?;
    assert_eq!(look.certainty, Certainty::Unknown);
    Ok(())
}

#[tokio::test]
async fn a_file_to_be_fetched_has_a_hash_and_no_content_yet() -> Result<()> {
    let stage = stage()?;
    let machine = stage.fleet.machine("m1").context("m1")?;
    machine.state().write("/etc/fetched", "old\n");
    let fetched = |hash: String| {
        Item::Download(Download {
            path: "/etc/fetched".to_owned(),
            url: "https://example.org/x".to_owned(),
            hash,
            mode: None,
            owner: None,
            group: None,
        })
    };
    let asker = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let list = vec![
        fetched(cellhost_manifest::digest(b"new\n")),
        file("/etc/beside", "x\n"),
    ];
    let foreseen = settled(asker.ask(Act::Ensure(list.clone())).await?.found);
    let sure = |it: &Settlement| it.changed() && it.certainty == Certainty::Exact;
    assert!(foreseen.iter().all(sure), "{foreseen:?}");
    let again = settled(asker.ask(Act::Ensure(list)).await?.found);
    assert!(!again.iter().any(Settlement::changed), "{again:?}");
    let read = Act::Read {
        path: "/etc/fetched".to_owned(),
        limit: 100,
    };
    assert_eq!(asker.ask(read).await?.certainty, Certainty::Unknown);
    Ok(())
}

#[tokio::test]
async fn what_stood_below_a_path_goes_with_it() -> Result<()> {
    let stage = stage()?;
    let machine = stage.fleet.machine("m1").context("m1")?;
    machine.state().write("/etc/old/deep/x", "x\n");
    let asker = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let list = vec![crate::asking::absent("/etc/old")];
    asker.ask(Act::Ensure(list)).await?;
    let path = "/etc/old/deep/x".to_owned();
    let status = asker.ask(Act::Status { path: path.clone() }).await?.found;
    assert!(matches!(status, Found::Status(None)), "{status:?}");
    let read = asker.ask(Act::Read { path, limit: 9 }).await;
    assert!(
        matches!(read, Err(EffectError::NotFound { .. })),
        "{read:?}"
    );
    let entries = asker
        .ask(Act::Entries {
            path: "/etc/old/deep".to_owned(),
        })
        .await;
    assert!(
        matches!(entries, Err(EffectError::NotFound { .. })),
        "{entries:?}"
    );
    Ok(())
}

/// What one module reads from a machine that the run will not meet, another one writes down.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_module_was_unsure_of_is_no_surer_for_whoever_is_told() -> Result<()> {
    let plan = |settings: &str| {
        format!(
            "[modules.pair]\non = \"m1\"\nsettings = {{ one = \"1\", other = \"2\", tells = true }}\n\n\
             [modules.second]\nmodule = \"pair\"\non = \"m2\"\nafter = [\"pair\"]\n\
             settings = {{ one = \"3\", other = \"4\"{settings} }}\n"
        )
    };
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").context("m1")?;
    m1.answer(&["cat", "/var/lib/pair/one"], |_, _| "of before\n".into());
    let dry = |settings| {
        let (stage, plan) = (&stage, plan(settings));
        async move { stage.run(&deploy(&plan).await?, Mode::Dry).await }
    };
    let told_by = ", told-by = \"pair\"";
    let unsure = dry(told_by).await?;
    let of_second = |told: &Told, wanted| self::told(told, wanted).remove("m2").unwrap_or_default();
    assert_eq!(of_second(&unsure, Certainty::Exact), []);
    assert_eq!(of_second(&unsure, Certainty::Unknown).len(), 8);
    assert!(
        of_second(&unsure, Certainty::Unknown)
            .iter()
            .any(|(about, _)| about == "file /etc/pair/one.conf")
    );
    // Once the first one has nothing to change, what it reads is what the run will meet.
    let alone = "[modules.pair]\non = \"m1\"\nsettings = { one = \"1\", other = \"2\" }\n";
    let real = stage.run(&deploy(alone).await?, Mode::Real).await?;
    assert!(real.summary.is_good(), "{:?}", real.summary);
    let sure = dry(told_by).await?;
    assert_eq!(of_second(&sure, Certainty::Exact).len(), 8);
    Ok(())
}
