//! Changes that roll, and what is left undone where they must not go on.

mod world;

use std::time::Duration;

use anyhow::Result;
use cellhost_effects::Hook;
use cellhost_engine::{Event, Happening, Status};
use cellhost_transport::Stage as Lost;
use tokio::time::Instant;

use crate::stage::{Mode, NAMES, Stage, Told, deploy};
use world::World;

pub(crate) const GUEST: &str = "quorum";

const ROLLING: &str = "rolling = { patience = \"2m\" }";

fn plan(text: &str, rolling: &str) -> String {
    format!("[modules.quorum]\non = \"all\"\nsettings = {{ text = \"{text}\" }}\n{rolling}\n")
}

/// A quorum that was founded and serves.
async fn founded() -> Result<(Stage, World)> {
    let stage = Stage::new()?;
    let world = World::on(&stage);
    let told = run(&stage, &plan("first", ROLLING)).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    tokio::time::sleep(world::START).await;
    world.forget();
    Ok((stage, world))
}

async fn run(stage: &Stage, plan: &str) -> Result<Told> {
    stage.run(&deploy(plan).await?, Mode::Real).await
}

fn status<'a>(told: &'a Told, place: &str) -> &'a Status {
    let rows = told.rows("quorum");
    let row = rows.get(place);
    &row.unwrap_or_else(|| panic!("{place}: {rows:?}")).status
}

/// Every row that is not as planned, in words.
fn complaints(told: &Told) -> Vec<String> {
    let rows = told.summary.rows.iter();
    let bad = rows.filter_map(|row| {
        let place = row.machine.as_ref().map(ToString::to_string);
        let place = place.unwrap_or_default();
        Some(format!("{} {place}: {}", row.hook, row.status.reason()?))
    });
    bad.collect()
}

