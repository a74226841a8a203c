use anyhow::Result;
use cellhost_effects::{Act, Command, Dial, Doubt, EffectError, Hook, Input, Item, Sign, Text};
use cellhost_plan::SecretName;
use cellhost_transport::resources::{
    archive::{Archive, Source},
    cron::Cron,
    download::Download,
    group::Group,
    link::Link,
    user::User,
};
use serde_json::json;
use std::time::Duration;

use crate::asking::{
    Asker, absent, command, directory, file, probe, rendered, run, service, software,
};
use crate::stage::{Mode, Stage};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine", "/srv/mine.conf"]
reads = ["/proc/meminfo"]
commands = [["mine", "look", "*"], ["tool"]]
packages = ["mine-*"]
services = ["mine"]
users = ["mine"]
groups = ["mine"]
dial = ["7000-7009"]
"#;

fn secret(name: &str) -> SecretName {
    SecretName::new(name).expect("a name of a secret")
}

fn ensure(item: Item) -> Act {
    Act::Ensure(vec![item])
}

fn link(path: &str) -> Item {
    Item::Link(Link {
        path: path.to_owned(),
        target: "/etc/mine".to_owned(),
    })
}

fn user(name: &str) -> Item {
    Item::User(User {
        name: name.to_owned(),
        group: name.to_owned(),
        home: "/var/lib/mine".to_owned(),
        shell: "/usr/sbin/nologin".to_owned(),
        groups: std::collections::BTreeSet::new(),
    })
}

fn with_variable(name: &str, value: Text) -> Command {
    Command {
        environment: vec![(name.to_owned(), value)],
        ..command(&["tool"])
    }
}

fn dial(port: u16) -> Act {
    Act::Dial {
        dial: Dial {
            address: "127.0.0.1".to_owned(),
            port,
            send: Vec::new(),
            limit: 1,
            deadline: Duration::from_secs(1),
        },
        assumed: None,
    }
}

/// Fails unless an effect was denied or called senseless in these words, is on record as that,
/// and has not reached the machine.
async fn assert_refused(
    stage: &Stage,
    asker: &Asker,
    on: &str,
    act: Act,
    words: &str,
) -> Result<()> {
    let shown = format!("{act:?}");
    let Err(error) = asker.ask_of(on, act).await else {
        panic!("allowed: {shown}");
    };
    let text = error.to_string();
    assert!(text.contains(words), "{shown}: {text}");
    let is_refusal = match &error {
        EffectError::Denied { rule } => rule.starts_with("module `asker` 1.2.3: "),
        EffectError::Invalid { .. } => true,
        _ => false,
    };
    assert!(is_refusal, "{shown}: {error:?}");
    let last = asker.last()?;
    assert_eq!(last.pointer("/kind"), Some(&json!("outcome")));
    assert_eq!(last.pointer("/body/error"), Some(&json!(error)));
    for machine in stage.fleet.machines() {
        assert!(machine.requests().is_empty(), "{shown}");
    }
    Ok(())
}

#[tokio::test]
async fn allows_what_was_asked_for() -> Result<()> {
    let stage = Stage::knowing(&[("own", "sesame-canary")])?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().offer(
        "mine-server",
        cellhost_transport::Package::new("1").with_service("mine"),
    );
    m1.answer(&[".."], |_, _| "fine".into());
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    for act in [
        ensure(directory("/etc/mine")),
        ensure(file("/etc/mine/a", "a")),
        ensure(file("/srv/mine.conf", "a")),
        ensure(link("/etc/mine/b")),
        ensure(rendered("/etc/mine/c", &json!({"secret": "own"}))),
        ensure(absent("/etc/mine/b")),
        ensure(software("mine-server")),
        ensure(service("mine")),
        Act::Read {
            path: "/etc/mine/a".to_owned(),
            limit: 10,
        },
        probe(command(&["mine", "look", "around"])),
        run(with_variable("OWN", Text::Secret(secret("own")))),
        Act::Fact {
            name: "os.id".to_owned(),
        },
    ] {
        let shown = format!("{act:?}");
        let answer = asker.ask(act).await;
        assert!(answer.is_ok(), "{shown}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn denies_paths_that_were_not_asked_for_or_hide_where_they_lead() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let every = |path: &str| {
        let path = path.to_owned();
        [
            ensure(file(&path, "x")),
            ensure(directory(&path)),
            ensure(link(&path)),
            ensure(absent(&path)),
            ensure(rendered(&path, &json!("x"))),
            Act::Read {
                path: path.clone(),
                limit: 1,
            },
            Act::Status { path: path.clone() },
            Act::Entries { path },
        ]
    };
    for path in ["/etc/shadow", "/etc/mine2", "/etc", "/srv/mine.conf.d", "/"] {
        for act in every(path) {
            let words = if path == "/" {
                "plain absolute path"
            } else {
                "is not in `"
            };
            assert_refused(&stage, &asker, "m1", act, words).await?;
        }
    }
    for path in [
        "/etc/mine/../shadow",
        "/etc/mine/..",
        "/etc//mine/x",
        "//etc/mine/x",
        "/etc/mine/./x",
        "/etc/mine/",
        "etc/mine/x",
        "",
        "/etc/mine/a\nb",
        "/etc/mine/a\0b",
        "/etc/mine/\u{1b}[2J",
    ] {
        for act in every(path) {
            assert_refused(&stage, &asker, "m1", act, "is no plain absolute path").await?;
        }
    }
    let reading_is_not_writing = ensure(file("/proc/meminfo", "x"));
    assert_refused(&stage, &asker, "m1", reading_is_not_writing, "`paths`").await
}

#[tokio::test]
async fn denies_one_bad_wish_with_the_whole_list() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let list = Act::Ensure(vec![
        directory("/etc/mine"),
        file("/etc/mine/a", "a"),
        file("/etc/shadow", "x"),
    ]);
    assert_refused(&stage, &asker, "m1", list, "writing `/etc/shadow`").await
}

