use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::settings::Settings;

fn list(ids: &[u32]) -> List {
    let members = ids.iter().map(|id| (*id, format!("10.0.0.{id}")));
    List::of(&Settings::default(), members)
}

/// A machine that has no data yet.
fn fresh(id: u32) -> Seen {
    Seen {
        id,
        name: format!("m{id}"),
        state: State::Closed,
        list: None,
        is_marked: false,
        is_blank: true,
    }
}

/// Machines as they are, in a model of them.
#[derive(Clone, Debug)]
struct World {
    machines: Vec<Seen>,
    /// Who leads, if anybody does.
    leader: Option<u32>,
}

impl World {
    fn new(ids: impl IntoIterator<Item = u32>) -> Self {
        let machines = ids.into_iter().map(fresh).collect();
        let leader = None;
        Self { machines, leader }
    }

    /// Machines of which the first so many make up an ensemble.
    fn founded(total: u32, members: u32) -> Self {
        let ids: Vec<u32> = (1..=members).collect();
        let mut world = Self::new(1..=total);
        world.settle(&ids);
        world
    }

    fn one(&mut self, id: u32) -> &mut Seen {
        let found = self.machines.iter_mut().find(|one| one.id == id);
        found.expect("a machine of the world")
    }

    fn next(&self, planned: &[u32]) -> Result<Step, String> {
        let is_planned = |one: &&Seen| planned.contains(&one.id);
        let was = |one: &&Seen| !planned.contains(&one.id) && one.list.is_some();
        let members: Vec<Seen> = self.machines.iter().filter(is_planned).cloned().collect();
        let leaving: Vec<Seen> = self.machines.iter().filter(was).cloned().collect();
        Situation {
            planned: &list(planned),
            members: &members,
            leaving: &leaving,
        }
        .next()
    }

    /// Restarts a machine's service.
    fn start(&mut self, id: u32) {
        self.one(id).state = State::Waiting;
        if self.leader == Some(id) {
            self.leader = None;
        }
        self.elect();
    }

    /// Lets those vote who run and have data, and those follow who may.
    fn elect(&mut self) {
        let running: Vec<Seen> = self
            .machines
            .iter()
            .filter(|one| one.runs())
            .cloned()
            .collect();
        // Nobody votes for one who is not on the own list.
        let votes = |candidate: &Seen, list: &List| {
            let knows = |own: &List| own.has(candidate.id);
            let has_vote = |one: &&Seen| {
                list.has(one.id)
                    && !one.is_blank
                    && one.votes()
                    && one.list.as_ref().is_some_and(knows)
            };
            running.iter().filter(has_vote).count()
        };
        let can_lead = |one: &&Seen| {
            let own = one.list.as_ref();
            one.votes() && !one.is_blank && own.is_some_and(|own| votes(one, own) >= own.majority())
        };
        let stays = running
            .iter()
            .find(|one| Some(one.id) == self.leader)
            .filter(can_lead);
        let leader = stays
            .or_else(|| running.iter().rev().find(can_lead))
            .map(|one| one.id);
        self.leader = leader;
        let mut followers = 0;
        for one in self.machines.iter_mut().filter(|one| one.runs()) {
            let own = one.list.clone().unwrap_or_default();
            // Who looks for a leader needs so many voices that tell of it.
            let heard = running
                .iter()
                .filter(|other| own.has(other.id) && other.id != one.id && !other.is_blank)
                .count();
            let follows = leader.is_some_and(|leader| own.has(leader))
                && (heard + usize::from(!one.is_blank && own.has(one.id))
                    >= own.voters().majority());
            let role = match () {
                () if leader == Some(one.id) => Role::Leader,
                () if !follows => {
                    one.state = State::Waiting;
                    continue;
                }
                () if own.has(one.id) => Role::Follower,
                () => Role::Observer,
            };
            followers += usize::from(role == Role::Follower);
            one.is_blank = false;
            one.state = State::Serving(Report {
                role,
                is_in_step: true,
                voters: own.voters().len(),
                followers: 0,
            });
        }
        if let Some(leader) = leader
            && let State::Serving(report) = &mut self.one(leader).state
        {
            report.followers = followers;
        }
    }

    fn take(&mut self, step: &Step, planned: &[u32]) {
        match step {
            Step::Found { is_new } => {
                for id in planned {
                    let one = self.one(*id);
                    one.list = Some(list(planned));
                    one.is_marked = true;
                    one.is_blank &= !is_new;
                    one.state = State::Waiting;
                }
                self.elect();
            }
            Step::Put { id, list } => {
                let one = self.one(*id);
                one.list = Some(list.clone());
                one.is_marked = true;
                self.start(*id);
            }
            Step::HandOver { id } => {
                self.one(*id).state = State::Closed;
                self.elect();
                self.start(*id);
            }
            Step::Dismiss { id } => {
                let one = self.one(*id);
                one.state = State::Closed;
                one.list = None;
                self.elect();
            }
            Step::Wait(_) | Step::Done => {}
        }
    }

