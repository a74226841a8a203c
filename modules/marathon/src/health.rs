use cellhost_sdk::log;
use cellhost_sdk::prelude::*;
use cellhost_sdk::serde_json::{self, Value};

use crate::http::{self, Told};
use crate::member;
use crate::settings::Settings;

/// The seconds in which one of them has to lead: Java takes its time, and so does a vote.
const PATIENCE: u32 = 180;

/// What an instance says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nobody listens at its port.
    Closed,
    /// Something listens and does not answer as Marathon does.
    Strange,
    /// It answers and knows nobody that leads.
    Leaderless,
    /// It answers and knows who leads: `host:port`.
    Led(String),
    /// This is a dry run that held back changes there.
    Assumed,
}

/// Says how one instance is.
pub(crate) fn of(cell: &Cell<Settings>, machine: &Machine) -> Result<Condition, Failure> {
    let state = ask(cell.settings(), machine)?;
    let servers = servers(cell);
    Ok(judge(
        &machine.name(),
        &state,
        cell.settings().http_port,
        &servers,
    ))
}

/// Returns the order of a rolling change: who does not serve, the others, and the leader last.
pub(crate) fn order(cell: &Cell<Settings>) -> Vec<u32> {
    let port = cell.settings().http_port;
    let members = cell.members().into_iter();
    let mut order: Vec<(u32, u32)> = members
        .map(|machine| {
            let place = match ask(cell.settings(), &machine) {
                Ok(State::Led(leader)) if leader == server(&machine, port) => 2,
                Ok(State::Led(_)) => 1,
                _ => 0,
            };
            (place, machine.ordinal())
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, id)| id).collect()
}

/// Waits until all instances answer and one of them leads.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let members = cell.members();
    if members.len() == 1 {
        log::warn("one instance alone: while it is away, nobody restarts what ends");
    }
    let mut waited = 0;
    loop {
        let mut late = Vec::new();
        for machine in &members {
            match of(cell, machine)? {
                Condition::Healthy => {}
                Condition::Degraded(why) | Condition::Down(why) => late.push(why),
            }
        }
        if late.is_empty() {
            return Ok(());
        }
        if waited >= PATIENCE {
            return Err(Failure::failed(format!(
                "waited in vain for a leader: {}. `journalctl -u {}` on a machine says why",
                late.join(", "),
                member::SERVICE
            )));
        }
        waited += 1;
        log::doing(&format!("waiting for {}", late.join(", ")));
        if let Some(machine) = members.first() {
            machine.pause(1)?;
        }
    }
}

fn server(machine: &Machine, port: u16) -> String {
    format!("{}:{port}", machine.address())
}

/// Those that are about to leave may lead until they have left.
fn servers(cell: &Cell<Settings>) -> Vec<String> {
    let port = cell.settings().http_port;
    let mut all = cell.members();
    all.extend(cell.leaving());
    all.iter().map(|one| server(one, port)).collect()
}

/// A leader is told by all, so that whoever tells it has answered as Marathon does.
fn ask(settings: &Settings, machine: &Machine) -> Result<State, Failure> {
    let (address, port) = (machine.address(), settings.http_port);
    let ping = http::get(machine, &address, port, "/ping")?;
    Ok(match ping {
        Told::Nobody => State::Closed,
        Told::Assumed => State::Assumed,
        Told::Reply(reply) if reply.status == 200 && reply.body.trim() == "pong" => {
            match http::get(machine, &address, port, "/v2/leader")? {
                Told::Assumed => State::Assumed,
                Told::Reply(reply) => leader(reply.status, &reply.body),
                Told::Nobody | Told::Silence => State::Strange,
            }
        }
        Told::Reply(_) | Told::Silence => State::Strange,
    })
}

fn leader(status: u16, body: &str) -> State {
    if status == 404 {
        return State::Leaderless;
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match body.get("leader").and_then(Value::as_str) {
        Some(leader) if status == 200 => State::Led(leader.to_owned()),
        _ => State::Strange,
    }
}

fn judge(name: &str, state: &State, port: u16, servers: &[String]) -> Condition {
    match state {
        State::Assumed => Condition::Healthy,
        State::Closed => Condition::down(format!("{name}: nobody listens at port {port}")),
        State::Strange => Condition::down(format!(
            "{name}: what listens at port {port} is no Marathon"
        )),
        State::Leaderless => Condition::degraded(format!("{name} knows nobody that leads")),
        State::Led(leader) if servers.contains(leader) => Condition::Healthy,
        State::Led(leader) => Condition::degraded(format!(
            "{name} is led by {}, which is no member: another Marathon is at the same path of \
             ZooKeeper",
            leader.escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_healthy_when_a_member_leads() {
        let servers = ["10.0.0.1:8080".to_owned()];
        let said = |state: &State| match judge("m1", state, 8080, &servers) {
            Condition::Healthy => "healthy".to_owned(),
            Condition::Degraded(why) => format!("degraded: {why}"),
            Condition::Down(why) => format!("down: {why}"),
        };
        for (state, why) in [
            (leader(200, r#"{"leader":"10.0.0.1:8080"}"#), "healthy"),
            (
                leader(404, r#"{"message":"There is no leader"}"#),
                "degraded: m1 knows nobody that leads",
            ),
            (
                leader(200, r#"{"leader":"10.9.9.9:8080"}"#),
                "degraded: m1 is led by 10.9.9.9:8080, which is no member: another Marathon is at \
                 the same path of ZooKeeper",
            ),
            (
                leader(200, "<html>"),
                "down: m1: what listens at port 8080 is no Marathon",
            ),
            (State::Closed, "down: m1: nobody listens at port 8080"),
        ] {
            assert_eq!(said(&state), why);
        }
    }
}
