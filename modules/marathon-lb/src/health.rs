use cellhost_sdk::log;
use cellhost_sdk::prelude::*;

use crate::member::{SERVICE, STATE_SCRIPT};
use crate::routes::Routes;
use crate::settings::Settings;

/// The seconds in which all of them have to serve what Marathon has.
const PATIENCE: u32 = 60;
/// What a dry run, which has held back changes, assumes for an answer that it cannot have.
const ASSUMED: &str = "HTTP/1.1 200 assumed\r\n\r\n";

/// Says how one load balancer is: by HAProxy's own word, and by whether it has what Marathon has.
pub(crate) fn of(machine: &Machine, port: u16) -> Result<Condition, Failure> {
    let name = machine.name();
    let heard = ask(machine, port, "/_haproxy_health_check")?;
    if let Some(why) = silence(&name, port, &heard) {
        return Ok(Condition::down(why));
    }
    let state = Command::new(["sh", STATE_SCRIPT]).deadline_seconds(60);
    let answer = state.probe_assuming(machine, Answer::assumed(""))?;
    if !answer.is_success() {
        return Ok(Condition::degraded(format!(
            "{name} does not say what it serves: {}",
            answer.complaint()
        )));
    }
    if answer.text().lines().any(|line| line == "refused") {
        log::warn(&format!(
            "{name}: HAProxy refuses what the labels of an app make of its configuration. \
             marathon-lb leaves that app out; `journalctl -u {SERVICE}` names it"
        ));
    }
    Ok(judge(&name, &answer.text()))
}

/// Waits until all of them serve what Marathon has, and says what works and should not be left so.
pub(crate) fn form(cell: &Cell<Settings>) -> Result<(), Failure> {
    let (members, port) = (cell.members(), cell.settings().stats_port);
    if members.len() == 1 {
        log::warn("one load balancer alone: while it is away, nobody reaches any app");
    }
    let mut waited = 0;
    loop {
        let mut late = Vec::new();
        for machine in &members {
            match of(machine, port)? {
                Condition::Healthy => {}
                Condition::Degraded(why) | Condition::Down(why) => late.push(why),
            }
        }
        let Some(first) = members.first() else {
            return Ok(());
        };
        if late.is_empty() {
            return warn(first, port);
        }
        if waited >= PATIENCE {
            return Err(Failure::failed(late.join(", ")));
        }
        waited += 1;
        log::doing(&format!("waiting: {}", late.join(", ")));
        first.pause(1)?;
    }
}

/// All have the same apps, so one tells of them.
fn warn(machine: &Machine, port: u16) -> Result<(), Failure> {
    let heard = ask(machine, port, "/_haproxy_getconfig")?;
    if let Heard::Answer(answer) = heard {
        let routes = Routes::parse(&String::from_utf8_lossy(&answer));
        routes.warnings().iter().for_each(|words| log::warn(words));
    }
    Ok(())
}

fn ask(machine: &Machine, port: u16, path: &str) -> Result<Heard, Failure> {
    let exchange = machine.dial("127.0.0.1", port).assuming(ASSUMED);
    match exchange.ask(format!("GET {path} HTTP/1.0\r\n\r\n")) {
        // One that ends while it is asked breaks the talk off.
        Err(Failure::Other(_)) => Ok(Heard::Silence),
        heard => heard,
    }
}

fn silence(name: &str, port: u16, heard: &Heard) -> Option<String> {
    let answer = match heard {
        Heard::Nobody => {
            return Some(format!(
                "{name} has no HAProxy running: nobody listens at port {port}"
            ));
        }
        Heard::Silence => return Some(format!("{name} has an HAProxy that does not answer")),
        Heard::Answer(answer) => String::from_utf8_lossy(answer),
    };
    match answer.split_whitespace().nth(1) {
        Some("200") => None,
        _ => Some(format!(
            "{name}: what listens at port {port} is no load balancer of marathon-lb's"
        )),
    }
}

/// Judges by the words of the script that compares what HAProxy has with what Marathon has.
fn judge(name: &str, said: &str) -> Condition {
    let why = |line: &str| {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.escape_debug();
        Some(match word {
            "stopped" => format!("{name} has no marathon-lb running: nobody updates HAProxy"),
            "silent" => format!("{name} serves what it had, and no Marathon answers it"),
            "stale" => format!(
                "{name} does not serve what Marathon has: marathon-lb has not written it. \
                 `journalctl -u {SERVICE}` says why"
            ),
            "unloaded" => format!(
                "{name}: HAProxy has not taken up what marathon-lb wrote. `journalctl -u haproxy` \
                 says why"
            ),
            "withheld" => format!(
                "{name}: Marathon names no app for it any more, and HAProxy goes on with those it \
                 has. If that is meant, set `allow-empty`"
            ),
            "certificate" => format!("{name}: the certificate {rest}"),
            "other" => format!(
                "{name}: another HAProxy runs beside it (process {rest}), and marathon-lb takes \
                 them for one"
            ),
            _ => return None,
        })
    };
    match said.lines().find_map(why) {
        Some(why) => Condition::degraded(why),
        None => Condition::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(condition: &Condition) -> &str {
        match condition {
            Condition::Healthy => "healthy",
            Condition::Degraded(why) | Condition::Down(why) => why,
        }
    }

    #[test]
    fn each_state_names_the_machine_and_why() {
        for (said, why) in [
            ("", "healthy"),
            ("refused\n", "healthy"),
            (
                "stopped\nsilent\n",
                "m1 has no marathon-lb running: nobody updates HAProxy",
            ),
            (
                "silent\n",
                "m1 serves what it had, and no Marathon answers it",
            ),
            (
                "stale\n",
                "m1 does not serve what Marathon has: marathon-lb has not written it. `journalctl \
                 -u marathon-lb` says why",
            ),
            (
                "refused\nunloaded\n",
                "m1: HAProxy has not taken up what marathon-lb wrote. `journalctl -u haproxy` \
                 says why",
            ),
            (
                "withheld\n",
                "m1: Marathon names no app for it any more, and HAProxy goes on with those it \
                 has. If that is meant, set `allow-empty`",
            ),
            (
                "certificate site has expired\n",
                "m1: the certificate site has expired",
            ),
            (
                "other 17\n",
                "m1: another HAProxy runs beside it (process 17), and marathon-lb takes them for \
                 one",
            ),
        ] {
            assert_eq!(words(&judge("m1", said)), why);
        }
    }

    #[test]
    fn what_listens_there_has_to_be_its_haproxy() {
        let answer = |text: &str| Heard::Answer(text.as_bytes().to_vec());
        let said = |heard: &Heard| silence("m1", 9090, heard).unwrap_or_default();
        assert_eq!(said(&answer("HTTP/1.0 200 OK\r\n\r\n")), "");
        assert_eq!(
            said(&answer("HTTP/1.1 404 Not Found\r\n\r\n")),
            "m1: what listens at port 9090 is no load balancer of marathon-lb's"
        );
        assert_eq!(
            said(&Heard::Nobody),
            "m1 has no HAProxy running: nobody listens at port 9090"
        );
        assert_eq!(
            said(&Heard::Silence),
            "m1 has an HAProxy that does not answer"
        );
    }
}
