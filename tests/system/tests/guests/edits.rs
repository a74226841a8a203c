//! Changes to files that others own too, through all layers.

use anyhow::Result;
use cellhost_effects::{
    Act, Change, Edit, EffectError, Found, Hook, Item, Key, Line, NoLine, Pattern, Place,
    Settlement,
};
use cellhost_transport::{Fault, Node, Request};

use crate::asking::{Asker, file};
use crate::stage::{Mode, Stage};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine"]
"#;

const PATH: &str = "/etc/mine/daemon.conf";

fn edit(change: Change) -> Item {
    Item::Edit(Edit {
        path: PATH.to_owned(),
        create: false,
        change,
    })
}

fn line(line: &str, matching: &str) -> Item {
    edit(Change::Line(Line {
        line: line.to_owned(),
        matching: Some(Pattern::new(matching).expect("a pattern")),
        place: Place::End,
    }))
}

fn key(section: &str, key: &str, value: &str) -> Item {
    edit(Change::Key(Key {
        section: section.to_owned(),
        key: key.to_owned(),
        value: Some(value.to_owned()),
    }))
}

fn list() -> Vec<Item> {
    vec![
        line("user = mine", "^#?user"),
        key("net", "port", "7000"),
        edit(Change::NoLine(NoLine {
            line: Some("debug".to_owned()),
            matching: None,
        })),
    ]
}

const BEFORE: &str = "# theirs\n#user = nobody\ndebug\n[net]\nport = 1\n";
const AFTER: &str = "# theirs\nuser = mine\n[net]\nport = 7000\n";

async fn settled(asker: &Asker, list: Vec<Item>) -> Result<Vec<Settlement>, EffectError> {
    match asker.ask(Act::Ensure(list)).await?.found {
        Found::Settled(settlements) => Ok(settlements),
        other => panic!("{other:?}"),
    }
}

fn kinds(requests: &[Request]) -> Vec<&'static str> {
    let kind = |request: &Request| match request {
        Request::Look(_) => "look",
        Request::Settle(_) => "settle",
        _ => "other",
    };
    requests.iter().map(kind).collect()
}

#[tokio::test]
async fn several_edits_of_one_file_are_one_look_and_one_settling() -> Result<()> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write(PATH, BEFORE);
    m1.state().nodes.get_mut(PATH).expect("the file").mode = 0o640;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let first = settled(&asker, list()).await?;
    assert_eq!(kinds(&m1.requests()), ["look", "settle"]);
    assert_eq!(stage.text("m1", PATH), AFTER);
    assert_eq!(m1.state().nodes[PATH].mode, 0o640);
    let diff = first[1].diff.as_deref().expect("a difference");
    assert!(
        diff.contains("-port = 1\n+port = 7000\n") && !diff.contains("-#user"),
        "{diff}"
    );
    m1.forget_requests();
    let again = settled(&asker, list()).await?;
    assert!(!again.iter().any(Settlement::changed), "{again:?}");
    assert_eq!(kinds(&m1.requests()), ["look"]);
    Ok(())
}

#[tokio::test]
async fn a_dry_run_shows_the_same_and_changes_nothing() -> Result<()> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write(PATH, BEFORE);
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let shown = settled(&dry, list()).await?;
    assert_eq!(stage.text("m1", PATH), BEFORE);
    let again = settled(&dry, list()).await?;
    assert!(!again.iter().any(Settlement::changed), "{again:?}");
    let real = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    assert_eq!(settled(&real, list()).await?, shown);
    Ok(())
}

#[tokio::test]
async fn an_edit_sees_the_file_that_the_list_has_written() -> Result<()> {
    for mode in [Mode::Dry, Mode::Real] {
        let stage = Stage::new()?;
        let asker = Asker::new(&stage, mode, Hook::Apply, ASKS)?;
        let mut list = vec![crate::asking::directory("/etc/mine"), file(PATH, BEFORE)];
        list.extend(self::list());
        let told = settled(&asker, list).await?;
        assert!(told.iter().all(Settlement::changed), "{told:?}");
        if mode == Mode::Real {
            assert_eq!(stage.text("m1", PATH), AFTER);
        }
    }
    Ok(())
}

#[tokio::test]
async fn looks_again_once_where_somebody_else_wrote_the_file_meanwhile() -> Result<()> {
    for (times, fine) in [(1, true), (2, false)] {
        let stage = Stage::new()?;
        let m1 = stage.fleet.machine("m1").expect("m1").clone();
        m1.state().write(PATH, BEFORE);
        let (other, mut left) = (m1.clone(), times);
        m1.fault(move |_, request| {
            if matches!(request, Request::Settle(_)) && left > 0 {
                left -= 1;
                let content = format!("{BEFORE}theirs{left} = 1\n");
                other.state().write(PATH, content);
            }
            Fault::None
        });
        let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
        let answer = settled(&asker, list()).await;
        if fine {
            assert!(answer?.iter().all(Settlement::changed));
            assert_eq!(stage.text("m1", PATH), format!("{AFTER}theirs0 = 1\n"));
        } else {
            let error = answer.expect_err("it changed twice").to_string();
            assert!(error.contains("has changed since"), "{error}");
            assert_eq!(stage.text("m1", PATH), format!("{BEFORE}theirs0 = 1\n"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn refuses_links_missing_files_and_nonsense() -> Result<()> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().write("/etc/shadow", "root:x\n");
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let earlier = || crate::asking::directory("/etc/mine");
    let missing = settled(&asker, vec![earlier(), key("", "a", "b")]).await;
    match missing {
        Err(EffectError::Failed(failure)) => {
            assert_eq!(failure.missed.len(), 1, "{failure}");
            assert_eq!(failure.missed[0].index, 1);
            assert!(
                failure.to_string().contains("there is no file"),
                "{failure}"
            );
            assert!(failure.settlements[0].changed());
        }
        other => panic!("{other:?}"),
    }
    assert!(m1.state().nodes.contains_key("/etc/mine"));
    m1.state()
        .nodes
        .insert(PATH.to_owned(), Node::link("/etc/shadow"));
    let link = settled(&asker, vec![line("root::", "^root")]).await;
    let error = link.expect_err("it is a link").to_string();
    assert!(error.contains("links are not followed"), "{error}");
    m1.forget_requests();
    let wrong = settled(&asker, vec![earlier(), key("a]", "k", "v")]).await;
    assert!(
        matches!(wrong, Err(EffectError::Invalid { .. })),
        "{wrong:?}"
    );
    assert!(m1.requests().is_empty());
    assert_eq!(m1.state().text("/etc/shadow"), Some("root:x\n"));
    Ok(())
}
