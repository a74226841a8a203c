use std::collections::BTreeSet;

/// What a master was told: how many of whom decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) quorum: usize,
    /// The masters, by number.
    pub(crate) masters: BTreeSet<u32>,
}

impl Seat {
    /// Makes that of these masters: a strict majority decides.
    pub(crate) fn among(masters: impl IntoIterator<Item = u32>) -> Self {
        let masters: BTreeSet<u32> = masters.into_iter().collect();
        let quorum = masters.len() / 2 + 1;
        Self { quorum, masters }
    }

    /// Reads what [`Self::render`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (quorum, masters) = text.trim().split_once(" of ")?;
        let masters = masters.split(' ').map(|id| id.parse().ok());
        Some(Self {
            quorum: quorum.parse().ok()?,
            masters: masters.collect::<Option<_>>()?,
        })
    }

    /// Writes it for the next run.
    pub(crate) fn render(&self) -> String {
        let masters: Vec<String> = self.masters.iter().map(u32::to_string).collect();
        format!("{} of {}\n", self.quorum, masters.join(" "))
    }

    /// Writes it for Mesos.
    pub(crate) fn environment(&self) -> String {
        format!("MESOS_QUORUM={}\n", self.quorum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_majority_decides() {
        for (masters, quorum) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)] {
            assert_eq!(Seat::among(1..=masters).quorum, quorum, "{masters}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let seat = Seat::among([2, 1, 7]);
        assert_eq!(seat.render(), "2 of 1 2 7\n");
        assert_eq!(Seat::parse(&seat.render()), Some(seat));
        assert_eq!(Seat::parse("MESOS_QUORUM=2"), None);
    }
}
