//! What can go wrong in a simulated world.

use std::collections::BTreeMap;

use crate::chance::Chance;

/// One kind of trouble. It meets one exchange between the host and a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The machine is not reached; nothing was done.
    Before,
    /// It was done, and the connection lost before the reply.
    After,
    /// A settling is cut off in its middle, and the connection lost.
    Within,
    /// A program or a port does not answer in time.
    Timeout,
    /// A program ends with another status than 0 and has done nothing.
    NonZero,
    /// The disk is full for a while.
    Full,
    /// The reply takes long.
    Slow,
    /// The machine answers nothing for a while, its servers neither.
    Frozen,
    /// The reply is no answer.
    Garbled,
    /// The servers lose their leader.
    Flap,
    /// The machine restarts.
    Restart,
    /// Somebody takes the machine's lease away, and may keep it.
    Unlocked,
}

impl Trouble {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Before,
        Self::After,
        Self::Within,
        Self::Timeout,
        Self::NonZero,
        Self::Full,
        Self::Slow,
        Self::Frozen,
        Self::Garbled,
        Self::Flap,
        Self::Restart,
        Self::Unlocked,
    ];

    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Before => "disconnect before",
            Self::After => "disconnect after",
            Self::Within => "disconnect within a settling",
            Self::Timeout => "timeout",
            Self::NonZero => "non-zero status",
            Self::Full => "disk full",
            Self::Slow => "slow",
            Self::Frozen => "frozen",
            Self::Garbled => "garbled reply",
            Self::Flap => "ensemble flaps",
            Self::Restart => "machine restarts",
            Self::Unlocked => "lease taken away",
        }
    }
}

/// Which exchanges meet trouble, by their number from 0.
#[derive(Debug, Clone, Default)]
pub struct Troubles(BTreeMap<usize, Trouble>);

impl Troubles {
    /// So many, among so many exchanges.
    pub fn among(count: usize, exchanges: usize, chance: &mut Chance) -> Self {
        let mut troubles = BTreeMap::new();
        for _ in 0..count {
            let at = chance.index(exchanges);
            if let Some(kind) = chance.pick(&Trouble::ALL) {
                troubles.insert(at, *kind);
            }
        }
        Self(troubles)
    }

    /// What an exchange meets.
    pub fn at(&self, exchange: usize) -> Option<Trouble> {
        self.0.get(&exchange).copied()
    }
}
