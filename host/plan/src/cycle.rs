use std::collections::{BTreeSet, VecDeque};

/// So many circles are enough to see what is wrong.
const MOST: usize = 100;

/// Finds circles in a graph, given for each place the places it leads to: every arrow that is
/// part of a circle is in one of those found, each circle is as short as its first arrow allows,
/// begins at its lowest place and is found once.
pub fn cycles(arrows: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let core = core(arrows);
    let mut covered: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut found: BTreeSet<Vec<usize>> = BTreeSet::new();
    for (from, others) in core.iter().enumerate() {
        for to in others {
            if found.len() == MOST {
                return found.into_iter().collect();
            }
            if covered.contains(&(from, *to)) {
                continue;
            }
            let Some(mut circle) = shortest(&core, *to, from) else {
                continue;
            };
            let ends = circle.iter().copied().cycle().skip(1);
            covered.extend(circle.iter().copied().zip(ends));
            let lowest = circle.iter().min().copied();
            let begin = circle.iter().position(|place| Some(*place) == lowest);
            circle.rotate_left(begin.unwrap_or_default());
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// Leaves out the arrows of places where nothing more leads to or from: what is left is empty
/// where there is no circle, however large the graph.
fn core(arrows: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let forward = stuck(arrows);
    let mut backward: Vec<Vec<usize>> = vec![Vec::new(); arrows.len()];
    for (from, others) in arrows.iter().enumerate() {
        for to in others {
            if let Some(list) = backward.get_mut(*to) {
                list.push(from);
            }
        }
    }
    let both: BTreeSet<usize> = forward.intersection(&stuck(&backward)).copied().collect();
    let kept = |(from, others): (usize, &Vec<usize>)| {
        let others = others.iter().copied().filter(|to| both.contains(to));
        if both.contains(&from) {
            others.collect()
        } else {
            Vec::new()
        }
    };
    arrows.iter().enumerate().map(kept).collect()
}

/// The places from which a circle can be reached.
fn stuck(arrows: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut open: Vec<usize> = arrows.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); arrows.len()];
    for (from, others) in arrows.iter().enumerate() {
        for to in others {
            if let Some(list) = followers.get_mut(*to) {
                list.push(from);
            }
        }
    }
    let mut stuck: BTreeSet<usize> = (0..arrows.len()).collect();
    let mut free: Vec<usize> = (0..arrows.len())
        .filter(|place| open.get(*place) == Some(&0))
        .collect();
    while let Some(place) = free.pop() {
        stuck.remove(&place);
        for follower in followers.get(place).into_iter().flatten() {
            if let Some(count) = open.get_mut(*follower) {
                *count -= 1;
                if *count == 0 {
                    free.push(*follower);
                }
            }
        }
    }
    stuck
}

/// The shortest way, both ends included, with the end first: so it is a circle that the arrow from
/// the end to the beginning opens.
fn shortest(arrows: &[Vec<usize>], begin: usize, end: usize) -> Option<Vec<usize>> {
    let mut came_from: Vec<Option<usize>> = vec![None; arrows.len()];
    let mut queue = VecDeque::from([begin]);
    let mut seen = BTreeSet::from([begin]);
    while let Some(here) = queue.pop_front() {
        if here == end {
            let mut way = vec![];
            let mut step = Some(here);
            while let Some(place) = step {
                way.push(place);
                step = came_from.get(place).copied().flatten();
            }
            // Found backwards: the end comes first, then what leads to it.
            way.reverse();
            way.rotate_right(1);
            return Some(way);
        }
        for to in arrows.get(here).into_iter().flatten() {
            if seen.insert(*to) {
                if let Some(slot) = came_from.get_mut(*to) {
                    *slot = Some(here);
                }
                queue.push_back(*to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_every_circle_of_a_few() {
        let table = [
            ("", ""),
            ("1 2 -", ""),
            ("0", "0"),
            ("1 2 0", "012"),
            ("1 02 1 0", "01 12"),
            ("1 0 3 2", "01 23"),
        ];
        let lists = |text: &str| -> Vec<Vec<usize>> {
            let digits = |word: &str| {
                let places = word.chars().filter_map(|c| c.to_digit(10));
                places.map(|place| place as usize).collect()
            };
            text.split_whitespace().map(digits).collect()
        };
        for (arrows, expected) in table {
            assert_eq!(cycles(&lists(arrows)), lists(expected), "{arrows}");
        }
    }

    #[test]
    fn finds_nothing_in_a_large_graph_without_circles_in_a_moment() {
        let arrows: Vec<Vec<usize>> = (0..2000).map(|from: usize| (0..from).collect()).collect();
        assert_eq!(cycles(&arrows), Vec::<Vec<usize>>::new());
    }

    fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
        (1_usize..8).prop_flat_map(|size| {
            let others = prop::collection::btree_set(0..size, 0..size);
            prop::collection::vec(others.prop_map(|set| set.into_iter().collect()), size)
        })
    }

    /// Whether one place can be reached from another, told in the most plain way.
    fn reaches(arrows: &[Vec<usize>], from: usize, to: usize) -> bool {
        let mut reached = BTreeSet::from([from]);
        for _ in 0..arrows.len() {
            for place in reached.clone() {
                reached.extend(&arrows[place]);
            }
        }
        reached.contains(&to)
    }

    proptest! {
        #[test]
        fn finds_real_circles_and_every_arrow_that_is_part_of_one(arrows in graphs()) {
            let found = cycles(&arrows);
            let mut covered = BTreeSet::new();
            for circle in &found {
                for (index, from) in circle.iter().enumerate() {
                    let to = circle[(index + 1) % circle.len()];
                    prop_assert!(arrows[*from].contains(&to), "{arrows:?} {circle:?}");
                    covered.insert((*from, to));
                }
            }
            for (from, others) in arrows.iter().enumerate() {
                for to in others {
                    let part = reaches(&arrows, *to, from);
                    prop_assert_eq!(part, covered.contains(&(from, *to)), "{} {}", from, to);
                }
            }
        }
    }
}
