use super::*;

fn said(problems: impl IntoIterator<Item = Problem>) -> Vec<String> {
    let words = problems.into_iter();
    words
        .map(|one| format!("{}: {}", one.setting, one.message))
        .collect()
}

fn planned(number: u8, is_master: bool) -> Planned {
    Planned {
        name: format!("m{number}"),
        address: format!("10.0.0.{number}"),
        is_master,
        is_agent: !is_master,
        attributes: Vec::new(),
    }
}

fn named(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn what_is_usual_is_fine() {
    let settings = Settings::default();
    let members = [planned(1, true), planned(2, false)];
    assert_eq!(said(roles(&settings, &members)), [""; 0]);
    assert_eq!(said(addresses(&members)), [""; 0]);
    assert_eq!(said(directories(&settings)), [""; 0]);
    assert_eq!(said(ports(&settings)), [""; 0]);
}

#[test]
fn masters_are_needed_and_everybody_has_something_to_do() {
    let idle = Planned {
        is_agent: false,
        ..planned(3, false)
    };
    assert_eq!(
        said(roles(&Settings::default(), &[planned(1, false), idle])),
        [
            ": no machine has the role `mesos-master`: nobody would be a master. Give it to three",
            ": m3 has neither the role `mesos-master` nor `mesos-agent`: there is nothing for it \
             to do here",
        ]
    );
}

#[test]
fn an_address_is_one_that_others_reach_and_nothing_to_look_up() {
    let at = |number, address: &str| Planned {
        address: address.to_owned(),
        ..planned(number, true)
    };
    let members = [
        at(1, "127.0.1.1"),
        at(2, "m2.example"),
        at(3, "10.0.0.4"),
        at(4, "10.0.0.4"),
    ];
    assert_eq!(
        said(addresses(&members)),
        [
            ": m1 has the address 127.0.1.1, which is where no other machine reaches it",
            ": m2 has the address m2.example, which is no IPv4 address: Mesos would look the name \
             up, and find a loopback on Debian",
            ": m4 has the address 10.0.0.4, which is that of another member",
        ]
    );
}

#[test]
fn an_attribute_has_one_plain_value() {
    let member = Planned {
        attributes: [("os", "a b"), ("zone", "a"), ("zone", "b"), ("k;v", "x")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        ..planned(1, false)
    };
    assert_eq!(
        said(attributes(&member)),
        [
            ": m1 would have the attribute `os:a b`, and there are only letters, digits and \
             `_/.-` in one",
            ": m1 would have two values of the attribute `zone`: an agent has one of each",
            ": m1 would have the attribute `k;v:x`, and there are only letters, digits and `_/.-` \
             in one",
        ]
    );
}

#[test]
fn data_that_a_restart_would_lose_is_refused_and_so_is_data_that_two_share() {
    let at = |master: &str, agent: &str| Settings {
        master_dir: master.to_owned(),
        agent_dir: agent.to_owned(),
        ..Settings::default()
    };
    assert_eq!(
        said(directories(&at("/tmp/mesos", "/var/lib/mesos/a"))),
        [
            "/master-dir: `/tmp/mesos` is not below /var/lib/mesos or /srv/mesos: mount or link \
             the disk there"
        ]
    );
    assert_eq!(
        said(directories(&at("/srv/mesos/x", "/srv/mesos/x/agent"))),
        [
            "/agent-dir: `/srv/mesos/x/agent` and `master-dir` share files: a master and an agent \
             each need their own"
        ]
    );
    assert_eq!(
        said(directories(&at("/var/lib/mesos", "/srv/mesos/../x"))).len(),
        2
    );
}

#[test]
fn ports_of_tasks_are_no_ports_of_services() {
    let with = |task_ports: &str| Settings {
        task_ports: task_ports.to_owned(),
        ..Settings::default()
    };
    assert_eq!(
        said(ports(&with("5051-5100"))),
        ["/task-ports: 5051-5100 has 5051 in it, the port of the agents: a task could get it"]
    );
    assert_eq!(
        said(ports(&with("8000-8999"))),
        ["/task-ports: 8000-8999 has 8080 in it, the port of Marathon: a task could get it"]
    );
    assert_eq!(
        said(ports(&with("32000-31000"))),
        ["/task-ports: `32000-31000` is no range of ports"]
    );
}

#[test]
fn how_many_decide_is_nobodys_choice() {
    let flags = named(&[
        ("quorum", "1"),
        ("registry", "in_memory"),
        ("work_dir", "/tmp"),
        ("no-hostname_lookup", ""),
        ("Max Agents", "1"),
        ("max_agent_ping_timeouts", "10"),
    ]);
    assert_eq!(
        said(options("/master-options", &flags)),
        [
            "/master-options/Max Agents: is no flag: lower-case letters, digits and `_`, without \
             dashes",
            "/master-options/no-hostname_lookup: is decided by this module or by a setting of its \
             own",
            "/master-options/quorum: follows from the number of masters: with any other than a \
             strict majority, two halves could each decide",
            "/master-options/registry: is decided by this module or by a setting of its own",
            "/master-options/work_dir: is decided by this module or by a setting of its own",
        ]
    );
}

#[test]
fn users_for_tasks_are_users_that_can_be_made() {
    let names = ["app", "root", "a b"].map(str::to_owned);
    assert_eq!(
        said(users(&names)),
        [
            "/task-users/1: `root` is no user that could be made",
            "/task-users/2: `a b` is no user that could be made",
        ]
    );
}
