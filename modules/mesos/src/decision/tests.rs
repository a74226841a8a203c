use std::collections::BTreeMap;

use super::*;

/// Masters by number, in a model of them: what each was told, and whether it runs.
#[derive(Clone, Default)]
struct World(BTreeMap<u32, (Option<Seat>, bool)>);

impl World {
    fn founded(masters: u32) -> Self {
        let seat = Seat::among(1..=masters);
        let one = |id| (id, (Some(seat.clone()), true));
        Self((1..=masters).map(one).collect())
    }

    /// Those that run and know enough others to decide with: the first of them leads.
    fn seen(&self, id: u32) -> Seen {
        let (seat, runs) = self.0.get(&id).cloned().unwrap_or_default();
        let running = self.0.iter().filter(|(_, (_, runs))| *runs);
        let leader = running.clone().map(|(id, _)| *id).next_back();
        let state = if runs {
            State::Answers(Report {
                leads: leader == Some(id),
                has_registry: true,
                replicas: running.count(),
                agents: 0,
            })
        } else {
            State::Closed
        };
        let name = format!("m{id}");
        Seen {
            id,
            name,
            seat,
            state,
        }
    }

    fn next(&self, planned: &[u32], may_forget: bool) -> Result<(Step, Seat), String> {
        let members: Vec<Seen> = planned.iter().map(|id| self.seen(*id)).collect();
        let is_other = |id: &&u32| !planned.contains(id);
        let others: Vec<Seen> = self
            .0
            .keys()
            .filter(is_other)
            .map(|id| self.seen(*id))
            .collect();
        let situation = Situation {
            members: &members,
            others: &others,
            may_forget,
        };
        Ok((situation.next()?, situation.seat()))
    }

    /// Takes steps until nothing is left to do, and holds the rule after each: whoever runs, no two
    /// groups could decide apart. Returns the steps.
    fn settle(&mut self, planned: &[u32], may_forget: bool) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for _ in 0..100 {
            let (step, seat) = self.next(planned, may_forget)?;
            match &step {
                Step::Done => return Ok(steps),
                Step::Found => {
                    for id in planned {
                        self.0.insert(*id, (Some(seat.clone()), true));
                    }
                }
                Step::Forget => self.0.values_mut().for_each(|one| *one = (None, false)),
                Step::Retire(id) => drop(self.0.insert(*id, (None, false))),
                Step::Put(id) => drop(self.0.insert(*id, (Some(seat), true))),
                Step::Wait(what) => panic!("waits for {what} after {steps:?}"),
            }
            steps.push(step);
            let running = || self.0.values().filter(|(_, runs)| *runs);
            let fewest = running().filter_map(|(seat, _)| seat.as_ref().map(|seat| seat.quorum));
            if let Some(fewest) = fewest.min() {
                assert!(2 * fewest > running().count(), "{steps:?}");
            }
        }
        panic!("no end: {steps:?}");
    }
}

#[test]
fn masters_are_founded_together_and_then_left_alone() {
    let mut world = World::default();
    assert_eq!(world.settle(&[1, 2, 3], false), Ok(vec![Step::Found]));
    assert_eq!(world.settle(&[1, 2, 3], false), Ok(vec![]));
}

#[test]
fn more_decide_before_others_come_and_the_leader_is_told_last() {
    let mut world = World::founded(3);
    let steps = [1, 2, 3, 4, 5].map(Step::Put).to_vec();
    assert_eq!(world.settle(&[1, 2, 3, 4, 5], false), Ok(steps));
}

#[test]
fn those_that_leave_are_stopped_before_fewer_decide() {
    let mut world = World::founded(5);
    let mut steps = [4, 5].map(Step::Retire).to_vec();
    steps.extend([1, 2, 3].map(Step::Put));
    assert_eq!(world.settle(&[1, 2, 3], false), Ok(steps));
}

#[test]
fn one_that_is_replaced_is_stopped_before_the_other_comes() {
    let mut world = World::founded(3);
    let steps = world.settle(&[1, 2, 4], false).unwrap();
    assert_eq!(steps.first(), Some(&Step::Retire(3)));
    assert_eq!(steps.last(), Some(&Step::Put(4)));
}

#[test]
fn every_change_that_keeps_a_majority_of_the_registry_ends_as_planned() {
    for before in 1..=5 {
        for planned in 0_u32..64 {
            let planned: Vec<u32> = (1..=6).filter(|id| planned >> (id - 1) & 1 == 1).collect();
            let heirs = planned.iter().filter(|id| **id <= before).count();
            if planned.is_empty() {
                continue;
            }
            let mut world = World::founded(before);
            let settled = world.settle(&planned, false);
            let enough = heirs > planned.len() / 2;
            assert_eq!(settled.is_ok(), enough, "{before} {planned:?} {settled:?}");
            if enough {
                assert_eq!(world.settle(&planned, false), Ok(vec![]));
            }
        }
    }
}

#[test]
fn a_registry_that_would_be_lost_goes_only_on_an_explicit_word() {
    let mut world = World::founded(1);
    assert_eq!(
        world.settle(&[1, 2, 3], false),
        Err(
            "1 of the 3 masters of the plan have the registry, and 2 have to, or it is lost: let \
             masters come and go in smaller steps, each a run. From one master to several there is \
             none: say `forget-registry = true`, and agents register anew, while maintenance and \
             quotas are forgotten"
                .to_owned()
        )
    );
    let steps = vec![Step::Forget, Step::Found];
    assert_eq!(world.settle(&[1, 2, 3], true), Ok(steps));
}

#[test]
fn one_that_left_and_may_come_back_is_refused_where_it_could_decide() {
    let world = World::founded(3);
    let members = [1, 2, 4].map(|id| world.seen(id));
    let others = [Seen {
        state: State::Unreachable,
        seat: None,
        ..world.seen(3)
    }];
    let situation = |members: &[Seen]| {
        Situation {
            members,
            others: &others,
            may_forget: false,
        }
        .next()
    };
    assert_eq!(
        situation(&members),
        Err(
            "m3 left and cannot be reached: should it come back, there would be 4 masters, and 2 \
             of them could decide without the others knowing. Make sure that it never comes back, \
             and take it out of cellhost.lock"
                .to_owned()
        )
    );
    // Two of three are a majority whatever the third does.
    assert_eq!(situation(&members[..2]), Ok(Step::Put(1)));
}

#[test]
fn nobody_is_taken_while_another_does_not_serve() {
    let mut world = World::founded(3);
    world.0.insert(2, (Some(Seat::among(1..=3)), false));
    let (step, _) = world.next(&[1, 2, 3, 4, 5], false).unwrap();
    // It is down anyway.
    assert_eq!(step, Step::Put(2));
    let (step, _) = world.next(&[1, 2, 3], false).unwrap();
    assert_eq!(step, Step::Wait("m2 to serve".to_owned()));
    world.0.insert(1, (Some(Seat::among(1..=3)), false));
    let (step, _) = world.next(&[1, 2, 3, 4, 5], false).unwrap();
    assert_eq!(step, Step::Wait("m2 to serve".to_owned()));
}
