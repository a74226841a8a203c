use cellhost_effects::layers::{Replayed, Verdict};
use cellhost_effects::record::{Past, Record};
use cellhost_effects::{Act, Doubt, EffectError, Effects};

use crate::stage::{Stage, ask, command, turn};

/// The record of a run that died while `init` ran on the first machine.
async fn cut_off(stage: &Stage) -> Vec<u8> {
    // Two lines for each of two effects, and the intent.
    let (record, _) = stage.run(&[], 5).await;
    let past = Past::of(&Record::parse(&record).unwrap()).unwrap();
    let turn = past.turns().values().next().unwrap();
    assert!(turn.effects[&2].is_doubtful());
    record
}

fn times(stage: &Stage, machine: &str) -> usize {
    let machine = stage.fleet.machine(machine).unwrap();
    machine.state().text("/init").map_or(0, str::len)
}

async fn resumed(doubt: Doubt, verdict: Verdict) -> (Stage, Vec<u8>, bool) {
    let mut stage = Stage::new();
    stage.doubt = doubt;
    stage.verdict = verdict;
    let record = cut_off(&stage).await;
    assert_eq!(
        times(&stage, "m1"),
        1,
        "it was sent before the program died"
    );
    let (record, good) = stage.run(&record, 1000).await;
    (stage, record, good)
}

#[tokio::test(start_paused = true)]
async fn a_command_in_doubt_follows_its_rule() {
    let verify = || Doubt::Verify(command("is-init"));
    let expected = [
        (Doubt::Again, Verdict::Open, 2),
        (verify(), Verdict::Open, 1),
        (Doubt::Ask, Verdict::Done, 1),
        (Doubt::Ask, Verdict::Again, 2),
    ];
    for (doubt, verdict, ran) in expected {
        let (stage, _, good) = resumed(doubt.clone(), verdict).await;
        assert!(good, "{doubt:?}");
        assert_eq!(times(&stage, "m1"), ran, "{doubt:?} {verdict:?}");
        assert_eq!(times(&stage, "m2"), 1, "{doubt:?} {verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_did_not_happen_is_sent() {
    let stage = Stage::new();
    let (record, _) = stage.run(&[], 4).await;
    // As if the program had died between the intent and the machine.
    let (record, _) = stage.run(&record, 3).await;
    let machine = stage.fleet.machine("m1").unwrap();
    machine.state().nodes.remove("/init");
    let (_, good) = stage.run(&record, 1000).await;
    assert!(good);
    assert_eq!(times(&stage, "m1"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_doubt_that_nobody_settles_ends_its_turn_and_no_other() {
    let (stage, record, good) = resumed(Doubt::Ask, Verdict::Open).await;
    assert!(!good);
    assert_eq!((times(&stage, "m1"), times(&stage, "m2")), (1, 1));
    let past = Past::of(&Record::parse(&record).unwrap()).unwrap();
    let mut turns = past.turns().values();
    let (first, second) = (turns.next().unwrap(), turns.next().unwrap());
    assert!(first.effects[&2].is_doubtful(), "it is in doubt still");
    assert!(first.ending.is_none() && second.is_good());
    assert!(first.effects.len() == 3, "the turn went on");
}

#[tokio::test(start_paused = true)]
async fn another_question_than_on_record_ends_the_turn_before_anything_is_sent() {
    let stage = Stage::new();
    let (record, _) = stage.run(&[], 1000).await;
    let past = Past::of(&Record::parse(&record).unwrap()).unwrap();
    let mut other = Stage::new();
    other.doubt = Doubt::Again;
    let (_, good) = other.run(&record, 1000).await;
    assert!(!good);
    assert_eq!(other.take_sent(), []);
    let replayed = Replayed::new(past);
    let effects: &dyn Effects = &replayed;
    let (turn, command, doubt) = (turn("m1"), command("halt"), Doubt::Again);
    let act = Act::Run { command, doubt };
    let told = ask(effects, &turn, 2, act).await;
    assert!(
        matches!(&told, Err(EffectError::Diverged { reason })
            if reason.starts_with("tried/apply/m1/0/2: the run on m1 asks for ")),
        "{told:?}"
    );
}
