//! Modules that share machines, and what their manifests say of ports.

use anyhow::Result;
use cellhost_runtime::Module;

use crate::stage::{deploy_with, made_up};

fn module(name: &str) -> Result<Module> {
    let listens = match name {
        "console" => "\"8080\"",
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
