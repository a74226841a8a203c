use std::ops::Range;

use crate::problem::Problem;

/// How many names one range makes at most.
pub const LARGEST_RANGE: u64 = 100_000;

enum Part<'a> {
    Text(&'a str),
    Numbers { first: u64, last: u64, width: usize },
}

/// Expands `db[1-3]` to `db1`, `db2` and `db3`; `[01-10]` keeps its zeros, the last range turns
/// fastest, and a text without a range stands for itself.
pub fn expand(text: &str) -> Result<Vec<String>, Problem> {
    let parts = split(text)?;
    let lengths = parts.iter().map(Part::length);
    let total = lengths.fold(1_u64, u64::saturating_mul);
    if total > LARGEST_RANGE {
        let help = format!("a range makes at most {LARGEST_RANGE}");
        return Err(Problem::new("this range is too large").help(help));
    }
    let mut names = vec![String::new()];
    for part in &parts {
        names = names.iter().flat_map(|name| part.append_to(name)).collect();
    }
    Ok(names)
}

/// Tells whether a text has the brackets of a range.
pub fn is_range(text: &str) -> bool {
    text.contains(['[', ']'])
}

impl Part<'_> {
    fn length(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::Numbers { first, last, .. } => (last - first).saturating_add(1),
        }
    }

    fn append_to(&self, name: &str) -> Vec<String> {
        match *self {
            Self::Text(text) => vec![format!("{name}{text}")],
            Self::Numbers { first, last, width } => (first..=last)
                .map(|number| format!("{name}{number:0width$}"))
                .collect(),
        }
    }
}

fn split(text: &str) -> Result<Vec<Part<'_>>, Problem> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(open) = rest.find(['[', ']']) else {
            parts.push(Part::Text(rest));
            break;
        };
        let (before, from) = rest.split_at(open);
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        let start = at + open;
        let close = from.find(']').filter(|_| from.starts_with('['));
        let Some(close) = close else {
            let message = "this bracket has no partner";
            return Err(wrong(message, start..start + 1));
        };
        let inner = from.get(1..close).unwrap_or_default();
        parts.push(numbers(inner, start..start + close + 1)?);
        at = start + close + 1;
    }
    Ok(parts)
}

fn numbers<'a>(inner: &str, within: Range<usize>) -> Result<Part<'a>, Problem> {
    let is_number = |text: &&str| {
        (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (from, to) = inner.split_once('-').unwrap_or((inner, ""));
    let (Some(from), Some(to)) = (Some(from).filter(is_number), Some(to).filter(is_number)) else {
        return Err(wrong(
            &format!("`[{inner}]` is not a range of numbers"),
            within,
        ));
    };
    let (Ok(first), Ok(last)) = (from.parse(), to.parse()) else {
        return Err(wrong(
            &format!("`[{inner}]` is not a range of numbers"),
            within,
        ));
    };
    if first > last {
        let problem = Problem::new(format!("the range `[{inner}]` runs backwards"));
        return Err(problem
            .within(within)
            .help(format!("write `[{to}-{from}]`")));
    }
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    if from.len() != to.len() && (padded(from) || padded(to)) {
        let message = format!("the ends of `[{inner}]` have different numbers of digits");
        let help = "with leading zeros both ends need as many digits, such as `[01-10]`";
        return Err(Problem::new(message).within(within).help(help));
    }
    let width = if padded(from) || padded(to) {
        from.len()
    } else {
        0
    };
    Ok(Part::Numbers { first, last, width })
}

fn wrong(message: &str, within: Range<usize>) -> Problem {
    Problem::new(message)
        .within(within)
        .help("a range looks like `db[1-3]` or `db[01-10]`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_in_order_with_the_last_range_fastest() {
        assert_eq!(expand("m").unwrap(), ["m"]);
        assert_eq!(expand("db[9-11].x").unwrap(), ["db9.x", "db10.x", "db11.x"]);
        assert_eq!(
            expand("r[1-2]n[1-2]").unwrap(),
            ["r1n1", "r1n2", "r2n1", "r2n2"]
        );
    }

    #[test]
    fn keeps_leading_zeros() {
        assert_eq!(expand("db[08-10]").unwrap(), ["db08", "db09", "db10"]);
        assert_eq!(expand("db[0-2]").unwrap(), ["db0", "db1", "db2"]);
    }

    #[test]
    fn points_at_the_bracket_that_is_wrong() {
        let table = [
            ("a[3-1]", 1..6),
            ("a[]", 1..3),
            ("a[1-", 1..2),
            ("a1]", 2..3),
            ("a[x-y]b", 1..6),
        ];
        for (text, within) in table {
            assert_eq!(expand(text).unwrap_err().within, Some(within), "{text}");
        }
        assert!(expand("a[1-999999]").is_err());
        assert!(expand("a[1-1000][1-1000]").is_err());
        assert!(expand("a[01-1000]").is_err());
        assert!(expand("a[99999999999999999999-1]").is_err());
    }
}
