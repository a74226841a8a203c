use cellhost_sdk::prelude::*;

use crate::look::{self, Seen, State};
use crate::member;
use crate::settings::Settings;

/// Says how one member is.
pub(crate) fn of(cell: &Cell<Settings>, machine: &Machine) -> Condition {
    judge(&look::at(machine), &member::cluster(cell))
}

fn judge(seen: &Seen, cluster: &str) -> Condition {
    if let Some(why) = seen.stranger(cluster) {
        return Condition::down(why);
    }
    let why = format!("{} {}", seen.name, seen.state);
    match &seen.state {
        _ if seen.is_in_step() => Condition::Healthy,
        // It serves what it has, or is about to.
        State::Answers(report) if seen.lives() && report.is_ready => Condition::degraded(why),
        _ => Condition::down(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remains::Remains;
    use crate::report::Report;

    fn report(state: &str) -> Report {
        Report {
            is_member: true,
            cluster: "orders".to_owned(),
            is_primary: true,
            is_ready: true,
            state: state.to_owned(),
            history: "8bcf4a34-aedb-14e5-bcc3-d3e36277729f".to_owned(),
            size: 3,
            version: "10.11".to_owned(),
        }
    }

    fn judged(state: State) -> Condition {
        judge(&look::seen(2, state, None), "orders")
    }

    #[test]
    fn one_that_is_in_step_is_healthy() {
        let condition = judged(State::Answers(report("Synced")));
        assert!(matches!(condition, Condition::Healthy));
    }

    #[test]
    fn one_that_gives_its_data_serves_and_is_not_as_planned() {
        let Condition::Degraded(why) = judged(State::Answers(report("Donor/Desynced"))) else {
            panic!("not degraded");
        };
        assert_eq!(why, "m2 catches up (`Donor/Desynced`)");
    }

    #[test]
    fn one_without_a_quorum_is_down_and_named() {
        let lost = Report {
            is_primary: false,
            is_ready: false,
            size: 1,
            ..report("Initialized")
        };
        let Condition::Down(why) = judged(State::Answers(lost)) else {
            panic!("not down");
        };
        assert_eq!(
            why,
            "m2 has no quorum: it sees no other member and is `Initialized`"
        );
    }

    #[test]
    fn one_that_does_not_run_is_down_and_named() {
        let stopped = State::Stopped(Remains::default());
        for (state, words) in [
            (stopped, "m2 does not run"),
            (State::Between, "m2 runs and does not answer"),
        ] {
            let Condition::Down(why) = judged(state) else {
                panic!("not down");
            };
            assert_eq!(why, words);
        }
    }
}
