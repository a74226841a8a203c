//! A plan for ten thousand machines is read in a moment, also when much of it is wrong.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its case has failed"
)]

use std::fmt::Write;
use std::time::Duration;

use cellhost_plan::Plan;

/// How long a processor may be at it. Generous, since tests run unoptimised; whatever grows with the
/// square of machines takes minutes.
const BOUND: Duration = Duration::from_secs(3);

fn modules(plan: &mut String, on: &str) {
    for number in 0..20 {
        let settings = "settings = { port = 7000, nodes = [{ weight = 1 }] }";
        writeln!(plan, "[modules.m{number}]\non = \"{on}\"\n{settings}").unwrap();
    }
}

fn one_by_one() -> String {
    let mut plan = "cell = \"large\"\n[machines]\n".to_owned();
    for number in 0..10_000 {
        let (a, b) = (number / 250, number % 250);
        let traits = "roles = [\"redis\", \"base\"], tags = { rack = \"a\" }, zone = \"z\"";
        writeln!(
            plan,
            "m{number} = {{ address = \"10.0.{a}.{b}\", {traits} }}"
        )
        .unwrap();
    }
    plan
}

/// Counts what this thread computes, and not how long it waits for others on a busy computer.
fn timed<T>(work: impl FnOnce() -> T) -> T {
    let begin = computed();
    let result = work();
    let taken = computed().saturating_sub(begin);
    assert!(taken < BOUND, "computed for {taken:?}");
    result
}

/// How long this thread has computed by now, as Linux counts it: in hundredths of a second.
fn computed() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name stands in brackets, and anything may be in it.
    let (_, rest) = status.rsplit_once(") ").unwrap();
    let ticks = rest.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.map(|word| word.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn what_is_computed_is_counted() {
    let begin = computed();
    let mut sum = 0_u64;
    for number in 0..u64::from(u32::MAX) {
        sum = std::hint::black_box(sum.wrapping_add(number));
        if number % 100_000 == 0 && computed() > begin {
            return;
        }
    }
    panic!("{sum} was computed, and nothing was counted");
}

#[test]
fn reads_ten_thousand_machines_written_one_by_one() {
    let mut text = one_by_one();
    text.push_str("[groups.g]\nmachines = [\"m[0-9999]\"]\nvariables = { disk = \"sda\" }\n");
    modules(&mut text, "role:redis & group:g & !m[0-9] & tag:rack=a");
    let plan = timed(|| Plan::parse("plan.toml", &text)).unwrap();
    assert_eq!(plan.machines.len(), 10_000);
    assert!(
        plan.modules
            .iter()
            .all(|module| module.machines.len() == 9_990)
    );
}

#[test]
fn reads_a_range_of_a_hundred_thousand_machines() {
    let mut text =
        "cell = \"large\"\n[machines.\"m[1-100000]\"]\naddress = \"m[1-100000]\"\n".to_owned();
    text.push_str("[modules.a]\non = \"all\"\n");
    let plan = timed(|| Plan::parse("plan.toml", &text)).unwrap();
    assert_eq!(plan.machines.len(), 100_000);
}

#[test]
fn answers_ten_thousand_mistakes_all_at_once() {
    let mut text = one_by_one().replace("zone =", "zoen =");
    let names: Vec<String> = (0..5_000).map(|number| format!("\"n{number}\"")).collect();
    writeln!(text, "[groups.g]\nmachines = [{}]", names.join(", ")).unwrap();
    modules(&mut text, "role:rediss & n1");
    let wrong = timed(|| Plan::parse("plan.toml", &text)).unwrap_err();
    assert_eq!(wrong.errors().count(), 10_000 + 5_000 + 40);
}

#[test]
fn draws_thousands_of_mistakes_that_point_far_back() {
    let mut text = one_by_one();
    for number in 0..2_000 {
        writeln!(
            text,
            "n{number} = {{ address = \"10.0.0.{}\" }}",
            number % 250
        )
        .unwrap();
    }
    let wrong = Plan::parse("plan.toml", &text).unwrap_err();
    assert_eq!(wrong.errors().count(), 2_000);
    let drawn = timed(|| wrong.render(false));
    assert!(drawn.contains("n0 = "), "{drawn}");
}
