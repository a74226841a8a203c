use serde::{Deserialize, Serialize};

use super::contestant::{Contestant, Half};

/// One run, measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Sample {
    /// Who.
    pub(super) contestant: Contestant,
    /// What.
    pub(super) half: Half,
    /// On how many machines.
    pub(super) machines: u16,
    /// Seconds until it ended.
    pub(super) wall: f64,
    /// Seconds of computing by its own processes, its ssh masters among them.
    pub(super) controller: f64,
    /// Seconds of computing on the whole computer meanwhile, the machines' among them.
    pub(super) computer: f64,
    /// The most memory that its own processes had at once, in bytes.
    pub(super) peak: Option<u64>,
    /// Whether its times count. Runs that are weighed closely are slowed down by that.
    pub(super) timed: bool,
}

/// What all runs of one contestant at one half of the job come to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Figure {
    /// How many runs.
    pub(super) runs: usize,
    /// The median of their wall times.
    pub(super) wall: f64,
    /// The shortest wall time.
    pub(super) shortest: f64,
    /// The longest wall time.
    pub(super) longest: f64,
    /// The median of the controller's computing.
    pub(super) controller: f64,
    /// The median of the whole computer's computing.
    pub(super) computer: f64,
    /// The most memory seen.
    pub(super) peak: Option<u64>,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    pub(super) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns the sizes of fleets, ascending.
    pub(super) fn machines(&self) -> Vec<u16> {
        let mut sizes: Vec<u16> = self.0.iter().map(|sample| sample.machines).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Sums up the runs of one contestant, if there are any.
    pub(super) fn figure(
        &self,
        contestant: Contestant,
        half: Half,
        machines: u16,
    ) -> Option<Figure> {
        let own: Vec<&Sample> = self
            .0
            .iter()
            .filter(|sample| {
                sample.contestant == contestant
                    && sample.half == half
                    && sample.machines == machines
            })
            .collect();
        let timed = |value: fn(&Sample) -> f64| {
            let mut values: Vec<f64> = own
                .iter()
                .filter(|sample| sample.timed)
                .map(|sample| value(sample))
                .collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let walls = timed(|sample| sample.wall);
        Some(Figure {
            runs: walls.len(),
            wall: median(&walls)?,
            shortest: *walls.first()?,
            longest: *walls.last()?,
            controller: median(&timed(|sample| sample.controller))?,
            computer: median(&timed(|sample| sample.computer))?,
            peak: own.iter().filter_map(|sample| sample.peak).max(),
        })
    }
}

/// The middle of sorted values.
pub(super) fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return sorted.get(middle).copied();
    }
    let (low, high) = (sorted.get(middle.checked_sub(1)?)?, sorted.get(middle)?);
    Some(f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(wall: f64, timed: bool) -> Sample {
        Sample {
            contestant: Contestant::Pyinfra,
            half: Half::NoOp,
            machines: 3,
            wall,
            controller: wall / 2.0,
            computer: wall,
            peak: (!timed).then_some(7),
            timed,
        }
    }

    #[test]
    fn takes_the_middle_of_what_was_timed() {
        let samples = [9.0, 1.0, 3.0].map(|wall| sample(wall, true));
        let mut samples = Samples(samples.to_vec());
        samples.push(sample(100.0, false));
        let figure = samples.figure(Contestant::Pyinfra, Half::NoOp, 3).unwrap();
        assert_eq!((figure.runs, figure.peak), (3, Some(7)));
        assert!((figure.wall - 3.0).abs() < 1e-9 && (figure.controller - 1.5).abs() < 1e-9);
        assert!(
            samples
                .figure(Contestant::Pyinfra, Half::First, 3)
                .is_none()
        );
    }

    #[test]
    fn middle_of_an_even_number_lies_between_two() {
        assert_eq!(median(&[]), None);
        assert!((median(&[1.0, 2.0]).unwrap() - 1.5).abs() < 1e-9);
    }
}
