//! The rule of a rolling change: who is next, and whether anybody is. Pure; whoever drives it asks
//! machines how they are and changes them.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_plan::{MachineName, Rolling};

/// A rolling change under way.
pub(crate) struct Roll {
    rule: Rolling,
    /// How many members the module has.
    members: usize,
    /// Whom it has yet to take, with the zones they are in.
    left: BTreeMap<MachineName, Option<String>>,
    under_way: BTreeSet<MachineName>,
    /// How many were taken and are through, however that went.
    ended: usize,
    /// How many more this step may take.
    open: usize,
    /// The zone that is on; machines without one share the empty one.
    zone: Option<String>,
    watched: bool,
    over: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Change this member.
    Take(MachineName),
    /// Wait until one of those under way is through.
    Await,
    /// Watch the canaries before anybody else is taken.
    Watch,
    /// This member would be next, and too few would be left without it.
    Blocked(MachineName),
    /// Nobody is left.
    Over,
}

impl Roll {
    /// Begins with nobody taken, over a module with so many members of which these change.
    pub(crate) fn new(
        rule: &Rolling,
        members: usize,
        changing: impl IntoIterator<Item = (MachineName, Option<String>)>,
    ) -> Self {
        Self {
            watched: rule.canary.is_none() || rule.pause.is_zero(),
            rule: rule.clone(),
            members,
            left: changing.into_iter().collect(),
            under_way: BTreeSet::new(),
            ended: 0,
            open: 0,
            zone: None,
            over: false,
        }
    }

    /// Whether a step may begin, so that it matters how the members are. Each slot is a step.
    pub(crate) fn may_begin(&self) -> bool {
        let slot = self.rule.slots && self.room() > 0;
        !self.over && !self.left.is_empty() && (self.under_way.is_empty() || slot)
    }

    /// Says what is to be done, given in which order members would be taken and who is down.
    pub(crate) fn next(&mut self, order: &[MachineName], down: &BTreeSet<MachineName>) -> Next {
        if self.over || self.left.is_empty() {
            return self.idle();
        }
        if self.under_way.is_empty() {
            if !self.watched && self.ended >= self.canaries() {
                return Next::Watch;
            }
            self.open = self.width();
        }
        if self.room() == 0 {
            return Next::Await;
        }
        let Some(first) = self.first(order) else {
            return Next::Await;
        };
        if !self.admits(&first, down) {
            if self.under_way.is_empty() {
                return Next::Blocked(first);
            }
            // The step ends with those that it has.
            self.open = 0;
            return Next::Await;
        }
        self.left.remove(&first);
        self.open = self.open.saturating_sub(1);
        self.under_way.insert(first.clone());
        Next::Take(first)
    }

    /// A member is through.
    pub(crate) fn ended(&mut self, machine: &MachineName) {
        if self.under_way.remove(machine) {
            self.ended += 1;
        }
    }

    /// A member could not be taken just then, and is to be taken later.
    pub(crate) fn put_back(&mut self, machine: &MachineName, zone: Option<String>) {
        if self.under_way.remove(machine) {
            self.left.insert(machine.clone(), zone);
            self.open += 1;
        }
    }

    /// The canaries held.
    pub(crate) fn canaries_held(&mut self) {
        self.watched = true;
    }

    /// Takes nobody any more.
    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    /// Whether the members taken so far are all canaries.
    pub(crate) fn is_trying(&self) -> bool {
        self.taken() <= self.canaries()
    }

    /// Those that it has yet to take, or never will.
    pub(crate) fn left(&self) -> impl Iterator<Item = &MachineName> {
        self.left.keys()
    }

    /// Whether a member is being changed.
    pub(crate) fn is_under_way(&self, machine: &MachineName) -> bool {
        self.under_way.contains(machine)
    }

