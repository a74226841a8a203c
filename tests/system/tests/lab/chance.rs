//! Chance that can be repeated.

use anyhow::{Context as _, Result};

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Grows from the seed in a variable of the environment, else from the time. The seed comes
    /// along, to be shown.
    pub(crate) fn of(variable: &str) -> Result<(Self, u64)> {
        let seed = match std::env::var(variable) {
            Ok(seed) => seed
                .parse()
                .with_context(|| format!("{variable} is a number"))?,
            Err(_) => std::time::UNIX_EPOCH.elapsed()?.as_secs(),
        };
        Ok((Self(seed), seed))
    }

    /// A number below this one; 0 where that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let number = mixed.checked_rem(end as u64).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    }
}
