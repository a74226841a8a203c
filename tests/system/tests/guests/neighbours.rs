//! Modules that share machines, and what their manifests say of ports.

use anyhow::Result;
use cellhost_runtime::Module;

use crate::marathon;
use crate::mesos::MACHINES;
use crate::stage::{deploy_on, deploy_with, made_up};

fn module(name: &str) -> Result<Module> {
    let listens = match name {
        "console" => "\"8080\"",
        "leader" => "\"8080 of role /leader-role\"",
        _ => "\"/port\", \"/port + 10000\"",
    };
    made_up(&format!(
        "name = \"{name}\"\nversion = \"1.0.0\"\nlistens = [{listens}]\n"
    ))
}

async fn wrong(plan: &str) -> String {
    match deploy_with(plan, module).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

fn store(name: &str, on: &str, port: u16) -> String {
    format!("[modules.{name}]\nmodule = \"store\"\non = \"{on}\"\nsettings = {{ port = {port} }}\n")
}

const CONSOLE: &str = "[modules.console]\non = \"all\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn two_modules_may_not_listen_on_the_same_port_of_a_machine() {
    let fixed = wrong(&format!("{CONSOLE}{}", store("store", "m[2-3]", 8080))).await;
    for part in [
        "`console` and `store` both listen on port 8080 of m2, m3",
        "by the setting `port` of `store`",
        "`console` always listens there",
        "give one of them another port, or machines of its own",
    ] {
        assert!(fixed.contains(part), "{part} is not in\n{fixed}");
    }
    let above = [store("one", "m1", 7000), store("other", "m1", 17000)].concat();
    let above = wrong(&above).await;
    assert!(
        above.contains("`one` and `other` both listen on port 17000 of m1"),
        "{above}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_port_of_other_machines_is_free() {
    let apart = [
        store("one", "m1", 7000),
        store("other", "m[2-3]", 7000),
        store("third", "m1", 7001),
    ];
    // The guest, which has no settings, complains of its own; nobody does of ports.
    let words = wrong(&apart.concat()).await;
    assert!(words.contains("unknown field `port`"), "{words}");
    assert!(!words.contains("listen on port"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_machines_with_the_role_listen_where_a_role_is_named() {
    let leader = "[modules.leader]\non = \"all\"\nsettings = { leader-role = \"first\" }\n";
    let groups = "[groups.first]\nmachines = [\"m1\"]\nroles = [\"first\"]\n";
    let apart = store("store", "m[2-3]", 8080);
    let words = wrong(&[groups, leader, &apart].concat()).await;
    assert!(!words.contains("listen on port"), "{words}");
    let beside = store("store", "all", 8080);
    let words = wrong(&[groups, leader, &beside].concat()).await;
    assert!(
        words.contains("`leader` and `store` both listen on port 8080 of m1\n"),
        "{words}"
    );
}

/// Fails unless two modules at this setting's port of these machines are refused, in its line.
async fn clashes(plan: &str, setting: &str, words: &str) {
    let Err(error) = deploy_on(MACHINES, plan).await else {
        panic!("{plan} is accepted");
    };
    let error = error.to_string();
    assert!(error.contains(words), "{words} is not in\n{error}");
    let text = format!("cell = \"stage\"\n\n[machines]\n{MACHINES}{plan}");
    let (before, _) = text.split_once(setting).expect("the setting");
    let line = before.lines().count() + 1;
    let column = setting.find(|c: char| c.is_ascii_digit()).expect("a port") + 1;
    let place = format!("plan.toml:{line}:{column}\n");
    assert!(error.contains(&place), "{place} is not in\n{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_at_the_port_of_a_master_or_an_agent_of_mesos_is_refused_in_its_line() {
    clashes(
        &marathon::plan("http-port = 5051"),
        "http-port = 5051",
        "`mesos` and `marathon` both listen on port 5051 of m2, m3\n",
    )
    .await;
    clashes(
        &marathon::plan("http-port = 5050"),
        "http-port = 5050",
        "`mesos` and `marathon` both listen on port 5050 of m1, m2, m3\n",
    )
    .await;
    let balancer = "\n[modules.marathon-lb]\non = \"m[1-2]\"\n\n[modules.marathon-lb.settings]\n\
                    groups = [\"external\"]\nstats-port = 5051\n";
    clashes(
        &[&marathon::plan(""), balancer].concat(),
        "stats-port = 5051",
        "`mesos` and `marathon-lb` both listen on port 5051 of m2\n",
    )
    .await;
}
