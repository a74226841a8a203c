//! The module `telegraf` on simulated machines. What it has written is tried by its own script, with
//! a stand-in for Telegraf that knows the options of its documentation.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use cellhost_engine::{Event, Happening, Status};
use cellhost_transport::resources::container::Container;
use cellhost_transport::{DialOutcome, Node, Package, Request, SimulatedMachine};

use crate::stage::{Mode, NAMES, Stage, deploy, deploy_on};
use crate::zookeeper;

const MODULE: &str = "telegraf";
const HEALTH: u16 = 8888;
const HOME: &str = "/etc/telegraf/cell";
const CONFIGURATION: &str = "/etc/telegraf/cell/telegraf.conf";
const UNIT: &str = "/etc/systemd/system/telegraf.service";
/// With everything that a file, a variable of Telegraf's or a shell could take for something else.
const PASSWORD: &str = r#"a:b'c"d\e#f $g ${HOME} <h>"#;
const PROMETHEUS: &str = "outputs.prometheus.port = 9273";
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stand-ins/telegraf.py");

fn plan(settings: &str) -> String {
    format!("[modules.telegraf]\non = \"all\"\n\n[modules.telegraf.settings]\n{settings}\n")
}

fn stage() -> Result<Stage> {
    let stage = Stage::knowing(&[("influx", PASSWORD)])?;
    stage.fleet.machines().for_each(|machine| prepare(machine));
    Ok(stage)
}

/// A machine that Telegraf can be installed on. It answers once its service runs.
fn prepare(machine: &SimulatedMachine) {
    let package = Package::new("1.36.3").with_service("telegraf");
    machine.state().offer("telegraf", package);
    machine.answer(&["sleep", "1"], |_, _| 0.into());
    machine.listen(HEALTH, |_, _| {
        DialOutcome::Bytes(b"HTTP/1.0 200 OK\r\n\r\nOK".to_vec())
    });
    machine.state().ports.remove(&HEALTH);
    machine.start("telegraf", |state| {
        state.ports.insert(HEALTH);
        Ok(())
    });
}

fn machine<'a>(stage: &'a Stage, name: &str) -> &'a SimulatedMachine {
    stage.fleet.machine(name).expect("a machine of the stage")
}

