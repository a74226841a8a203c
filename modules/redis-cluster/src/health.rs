use cellhost_sdk::prelude::*;

use crate::look;
use crate::seen::Seen;
use crate::settings::Settings;

/// Says how the two instances of one machine are.
pub(crate) fn of(settings: &Settings, machine: &Machine) -> Condition {
    let name = machine.name();
    let ports = settings.ports();
    let answers = look::ask(settings, &ports.map(|port| (machine, port)), &|_| None);
    let mut seen = Vec::new();
    for (port, answer) in ports.into_iter().zip(answers) {
        match answer {
            Ok(one) => seen.push((format!("{name}:{port}"), one)),
            Err(failure) => return Condition::down(format!("{name}:{port}: {failure}")),
        }
    }
    judge(&name, &seen)
}

fn judge(machine: &str, seen: &[(String, Seen)]) -> Condition {
    for (name, one) in seen {
        if one.peers.is_empty() {
            return Condition::down(format!("{name} is in no cluster yet"));
        }
        if !one.is_content {
            return Condition::down(format!("{name} says that the cluster is not well"));
        }
    }
    let holders = seen.iter().filter(|(_, one)| one.is_holder()).count();
    if holders > 1 {
        return Condition::degraded(format!(
            "{machine} serves as master twice: its loss would cost two of the masters' votes"
        ));
    }
    for (name, one) in seen {
        let mut others = seen.iter().filter(|(_, other)| one.follows(&other.id));
        if let Some((other, _)) = others.next() {
            return Condition::degraded(format!(
                "{name} replicates {other} on the same machine: its loss would cost both copies"
            ));
        }
    }
    for (place, (name, one)) in seen.iter().enumerate() {
        if one.master.is_some() && !one.is_linked {
            return Condition::degraded(format!("{name} has lost its master"));
        }
        match (place, &one.master) {
            (0, Some(_)) => {
                return Condition::degraded(format!(
                    "{name} is planned as master and is a replica"
                ));
            }
            (1, None) => {
                return Condition::degraded(format!(
                    "{name} is planned as replica and is a master"
                ));
            }
            _ => {}
        }
    }
    Condition::Healthy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes;

    fn seen(own: &str, is_linked: bool) -> Seen {
        let peer = "b 10.0.0.2:7000@17000 master - 0 0 2 connected 8192-16383";
        let nodes = nodes::parse(&format!("{own}\n{peer}")).unwrap();
        let link = if is_linked {
            "master_link_status:up"
        } else {
            ""
        };
        Seen::new(nodes, "cluster_state:ok", link).unwrap()
    }

    fn judged(master: &str, replica: &str, is_linked: bool) -> Condition {
        let instances = [
            ("m1:7000".to_owned(), seen(master, false)),
            ("m1:7001".to_owned(), seen(replica, is_linked)),
        ];
        judge("m1", &instances)
    }

    const MASTER: &str = "a 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191";
    const REPLICA: &str = "c 10.0.0.1:7001@17001 myself,slave b 0 0 2 connected";

    #[test]
    fn a_master_and_a_linked_replica_are_healthy() {
        assert!(matches!(judged(MASTER, REPLICA, true), Condition::Healthy));
    }

    #[test]
    fn a_replica_without_its_master_is_degraded_and_named() {
        let Condition::Degraded(why) = judged(MASTER, REPLICA, false) else {
            panic!("not degraded");
        };
        assert_eq!(why, "m1:7001 has lost its master");
    }

    #[test]
    fn a_replica_beside_its_own_master_is_degraded() {
        let beside = "c 10.0.0.1:7001@17001 myself,slave a 0 0 2 connected";
        let Condition::Degraded(why) = judged(MASTER, beside, true) else {
            panic!("not degraded");
        };
        assert!(
            why.starts_with("m1:7001 replicates m1:7000 on the same machine"),
            "{why}"
        );
    }

    #[test]
    fn two_masters_on_one_machine_are_degraded() {
        let second = "c 10.0.0.1:7001@17001 myself,master - 0 0 3 connected 100-200";
        let Condition::Degraded(why) = judged(MASTER, second, false) else {
            panic!("not degraded");
        };
        assert!(why.contains("twice"), "{why}");
    }
}
