use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::health;
use crate::settings::Settings;

/// The seconds that members may take to find each other.
const PATIENCE: u32 = 180;
/// The seconds that clocks may differ by. MinIO bears fifteen minutes.
const SKEW: u64 = 60;

/// Waits until all members serve as one.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let members = cell.members();
    let mut troubles = troubles(cell, &members)?;
    if troubles.is_empty() {
        return Ok(());
    }
    clocks(&members)?;
    for _ in 0..PATIENCE {
        log::doing(&format!("waiting: {}", troubles.join(", ")));
        let Some(first) = members.first() else { break };
        first.pause(1)?;
        troubles = self::troubles(cell, &members)?;
        if troubles.is_empty() {
            return Ok(());
        }
    }
    Err(Failure::failed(format!(
        "the members do not serve as one after {PATIENCE} s: {}. `journalctl -u minio` on a machine \
         says why",
        troubles.join(", ")
    )))
}

/// Asks every member why it is not healthy.
fn troubles(cell: &Cell<Settings>, members: &[Machine]) -> Result<Vec<String>, Failure> {
    let mut troubles = Vec::new();
    for machine in members {
        match health::of(machine, cell.settings().port)? {
            Condition::Healthy => {}
            Condition::Degraded(why) | Condition::Down(why) => troubles.push(why),
        }
    }
    Ok(troubles)
}

/// Refuses to wait for members that will not talk to each other.
fn clocks(members: &[Machine]) -> Result<(), Failure> {
    let now = || Command::new(["date", "+%s"]);
    let answers = probe_all(members.iter().map(|machine| Check::of(machine, now())));
    let mut told = Vec::new();
    for (machine, answer) in members.iter().zip(answers) {
        if let Ok(seconds) = answer?.text().parse::<u64>() {
            told.push((seconds, machine.name()));
        }
    }
    skewed(&told).map_or(Ok(()), |why| Err(Failure::refused(why)))
}

fn skewed(told: &[(u64, String)]) -> Option<String> {
    let (first, last) = (told.iter().min()?, told.iter().max()?);
    let apart = last.0.saturating_sub(first.0);
    (apart > SKEW).then(|| {
        format!(
            "the clocks of {} and {} are {apart} s apart, and what members and clients sign counts \
             for minutes: have them set by chrony or systemd-timesyncd",
            first.1, last.1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_named() {
        let told = |seconds: [u64; 3]| {
            let names = ["m1", "m2", "m3"].map(str::to_owned);
            skewed(&seconds.into_iter().zip(names).collect::<Vec<_>>())
        };
        assert_eq!(told([1000, 1060, 1030]), None);
        assert_eq!(
            told([1061, 1000, 1030]).unwrap(),
            "the clocks of m2 and m1 are 61 s apart, and what members and clients sign counts for \
             minutes: have them set by chrony or systemd-timesyncd"
        );
        assert_eq!(skewed(&[]), None);
    }
}