#[tokio::test]
async fn denies_machines_that_are_not_its_own() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    for (machine, words) in [
        ("m3", "machine `m3` is none of its machines"),
        ("elsewhere", "machine `elsewhere` is none of its machines"),
    ] {
        let act = ensure(file("/etc/mine/a", "a"));
        assert_refused(&stage, &asker, machine, act, words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn denies_names_that_were_not_asked_for() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let group = Item::Group(Group {
        name: "sudo".to_owned(),
    });
    for (act, words) in [
        (
            ensure(software("openssh-server")),
            "the package `openssh-server`",
        ),
        (ensure(service("ssh")), "the service `ssh`"),
        (ensure(user("root")), "the user `root`"),
        (ensure(group), "the group `sudo`"),
        (dial(22), "dialing port 22"),
        (dial(7010), "dialing port 7010"),
    ] {
        assert_refused(&stage, &asker, "m1", act, words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn denies_commands_that_were_not_asked_for_wherever_they_stand() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    for argv in [
        &["mine"][..],
        &["mine", "look"],
        &["mine", "look", "a", "b"],
        &["mine", "break", "a"],
        &["tool", "--help"],
        &["/usr/bin/tool"],
        &["./tool"],
        &["sh", "-c", "tool"],
        &[""],
    ] {
        let wait = Act::Wait {
            command: command(argv),
            sign: Sign {
                status: 0,
                contains: String::new(),
            },
            patience: Duration::from_secs(1),
        };
        let verify = Act::Run {
            command: command(&["tool"]),
            doubt: Doubt::Verify(command(argv)),
        };
        for act in [probe(command(argv)), run(command(argv)), wait, verify] {
            assert_refused(&stage, &asker, "m1", act, "is not in `commands`").await?;
        }
    }
    let nothing = probe(command(&[]));
    assert_refused(&stage, &asker, "m1", nothing, "without a program").await
}

#[tokio::test]
async fn denies_variables_that_make_a_program_another() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PATH",
        "IFS",
        "BASH_ENV",
        "PYTHONPATH",
        "",
        "A=B",
        "A\0B",
    ] {
        let value = Text::Plain("/etc/mine/evil.so".to_owned());
        let act = run(with_variable(name, value));
        assert_refused(&stage, &asker, "m1", act, "the environment variable").await?;
    }
    Ok(())
}

#[tokio::test]
async fn denies_secrets_that_are_not_among_its_settings() -> Result<()> {
    let stage = Stage::knowing(&[("own", "sesame-canary"), ("other", "other-canary")])?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let input = Command {
        input: Input::Secret(secret("other")),
        ..command(&["tool"])
    };
    let nested = json!([{"deep": [{"secret": "own"}, {"secret": "other"}]}]);
    for act in [
        ensure(rendered("/etc/mine/a", &json!({"secret": "other"}))),
        ensure(rendered("/etc/mine/a", &nested)),
        run(with_variable("OTHER", Text::Secret(secret("other")))),
        probe(input),
    ] {
        let words = "the secret `other` is not among its settings";
        assert_refused(&stage, &asker, "m1", act, words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn lets_health_look_and_nothing_else() -> Result<()> {
    let stage = Stage::new()?;
    let asker = Asker::new(&stage, Mode::Real, Hook::Health, ASKS)?;
    for act in [
        ensure(file("/etc/mine/a", "a")),
        Act::Ensure(Vec::new()),
        run(command(&["tool"])),
    ] {
        assert_refused(&stage, &asker, "m1", act, "`health` may only look").await?;
    }
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.answer(&["tool"], |_, _| "fine".into());
    asker.ask(probe(command(&["tool"]))).await?;
    assert_eq!(m1.commands(), [["tool"]]);
    Ok(())
}

#[tokio::test]
async fn lets_no_pure_hook_reach_a_machine() -> Result<()> {
    for hook in [Hook::Validate, Hook::Outputs] {
        let stage = Stage::new()?;
        let asker = Asker::new(&stage, Mode::Real, hook, ASKS)?;
        let fact = Act::Fact {
            name: "os.id".to_owned(),
        };
        assert_refused(&stage, &asker, "m1", fact, "may not reach machines").await?;
    }
    Ok(())
}

fn download(path: &str, url: &str) -> Item {
    Item::Download(Download {
        path: path.to_owned(),
        url: url.to_owned(),
        hash: cellhost_manifest::digest(b"content"),
        mode: None,
        owner: None,
        group: None,
    })
}

fn archive(directory: &str, source: Source) -> Item {
    Item::Archive(Archive {
        directory: directory.to_owned(),
        version: "1.0".to_owned(),
        source,
        hash: cellhost_manifest::digest(b"content"),
        strip: 0,
        owner: None,
        group: None,
    })
}

fn cron(name: &str) -> Item {
    Item::Cron(Cron {
        name: name.to_owned(),
        schedule: "@daily".to_owned(),
        user: "mine".to_owned(),
        command: vec!["tool".to_owned()],
        environment: Vec::new(),
    })
}

const FETCHING: &str = r#"
[[asks]]
why = "its own things"
paths = ["/opt/mine", "/etc/cron.d/mine"]
reads = ["/srv/archives"]
urls = ["https://mine.example.org/*"]
cron = ["mine-*"]
"#;

const URL: &str = "https://mine.example.org/tool.tar";

#[tokio::test]
async fn denies_fetching_and_jobs_that_were_not_asked_for() -> Result<()> {
    let stage = Stage::new()?;
    let url = |url: &str| Source::Url(url.to_owned());
    let path = |path: &str| Source::Path(path.to_owned());
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, FETCHING)?;
    let elsewhere = "https://other.example.org/x";
    for (item, words) in [
        (
            download("/opt/mine/x", elsewhere),
            "fetching `https://other.example.org/x` is not in `urls`",
        ),
        (
            download("/opt/mine/x", "https://mine.example.org@evil/x"),
            "`urls`",
        ),
        (download("/etc/x", URL), "writing `/etc/x`"),
        (
            archive("/opt/mine", url("http://mine.example.org/x")),
            "`urls`",
        ),
        (archive("/opt/other", url(URL)), "writing `/opt/other`"),
        (
            archive("/opt/mine", path("/etc/shadow")),
            "reading `/etc/shadow`",
        ),
        (
            archive("/opt/mine", path("/srv/archives/../x")),
            "no plain absolute path",
        ),
        (cron("other"), "the cron job `other` is not in `cron`"),
        // Who may write there is not thereby one who may have cron run things.
        (cron("mine"), "the cron job `mine` is not in `cron`"),
        (Item::NoCron("other".to_owned()), "`cron`"),
    ] {
        assert_refused(&stage, &asker, "m1", ensure(item), words).await?;
    }
    Ok(())
}

#[tokio::test]
async fn fetches_unpacks_and_writes_jobs_as_it_asked_to() -> Result<()> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.state().web.insert(URL.to_owned(), b"content".to_vec());
    m1.state().write("/srv/archives/x", "content");
    m1.state().write("/etc/cron.d/theirs", "");
    let list = || {
        Act::Ensure(vec![
            directory("/opt/mine"),
            download("/opt/mine/fetched", URL),
            archive("/opt/mine/tool", Source::Url(URL.to_owned())),
            archive(
                "/opt/mine/other",
                Source::Path("/srv/archives/x".to_owned()),
            ),
            cron("mine-daily"),
            Item::NoCron("mine-gone".to_owned()),
        ])
    };
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, FETCHING)?;
    let before = stage.state();
    let shown = format!("{:?}", dry.ask(list()).await?.found);
    assert_eq!(stage.state(), before);
    for words in [
        "fetch https://mine",
        "archive: unpack 1.0",
        "current: create -> 1.0",
        "+@daily mine 'tool'",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, FETCHING)?;
    asker.ask(list()).await?;
    for path in ["fetched", "tool/1.0/archive", "other/1.0/archive"] {
        assert_eq!(stage.text("m1", &format!("/opt/mine/{path}")), "content");
    }
    let record = asker.record()?;
    assert!(
        record.contains(URL) && record.contains("@daily"),
        "{record}"
    );
    m1.forget_requests();
    asker.ask(list()).await?;
    assert_eq!(m1.requests().len(), 1, "{:?}", m1.requests());
    Ok(())
}
