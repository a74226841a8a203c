use anyhow::Result;
use cellhost_effects::{Act, Command, EffectError, Found, Hook, Input, Text};
use cellhost_plan::SecretName;
use serde_json::json;

use crate::asking::{Asker, command, directory, probe, rendered, run};
use crate::stage::{Mode, Stage};

const CANARY: &str = "sesame-canary-4711";

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/etc/mine"]
commands = [["tool", "**"]]
"#;

/// A stage with a program that repeats everything it is told, and its asker.
fn stage(mode: Mode) -> Result<(Stage, Asker)> {
    let stage = Stage::knowing(&[("own", CANARY)])?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    m1.answer(&["tool", ".."], |_, command| {
        let told = format!(
            "{:?} {}",
            command.environment,
            String::from_utf8_lossy(&command.input)
        );
        cellhost_transport::Answer {
            status: 1,
            errors: told.clone().into_bytes(),
            output: told.into_bytes(),
        }
    });
    let asker = Asker::new(&stage, mode, Hook::Apply, ASKS)?;
    Ok((stage, asker))
}

fn telling() -> Command {
    let own = SecretName::new("own").expect("a name of a secret");
    Command {
        environment: vec![("OWN".to_owned(), Text::Secret(own.clone()))],
        input: Input::Secret(own),
        ..command(&["tool", "repeat"])
    }
}

fn assert_silent(text: &str) {
    assert!(!text.contains(CANARY), "{text}");
    assert!(text.contains("own"), "{text}");
}

#[tokio::test]
async fn a_value_reaches_the_file_and_nothing_that_is_told_of_it() -> Result<()> {
    for mode in [Mode::Dry, Mode::Real] {
        let (stage, asker) = stage(mode)?;
        let value = json!({"secret": "own"});
        let items = vec![directory("/etc/mine"), rendered("/etc/mine/a", &value)];
        let outcome = asker.ask(Act::Ensure(items)).await?;
        let told = format!("{outcome:?}");
        assert_silent(&told);
        assert!(told.contains("+value [secret:own]"), "{told}");
        assert_silent(&asker.record()?);
        let path = "/etc/mine/a".to_owned();
        let read = asker.ask(Act::Read { path, limit: 1000 }).await?;
        let Found::Bytes(bytes) = read.found else {
            panic!("{read:?}");
        };
        assert_eq!(String::from_utf8(bytes)?, "value [secret:own]\n");
        if mode == Mode::Real {
            let content = stage.text("m1", "/etc/mine/a");
            assert_eq!(content, format!("value {CANARY}\n"));
        } else {
            assert!(!stage.state().concat().contains("/etc/mine"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_value_that_a_program_repeats_is_taken_out_of_its_answer() -> Result<()> {
    let (stage, asker) = stage(Mode::Real)?;
    for act in [probe(telling()), run(telling())] {
        let outcome = asker.ask(act).await?;
        let (Found::Answer(answer) | Found::Ran(Some(answer))) = outcome.found else {
            panic!("{outcome:?}");
        };
        for stream in [answer.output, answer.errors] {
            let text = String::from_utf8(stream)?;
            assert_silent(&text);
            assert_eq!(text.matches("[secret:own]").count(), 2, "{text}");
        }
    }
    assert_silent(&asker.record()?);
    // The program itself did get it, and what was sent to it does not show it.
    let m1 = stage.fleet.machine("m1").expect("m1");
    let sent: Vec<_> = m1.requests();
    assert!(!format!("{sent:?}").contains(CANARY), "{sent:?}");
    let got = sent.iter().filter(|request| match request {
        cellhost_transport::Request::Command(command) => {
            command.input == CANARY.as_bytes()
                && command.environment == [("OWN".to_owned(), CANARY.to_owned())]
        }
        _ => false,
    });
    assert_eq!(got.count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_value_stays_out_of_errors() -> Result<()> {
    let (_stage, asker) = stage(Mode::Real)?;
    let act = Act::Wait {
        command: telling(),
        sign: cellhost_effects::Sign {
            status: 0,
            contains: "done".to_owned(),
        },
        patience: std::time::Duration::from_millis(300),
    };
    let Err(error) = asker.ask(act).await else {
        panic!("it did end");
    };
    assert!(matches!(error, EffectError::Deadline { .. }), "{error:?}");
    assert_silent(&error.to_string());
    assert_silent(&asker.record()?);
    Ok(())
}

#[tokio::test]
async fn an_older_value_that_nobody_knows_is_not_shown_either() -> Result<()> {
    for mode in [Mode::Dry, Mode::Real] {
        let (stage, asker) = stage(mode)?;
        let m1 = stage.fleet.machine("m1").expect("m1");
        m1.state().write("/etc/mine/a", "value former-canary\n");
        let value = json!({"secret": "own"});
        let outcome = asker
            .ask(Act::Ensure(vec![rendered("/etc/mine/a", &value)]))
            .await?;
        let told = format!("{outcome:?}{}", asker.record()?);
        assert_silent(&told);
        assert!(!told.contains("former-canary"), "{told}");
        assert!(told.contains("may hold a secret"), "{told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_in_a_module_s_settings_stays_out_of_all_that_is_told_of_a_run() -> Result<()> {
    let stage = Stage::knowing(&[("own", CANARY)])?;
    let plan = "[secrets]\nown = { env = \"OWN\" }\n\n[modules.redis-cluster]\non = \"all\"\n\
                settings = { password = { secret = \"own\" } }\n";
    let deployment = crate::stage::deploy(plan).await?;
    for machine in stage.fleet.machines() {
        let package = cellhost_transport::Package::new("7.0")
            .with_service("redis-server")
            .with_service("redis-server@")
            .with_user("redis")
            .with_file("/etc/redis/redis.conf", "port 6379\n");
        machine.state().offer("redis-server", package);
        machine
            .state()
            .offer("redis-tools", cellhost_transport::Package::new("7.0"));
        machine.state().write("/etc/sysctl.d/README", "");
        machine.answer(&["redis-cli", ".."], |_, _| 1.into());
        // The configuration is repeated in the error, as real programs do.
        machine.start("redis-server@7000", |state| {
            let configuration = state.text("/etc/redis/redis-7000.conf");
            Err(format!("bad line: {}", configuration.unwrap_or_default()))
        });
    }
    for mode in [Mode::Dry, Mode::Real] {
        let told = stage.run(&deployment, mode).await?;
        assert_silent(&format!("{:?}", told.events));
        assert_silent(&told.journal);
        let summary = format!("{:?}", told.summary);
        assert!(!summary.contains(CANARY), "{summary}");
        // What is told of the real run is long enough to have held it.
        let repeated = summary.contains(r#"requirepass \"[secret:own]"#);
        assert_eq!(repeated, mode == Mode::Real, "{summary}");
    }
    let content = stage.text("m1", "/etc/redis/redis-7000.conf");
    assert!(content.contains(CANARY), "{content}");
    Ok(())
}