    /// How many members would serve with this one taken too.
    pub(crate) fn leaves(&self, machine: &MachineName, down: &BTreeSet<MachineName>) -> usize {
        let away = down.union(&self.under_way).chain([machine]);
        let away: BTreeSet<&MachineName> = away.collect();
        self.members.saturating_sub(away.len())
    }

    fn idle(&self) -> Next {
        if self.under_way.is_empty() {
            Next::Over
        } else {
            Next::Await
        }
    }

    /// Whether a member may be taken with these down: with it, no more may be away than are changed
    /// at a time. That it is down itself is no reason to take it beside others. Those that stay down
    /// were taken before; this one may be down for a moment only, and because of them.
    fn admits(&self, machine: &MachineName, down: &BTreeSet<MachineName>) -> bool {
        let away = down.union(&self.under_way);
        let away = away.filter(|one| *one != machine).count();
        away < self.width() + self.rule.tolerate.of(self.members)
    }

    /// The first in order of those left, in the zone that is on.
    fn first(&mut self, order: &[MachineName]) -> Option<MachineName> {
        let ordered = order.iter().filter(|name| self.left.contains_key(*name));
        // Whoever the order passes over comes last.
        let queue: Vec<&MachineName> = ordered.chain(self.left.keys()).collect();
        if !self.rule.zones {
            return queue.first().map(|name| (*name).clone());
        }
        let zone_of = |name: &MachineName| {
            let zone = self.left.get(name).cloned().flatten();
            zone.unwrap_or_default()
        };
        let on = self.zone.clone();
        let on = on.filter(|zone| queue.iter().any(|name| zone_of(name) == *zone));
        let zone = match on {
            Some(zone) => zone,
            None if !self.under_way.is_empty() => return None,
            None => zone_of(queue.first()?),
        };
        let mut queue = queue.into_iter();
        let first = queue.find(|name| zone_of(name) == zone).cloned();
        self.zone = Some(zone);
        first
    }

    /// How many more may be taken right now.
    fn room(&self) -> usize {
        let room = if self.rule.slots {
            self.width().saturating_sub(self.under_way.len())
        } else {
            self.open
        };
        if self.ended < self.canaries() {
            return room.min(self.canaries().saturating_sub(self.taken()));
        }
        room
    }

    fn taken(&self) -> usize {
        self.ended + self.under_way.len()
    }

