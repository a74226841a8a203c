use cellhost_sdk::prelude::*;

use crate::look::{self, State};
use crate::report::{Report, Role};
use crate::settings::Settings;

/// Says how one member is.
pub(crate) fn of(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
    let settings = cell.settings();
    let state = look::ask(settings, machine)?;
    let condition = judge(
        &machine.name(),
        settings.client_port,
        &state,
        cell.members().len(),
    );
    if let (
        State::Serving(Report {
            role: Role::Leader, ..
        }),
        Condition::Degraded(why),
    ) = (&state, &condition)
    {
        let late = late(settings, machine, &cell.members());
        return Ok(Condition::degraded(format!("{why}: {}", late.join(", "))));
    }
    Ok(condition)
}

/// Returns the order of a rolling change: who does not serve, the followers, and the leader last.
pub(crate) fn order(cell: &Cell<Settings>) -> Result<Vec<u32>, Failure> {
    let mut order = Vec::new();
    for machine in cell.members() {
        let place = match look::ask(cell.settings(), &machine)? {
            State::Serving(report) if report.role == Role::Leader => 2,
            State::Serving(_) => 1,
            _ => 0,
        };
        order.push((place, machine.ordinal()));
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, id)| id).collect())
}

fn judge(name: &str, port: u16, state: &State, members: usize) -> Condition {
    let report = match state {
        State::Closed => {
            return Condition::down(format!("{name}: nobody listens at port {port}"));
        }
        State::Waiting => return Condition::down(format!("{name} runs and has no quorum")),
        State::Unreachable => return Condition::down(format!("{name} cannot be reached")),
        State::Assumed => return Condition::Healthy,
        State::Serving(report) => report,
    };
    let wanted = report.voters.saturating_sub(1);
    match report.role {
        _ if !report.is_in_step => Condition::degraded(format!("{name} is catching up")),
        Role::Leader if report.followers < wanted => Condition::degraded(format!(
            "{name} leads, and {} of {wanted} followers are in step with it",
            report.followers
        )),
        Role::Leader | Role::Follower => Condition::Healthy,
        Role::Observer => Condition::degraded(format!("{name} has no vote yet")),
        Role::Standalone if members == 1 => Condition::Healthy,
        Role::Standalone => {
            Condition::down(format!("{name} is alone and knows of no other member"))
        }
    }
}

/// Asks the others, from the leader's machine, why they are not in step with it.
fn late(settings: &Settings, from: &Machine, members: &[Machine]) -> Vec<String> {
    let others = members.iter().filter(|one| one.ordinal() != from.ordinal());
    let words = others.filter_map(|member| {
        let exchange = from.dial(member.address(), settings.client_port);
        let why = match exchange.deadline_seconds(2).ask("mntr") {
            Ok(Heard::Nobody) => "does not run",
            Ok(Heard::Silence) => "does not answer",
            Ok(Heard::Answer(answer)) => {
                let report = Report::parse(&String::from_utf8_lossy(&answer));
                if report.is_some_and(|report| report.is_in_step) {
                    return None;
                }
                "has not caught up"
            }
            Err(_) => "cannot be reached",
        };
        Some(format!("{} {why}", member.name()))
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(role: Role, followers: usize) -> State {
        State::Serving(Report {
            role,
            is_in_step: true,
            voters: 3,
            followers,
        })
    }

    fn judged(state: &State) -> Condition {
        judge("m1", 2181, state, 3)
    }

    #[test]
    fn followers_in_step_and_a_leader_that_all_follow_are_healthy() {
        for state in [serving(Role::Follower, 0), serving(Role::Leader, 2)] {
            assert!(matches!(judged(&state), Condition::Healthy), "{state:?}");
        }
    }

    #[test]
    fn a_leader_that_misses_a_follower_is_degraded() {
        let Condition::Degraded(why) = judged(&serving(Role::Leader, 1)) else {
            panic!("not degraded");
        };
        assert_eq!(why, "m1 leads, and 1 of 2 followers are in step with it");
    }

    #[test]
    fn one_that_stands_alone_is_down_where_it_should_have_peers() {
        let state = serving(Role::Standalone, 0);
        assert!(matches!(judged(&state), Condition::Down(_)));
        assert!(matches!(judge("m1", 2181, &state, 1), Condition::Healthy));
    }

    #[test]
    fn one_that_runs_without_a_quorum_is_down_and_named() {
        let Condition::Down(why) = judged(&State::Waiting) else {
            panic!("not down");
        };
        assert_eq!(why, "m1 runs and has no quorum");
    }
}