#[tokio::test(start_paused = true)]
async fn founding_a_quorum_that_rolls_waits_for_nothing() -> Result<()> {
    let stage = Stage::new()?;
    let world = World::on(&stage);
    let begun = Instant::now();
    let told = run(&stage, &plan("first", ROLLING)).await?;
    assert!(told.summary.is_good(), "{:?}", complaints(&told));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(world.starts().len(), 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_changes_nothing_costs_no_more_where_the_module_rolls() -> Result<()> {
    let (stage, _world) = founded().await?;
    let mut costs = Vec::new();
    for rolling in [ROLLING, "rolling = false"] {
        stage.fleet.machines().for_each(|one| one.forget_requests());
        let told = run(&stage, &plan("first", rolling)).await?;
        assert!(told.summary.is_good() && told.summary.changes() == 0);
        for name in NAMES {
            assert_eq!(*status(&told, name), Status::Unchanged);
        }
        let shown = told.events.iter().filter_map(|event| match event {
            Event::Turn { hook, .. } => Some(*hook),
            _ => None,
        });
        assert!(!shown.into_iter().any(|hook| hook == Hook::Foresee));
        let machines = stage.fleet.machines();
        costs.push(machines.map(|one| one.requests().len()).collect::<Vec<_>>());
    }
    assert_eq!(costs[0], costs[1]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_member_after_the_other_is_changed_the_leader_last() -> Result<()> {
    let (stage, world) = founded().await?;
    assert_eq!(world.leader().as_deref(), Some("m1"));
    let told = run(&stage, &plan("second", ROLLING)).await?;
    assert!(told.summary.is_good(), "{:?}", complaints(&told));
    assert_eq!(world.starts(), ["m2", "m3", "m1"]);
    assert_eq!(world.most_down(), 1);
    assert!(NAMES.iter().all(|name| {
        let text = stage.text(name, "/etc/quorum/quorum.conf");
        text.contains("second")
    }));
    let waits = told.events.iter().filter_map(|event| match event {
        Event::Turn {
            happening: Happening::Waiting { why, patience, .. },
            ..
        } => Some((why.as_str(), *patience)),
        _ => None,
    });
    let waits: Vec<_> = waits.collect();
    assert!(waits.iter().all(|(why, patience)| {
        why.starts_with("down (") && *patience == Duration::from_mins(2)
    }));
    assert!(waits.len() >= 3, "{waits:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_member_that_does_not_come_back_ends_the_roll() -> Result<()> {
    let (stage, world) = founded().await?;
    world.break_at_start("m2");
    let begun = Instant::now();
    let told = run(&stage, &plan("second", ROLLING)).await?;
    assert_eq!(world.starts(), ["m2"]);
    assert_eq!(world.most_down(), 1);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_mins(2) && waited < Duration::from_mins(3));
    let complaints = complaints(&told);
    let [gate, left, other, form] = complaints.as_slice() else {
        panic!("{complaints:?}");
    };
    assert!(gate.starts_with("gate m2: it is not healthy 2 min after its change: down"));
    assert_eq!(left, "apply m1: not taken: m2 failed");
    assert_eq!(other, "apply m3: not taken: m2 failed");
    assert_eq!(form, "form : not all members were applied: m1, m2, m3");
    // The next run finds it down and changes nobody else.
    let told = run(&stage, &plan("second", ROLLING)).await?;
    assert_eq!(world.starts(), ["m2"]);
    assert!(!told.summary.is_good());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_where_too_few_would_be_left() -> Result<()> {
    let (stage, world) = founded().await?;
    world.kill("m3");
    world.break_at_start("m3");
    let told = run(&stage, &plan("second", ROLLING)).await?;
    // It serves nobody, so its change cannot hurt; the others wait for it in vain.
    assert_eq!(world.starts(), ["m3"]);
    assert_eq!(world.most_down(), 1);
    let complaints = complaints(&told);
    let words = complaints.iter().find(|words| words.starts_with("gate"));
    let words = words.map(String::as_str).unwrap_or_default();
    assert!(words.starts_with("gate m2: m3 is down ("), "{complaints:?}");
    let end = "taking m2 as well would leave 1 of 3; heal m3 first";
    assert!(words.ends_with(end), "{words}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_roll_goes_on_when_who_was_down_comes_back_in_time() -> Result<()> {
    let (stage, world) = founded().await?;
    world.kill("m3");
    world.back_after("m3", Duration::from_secs(50));
    let told = run(&stage, &plan("second", ROLLING)).await?;
    assert!(told.summary.is_good(), "{:?}", complaints(&told));
    assert_eq!(world.starts().len(), 3);
    assert_eq!(world.most_down(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_foretells_the_whole_roll_and_waits_for_nothing() -> Result<()> {
    let (stage, _world) = founded().await?;
    let before = stage.state();
    let begun = Instant::now();
    let deployment = deploy(&plan("second", ROLLING)).await?;
    let dry = stage.run(&deployment, Mode::Dry).await?;
    assert!(dry.summary.is_good(), "{:?}", complaints(&dry));
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(stage.state(), before);
    let real = stage.run(&deployment, Mode::Real).await?;
    assert_eq!(dry.changes(), real.changes());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn canaries_are_watched_before_anybody_else_is_taken() -> Result<()> {
    let (stage, world) = founded().await?;
    let rolling = "rolling = { at-once = \"all\", canary = 1, pause = \"10m\", patience = \"1m\" }";
    world.die_after("m2", Duration::from_mins(8));
    let told = run(&stage, &plan("second", rolling)).await?;
    assert_eq!(world.starts(), ["m2"]);
    let complaints = complaints(&told);
    let words = "gate m2: m2 did not stay healthy: down (";
    assert!(
        complaints.iter().any(|one| one.starts_with(words)),
        "{complaints:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn two_rolls_never_have_the_same_machine_in_their_hands() -> Result<()> {
    let (stage, world) = founded().await?;
    let one = plan("second", ROLLING);
    let other = one.replace("[modules.quorum]", "[modules.other]\nmodule = \"quorum\"");
    let told = run(&stage, &format!("{one}{other}")).await?;
    assert!(told.summary.is_good(), "{:?}", complaints(&told));
    assert_eq!(world.starts().len(), 3);
    assert_eq!(world.most_down(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failure_within_the_budget_stops_neither_the_roll_nor_what_comes_behind() -> Result<()> {
    let (stage, world) = founded().await?;
    world.refuse_to_start("m2");
    let behind = "[modules.behind]\nmodule = \"greeting-rust\"\non = \"all\"\nafter = [\"quorum\"]\nphase = \"pre-zk\"\nsettings = { greeting = \"hello\" }\n";
    let rolling = "rolling = { patience = \"1m\", tolerate = 1 }";
    let text = format!(
        "[run]\nmax-failures = 1\n\n{}{behind}",
        plan("second", rolling)
    );
    let told = run(&stage, &text).await?;
    assert!(!told.summary.is_good());
    assert!(matches!(status(&told, "m2"), Status::Failed(_)));
    for place in ["m1", "m3", "form"] {
        assert!(status(&told, place).is_good(), "{:?}", complaints(&told));
    }
    assert!(told.rows("behind").values().all(|row| row.status.is_good()));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_new_begins_where_more_machines_failed_than_the_plan_allows() -> Result<()> {
    let (stage, world) = founded().await?;
    world.refuse_to_start("m2");
    let other = "[modules.other]\nmodule = \"greeting-rust\"\non = \"all\"\nsettings = { greeting = \"hello\" }\n";
    let text = format!(
        "[run]\nmax-failures = 0\n\n{}{other}",
        plan("second", ROLLING)
    );
    let told = run(&stage, &text).await?;
    assert!(matches!(status(&told, "m2"), Status::Failed(_)));
    let words = "more machines failed than the 0 that `max-failures` allows: m2";
    let complaints = complaints(&told);
    assert!(
        complaints
            .iter()
            .any(|one| one.starts_with("apply m3") && one.ends_with(words))
    );
    assert_eq!(world.starts(), ["m2"]);
    let others = told.rows("other");
    assert!(
        others.values().all(|row| !row.status.is_good()),
        "{complaints:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_machine_is_left_out_where_the_plan_says_so() -> Result<()> {
    let stage = Stage::new()?;
    let m2 = stage.fleet.machine("m2").expect("m2");
    m2.cut(Some(Lost::Connect));
    let plan = "[run]\nunreachable = \"skip\"\n\n[modules.quorum]\nmodule = \"greeting-rust\"\non = \"all\"\nsettings = { greeting = \"hello\" }\n";
    let told = run(&stage, plan).await?;
    assert!(!told.summary.is_good());
    assert!(matches!(status(&told, "m2"), Status::Unreachable(_)));
    assert!(status(&told, "form").is_good(), "{:?}", complaints(&told));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_machine_is_waited_for_at_the_end_of_its_module() -> Result<()> {
    let stage = Stage::new()?;
    let m2 = stage.fleet.machine("m2").expect("m2").clone();
    m2.cut(Some(Lost::Connect));
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        m2.cut(None);
    });
    let plan = "[run]\nunreachable = { wait = \"10m\" }\n\n[modules.quorum]\nmodule = \"greeting-rust\"\non = \"all\"\nsettings = { greeting = \"hello\" }\n";
    let told = run(&stage, plan).await?;
    assert!(told.summary.is_good(), "{:?}", complaints(&told));
    assert!(matches!(status(&told, "m2"), Status::Changed(_)));
    assert_eq!(told.rows("quorum").len(), 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_waited_for_in_vain_has_failed() -> Result<()> {
    let stage = Stage::new()?;
    let m2 = stage.fleet.machine("m2").expect("m2");
    m2.cut(Some(Lost::Connect));
    let plan = "[run]\nunreachable = { wait = \"10m\" }\n\n[modules.quorum]\nmodule = \"greeting-rust\"\non = \"all\"\nsettings = { greeting = \"hello\" }\n";
    let told = run(&stage, plan).await?;
    assert!(matches!(status(&told, "m2"), Status::Unreachable(_)));
    assert!(matches!(status(&told, "form"), Status::Skipped(_)));
    Ok(())
}
