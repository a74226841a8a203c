//! Modules that are taken off their machines.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use cellhost_engine::{Removal, RemovalError, Status};
use cellhost_plan::InstanceName;

use crate::stage::{Mode, NAMES, Stage, deploy};

/// The second one waits for the first.
const PLAN: &str = r#"
[modules.greeting-rust]
on = "all"
settings = { greeting = "hello", path = "/etc/greeting/rust" }

[modules.greeting-c]
on = "all"
after = ["greeting-rust"]
settings = { greeting = "hello", path = "/etc/greeting/c" }
"#;

fn name(text: &str) -> InstanceName {
    InstanceName::new(text).expect("a name")
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_go_in_the_reverse_order_and_leave_their_data() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(PLAN).await?;
    stage.run(&deployment, Mode::Real).await?;
    let all = Removal::of(&deployment, &BTreeSet::new(), false)?;
    assert_eq!(all.modules(), [name("greeting-c"), name("greeting-rust")]);

    let before = stage.state();
    let dry = stage.remove(&deployment, &all, Mode::Dry).await?;
    assert!(dry.is_good() && dry.changes() > 0, "{dry:?}");
    assert_eq!(stage.state(), before);

    let summary = stage.remove(&deployment, &all, Mode::Real).await?;
    assert!(summary.is_good(), "{summary:?}");
    let order: Vec<&str> = summary.rows.iter().map(|row| row.module.as_str()).collect();
    let (c, rust) = ("greeting-c", "greeting-rust");
    assert_eq!(order, [c, c, c, rust, rust, rust]);
    let has = |path: &str| {
        let mut machines = stage.fleet.machines();
        machines.any(|machine| machine.state().nodes.contains_key(path))
    };
    assert!(!has("/etc/greeting/c/greeting.txt") && has("/etc/greeting/c"));

    let all = Removal::of(&deployment, &BTreeSet::new(), true)?;
    stage.remove(&deployment, &all, Mode::Real).await?;
    assert!(!has("/etc/greeting/c") && !has("/etc/greeting/rust"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_needed_stays() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(PLAN).await?;
    stage.run(&deployment, Mode::Real).await?;
    let chosen = BTreeSet::from([name("greeting-rust")]);
    let refused = Removal::of(&deployment, &chosen, false);
    let needed = RemovalError::Needed {
        module: name("greeting-rust"),
        by: name("greeting-c"),
    };
    assert_eq!(refused, Err(needed));
    let unknown = Removal::of(&deployment, &BTreeSet::from([name("nobody")]), false);
    assert!(
        matches!(unknown, Err(RemovalError::Unknown { .. })),
        "{unknown:?}"
    );

    // What could not be removed everywhere still needs the other.
    let m2 = stage.fleet.machine("m2").context("m2")?;
    m2.cut(Some(cellhost_transport::Stage::Connect));
    let all = Removal::of(&deployment, &BTreeSet::new(), false)?;
    let summary = stage.remove(&deployment, &all, Mode::Real).await?;
    let left = |row: &&cellhost_engine::Row| row.module.as_str() == "greeting-rust";
    let rows: Vec<_> = summary.rows.iter().filter(left).collect();
    let [row] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    let why = "module `greeting-c` is still there";
    assert_eq!(row.status, Status::Skipped(why.to_owned()));
    let good = summary
        .rows
        .iter()
        .filter(|row| row.status.is_good())
        .count();
    assert_eq!(good, NAMES.len() - 1);
    Ok(())
}
