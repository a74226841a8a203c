//! Simulated machines do what real ones do, as far as a module can tell.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cellhost_plan::MachineName;
use cellhost_transport::resources::{file, path, service, software};
use cellhost_transport::{
    Command, Courier as _, CourierError, Dial, DialOutcome, Fault, Package, Reply, Request,
    Settled, SimulatedMachine, Stage, Task, Wish,
};
use sha2::{Digest as _, Sha256};

fn machine() -> Arc<SimulatedMachine> {
    let machine = SimulatedMachine::new(MachineName::new("m1").unwrap());
    let package = Package::new("7.0")
        .with_service("redis-server")
        .with_user("redis")
        .with_file("/etc/redis/redis.conf", "stock");
    machine.state().offer("redis-server", package);
    machine
}

fn software(name: &str) -> Wish {
    Wish::Software(software::Software {
        names: BTreeSet::from([name.to_owned()]),
        ..software::Software::default()
    })
}

fn config(content: &str) -> Wish {
    Wish::File(file::File {
        path: "/etc/redis/redis.conf".into(),
        content: content.into(),
        hash: format!("{:x}", Sha256::digest(content)),
        mode: Some(0o640),
        owner: Some("redis".into()),
        group: None,
        before: None,
        backup: false,
    })
}

fn service() -> Wish {
    Wish::Service(service::Service {
        watch: service::Watch {
            name: "redis-server".into(),
            restart_for: BTreeSet::from(["/etc/redis/redis.conf".into()]),
            reload_for: BTreeSet::new(),
        },
        enabled: true,
        running: true,
    })
}

fn command(argv: &[&str]) -> Request {
    Request::Command(Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        input: Vec::new(),
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_secs(1),
        limit: 1000,
    })
}

/// The wishes with the facts about them.
async fn judged(machine: &SimulatedMachine, wishes: Vec<Wish>) -> Vec<Task> {
    let list = wishes.iter().map(Wish::identity).collect();
    match machine.exchange(Request::Look(list)).await.unwrap() {
        Reply::Facts(facts) => Task::pair(wishes, facts),
        other => panic!("{other:?}"),
    }
}

