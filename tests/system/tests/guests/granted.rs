//! What a plan grants, and what its modules get to see of each other.

use anyhow::{Context as _, Result};
use cellhost_effects::Hook;
use cellhost_engine::Status;
use cellhost_manifest::{embed, extract};

use crate::stage::{Mode, NAMES, Stage, Told, deploy, deploy_with, load, loaded};

fn plan(more: &str) -> String {
    format!("[modules.greeting-rust]\non = \"all\"\nsettings = {{ greeting = \"hello\" }}\n{more}")
}

/// Fails unless the greeting was refused on all machines in these words, which are on record.
fn assert_refused(told: &Told, words: &str) -> Result<()> {
    let rows = told.rows("greeting-rust");
    for name in NAMES {
        let Some(Status::Failed(reason)) = rows.get(name).map(|row| &row.status) else {
            panic!("{name}: {rows:?}");
        };
        assert!(reason.contains(words), "{reason}");
    }
    let written = serde_json::to_string(words)?;
    assert!(told.journal.contains(written.trim_matches('"')), "{words}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_refused_whatever_runs() -> Result<()> {
    let narrow = "grants = { paths = [\"/etc/greeting\"], services = [\"greeting\"] }\n";
    let words = "writing `/etc/systemd/system/greeting.service` is not in `paths` of what the plan grants it";
    let stage = Stage::new()?;
    let before = stage.state();
    for mode in [Mode::Dry, Mode::Real] {
        let told = stage.run(&deploy(&plan(narrow)).await?, mode).await?;
        assert_refused(&told, words)?;
    }
    // A list is judged as a whole before any of it happens.
    assert_eq!(stage.state(), before);

    let whole = "grants = { paths = [\"/etc\"], services = [\"*\"], commands = [[\"systemctl\", \"**\"]] }\n";
    let told = stage.run(&deploy(&plan(whole)).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);

    // It may not take away either what it was granted before.
    let deployment = deploy(&plan(narrow)).await?;
    let all = cellhost_engine::Removal::of(&deployment, &std::collections::BTreeSet::new(), true)?;
    let summary = stage.remove(&deployment, &all, Mode::Real).await?;
    let refused = summary.rows.iter().filter(|row| {
        row.hook == Hook::Remove
            && matches!(&row.status, Status::Failed(reason) if reason.contains(words))
    });
    assert_eq!(refused.count(), NAMES.len(), "{summary:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_may_touch_is_in_no_grant() -> Result<()> {
    let rules = "\n[rules]\nuntouched = [\"/etc/systemd\"]\n";
    let stage = Stage::new()?;
    let before = stage.state();
    let granted = format!("grants = \"asked\"\n{rules}");
    let told = stage
        .run(&deploy(&plan(&granted)).await?, Mode::Real)
        .await?;
    assert_refused(
        &told,
        "`/etc/systemd` is in `untouched` of the plan's rules",
    )?;
    assert_eq!(stage.state(), before);
    Ok(())
}

/// What the second of two modules writes that was told something by the first, as its manifest is or
/// without what that wants.
async fn told_by_another(wants: bool) -> Result<String> {
    let plan = "[modules.pair]\non = \"m1\"\nsettings = { one = \"1\", other = \"2\", tells = true }\n\n\
                [modules.second]\nmodule = \"pair\"\non = \"m2\"\nafter = [\"pair\"]\n\
                settings = { one = \"3\", other = \"4\", told-by = \"pair\" }\n";
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").context("m1")?;
    m1.answer(&["cat", "/var/lib/pair/one"], |_, _| "told\n".into());
    let deployment = deploy_with(plan, |name| {
        if wants {
            return load(name)?.context("a module");
        }
        let bytes = fs_err::read(cellhost_system_tests::guest(name)?)?;
        let mut embedded = extract(&bytes)?;
        embedded.manifest.wants.clear();
        loaded(&embed(&bytes, &embedded)?, name)
    });
    let told = stage.run(&deployment.await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    Ok(stage.text("m2", "/etc/pair/one.conf"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_put_out_is_seen_by_whoever_asked_for_it_in_the_manifest() -> Result<()> {
    assert_eq!(told_by_another(true).await?, "told\n");
    assert_eq!(told_by_another(false).await?, "3\n");
    Ok(())
}
