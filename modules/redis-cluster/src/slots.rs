use std::fmt;

/// How many slots a cluster has.
const ALL: u16 = 16384;

/// Some of a cluster's slots, as ranges that include both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots(Vec<(u16, u16)>);

impl Slots {
    /// Returns one of so many even shares of all slots, counted from 0.
    pub(crate) fn share(place: usize, of: usize) -> Self {
        let bound = |place: usize| {
            let bound = usize::from(ALL) * place / of.max(1);
            u16::try_from(bound).unwrap_or(ALL)
        };
        match (bound(place), bound(place + 1)) {
            (first, end) if first < end => Self(vec![(first, end - 1)]),
            _ => Self::default(),
        }
    }

    /// Reads slots as Redis writes them: `0-5460`, `7`; what is on its way elsewhere, in
    /// brackets, is left out.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut ranges = Vec::new();
        for word in words.filter(|word| !word.starts_with('[')) {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let range: (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
            if range.0 > range.1 || range.1 >= ALL {
                return None;
            }
            ranges.push(range);
        }
        Some(Self(ranges))
    }

    /// Returns the slots that are in none of these.
    pub(crate) fn uncovered<'a>(covered: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut is_free = vec![true; usize::from(ALL)];
        for slots in covered {
            for &(first, last) in &slots.0 {
                if let Some(range) = is_free.get_mut(usize::from(first)..=usize::from(last)) {
                    range.fill(false);
                }
            }
        }
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in (0..ALL).filter(|slot| is_free.get(usize::from(*slot)) == Some(&true)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        Self(ranges)
    }

    /// Returns the slots that are in both.
    pub(crate) fn common(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        for own in &self.0 {
            for one in &other.0 {
                let (first, last) = (own.0.max(one.0), own.1.min(one.1));
                if first <= last {
                    ranges.push((first, last));
                }
            }
        }
        Self(ranges)
    }

    /// Adds slots that are in none of these yet.
    pub(crate) fn add(&mut self, more: &Self) {
        self.0.extend(&more.0);
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        let length = |&(first, last): &(u16, u16)| usize::from(last - first) + 1;
        self.0.iter().map(length).sum()
    }

    /// Tells whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the ranges.
    pub(crate) fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self
            .0
            .iter()
            .map(|(first, last)| format!("{first}-{last}"))
            .collect();
        formatter.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Slots> {
        Slots::parse(text.split_whitespace())
    }

    #[test]
    fn reads_ranges_and_single_slots_and_leaves_out_moving_ones() {
        let slots = parse("0-5460 7000 [93->-abc]").unwrap();
        assert_eq!(slots.ranges(), [(0, 5460), (7000, 7000)]);
        assert_eq!(slots.count(), 5462);
    }

    #[test]
    fn a_slot_beyond_the_last_is_no_slot() {
        assert_eq!(parse("16384"), None);
        assert_eq!(parse("5-4"), None);
    }

    #[test]
    fn what_nobody_covers_comes_out_as_ranges() {
        let covered = [parse("0-9").unwrap(), parse("20-16000").unwrap()];
        assert_eq!(Slots::uncovered(&covered).to_string(), "10-19 16001-16383");
    }

    #[test]
    fn three_shares_are_what_redis_itself_would_give_within_one_slot() {
        let shares: Vec<String> = (0..3)
            .map(|place| Slots::share(place, 3).to_string())
            .collect();
        assert_eq!(shares, ["0-5460", "5461-10921", "10922-16383"]);
    }
}