    /// Takes steps until all is as planned, and names them.
    fn settle(&mut self, planned: &[u32]) -> Vec<String> {
        let mut taken = Vec::new();
        for _ in 0..100 {
            let step = self
                .next(planned)
                .unwrap_or_else(|why| panic!("{why}: {self:?}"));
            match &step {
                Step::Done => return taken,
                Step::Wait(what) => panic!("waits for {what}: {taken:?} {self:?}"),
                Step::Put { id, list } => {
                    let ids = list.voters();
                    let ids: Vec<String> = ids.ids().map(|id| id.to_string()).collect();
                    let does = if list.has(*id) { ":" } else { " listens to" };
                    taken.push(format!("{id}{does} {}", ids.join(" ")));
                }
                step => taken.push(format!("{step:?}")),
            }
            self.take(&step, planned);
            self.assert_one_ensemble();
        }
        panic!("no end: {taken:?}");
    }

    /// Fails where two majorities could decide without each other.
    fn assert_one_ensemble(&self) {
        let voters = self.machines.iter().filter(|one| one.runs() && one.votes());
        let lists: Vec<&List> = voters.filter_map(|one| one.list.as_ref()).collect();
        for one in &lists {
            for two in &lists {
                let (one, two) = (one.voters(), two.voters());
                let all: BTreeSet<u32> = one.ids().chain(two.ids()).collect();
                let (first, second, all) = (one.majority(), two.majority(), all.len());
                assert!(first + second > all, "{one:?} {two:?} {self:?}");
            }
        }
    }
}

#[test]
fn founds_all_members_at_once_and_then_has_nothing_to_do() {
    let mut world = World::new(1..=3);
    assert_eq!(world.settle(&[1, 2, 3]), ["Found { is_new: true }"]);
    assert_eq!(world.next(&[1, 2, 3]), Ok(Step::Done));
}

#[test]
fn a_founding_that_broke_off_goes_on() {
    let mut world = World::new(1..=3);
    let one = world.one(1);
    (one.list, one.is_marked, one.state) = (Some(list(&[1, 2, 3])), true, State::Waiting);
    assert_eq!(world.next(&[1, 2, 3]), Ok(Step::Found { is_new: true }));
    world.take(&Step::Found { is_new: true }, &[1, 2, 3]);
    assert_eq!(world.next(&[1, 2, 3]), Ok(Step::Done));
}

#[test]
fn grows_one_at_a_time_newcomers_listen_first_and_the_leader_is_last() {
    let mut world = World::founded(5, 3);
    let leader = world.leader.expect("somebody leads");
    assert_eq!(leader, 3);
    let taken = world.settle(&[1, 2, 3, 4, 5]);
    let expected = [
        "4 listens to 1 2 3",
        "4: 1 2 3 4",
        "1: 1 2 3 4",
        "2: 1 2 3 4",
        "3: 1 2 3 4",
        "5 listens to 1 2 3 4",
        "5: 1 2 3 4 5",
        "1: 1 2 3 4 5",
        "2: 1 2 3 4 5",
        "3: 1 2 3 4 5",
        "4: 1 2 3 4 5",
    ];
    assert_eq!(taken, expected);
}

#[test]
fn one_alone_grows_too() {
    let mut world = World::founded(3, 1);
    let taken = world.settle(&[1, 2, 3]);
    assert_eq!(taken[..3], ["2 listens to 1", "2: 1 2", "1: 1 2"]);
}

#[test]
fn a_leader_that_leaves_lets_another_lead_before() {
    let mut world = World::founded(3, 3);
    let taken = world.settle(&[1, 2]);
    assert_eq!(taken[0], "HandOver { id: 3 }");
    assert_eq!(taken.last().map(String::as_str), Some("Dismiss { id: 3 }"));
}

#[test]
fn the_dead_go_before_others_come() {
    let mut world = World::founded(4, 3);
    world.one(1).state = State::Unreachable;
    world.elect();
    let step = world.next(&[2, 3, 4]);
    let Ok(Step::Put { list: next, .. }) = step else {
        panic!("{step:?}");
    };
    assert_eq!(next, list(&[2, 3]));
}

#[test]
fn a_member_that_lost_its_data_comes_back_with_the_list_of_the_others() {
    let mut world = World::founded(3, 3);
    *world.one(1) = fresh(1);
    let back = Step::Put {
        id: 1,
        list: list(&[1, 2, 3]),
    };
    assert_eq!(world.next(&[1, 2, 3]), Ok(back));
    assert_eq!(world.settle(&[1, 2, 3]), ["1: 1 2 3"]);
}

#[test]
fn an_ensemble_that_was_taken_off_comes_back_with_what_it_had_be_it_nothing_yet() {
    let mut world = World::founded(3, 3);
    for (id, is_blank) in [(1, true), (2, false), (3, true)] {
        let one = world.one(id);
        (one.list, one.state, one.is_blank) = (None, State::Closed, is_blank);
    }
    let back = Step::Found { is_new: false };
    assert_eq!(world.next(&[1, 2, 3]), Ok(back));
    // Two that have nothing any more could be a majority that knows nothing.
    for id in [1, 3] {
        *world.one(id) = fresh(id);
    }
    let wait = Step::Wait("a member that votes".to_owned());
    assert_eq!(world.next(&[1, 2, 3]), Ok(wait));
}

