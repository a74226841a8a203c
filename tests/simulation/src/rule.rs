//! What has to be so whatever happens.

use std::time::Duration;

/// What has to be so whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Nothing behind the barrier is touched before it held.
    Barrier,
    /// Of a quorum never more are down at once by our own hand than it survives.
    Quorum,
    /// Of two quorums on one machine never both are down at once by our own hand.
    Together,
    /// Nothing is changed without the machine's lease, nor once it was taken away.
    Leased,
    /// What nobody could decide about is not sent.
    Undecided,
    /// Nothing is touched that the plan does not speak of.
    OffPlan,
    /// What is sent stands in the journal before.
    Unjournaled,
    /// What ends well leaves machines as an undisturbed run does.
    Different,
    /// After trouble, one run without it brings machines there.
    Unhealed,
    /// What was not done is not called good.
    Believed,
    /// No restart is lost.
    Stale,
    /// What has an outcome is not sent again.
    Twice,
    /// The same seed does the same.
    Unrepeatable,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 13] = [
        Self::Barrier,
        Self::Quorum,
        Self::Together,
        Self::Leased,
        Self::Undecided,
        Self::OffPlan,
        Self::Unjournaled,
        Self::Different,
        Self::Unhealed,
        Self::Believed,
        Self::Stale,
        Self::Twice,
        Self::Unrepeatable,
    ];

    /// The rule as a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Barrier => "nothing behind the barrier is touched before it held",
            Self::Quorum => "no more of a quorum are down by our own hand than it survives",
            Self::Together => "two quorums on one machine are not down by our own hand together",
            Self::Leased => "nothing is changed without the machine's lease",
            Self::Undecided => "what nobody could decide about is not sent",
            Self::OffPlan => "nothing is touched that the plan does not speak of",
            Self::Unjournaled => "what is sent stands in the journal before",
            Self::Different => "what ends well leaves machines as an undisturbed run does",
            Self::Unhealed => "after trouble, one run without it brings machines there",
            Self::Believed => "what was not done is not called good",
            Self::Stale => "no service runs with another configuration than the one that stands",
            Self::Twice => "what has an outcome is not sent again",
            Self::Unrepeatable => "the same seed does the same",
        }
    }
}

/// A rule that was broken.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// By what.
    pub words: String,
    /// When, since the world began.
    pub at: Duration,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.at.as_secs_f64();
        write!(
            formatter,
            "{}: {} (at {at:.3} s)",
            self.rule.words(),
            self.words
        )
    }
}
