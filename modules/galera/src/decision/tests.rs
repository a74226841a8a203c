use super::*;
use crate::look::seen;
use crate::report::{NO_HISTORY, Report};

const OURS: &str = "8bcf4a34-aedb-14e5-bcc3-d3e36277729f";
const OTHER: &str = "11111111-aedb-14e5-bcc3-d3e36277729f";

fn synced() -> Report {
    Report {
        is_member: true,
        cluster: "orders".to_owned(),
        is_primary: true,
        is_ready: true,
        state: "Synced".to_owned(),
        history: OURS.to_owned(),
        size: 3,
        version: "10.11".to_owned(),
    }
}

fn serving(ordinal: u32) -> Seen {
    seen(ordinal, State::Answers(synced()), None)
}

/// One that runs and has lost the others.
fn alone(ordinal: u32) -> Seen {
    let report = Report {
        is_primary: false,
        is_ready: false,
        state: "Initialized".to_owned(),
        size: 1,
        ..synced()
    };
    seen(ordinal, State::Answers(report), None)
}

fn empty(ordinal: u32) -> Seen {
    seen(ordinal, State::Stopped(Remains::default()), None)
}

/// One that was a member and does not run.
fn stopped(ordinal: u32, position: Option<i64>) -> Seen {
    let remains = Remains {
        history: Some(OURS.to_owned()),
        position,
        ..Remains::default()
    };
    seen(ordinal, State::Stopped(remains), Some("orders"))
}

fn changed(mut one: Seen, change: impl FnOnce(&mut Remains)) -> Seen {
    if let State::Stopped(remains) = &mut one.state {
        change(remains);
    }
    one
}

fn after(members: &[Seen], leaving: &[Seen], was_patient: bool) -> Result<Step, String> {
    let situation = Situation {
        cluster: "orders",
        members,
        leaving,
        was_patient,
    };
    situation.next()
}

fn next(members: &[Seen]) -> Result<Step, String> {
    after(members, &[], false)
}

#[test]
fn where_nobody_has_ever_been_a_member_the_first_founds_and_the_others_come_one_by_one() {
    assert_eq!(next(&[empty(1), empty(2), empty(3)]), Ok(Step::Found(1)));
    assert_eq!(next(&[serving(1), empty(2), empty(3)]), Ok(Step::Start(2)));
    let coming = seen(2, State::Between, None);
    assert_eq!(
        next(&[serving(1), coming, empty(3)]),
        Ok(Step::Wait("m2, which runs and does not answer".to_owned()))
    );
    assert_eq!(
        next(&[serving(1), serving(2), empty(3)]),
        Ok(Step::Start(3))
    );
    assert_eq!(next(&[serving(1), serving(2), serving(3)]), Ok(Step::Done));
}

#[test]
fn nobody_comes_while_another_gives_its_data() {
    let giving = Report {
        state: "Donor/Desynced".to_owned(),
        ..synced()
    };
    let giving = seen(1, State::Answers(giving), None);
    let step = next(&[giving, serving(2), empty(3)]);
    assert!(matches!(step, Ok(Step::Wait(_))), "{step:?}");
}

#[test]
fn one_that_lost_everything_joins_those_that_live_and_never_founds() {
    let wiped = seen(1, State::Stopped(Remains::default()), Some("orders"));
    assert_eq!(
        next(&[wiped.clone(), serving(2), serving(3)]),
        Ok(Step::Start(1))
    );
    // Also where those that live are no longer in the plan.
    assert_eq!(
        after(&[wiped, empty(2)], &[serving(4)], false),
        Ok(Step::Start(1))
    );
}

#[test]
fn a_cluster_that_stopped_is_brought_back_from_the_member_that_is_furthest() {
    let members = [
        stopped(1, Some(10)),
        stopped(2, Some(12)),
        stopped(3, Some(11)),
    ];
    assert_eq!(next(&members), Ok(Step::Revive(2)));
    let last = changed(stopped(3, Some(12)), |remains| remains.was_last = true);
    let members = [stopped(1, Some(10)), stopped(2, Some(12)), last];
    assert_eq!(next(&members), Ok(Step::Revive(3)));
}

#[test]
fn those_that_were_killed_are_measured_before_anybody_begins() {
    let members = [stopped(1, Some(10)), stopped(2, None), stopped(3, None)];
    assert_eq!(next(&members), Ok(Step::Measure(2)));
    let members = [stopped(1, Some(10)), stopped(2, Some(9)), stopped(3, None)];
    assert_eq!(next(&members), Ok(Step::Measure(3)));
}

#[test]
fn members_without_a_quorum_get_time_and_are_stopped_then() {
    let members = [alone(1), stopped(2, None), stopped(3, None)];
    let words = "a quorum: m1 has no quorum: it sees no other member and is `Initialized`";
    assert_eq!(next(&members), Ok(Step::Wait(words.to_owned())));
    assert_eq!(after(&members, &[], true), Ok(Step::Stop(1)));
}

#[test]
fn a_cluster_without_a_history_is_none() {
    let lost = Report {
        history: NO_HISTORY.to_owned(),
        ..synced()
    };
    let members = [1, 2].map(|ordinal| seen(ordinal, State::Answers(lost.clone()), None));
    assert_eq!(after(&members, &[], true), Ok(Step::Stop(1)));
}

