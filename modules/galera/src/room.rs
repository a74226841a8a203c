//! Whether there is room on a disk for what a new member is given.

use cellhost_sdk::prelude::*;

use crate::member::DATA;

const KIBIBYTES: [&str; 3] = ["KiB", "MiB", "GiB"];

/// Fails where the data of the one that gives it would not fit onto the disk of the one that gets it:
/// the disk would be full in the middle, and its old data gone.
pub(crate) fn check(machine: &Machine, giver: &Machine) -> Result<(), Failure> {
    let used = || Command::new(["du", "-sk", DATA]).deadline_seconds(60);
    let free = Command::new(["df", "-Pk", DATA]);
    let checks = [
        Check::of(giver, used()),
        Check::of(machine, used()),
        Check::of(machine, free),
    ];
    // In a dry run there may be nothing to measure yet.
    let assumed = || Answer::assumed("");
    let answers = probe_all(checks.map(|check| check.assuming(assumed())));
    let texts: Vec<String> = answers
        .into_iter()
        .map(|answer| Ok(answer?.text()))
        .collect::<Result<_, Failure>>()?;
    let [given, own, free] = texts.as_slice() else {
        return Ok(());
    };
    let (Some(given), Some(free)) = (used_by(given), free_of(free)) else {
        return Ok(());
    };
    // What it has itself goes first.
    let room = free.saturating_add(used_by(own).unwrap_or(0));
    if room >= given {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "{} has room for {} in {DATA}, and what it would be given takes {} on {}: its disk would be \
         full in the middle. Give it a larger one, or make room",
        machine.name(),
        readable(room),
        readable(given),
        giver.name()
    )))
}

/// Reads what `du -sk` writes.
fn used_by(told: &str) -> Option<u64> {
    told.split_whitespace().next()?.parse().ok()
}

/// Reads what `df -Pk` writes: a head, and one line for the file system. Its name may have spaces.
fn free_of(told: &str) -> Option<u64> {
    let words: Vec<&str> = told.lines().nth(1)?.split_whitespace().collect();
    let share = words.iter().rposition(|word| word.ends_with('%'))?;
    words.get(share.checked_sub(1)?)?.parse().ok()
}

fn readable(kibibytes: u64) -> String {
    let mut size = kibibytes;
    let mut unit = 0;
    while size >= 10 * 1024 && unit + 1 < KIBIBYTES.len() {
        size /= 1024;
        unit += 1;
    }
    format!("{size} {}", KIBIBYTES.get(unit).unwrap_or(&"KiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_programs_write() {
        assert_eq!(used_by("178344\t/var/lib/mysql\n"), Some(178_344));
        assert_eq!(used_by("du: cannot access"), None);
        let head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n";
        for line in [
            "/dev/vda         263920244 56412288 194080136      23% /",
            "server:/my disk  263920244 56412288 194080136      23% /var/lib/my%sql 5",
        ] {
            assert_eq!(free_of(&format!("{head}{line}\n")), Some(194_080_136));
        }
        assert_eq!(free_of(head), None);
    }

    #[test]
    fn sizes_are_told_with_two_digits_or_more() {
        assert_eq!(readable(9_000), "9000 KiB");
        assert_eq!(readable(178_344), "174 MiB");
        assert_eq!(readable(194_080_136), "185 GiB");
    }
}