    /// How many canaries there are: all of a step of their own.
    fn canaries(&self) -> usize {
        let count = self.rule.canary.unwrap_or(0);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// How many this step changes at a time.
    fn width(&self) -> usize {
        let canaries = self.canaries();
        if self.ended < canaries {
            return canaries;
        }
        let mut gone = self.ended - canaries;
        let steps = self.rule.at_once.iter();
        let mut sizes = steps.map(|step| step.of(self.members).max(1)).peekable();
        while let Some(size) = sizes.next() {
            if gone < size || sizes.peek().is_none() {
                return size;
            }
            gone -= size;
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cellhost_plan::Share;
    use proptest::prelude::*;

    use super::*;

    /// A case: a rule, the zones of members, and what chance decides on the way.
    #[derive(Debug, Clone)]
    struct Case {
        rule: Rolling,
        zones: Vec<u8>,
        seed: u64,
    }

    fn cases() -> impl Strategy<Value = Case> {
        let share = prop_oneof![
            (1u32..6).prop_map(Share::Count),
            (1u32..=100).prop_map(Share::Percent),
            Just(Share::All),
        ];
        let rule = (
            prop::collection::vec(share, 1..4),
            prop::option::of(1u32..4),
            any::<(bool, bool, bool)>(),
            0u32..3,
        );
        let rule = rule.prop_map(
            |(at_once, canary, (slots, zones, pause), tolerate)| Rolling {
                at_once,
                canary,
                pause: Duration::from_secs(u64::from(pause)),
                slots,
                zones,
                patience: Duration::from_secs(1),
                tolerate: Share::Count(tolerate),
            },
        );
        let zones = prop::collection::vec(0u8..3, 1..20);
        (rule, zones, 1u64..).prop_map(|(rule, zones, seed)| Case { rule, zones, seed })
    }

    fn name(number: usize) -> MachineName {
        MachineName::new(&format!("m{number:02}")).unwrap()
    }

    fn zone(number: u8) -> Option<String> {
        (number > 0).then(|| number.to_string())
    }

    /// Plays a case to its end and holds every step against the rule.
    fn play(case: &Case) -> Result<(), TestCaseError> {
        let mut state = case.seed;
        let mut chance = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below.max(1)
        };
        let names: Vec<MachineName> = (0..case.zones.len()).map(name).collect();
        let zones: BTreeMap<MachineName, Option<String>> = names
            .iter()
            .cloned()
            .zip(case.zones.iter().copied().map(zone))
            .collect();
        let mut roll = Roll::new(&case.rule, names.len(), zones.clone());
        let mut taken: Vec<MachineName> = Vec::new();
        let mut under_way: Vec<MachineName> = Vec::new();
        let mut ended_since_empty = false;
        let mut watched = false;
        let canaries = usize::try_from(case.rule.canary.unwrap_or(0)).unwrap();
        let step = |share: &Share| share.of(names.len()).max(1);
        let widest = case.rule.at_once.iter().map(step).max().unwrap_or(1);
        for _ in 0..2000 {
            let mut order = names.clone();
            let at = chance(order.len());
            order.rotate_left(at);
            let others = names.iter().filter(|name| !under_way.contains(name));
            let down: BTreeSet<MachineName> = others.filter(|_| chance(16) == 0).cloned().collect();
            match roll.next(&order, &down) {
                Next::Take(machine) => {
                    prop_assert!(!taken.contains(&machine), "{machine} was taken twice");
                    let trying = taken.len() < canaries;
                    let width = if trying { canaries } else { widest };
                    under_way.push(machine.clone());
                    prop_assert!(under_way.len() <= width);
                    let away: BTreeSet<_> = down.iter().chain(&under_way).collect();
                    let tolerated = case.rule.tolerate.of(names.len());
                    prop_assert!(away.len() <= width + tolerated);
                    prop_assert!(case.rule.slots || !ended_since_empty, "a step grew");
                    let rest = |name: &&MachineName| !taken.contains(name);
                    let own = zones.get(&machine);
                    let mut queue = order.iter().filter(rest);
                    if case.rule.zones {
                        prop_assert!(under_way.iter().all(|name| zones.get(name) == own));
                        let first = queue.find(|name| zones.get(*name) == own);
                        prop_assert_eq!(first, Some(&machine));
                        let before = taken.last().and_then(|name| zones.get(name));
                        let mut left = zones.iter().filter(|(name, _)| rest(name));
                        let unfinished = left.any(|(_, zone)| Some(zone) == before);
                        prop_assert!(before == own || !unfinished, "a zone was left");
                    } else {
                        prop_assert_eq!(queue.next(), Some(&machine));
                    }
                    taken.push(machine);
                    let alone =
                        taken.len() <= canaries || taken.len() - under_way.len() >= canaries;
                    prop_assert!(alone, "somebody went along with the canaries");
                    let due = canaries > 0 && !case.rule.pause.is_zero();
                    prop_assert!(!due || watched || taken.len() <= canaries);
                }
                Next::Await => {
                    prop_assert!(!under_way.is_empty(), "waits for nobody");
                    let through = under_way.swap_remove(chance(under_way.len()));
                    roll.ended(&through);
                    ended_since_empty = !under_way.is_empty();
                }
                Next::Watch => {
                    prop_assert!(under_way.is_empty() && !watched);
                    watched = true;
                    roll.canaries_held();
                }
                Next::Blocked(machine) => {
                    prop_assert!(under_way.is_empty());
                    prop_assert!(roll.leaves(&machine, &down) < names.len() - 1);
                }
                Next::Over => {
                    prop_assert!(under_way.is_empty());
                    prop_assert_eq!(taken.len(), names.len(), "somebody was passed over");
                    return Ok(());
                }
            }
        }
        Err(TestCaseError::fail("it does not end"))
    }

    proptest! {
        #[test]
        fn takes_everybody_once_in_order_and_never_more_than_the_rule_allows(case in cases()) {
            play(&case)?;
        }
    }

    fn rule(at_once: &[Share]) -> Rolling {
        Rolling {
            at_once: at_once.to_vec(),
            canary: None,
            pause: Duration::ZERO,
            slots: false,
            zones: false,
            patience: Duration::from_secs(1),
            tolerate: Share::Count(0),
        }
    }

    fn of(rule: &Rolling, members: usize) -> Roll {
        Roll::new(
            rule,
            members,
            (0..members).map(|number| (name(number), None)),
        )
    }

    /// How many are taken in each step, where nobody is ever down.
    fn steps(rule: &Rolling, members: usize) -> Vec<usize> {
        let mut roll = of(rule, members);
        let (mut steps, mut step) = (Vec::new(), Vec::new());
        loop {
            match roll.next(&[], &BTreeSet::new()) {
                Next::Take(machine) => step.push(machine),
                Next::Over => return steps,
                _ => {
                    steps.push(step.len());
                    step.drain(..).for_each(|machine| roll.ended(&machine));
                }
            }
        }
    }

    #[test]
    fn a_ramp_grows_step_by_step_and_its_last_step_goes_on() {
        let ramp = [Share::Count(1), Share::Count(5), Share::Percent(50)];
        assert_eq!(steps(&rule(&ramp), 30), [1, 5, 15, 9]);
        assert_eq!(steps(&rule(&[Share::Percent(25)]), 3), [1, 1, 1]);
        assert_eq!(steps(&rule(&[Share::All]), 7), [7]);
    }

    #[test]
    fn canaries_go_alone_before_the_first_step() {
        let rule = Rolling {
            canary: Some(2),
            ..rule(&[Share::Count(4)])
        };
        assert_eq!(steps(&rule, 9), [2, 4, 3]);
    }

    #[test]
    fn nobody_is_taken_while_another_is_down_but_whoever_is_down_itself() {
        let mut roll = of(&rule(&[Share::Count(1)]), 3);
        let down = BTreeSet::from([name(2)]);
        assert_eq!(roll.next(&[], &down), Next::Blocked(name(0)));
        assert_eq!(roll.leaves(&name(0), &down), 1);
        assert_eq!(roll.next(&[name(2)], &down), Next::Take(name(2)));
    }

    #[test]
    fn nobody_is_taken_while_all_are_down_as_in_an_election() {
        let mut roll = of(&rule(&[Share::Count(1)]), 3);
        let all = (0..3).map(name).collect();
        assert_eq!(roll.next(&[name(1)], &all), Next::Blocked(name(1)));
        let others = BTreeSet::from([name(0), name(1)]);
        assert_eq!(roll.next(&[name(1)], &others), Next::Blocked(name(1)));
        assert_eq!(roll.next(&[name(1)], &BTreeSet::new()), Next::Take(name(1)));
    }

    #[test]
    fn a_slot_is_taken_again_as_soon_as_it_is_free() {
        let rule = Rolling {
            slots: true,
            ..rule(&[Share::Count(2)])
        };
        let mut roll = of(&rule, 3);
        let nobody = BTreeSet::new();
        assert_eq!(roll.next(&[], &nobody), Next::Take(name(0)));
        assert_eq!(roll.next(&[], &nobody), Next::Take(name(1)));
        assert_eq!(roll.next(&[], &nobody), Next::Await);
        roll.ended(&name(1));
        assert_eq!(roll.next(&[], &nobody), Next::Take(name(2)));
    }
}
