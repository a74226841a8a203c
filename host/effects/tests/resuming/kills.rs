use std::time::Duration;

use cellhost_effects::layers::Replayed;
use cellhost_effects::record::{Past, Record};

use crate::stage::{Stage, completed};

/// More lines than any run writes.
const ALL: usize = 1000;

/// Fails unless the machines are as after a run that nobody disturbed, and unless its record can be
/// lived through once more.
async fn check(stage: &Stage, record: &[u8], place: &str) {
    let whole = Stage::new();
    let (_, good) = whole.run(&[], ALL).await;
    assert!(good, "the run itself fails");
    assert_eq!(stage.state(), whole.state(), "{place}");
    let past = Past::of(&Record::parse(record).unwrap()).unwrap();
    let replayed = Replayed::new(past.clone());
    let begun = tokio::time::Instant::now();
    assert!(stage.play(&replayed).await, "{place}");
    assert_eq!(begun.elapsed(), Duration::ZERO, "a replay waits");
    let replay = replayed.told();
    assert_eq!(replay.divergences, [], "{place}");
    let (before, again) = (past.digest(), replay.present.digest());
    assert_eq!(before.unwrap(), again.unwrap(), "{place}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_anywhere_ends_as_if_it_had_not() {
    let (record, _) = Stage::new().run(&[], ALL).await;
    let lines = Record::parse(&record).unwrap().lines.len();
    assert!(lines > 30, "{lines} lines");
    for died in 0..lines {
        let stage = Stage::new();
        let (record, _) = stage.run(&[], died).await;
        stage.take_sent();
        let done = completed(&record);
        let (record, good) = stage.run(&record, ALL).await;
        let place = format!("died at line {died}");
        assert!(good, "{place}");
        let twice: Vec<_> = stage
            .take_sent()
            .into_iter()
            .filter(|name| done.contains(name))
            .collect();
        assert!(twice.is_empty(), "{place}: sent again: {twice:?}");
        check(&stage, &record, &place).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_twice_ends_as_if_it_had_not() {
    let (record, _) = Stage::new().run(&[], ALL).await;
    let lines = Record::parse(&record).unwrap().lines.len();
    for first in 0..lines {
        // Every fourth place is enough, each of the four in its turn.
        for second in (first % 4..lines + 2).step_by(4) {
            let stage = Stage::new();
            let (record, _) = stage.run(&[], first).await;
            let (record, _) = stage.run(&record, second).await;
            stage.take_sent();
            let done = completed(&record);
            let (record, good) = stage.run(&record, ALL).await;
            let place = format!("died at line {first} and then at line {second}");
            assert!(good, "{place}");
            let sent = stage.take_sent();
            assert!(
                sent.iter().all(|name| !done.contains(name)),
                "{place}: sent again"
            );
            check(&stage, &record, &place).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_through_is_not_sent_again() {
    let stage = Stage::new();
    let (record, _) = stage.run(&[], ALL).await;
    stage.take_sent();
    let begun = tokio::time::Instant::now();
    let (record, good) = stage.run(&record, ALL).await;
    assert!(good);
    assert_eq!(
        begun.elapsed(),
        Duration::ZERO,
        "a pause on record takes time"
    );
    assert!(stage.take_sent().is_empty());
    check(&stage, &record, "through").await;
}