async fn settle(machine: &SimulatedMachine, wishes: Vec<Wish>) -> Settled {
    let tasks = judged(machine, wishes).await;
    match machine.exchange(Request::Settle(tasks)).await.unwrap() {
        Reply::Settled(settled) => settled,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_settled_no_longer_differs() {
    let machine = machine();
    let wishes = vec![software("redis-server"), service()];
    assert_eq!(settle(&machine, wishes.clone()).await.failure(), None);
    let list = wishes.iter().map(Wish::identity).collect();
    let Reply::Facts(facts) = machine.exchange(Request::Look(list)).await.unwrap() else {
        panic!()
    };
    for (wish, facts) in wishes.iter().zip(&facts) {
        assert_eq!(wish.compare(facts), None);
    }
}

#[tokio::test]
async fn a_restart_owed_outlives_a_lost_connection() {
    let machine = machine();
    settle(&machine, vec![software("redis-server"), service()]).await;
    let tasks = judged(&machine, vec![config("new"), service()]).await;
    machine.forget_requests();
    machine.fault_at(0, Fault::Within(1));
    let error = machine.exchange(Request::Settle(tasks)).await.unwrap_err();
    assert!(error.in_doubt());
    assert_eq!(machine.state().text("/etc/redis/redis.conf"), Some("new"));
    assert_eq!(machine.state().services["redis-server"].restarts, 0);
    settle(&machine, vec![service()]).await;
    assert_eq!(machine.state().services["redis-server"].restarts, 1);
    settle(&machine, vec![service()]).await;
    assert_eq!(machine.state().services["redis-server"].restarts, 1);
}

#[tokio::test]
async fn a_failure_names_how_far_it_came() {
    let machine = machine();
    let settled = settle(
        &machine,
        vec![software("redis-server"), software("nonsense")],
    )
    .await;
    assert_eq!(settled.done(), 1);
    assert!(settled.failure().unwrap().contains("nonsense"));
    machine.start("redis-server", |_| Err("bad directive".into()));
    let settled = settle(&machine, vec![service()]).await;
    assert_eq!(settled.failure().as_deref(), Some("bad directive"));
}

#[tokio::test]
async fn commands_answer_as_told_and_may_change_the_machine() {
    let machine = machine();
    machine.answer(&["redis-cli", ".."], |_, _| "PONG\n".into());
    machine.answer(&["redis-cli", "-p", "*", "shutdown"], |state, _| {
        state.write("/tmp/gone", "");
        0.into()
    });
    let run = async |argv: &[&str]| match machine.exchange(command(argv)).await.unwrap() {
        Reply::Answer(answer) => answer,
        other => panic!("{other:?}"),
    };
    assert_eq!(run(&["redis-cli", "ping"]).await.output, b"PONG\n");
    assert_eq!(run(&["redis-cli", "-p", "1", "shutdown"]).await.status, 0);
    assert!(machine.state().read("/tmp/gone").is_some());
    assert_eq!(run(&["other"]).await.status, 127);
    assert_eq!(machine.commands().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_slow_command_meets_its_deadline() {
    let machine = machine();
    machine.fault_at(0, Fault::Slow(Duration::from_mins(1)));
    let error = machine.exchange(command(&["x"])).await.unwrap_err();
    assert!(matches!(
        error,
        CourierError::Deadline {
            deadline_ms: 1000,
            ..
        }
    ));
}

#[tokio::test]
async fn a_port_opens_with_its_service() {
    let machine = machine();
    let dial = || {
        Request::Dial(Dial {
            address: "127.0.0.1".into(),
            port: 6379,
            send: b"PING\r\n".to_vec(),
            limit: 7,
            deadline: Duration::from_secs(1),
        })
    };
    machine.start("redis-server", |state| {
        state.ports.insert(6379);
        Ok(())
    });
    let reply = machine.exchange(dial()).await.unwrap();
    assert!(matches!(reply, Reply::Dialed(DialOutcome::Refused)));
    settle(&machine, vec![software("redis-server"), service()]).await;
    machine.listen(6379, |_, _| DialOutcome::Bytes(b"+PONG\r\n".to_vec()));
    let reply = machine.exchange(dial()).await.unwrap();
    assert!(matches!(reply, Reply::Dialed(DialOutcome::Bytes(bytes)) if bytes == b"+PONG\r\n"));
}

#[tokio::test]
async fn a_machine_that_is_cut_off_is_not_changed() {
    let machine = machine();
    let wishes = Request::Settle(judged(&machine, vec![software("redis-server")]).await);
    machine.cut(Some(Stage::Banner));
    let error = machine.exchange(wishes.clone()).await.unwrap_err();
    assert!(!error.in_doubt());
    assert!(machine.state().installed.is_empty());
    machine.cut(None);
    assert!(machine.exchange(wishes).await.is_ok());
}

#[tokio::test]
async fn a_program_of_supervisord_is_known_by_its_configuration() {
    let machine = machine();
    let wish = Wish::Service(service::Service {
        watch: service::Watch::none("supervisor:app"),
        enabled: true,
        running: true,
    });
    let settled = settle(&machine, vec![wish.clone()]).await;
    assert!(settled.failure().unwrap().contains("supervisor:app"));
    let path = "/etc/supervisor/conf.d/app.conf";
    machine.state().write(path, "[program:app]\n");
    assert_eq!(settle(&machine, vec![wish]).await.failure(), None);
}

#[tokio::test]
async fn a_full_disk_takes_nothing_new_and_lets_things_go() {
    let machine = machine();
    machine.state().full = true;
    let failure = settle(&machine, vec![software("redis-server")])
        .await
        .failure();
    assert!(failure.unwrap().contains("No space left on device"));
    assert!(machine.state().installed.is_empty());
    machine.state().write("/tmp/old", "x");
    let absent = Wish::Absent(path::Absent {
        path: "/tmp/old".into(),
    });
    assert_eq!(settle(&machine, vec![absent]).await.failure(), None);
    machine.state().full = false;
    let settled = settle(&machine, vec![software("redis-server")]).await;
    assert_eq!(settled.failure(), None);
}

#[tokio::test]
async fn after_a_restart_of_the_machine_what_is_enabled_runs() {
    let machine = machine();
    settle(&machine, vec![software("redis-server"), service()]).await;
    let boot = machine.state().facts["boot.id"].clone();
    let mut other = machine.state().services["redis-server"].clone();
    other.enabled = false;
    machine.state().services.insert("other".into(), other);
    machine.state().reboot();
    let state = machine.state();
    assert!(state.services["redis-server"].running);
    assert!(!state.services["other"].running);
    assert_ne!(state.facts["boot.id"], boot);
}
