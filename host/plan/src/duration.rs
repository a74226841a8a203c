use std::ops::RangeInclusive;
use std::time::Duration;

use crate::problem::Problem;

/// Parses a duration such as `10s`, `5m` or `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, Problem> {
    let mut total = Duration::ZERO;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_lowercase).count();
        let (unit, after) = tail.split_at(letters);
        let shown = rest.len() - after.len();
        let wrong = || {
            let end = text.ceil_char_boundary(at + shown.max(1));
            bad(text).within(at..end)
        };
        let seconds = Duration::from_millis(unit_in_milliseconds(unit).ok_or_else(wrong)?);
        let count: u32 = number.parse().map_err(|_| wrong())?;
        total = seconds
            .checked_mul(count)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
        at += shown;
    }
    if text.is_empty() {
        Err(bad(text))
    } else {
        Ok(total)
    }
}

/// Writes about how long something takes or took, as people say it.
pub fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86400),
    }
}

/// Parses a duration and checks its bounds.
pub(crate) fn parse_duration_within(
    text: &str,
    bounds: RangeInclusive<Duration>,
) -> Result<Duration, Problem> {
    let duration = parse_duration(text)?;
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let (low, high) = bounds.into_inner();
    let label = format!("wanted {} to {}", show(low), show(high));
    Err(Problem::new(format!("duration `{text}` is out of range")).label(label))
}

/// Writes whole seconds in the largest unit that divides them, and what is less in milliseconds.
fn show(duration: Duration) -> String {
    if duration.subsec_millis() > 0 {
        return format!("{}ms", duration.as_millis());
    }
    let seconds = duration.as_secs();
    let units = [(24 * 3600, "d"), (3600, "h"), (60, "m")];
    let fits = |(length, _): &&(u64, &str)| seconds > 0 && seconds.is_multiple_of(*length);
    match units.iter().find(fits) {
        Some((length, unit)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

fn unit_in_milliseconds(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60 * 1000),
        "h" => Some(3600 * 1000),
        "d" => Some(24 * 3600 * 1000),
        _ => None,
    }
}

fn bad(text: &str) -> Problem {
    Problem::new(format!("`{text}` is not a duration"))
        .help("write numbers with a unit of `ms`, `s`, `m`, `h` or `d`, such as `10s` or `1h30m`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_side_by_side() {
        let table = [
            ("10s", 10),
            ("5m", 300),
            ("1h30m", 5400),
            ("1d", 86_400),
            ("0s", 0),
        ];
        for (text, seconds) in table {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_no_number() {
        for text in [
            "",
            "10",
            "s",
            "1h30",
            "10 s",
            "-1s",
            "1é",
            "99999999999s",
            "1.5h",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn points_at_the_wrong_part() {
        assert_eq!(parse_duration("1h30x").unwrap_err().within, Some(2..5));
    }
}