#[test]
fn two_members_that_lost_their_data_do_not_outvote_the_third() {
    let mut world = World::founded(3, 3);
    for id in [1, 2] {
        *world.one(id) = fresh(id);
    }
    world.elect();
    for _ in 0..2 {
        let step = world.next(&[1, 2, 3]).unwrap();
        assert!(matches!(step, Step::Put { .. }), "{step:?}");
        world.take(&step, &[1, 2, 3]);
    }
    assert_eq!(world.leader, None, "{world:?}");
    assert!(matches!(world.next(&[1, 2, 3]), Ok(Step::Wait(_))));
}

#[test]
fn members_do_not_change_while_one_that_stays_is_down() {
    let mut world = World::founded(4, 3);
    world.one(1).state = State::Closed;
    world.elect();
    assert_eq!(
        world.next(&[1, 2, 3, 4]),
        Ok(Step::Wait("m1 to serve".to_owned()))
    );
}

#[test]
fn lists_that_differ_by_more_than_one_are_refused_and_told() {
    let mut world = World::founded(5, 5);
    world.one(1).list = Some(list(&[1, 2, 3]));
    let why = world.next(&[1, 2, 3, 4, 5]).unwrap_err();
    assert_eq!(
        why,
        "members do not agree on who belongs to the ensemble, by more than one: m1 knows 1 2 3; \
         m2 knows 1 2 3 4 5; m3 knows 1 2 3 4 5; m4 knows 1 2 3 4 5; m5 knows 1 2 3 4 5. Two \
         ensembles could arise. Give all of them the same /etc/zookeeper/cell/members by hand, and \
         restart them"
    );
}

#[test]
fn a_plan_without_anybody_who_has_the_data_is_refused() {
    let mut world = World::founded(6, 3);
    for id in 1..=3 {
        world.one(id).state = State::Closed;
    }
    let why = world.next(&[4, 5, 6]).unwrap_err();
    assert_eq!(
        why,
        "no member of the plan has data, and m1, m2, m3 may have: keep at least one that has it in \
         the plan until the others have caught up"
    );
}

#[test]
fn members_that_left_unheard_must_be_too_few_to_go_on_alone() {
    let mut world = World::founded(3, 3);
    for id in [2, 3] {
        world.one(id).state = State::Unreachable;
    }
    let why = world.next(&[1]).unwrap_err();
    assert_eq!(
        why,
        "m2, m3 cannot be reached, and are so many that they could go on as an ensemble of their \
         own: bring back enough of them, or make sure that they never come back and take them out \
         of cellhost.lock"
    );
}

#[test]
fn a_newcomer_listens_and_one_that_had_a_vote_keeps_it() {
    let mut world = World::founded(4, 3);
    *world.one(1) = fresh(1);
    world.elect();
    let planned = list(&[1, 2, 3, 4]);
    let situation = Situation {
        planned: &planned,
        members: &world.machines,
        leaving: &[],
    };
    assert_eq!(situation.admission(1), Some(list(&[1, 2, 3])));
    let listening = list(&[1, 2, 3]).with_observer(4, &planned);
    assert_eq!(situation.admission(4), Some(listening));
}

#[test]
fn newcomers_that_listen_already_are_given_their_votes_one_after_the_other() {
    let mut world = World::founded(5, 3);
    let planned = [1, 2, 3, 4, 5];
    for id in [4, 5] {
        let listening = list(&[1, 2, 3]).with_observer(id, &list(&planned));
        world.take(
            &Step::Put {
                id,
                list: listening,
            },
            &planned,
        );
    }
    let taken = world.settle(&planned);
    assert_eq!(taken[0], "4: 1 2 3 4");
    // By now member 4 leads, of whom it had not heard.
    assert_eq!(taken[4], "5 listens to 1 2 3 4");
    assert_eq!(world.next(&planned), Ok(Step::Done));
}

#[test]
fn an_ensemble_that_nobody_leads_admits_nobody() {
    let situation = Situation {
        planned: &list(&[1, 2, 3]),
        members: &[fresh(2), fresh(3)],
        leaving: &[],
    };
    assert_eq!(situation.admission(1), None);
}

proptest! {
    /// Whatever plans follow each other, and wherever a run breaks off: there is one ensemble, and
    /// it comes to what was planned last.
    #[test]
    fn there_is_never_a_second_ensemble(
        plans in prop::collection::vec((prop::collection::btree_set(1_u32..=6, 1..=5), 0_usize..20), 1..5),
    ) {
        let first: Vec<u32> = plans[0].0.iter().copied().collect();
        let mut world = World::new(1..=6);
        world.settle(&first);
        for (plan, steps) in &plans {
            let plan: Vec<u32> = plan.iter().copied().collect();
            for _ in 0..*steps {
                let step = world.next(&plan).unwrap();
                world.take(&step, &plan);
                world.assert_one_ensemble();
            }
        }
        let last: Vec<u32> = plans[plans.len() - 1].0.iter().copied().collect();
        world.settle(&last);
        prop_assert_eq!(world.next(&last), Ok(Step::Done));
    }
}