async fn wrong(text: &str) -> String {
    match deploy(text).await {
        Ok(_) => panic!("{text} is accepted"),
        Err(wrong) => wrong.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_is_foretold_and_the_next_run_looks_once() -> Result<()> {
    let stage = stage()?;
    let deployment = deploy(&plan(PROMETHEUS)).await?;
    let foretold = stage.as_foreseen(&deployment).await?;
    // What the package brings nobody knows: its service is one of that.
    assert!(foretold.exact >= 24 && foretold.unknown == 0, "{foretold}");
    for name in NAMES {
        machine(&stage, name).forget_requests();
    }
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    for name in NAMES {
        let requests = machine(&stage, name).requests();
        assert!(
            matches!(requests.as_slice(), [Request::Look(_)]),
            "{name}: {requests:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shares_a_machine_by_the_plan_is_gathered_there() -> Result<()> {
    let stage = zookeeper::stage()?;
    stage.fleet.machines().for_each(|machine| prepare(machine));
    let all = plan(PROMETHEUS).replace(
        "on = \"all\"",
        "on = \"all\"\nphase = \"pre-zk\"\nafter = [\"zookeeper\"]",
    );
    let deployment = deploy(&format!("[modules.zookeeper]\non = \"all\"\n\n{all}")).await?;
    let told = stage.run(&deployment, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let text = stage.text("m2", CONFIGURATION);
    assert!(
        text.ends_with("\n[[inputs.zookeeper]]\nservers = [\"10.0.0.2:2181\"]\n"),
        "{text}"
    );
    assert!(
        text.contains("[global_tags]\n\"cell\" = \"stage\"\n"),
        "{text}"
    );
    assert!(text.contains("hostname = \"m2\"\n"), "{text}");
    assert!(!text.contains("inputs.redis"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gathers_by_a_socket_is_of_its_group() -> Result<()> {
    let stage = stage()?;
    let machines = "m1 = { address = \"10.0.0.1\", roles = [\"docker\", \"lb\"] }\n\
                    \"m[2-3]\" = { address = \"10.0.0.[2-3]\" }\n\n";
    let settings = format!(
        "{PROMETHEUS}\ninputs.docker.role = \"docker\"\n\
         inputs.haproxy = {{ role = \"lb\", servers = [\"/run/haproxy/admin.sock\"] }}"
    );
    let deployment = deploy_on(machines, &plan(&settings)).await?;
    // Where there is no docker, nobody is of its group.
    let told = stage.run(&deployment, Mode::Real).await?;
    let rows = told.rows(MODULE);
    let Some(Status::Failed(why)) = rows.get("m1").map(|row| &row.status) else {
        panic!("{rows:?}");
    };
    assert!(why.contains("group 'docker' does not exist"), "{why}");
    for group in ["docker", "haproxy"] {
        machine(&stage, "m1")
            .state()
            .groups
            .insert(group.to_owned());
    }
    let told = stage.run(&deployment, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let groups = |name: &str| {
        let state = machine(&stage, name).state();
        let user = state.users.get("telegraf").expect("a user");
        let groups = user.groups.iter().filter(|name| *name != "telegraf");
        groups.cloned().collect::<Vec<_>>()
    };
    assert_eq!(groups("m1"), ["docker", "haproxy"]);
    assert_eq!(groups("m2"), [""; 0]);
    Ok(())
}

const INFLUX: &str = "\
    outputs.influxdb = [{ urls = [\"http://influx.example:8086\"], username = \"telegraf\", \
    password = { secret = \"influx\" } }]\n";

fn knowing(settings: &str) -> String {
    format!(
        "[secrets]\ninflux = {{ env = \"INFLUX\" }}\n\n{}",
        plan(settings)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_any_characters_reaches_the_configuration_and_nothing_else() -> Result<()> {
    let stage = stage()?;
    let told = stage
        .run(&deploy(&knowing(INFLUX)).await?, Mode::Real)
        .await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert!(!told.journal.contains("a:b"), "{}", told.journal);
    let warned = told.events.iter().any(|event| {
        let Event::Turn {
            happening: Happening::Said(_, words),
            ..
        } = event
        else {
            return false;
        };
        words.starts_with("http://influx.example:8086 is written to with a password")
    });
    assert!(warned, "nobody was warned");
    let text = stage.text("m1", CONFIGURATION);
    let read = "import sys, tomllib; print(tomllib.loads(sys.argv[1])['outputs']['influxdb'][0]['password'])";
    let read = Command::new("python3").args(["-c", read, &text]).output()?;
    assert_eq!(
        String::from_utf8(read.stdout)?.trim_end(),
        PASSWORD,
        "{text}"
    );
    // Telegraf would take it for a variable.
    assert!(!text.contains('$'), "{text}");
    Ok(())
}

/// Tries what a machine was given, by its own script and with the stand-in.
fn tried(
    stage: &Stage,
    shell: &[&str],
    change: impl Fn(&str) -> String,
) -> Result<(Output, usize)> {
    let place = tempfile::tempdir()?;
    let home = place.path().to_str().context("a path in UTF-8")?;
    let marks = place.path().join("tried");
    fs_err::create_dir(&marks)?;
    fs_err::write(marks.join("older"), "")?;
    let script = stage.text("m1", &format!("{HOME}/try"));
    let script = script
        .replace("'/usr/bin/telegraf'", &format!("python3 '{STAND_IN}'"))
        .replace(HOME, home);
    fs_err::write(place.path().join("try"), script)?;
    let candidate = change(&stage.text("m1", &format!("{HOME}/candidate.conf")));
    fs_err::write(place.path().join("candidate.conf"), candidate)?;
    let (program, options) = shell.split_first().context("a shell")?;
    let output = Command::new(program)
        .args(options)
        .arg(place.path().join("try"))
        .arg(marks.join("newer"))
        .output()?;
    let left = fs_err::read_dir(&marks)?.collect::<Result<Vec<_>, _>>()?;
    let is_noted = left.iter().any(|one| one.file_name() == "newer");
    assert_eq!(is_noted, output.status.success());
    Ok((output, left.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_telegraf_does_not_take_is_not_noted_as_tried() -> Result<()> {
    assert!(Path::new(STAND_IN).is_file());
    let stage = stage()?;
    let all = format!(
        "{INFLUX}outputs.influxdb-v2 = [{{ urls = [\"https://b\"], token = {{ \
         secret = \"influx\" }}, organization = \"o\", bucket = \"b\" }}]\n{PROMETHEUS}"
    );
    let told = stage
        .run(&deploy(&knowing(&all)).await?, Mode::Real)
        .await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    for shell in [&["dash"][..], &["busybox", "sh"]] {
        let (output, marks) = tried(&stage, shell, str::to_owned)?;
        assert!(output.status.success(), "{shell:?}: {output:?}");
        assert_eq!(marks, 1, "an older mark stays");
        let older = |text: &str| text.replace("[agent]", "[agent]\nstrict_new_option = true");
        let (output, marks) = tried(&stage, shell, older)?;
        let words = String::from_utf8(output.stderr)?;
        assert!(
            words.contains(
                "configuration specified the fields [\"strict_new_option\"], but they weren't used"
            ),
            "{shell:?}: {words}"
        );
        assert_eq!(marks, 1, "what was good before is good still");
        let twice = |text: &str| format!("{text}\n[agent]\n");
        let (output, _) = tried(&stage, shell, twice)?;
        assert!(!output.status.success(), "{shell:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reloads_and_a_trial_that_failed_leaves_the_live_one() -> Result<()> {
    let stage = stage()?;
    stage
        .run(&deploy(&plan(PROMETHEUS)).await?, Mode::Real)
        .await?;
    let before = stage.text("m1", CONFIGURATION);
    let changed = format!("{PROMETHEUS}\ninterval = \"1m\"");
    stage
        .run(&deploy(&plan(&changed)).await?, Mode::Real)
        .await?;
    let after = stage.text("m1", CONFIGURATION);
    assert!(
        after != before && after.contains("interval = \"60s\"\n"),
        "{after}"
    );
    let service = machine(&stage, "m1")
        .state()
        .services
        .get("telegraf")
        .cloned();
    let service = service.context("a service")?;
    assert_eq!((service.restarts, service.reloads), (0, 1));
    // Where its place cannot be written, what stands behind the trial is not tried.
    machine(&stage, "m1").state().full = true;
    let told = stage
        .run(&deploy(&plan(PROMETHEUS)).await?, Mode::Real)
        .await?;
    let rows = told.rows(MODULE);
    let m1 = rows.get("m1").context("m1")?;
    assert!(matches!(m1.status, Status::Failed(_)), "{m1:?}");
    assert_eq!(stage.text("m1", CONFIGURATION), after);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_of_a_release_and_an_image_do_as_well() -> Result<()> {
    let stage = stage()?;
    let url = "https://releases.example/telegraf-1.36.3.tar.gz";
    let digest = cellhost_manifest::digest(b"telegraf");
    for name in NAMES {
        machine(&stage, name)
            .state()
            .web
            .insert(url.to_owned(), b"telegraf".to_vec());
    }
    let archive = format!(
        "{PROMETHEUS}\nsource.archive = {{ url = \"{url}\", sha256 = \"{digest}\", version = \
         \"1.36.3\" }}"
    );
    let foretold = stage.as_foreseen(&deploy(&plan(&archive)).await?).await?;
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    let unit = stage.text("m1", UNIT);
    let start = "\nExecStart=/opt/telegraf/current/usr/bin/telegraf --config /etc/telegraf/cell/telegraf.conf\n";
    assert!(unit.contains(start), "{unit}");

    let image = format!("docker.io/library/telegraf@sha256:{digest}");
    let container = format!("{PROMETHEUS}\nsource.container.image = \"{image}\"");
    let deployment = deploy(&plan(&container)).await?;
    let told = stage.run(&deployment, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let state = machine(&stage, "m1").state().clone();
    assert!(!state.services.get("telegraf").context("a service")?.running);
    assert!(!state.nodes.contains_key(UNIT));
    let volume = |source: &str, target: &str| cellhost_transport::resources::container::Volume {
        source: source.to_owned(),
        target: target.to_owned(),
        read_only: true,
    };
    let words = [
        "telegraf",
        "--config",
        CONFIGURATION,
        "--watch-config",
        "poll",
    ];
    let wanted = Container {
        name: MODULE.to_owned(),
        image: image.clone(),
        command: words.map(str::to_owned).to_vec(),
        environment: [("HOST_PROC", "/hostfs/proc"), ("HOST_SYS", "/hostfs/sys")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ports: Vec::new(),
        volumes: vec![
            volume(HOME, HOME),
            volume("/proc", "/hostfs/proc"),
            volume("/sys", "/hostfs/sys"),
        ],
        network: Some("host".to_owned()),
        restart: true,
    };
    assert_eq!(state.containers.get(MODULE), Some(&wanted.met()));
    let group = |node: &Node| node.group.clone();
    assert_eq!(
        state.nodes.get(CONFIGURATION).map(group).as_deref(),
        Some("999")
    );
    let script = stage.text("m1", &format!("{HOME}/try"));
    assert!(
        script.contains(&format!("        '{image}' telegraf \"$@\"\n")),
        "{script}"
    );
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_leaves_nothing_but_the_package() -> Result<()> {
    let stage = stage()?;
    let deployment = deploy(&plan(PROMETHEUS)).await?;
    stage.run(&deployment, Mode::Real).await?;
    stage.remove_all(&deployment, false).await?;
    for name in NAMES {
        let state = machine(&stage, name).state();
        let mut left = state.nodes.keys().filter(|path| path.contains("telegraf"));
        assert_eq!(left.next(), None, "{name}");
        let service = state.services.get("telegraf").context("a service")?;
        assert!(!service.running && !service.enabled);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_answer_fails_the_run_and_is_named() -> Result<()> {
    let stage = stage()?;
    machine(&stage, "m2").start("telegraf", |_| Ok(()));
    let told = stage
        .run(&deploy(&plan(PROMETHEUS)).await?, Mode::Real)
        .await?;
    let rows = told.rows(MODULE);
    let Some(Status::Failed(why)) = rows.get("m2").map(|row| &row.status) else {
        panic!("{rows:?}");
    };
    assert!(
        why.ends_with(
            "m2 was given its configuration and does not answer at port 8888 after 30 s. \
             `journalctl -u telegraf` on it says why"
        ),
        "{why}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let redis = "[secrets]\np = { env = \"P\" }\n\n[modules.redis-cluster]\non = \"all\"\nsettings = \
                 { password = { secret = \"p\" } }\n\n";
    let cases = [
        (plan(""), "what is gathered would go nowhere"),
        (
            plan(&format!("{PROMETHEUS}\ninterval = \"500ms\"")),
            "`500ms` is not a second or more",
        ),
        (
            plan(&format!("{PROMETHEUS}\ntags = {{ host = \"x\" }}")),
            "two machines of one name",
        ),
        (
            plan(&format!("{PROMETHEUS}\ntags = {{ uuid = \"x\" }}")),
            "a series of its own for good",
        ),
        (
            plan(&format!("{PROMETHEUS}\ntags = {{ a = \"${{B}}\" }}")),
            "no variable is set here",
        ),
        (
            plan(&format!("{PROMETHEUS}\ninputs.docker.role = \"agent\"")),
            "no machine of this module has the role `agent`",
        ),
        (
            format!("{redis}{}", plan(PROMETHEUS)),
            "by the plan there is redis on m1, which lets nobody in without a password",
        ),
        (
            plan(&format!("{PROMETHEUS}\nsource.package = \"nginx\"")),
            "`nginx` is not Telegraf's package",
        ),
    ];
    for (text, why) in cases {
        let wrong = wrong(&text).await;
        assert!(wrong.contains(why), "{text}: {wrong}");
    }
    deploy(&format!(
        "{redis}{}",
        plan(&format!("{PROMETHEUS}\ninputs.redis.off = true"))
    ))
    .await?;
    Ok(())
}
