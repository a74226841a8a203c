//! A plan for ten thousand machines is judged in a moment, by its modules too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use cellhost_engine::{Roster, prepare};
use cellhost_plan::Plan;

use crate::stage::load;

/// Generous: tests run unoptimised and on busy machines. A program that was built for release
/// takes less than a second; anything that grows with the square of machines takes minutes.
const BOUND: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn judges_ten_thousand_machines_in_a_moment() -> Result<()> {
    let mut text = "cell = \"large\"\n[machines]\n\
        \"m[0-39]-[0-249]\" = { address = \"10.0.[0-39].[0-249]\", roles = [\"a\"] }\n"
        .to_owned();
    for number in 0..10 {
        writeln!(
            text,
            "[modules.m{number}]\nmodule = \"greeting-rust\"\non = \"role:a & !m0-[0-{number}]\"\n\
             settings = {{ greeting = \"hello\" }}"
        )?;
    }
    let module = load("greeting-rust")?.context("the guest")?;
    let begun = Instant::now();
    let plan = Plan::parse("plan.toml", &text).map_err(|wrong| anyhow!(wrong.render(false)))?;
    assert_eq!(plan.machines.len(), 10_000);
    let names = plan.modules.iter().map(|usage| usage.name.clone());
    let modules: BTreeMap<_, _> = names.map(|name| (name, module.clone())).collect();
    let plan = Arc::new(plan);
    let mut roster = Roster::default();
    for _ in 0..2 {
        // The second time every machine has its number.
        let prepared = prepare(plan.clone(), &modules, &mut roster).await;
        prepared.map_err(|wrong| anyhow!(wrong.render(false)))?;
    }
    let taken = begun.elapsed();
    assert!(taken < BOUND, "took {taken:?}");
    Ok(())
}
