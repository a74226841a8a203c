//! Containers, through all layers.

use anyhow::Result;
use cellhost_effects::{Act, Container, EffectError, Found, Hook, Item, Settlement, Text};
use cellhost_plan::SecretName;
use cellhost_transport::resources::container::{self, NoContainer, Volume};

use crate::asking::Asker;
use crate::stage::{Mode, Stage};

const CANARY: &str = "sesame-canary-4711";

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/srv/mine"]
reads = ["/etc/mine"]
containers = ["mine-*"]
images = ["registry.example.org/mine/*"]
"#;

fn secret(name: &str) -> Text {
    Text::Secret(SecretName::new(name).expect("a name of a secret"))
}

fn volume(source: &str, read_only: bool) -> Volume {
    Volume {
        source: source.to_owned(),
        target: "/data".to_owned(),
        read_only,
    }
}

/// What all of the asks allow.
fn tool() -> Container {
    let digest = "0".repeat(64);
    Container {
        base: container::Container {
            name: "mine-tool".to_owned(),
            image: format!("registry.example.org/mine/tool@sha256:{digest}"),
            command: vec!["tool".to_owned(), "serve".to_owned()],
            environment: Vec::new(),
            ports: vec!["127.0.0.1:8080:80".to_owned()],
            volumes: vec![
                volume("/srv/mine/data", false),
                volume("/etc/mine", true),
                volume("mine", false),
            ],
            network: Some("host".to_owned()),
            restart: true,
        },
        environment: vec![
            ("MODE".to_owned(), Text::Plain("fast".to_owned())),
            ("PASSWORD".to_owned(), secret("own")),
        ],
    }
}

fn with(change: impl FnOnce(&mut Container)) -> Item {
    let mut container = tool();
    change(&mut container);
    Item::Container(container)
}

fn gone(name: &str) -> Item {
    let name = name.to_owned();
    Item::NoContainer(NoContainer { name })
}

async fn settled(asker: &Asker, item: Item) -> Result<Settlement, EffectError> {
    match asker.ask(Act::Ensure(vec![item])).await?.found {
        Found::Settled(mut settlements) => Ok(settlements.remove(0)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_container_comes_is_replaced_and_goes_and_its_secret_is_nowhere() -> Result<()> {
    let stage = Stage::knowing(&[("own", CANARY)])?;
    let before = stage.state();
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let shown = settled(&dry, with(|_| {})).await?;
    assert!(!settled(&dry, with(|_| {})).await?.changed());
    assert_eq!(stage.state(), before);

    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let run = settled(&asker, with(|_| {})).await?;
    assert_eq!(run, shown);
    assert_eq!(run.subject, "container mine-tool");
    assert_eq!(run.lines, [format!("run {}", tool().base.image)]);
    assert!(!settled(&asker, with(|_| {})).await?.changed());

    // The value counts, and not only its name.
    let value = Text::Plain("guessed".to_owned());
    let told = settled(&asker, with(|c| c.environment[1].1 = value)).await?;
    assert_eq!(told.lines, [format!("replace by {}", tool().base.image)]);
    assert!(settled(&asker, with(|_| {})).await?.changed());

    assert_eq!(settled(&asker, gone("mine-tool")).await?.lines, ["remove"]);
    assert!(!settled(&asker, gone("mine-tool")).await?.changed());

    let record = asker.record()?;
    for word in ["8080", "/srv/mine/data", "MODE", "fast", "serve", "host"] {
        assert!(record.contains(word), "{word} in {record}");
    }
    assert!(record.contains("PASSWORD") && !record.contains(CANARY));
    Ok(())
}

#[tokio::test]
async fn denies_what_was_not_asked_for_and_what_makes_no_sense() -> Result<()> {
    let stage = Stage::knowing(&[("own", CANARY), ("other", CANARY)])?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let image = tool().base.image;
    let mounted = |source: &str, read_only| {
        let volume = volume(source, read_only);
        with(|c| c.base.volumes.push(volume))
    };
    for (item, words) in [
        (with(|c| c.base.name = "other".to_owned()), "`containers`"),
        (gone("other"), "`containers`"),
        (
            with(|c| c.base.image = image.replace("/mine/", "/other/")),
            "the image `registry.example.org/other/tool` is not in `images`",
        ),
        (
            with(|c| c.base.image = format!("evil.org/{image}")),
            "`images`",
        ),
        (mounted("/etc", true), "`reads`"),
        (
            mounted("/etc/mine", false),
            "sees `/etc/mine` is not in `paths`",
        ),
        (mounted("/run/docker.sock", false), "`paths`"),
        (
            with(|c| c.environment.push(("X".to_owned(), secret("other")))),
            "other",
        ),
    ] {
        let error = settled(&asker, item).await.expect_err(words);
        assert!(matches!(error, EffectError::Denied { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    for item in [
        with(|c| c.base.image = "registry.example.org/mine/tool:latest".to_owned()),
        with(|c| c.base.ports.push("--privileged".to_owned())),
        with(|c| c.base.network = Some("container:theirs".to_owned())),
        mounted("/", true),
        mounted("/srv/mine/../../etc", false),
        mounted("../etc", false),
        mounted("/srv/mine:/etc", false),
        with(|c| c.environment[0].1 = Text::Plain("a\nPATH=/x".to_owned())),
        gone("mine-x --all"),
    ] {
        let words = format!("{item:?}");
        let error = settled(&asker, item).await.expect_err(&words);
        let refused = matches!(
            error,
            EffectError::Invalid { .. } | EffectError::Denied { .. }
        );
        assert!(refused, "{words}: {error:?}");
    }
    assert!(m1.requests().is_empty());
    Ok(())
}
