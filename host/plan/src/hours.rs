use std::fmt;
use std::time::Duration;

use crate::problem::Problem;

const DAY: u64 = 24 * 60;

/// A part of each day: from one minute to before another, perhaps over midnight, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u64,
    until: u64,
}

impl Hours {
    /// Reads `22:00-04:00 UTC`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let parts = text
            .strip_suffix(" UTC")
            .and_then(|text| text.split_once('-'));
        let minutes = parts.and_then(|(from, until)| Some((minute(from)?, minute(until)?)));
        match minutes {
            Some((from, until)) if from != until => Ok(Self { from, until }),
            _ => {
                let shown = text.escape_debug();
                let help = "write `\"22:00-04:00 UTC\"`: controllers are in many places, and UTC is the \
                            same at all of them";
                Err(Problem::new(format!("`{shown}` is no part of a day")).help(help))
            }
        }
    }

    /// Whether a time is within it, given as what has passed since the beginning of some day.
    pub fn contain(self, since: Duration) -> bool {
        let now = since.as_secs() / 60 % DAY;
        if self.from < self.until {
            (self.from..self.until).contains(&now)
        } else {
            now >= self.from || now < self.until
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u64| format!("{:02}:{:02}", minute / 60, minute % 60);
        let (from, until) = (clock(self.from), clock(self.until));
        write!(formatter, "{from}-{until} UTC")
    }
}

/// Reads `22:00` as a minute of a day.
fn minute(text: &str) -> Option<u64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, below: u64| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = is_plain.then(|| text.parse().ok()).flatten()?;
        (number < below).then_some(number)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(hours: &str) -> Vec<u64> {
        let hours = Hours::parse(hours).unwrap();
        let open = |minute: &u64| hours.contain(Duration::from_secs((3 * DAY + minute) * 60 + 59));
        (0..DAY).filter(open).collect()
    }

    #[test]
    fn is_open_from_its_first_minute_to_before_its_last() {
        assert_eq!(open("01:30-02:00 UTC"), (90..120).collect::<Vec<_>>());
        let night: Vec<u64> = (0..240).chain(1320..1440).collect();
        assert_eq!(open("22:00-04:00 UTC"), night);
        assert_eq!(
            Hours::parse("22:00-04:00 UTC").unwrap().to_string(),
            "22:00-04:00 UTC"
        );
    }

    #[test]
    fn refuses_what_could_be_meant_otherwise() {
        for text in [
            "",
            "22:00-04:00",
            "22-4 UTC",
            "22:00-24:00 UTC",
            "2:00-04:00 UTC",
            "22:00 - 04:00 UTC",
            "22:60-23:00 UTC",
            "04:00-04:00 UTC",
            "22:00-04:00 CET",
            "+1:00-04:00 UTC",
        ] {
            assert!(Hours::parse(text).is_err(), "{text}");
        }
    }
}
