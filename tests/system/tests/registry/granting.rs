//! What a plan has to grant before a module of others is let near a machine.

use anyhow::Result;

use crate::server::{Manner, Server};
use crate::site::{Site, publish_all};

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_a_registry_is_granted_by_the_plan_or_not_at_all() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["1.0.0"]).await?;
    let site = Site::of(&server, "^1")?;
    let plan = site.path().join("plan.toml");
    let granted = fs_err::read_to_string(&plan)?;
    site.cellhost(&["grants"])?.ends_with(0).says(&[
        "acme:greeting 1.0.0",
        "on m1",
        "writes /etc/greeting",
    ]);

    fs_err::write(&plan, granted.replace("grants = \"asked\"\n", ""))?;
    for command in [&["check"][..], &["run", "--dry-run"], &["run"], &["drift"]] {
        site.cellhost(command)?.ends_with(2).says(&[
            "`acme:greeting` comes from a registry and is granted nothing",
            "plan.toml:12:10",
            "`grants = \"asked\"`",
            "nothing was touched",
        ]);
    }
    site.cellhost(&["grants"])?
        .ends_with(0)
        .says(&["writes /etc/greeting", "the plan grants nothing yet"]);

    let less = "grants = { paths = [\"/etc/greeting/mine\"] }\n";
    fs_err::write(&plan, granted.replace("grants = \"asked\"\n", less))?;
    site.cellhost(&["check"])?.ends_with(0);
    site.cellhost(&["grants"])?
        .ends_with(0)
        .says(&["the plan grants only", "writes /etc/greeting/mine"]);
    let told = site.cellhost(&["grants", "--format", "json"])?.ends_with(0);
    let told: serde_json::Value = serde_json::from_str(&told.data)?;
    let paths = told.pointer("/modules/greeting/grants/0/paths/0");
    assert_eq!(paths, Some(&"/etc/greeting/mine".into()), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_a_plan_are_looked_at_before_anything_else() -> Result<()> {
    let server = Server::start(Manner::default())?;
    publish_all(&server, &["1.0.0"]).await?;
    let site = Site::of(&server, "^1")?;
    let plan = site.path().join("plan.toml");
    let text = fs_err::read_to_string(&plan)?;
    // A minute that lies half a day from now.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs() / 60 % 1440;
    let clock = |minute: u64| format!("{:02}:{:02}", minute % 1440 / 60, minute % 60);
    let hours = format!("{}-{} UTC", clock(now + 720), clock(now + 721));
    fs_err::write(&plan, format!("{text}\n[rules]\nhours = \"{hours}\"\n"))?;
    site.cellhost(&["run"])?.ends_with(2).says(&[&format!(
        "the plan's rules let machines be changed in {hours} only"
    )]);
    site.cellhost(&["check"])?.ends_with(0);

    let two = text.replace("[modules", "m2 = { address = \"192.0.2.2\" }\n\n[modules");
    fs_err::write(&plan, format!("{two}\n[rules]\nmachines = 1\n"))?;
    site.cellhost(&["run"])?
        .ends_with(2)
        .says(&["this would go to 2 machines, and the plan's rules let a run go to 1 at most"]);
    Ok(())
}
