use std::fmt;

use serde::Serialize;

use super::contestant::{Contestant, Half};
use super::sample::{Figure, Samples};

/// How many machines the promises are about.
pub(super) const MACHINES: u16 = 50;

/// A promise: one number over another, and where it has to lie.
struct Promise {
    words: &'static str,
    half: Half,
    value: fn(&Figure) -> f64,
    over: Contestant,
    under: Contestant,
    bound: Bound,
}

/// Where a ratio has to lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A promise and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ratio {
    words: &'static str,
    half: Half,
    value: f64,
    bound: Bound,
}

const PROMISES: [Promise; 8] = [
    Promise {
        words: "wall of cellhost, cold, over the floor with new connections",
        half: Half::NoOp,
        value: |figure| figure.wall,
        over: Contestant::CellhostCold,
        under: Contestant::FloorFresh,
        bound: Bound::AtMost(1.15),
    },
    Promise {
        words: "computing of cellhost's controller, cold, over that floor's",
        half: Half::NoOp,
        value: |figure| figure.controller,
        over: Contestant::CellhostCold,
        under: Contestant::FloorFresh,
        bound: Bound::AtMost(1.3),
    },
    Promise {
        words: "wall of cellhost, warm, over the floor with living masters",
        half: Half::NoOp,
        value: |figure| figure.wall,
        over: Contestant::CellhostWarm,
        under: Contestant::FloorMasters,
        bound: Bound::AtMost(1.5),
    },
    Promise {
        words: "wall of pyinfra over cellhost's, cold",
        half: Half::NoOp,
        value: |figure| figure.wall,
        over: Contestant::Pyinfra,
        under: Contestant::CellhostCold,
        bound: Bound::AtLeast(4.0),
    },
    Promise {
        words: "wall of Ansible with Mitogen over cellhost's, cold",
        half: Half::NoOp,
        value: |figure| figure.wall,
        over: Contestant::Mitogen,
        under: Contestant::CellhostCold,
        bound: Bound::AtLeast(10.0),
    },
    Promise {
        words: "wall of Ansible over cellhost's, cold",
        half: Half::NoOp,
        value: |figure| figure.wall,
        over: Contestant::Ansible,
        under: Contestant::CellhostCold,
        bound: Bound::AtLeast(70.0),
    },
    Promise {
        words: "wall of cellhost, cold, over the floor that does the same writes",
        half: Half::First,
        value: |figure| figure.wall,
        over: Contestant::CellhostCold,
        under: Contestant::FloorFresh,
        bound: Bound::AtMost(1.5),
    },
    Promise {
        words: "wall of pyinfra over cellhost's, cold",
        half: Half::First,
        value: |figure| figure.wall,
        over: Contestant::Pyinfra,
        under: Contestant::CellhostCold,
        bound: Bound::AtLeast(6.0),
    },
];

impl Promise {
    fn ratio(&self, samples: &Samples) -> Option<Ratio> {
        let figure = |who| samples.figure(who, self.half, MACHINES);
        let (over, under) = (figure(self.over)?, figure(self.under)?);
        Some(Ratio {
            words: self.words,
            half: self.half,
            value: (self.value)(&over) / (self.value)(&under),
            bound: self.bound,
        })
    }
}

/// Holds what was measured against what is promised.
pub(super) fn judge(samples: &Samples) -> Vec<Ratio> {
    let ratios = PROMISES.iter().filter_map(|promise| promise.ratio(samples));
    ratios.collect()
}

/// Names the promises about which nothing was measured.
pub(super) fn unknown(samples: &Samples) -> Vec<&'static str> {
    let unknown = PROMISES
        .iter()
        .filter(|promise| promise.ratio(samples).is_none());
    unknown.map(|promise| promise.words).collect()
}

impl Ratio {
    /// Tells whether the promise is kept.
    pub(super) fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
        }
    }

    /// Writes it as cells of a table.
    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.half.to_string(),
            self.words.to_owned(),
            format!("{:.2}", self.value),
            self.bound.to_string(),
            if self.is_met() { "yes" } else { "**no**" }.to_owned(),
        ]
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            words,
            half,
            value,
            bound,
        } = self;
        write!(f, "{half}: {words} is {value:.2}, promised is {bound}")
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    fn samples(cold: f64) -> Samples {
        let mut samples = Samples::default();
        for (contestant, wall) in [
            (Contestant::CellhostCold, cold),
            (Contestant::FloorFresh, 10.0),
        ] {
            samples.push(Sample {
                contestant,
                half: Half::First,
                machines: MACHINES,
                wall,
                controller: 1.0,
                computer: 1.0,
                peak: None,
                timed: true,
            });
        }
        samples
    }

    #[test]
    fn a_ratio_beyond_its_bound_is_not_met() {
        for (cold, met) in [(14.9, true), (15.1, false)] {
            let [ratio] = &judge(&samples(cold))[..] else {
                panic!("one promise is about these two");
            };
            assert_eq!(ratio.is_met(), met, "{ratio}");
        }
    }

    #[test]
    fn names_what_was_not_measured() {
        assert_eq!(unknown(&samples(10.0)).len(), PROMISES.len() - 1);
        assert_eq!(unknown(&Samples::default()).len(), PROMISES.len());
    }
}