#[test]
fn nobody_begins_while_one_cannot_be_looked_at() {
    let lost = |ordinal| seen(ordinal, State::Unknown("no route".to_owned()), None);
    let why = "nobody serves, and these cannot be looked at: m2 (no route). They may be a cluster \
               that lives, or have what no other has: bring them back first";
    for members in [
        [empty(1), lost(2), empty(3)],
        [stopped(1, Some(7)), lost(2), stopped(3, Some(7))],
    ] {
        assert_eq!(next(&members), Err(why.to_owned()));
    }
    // One that left may live too.
    assert_eq!(
        after(&[empty(1), empty(3)], &[lost(2)], true),
        Err(why.to_owned())
    );
    assert_eq!(next(&[serving(1), lost(2), serving(3)]), Ok(Step::Done));
}

#[test]
fn nobody_begins_while_the_data_of_one_is_missing() {
    let wiped = seen(2, State::Stopped(Remains::default()), Some("orders"));
    assert_eq!(
        next(&[stopped(1, Some(7)), wiped.clone(), stopped(3, Some(7))]),
        Err(
            "nobody serves, and m2 has no data any more in /var/lib/mysql, where a member had \
             some: perhaps a disk that is not mounted, and what only it has would be lost. Bring \
             it back; or, if it is gone for good, say so there by `rm /etc/mysql/cell/cluster`"
                .to_owned()
        )
    );
    let mut all = [wiped.clone(), wiped.clone(), wiped];
    assert!(next(&all).is_err());
    // With the word of the operator the others come back, or a new cluster is founded.
    for one in &mut all {
        one.note = None;
    }
    assert_eq!(next(&all), Ok(Step::Found(2)));
    assert_eq!(
        next(&[stopped(1, Some(7)), empty(2), stopped(3, Some(7))]),
        Ok(Step::Revive(1))
    );
}

#[test]
fn databases_that_are_of_no_cluster_are_never_given_up() {
    let foreign = changed(empty(2), |remains| remains.has_databases = true);
    let why = "m2 has databases in /var/lib/mysql that are of no cluster: they would go when it \
               gets the cluster's. Save what is in them and move /var/lib/mysql away";
    for members in [
        [serving(1), foreign.clone()],
        [empty(1), foreign.clone()],
        [stopped(1, Some(7)), foreign.clone()],
    ] {
        assert_eq!(next(&members), Err(why.to_owned()));
    }
    // Without its own word of how far it is, a member is still one.
    let mut own = foreign;
    own.note = Some("orders".to_owned());
    assert_eq!(next(&[serving(1), own.clone()]), Ok(Step::Start(2)));
    assert_eq!(next(&[stopped(1, Some(7)), own]), Ok(Step::Measure(2)));
}

#[test]
fn two_histories_are_never_mixed() {
    let other = changed(stopped(2, Some(99)), |remains| {
        remains.history = Some(OTHER.to_owned());
    });
    let why = "m1 and m2 have data of two different histories, which cannot become one: move \
               /var/lib/mysql away on the one whose data may go";
    assert_eq!(
        next(&[stopped(1, Some(7)), other.clone()]),
        Err(why.to_owned())
    );
    assert_eq!(next(&[serving(1), other]), Err(why.to_owned()));
    let second = Report {
        history: OTHER.to_owned(),
        ..synced()
    };
    let second = seen(2, State::Answers(second), None);
    assert_eq!(
        next(&[serving(1), second]),
        Err(
            "m1 and m2 serve two clusters of this name with two histories: stop the one whose \
             data may go, and move /var/lib/mysql away on all of its members"
                .to_owned()
        )
    );
}

#[test]
fn one_that_leaves_and_is_furthest_is_kept_first() {
    assert_eq!(
        after(&[stopped(1, Some(7))], &[stopped(4, Some(8))], false),
        Err(
            "nobody serves, and m4, which the plan no longer has, is further than all members: \
             keep it in the plan until the others have what it has"
                .to_owned()
        )
    );
    assert_eq!(
        after(&[stopped(1, Some(8))], &[stopped(4, Some(8))], false),
        Ok(Step::Revive(1))
    );
}

mod anything {
    use proptest::prelude::*;

    use super::*;

    fn any_member(ordinal: u32) -> impl Strategy<Value = Seen> {
        prop_oneof![
            Just(serving(ordinal)),
            Just(alone(ordinal)),
            Just(empty(ordinal)),
            Just(seen(ordinal, State::Between, None)),
            Just(seen(ordinal, State::Unknown("lost".to_owned()), None)),
            Just(seen(
                ordinal,
                State::Stopped(Remains::default()),
                Some("orders")
            )),
            prop::option::of(0_i64..4).prop_map(move |position| stopped(ordinal, position)),
        ]
    }

    proptest! {
        #[test]
        fn a_cluster_begins_only_where_all_are_known_and_none_runs(
            members in (any_member(1), any_member(2), any_member(3)),
            leaving in prop::option::of(any_member(4)),
            was_patient in any::<bool>(),
        ) {
            let members = [members.0, members.1, members.2];
            let leaving: Vec<Seen> = leaving.into_iter().collect();
            let all = || members.iter().chain(&leaving);
            let begins = match after(&members, &leaving, was_patient) {
                Ok(Step::Found(_)) => {
                    prop_assert!(all().all(|one| one.note.is_none()));
                    true
                }
                Ok(Step::Revive(ordinal)) => {
                    let positions = all().filter_map(remains).map(|remains| remains.position);
                    let best = positions.max().flatten();
                    let chosen = members.iter().find(|one| one.ordinal == ordinal);
                    let chosen = chosen.and_then(remains).and_then(|own| own.position);
                    prop_assert_eq!(chosen, best);
                    true
                }
                _ => false,
            };
            let stopped = all().all(|one| matches!(one.state, State::Stopped(_)));
            prop_assert!(!begins || stopped);
        }
    }
}
