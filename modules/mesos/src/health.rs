use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::{self, Value};

use crate::http::{self, Told};
use crate::look::{self, Seen, State};
use crate::settings::Settings;

/// Says how one member is: its master, and its agent.
pub(crate) fn of(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
    let settings = cell.settings();
    if settings.is_master(machine) {
        let condition = master(settings, machine)?;
        if !matches!(condition, Condition::Healthy) {
            return Ok(condition);
        }
    }
    if settings.is_agent(machine) {
        return agent(settings, machine);
    }
    Ok(Condition::Healthy)
}

/// Returns the order of a rolling change: masters that do not serve, the others, the leader, and
/// then those that only run tasks.
pub(crate) fn order(cell: &Cell<Settings>) -> Result<Vec<u32>, Failure> {
    let settings = cell.settings();
    let mut order = Vec::new();
    for machine in cell.members() {
        let place = if settings.is_master(&machine) {
            match look::ask(settings, &machine)? {
                State::Answers(report) if report.leads => 2,
                State::Answers(_) => 1,
                _ => 0,
            }
        } else {
            3
        };
        order.push((place, machine.ordinal()));
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, id)| id).collect())
}

fn master(settings: &Settings, machine: &Machine) -> Result<Condition, Failure> {
    let seen = look::at(settings, machine)?;
    let knows_leader = match &seen.state {
        State::Answers(report) if !report.leads => {
            let address = machine.address();
            let told = http::get(machine, &address, settings.master_port, "/redirect")?;
            matches!(told, Told::Reply(reply) if reply.status == 307 && reply.location.is_some())
        }
        _ => true,
    };
    Ok(judge(&seen, knows_leader, settings.master_port))
}

/// Only as many masters are counted on as this one was told of: more come later.
fn judge(seen: &Seen, knows_leader: bool, port: u16) -> Condition {
    let name = &seen.name;
    let report = match &seen.state {
        State::Closed => {
            return Condition::down(format!("{name}: nobody listens at port {port}"));
        }
        State::Assumed => return Condition::Healthy,
        State::Silent | State::Unreachable => {
            return Condition::down(format!("{name} {}", seen.state));
        }
        State::Answers(report) => report,
    };
    let wanted = seen.seat.as_ref().map_or(1, |seat| seat.masters.len());
    if !report.has_registry {
        return Condition::down(format!("{name} {}", seen.state));
    }
    if !knows_leader {
        return Condition::down(format!("{name} knows no leading master"));
    }
    if report.leads && report.replicas < wanted {
        return Condition::degraded(format!(
            "{name} leads, and {} of {wanted} masters take part in the registry",
            report.replicas
        ));
    }
    Condition::Healthy
}

/// Says how an agent is.
pub(crate) fn agent(settings: &Settings, machine: &Machine) -> Result<Condition, Failure> {
    let (name, address) = (machine.name(), machine.address());
    let told = http::get(machine, &address, settings.agent_port, "/metrics/snapshot")?;
    Ok(judge_agent(&name, &told, settings.agent_port))
}

fn judge_agent(name: &str, told: &Told, port: u16) -> Condition {
    let reply = match told {
        Told::Assumed => return Condition::Healthy,
        Told::Nobody => {
            return Condition::down(format!("{name}: nobody listens at port {port}"));
        }
        Told::Reply(reply) if reply.status == 200 => reply,
        Told::Reply(_) | Told::Silence => {
            return Condition::down(format!("{name} does not answer as an agent does"));
        }
    };
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    match body.get("slave/registered").and_then(Value::as_f64) {
        Some(registered) if registered > 0.5 => Condition::Healthy,
        Some(_) => Condition::down(format!("{name} runs, and is registered with no master")),
        None => Condition::down(format!("{name} does not answer as an agent does")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::Report;
    use crate::seat::Seat;

    fn seen(leads: bool, replicas: usize) -> Seen {
        Seen {
            id: 1,
            name: "m1".to_owned(),
            seat: Some(Seat::among(1..=3)),
            state: State::Answers(Report {
                leads,
                has_registry: true,
                replicas,
                agents: 0,
            }),
        }
    }

    fn words(condition: &Condition) -> &str {
        match condition {
            Condition::Healthy => "healthy",
            Condition::Degraded(why) | Condition::Down(why) => why,
        }
    }

    #[test]
    fn a_master_says_who_it_is_and_why_it_is_not_healthy() {
        for (seen, knows_leader, why) in [
            (seen(true, 3), true, "healthy"),
            (seen(false, 3), true, "healthy"),
            (seen(false, 3), false, "m1 knows no leading master"),
            (
                seen(true, 2),
                true,
                "m1 leads, and 2 of 3 masters take part in the registry",
            ),
            (
                Seen {
                    state: State::Closed,
                    ..seen(false, 0)
                },
                true,
                "m1: nobody listens at port 5050",
            ),
            (
                Seen {
                    state: State::Answers(Report::default()),
                    ..seen(false, 0)
                },
                true,
                "m1 has not recovered the registry",
            ),
        ] {
            assert_eq!(words(&judge(&seen, knows_leader, 5050)), why);
        }
    }

    #[test]
    fn an_agent_without_a_master_is_down_and_named() {
        let told = |body: &str| {
            Told::Reply(http::Reply {
                status: 200,
                location: None,
                body: body.to_owned(),
            })
        };
        for (told, why) in [
            (told(r#"{"slave/registered": 1.0}"#), "healthy"),
            (
                told(r#"{"slave/registered": 0.0}"#),
                "m1 runs, and is registered with no master",
            ),
            (told("{}"), "m1 does not answer as an agent does"),
            (Told::Nobody, "m1: nobody listens at port 5051"),
        ] {
            assert_eq!(words(&judge_agent("m1", &told, 5051)), why);
        }
    }
}
