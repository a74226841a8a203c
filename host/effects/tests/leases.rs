//! Leases on simulated machines: who may change them, and what that costs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cellhost_effects::layers::{Leases, Live, Preview};
use cellhost_effects::{
    Act, Answer, Certainty, Command, Consent, Content, Doubt, Effect, EffectError, Effects, File,
    Hook, Input, Item, Listener, Outcome, Rights, Templates, Turn,
};
use cellhost_plan::{InstanceName, MachineName};
use cellhost_transport::{Fault, Fleet, Owner, Reply, SimulatedFleet, SimulatedMachine, Stage};

fn owner(controller: &str, token: &str) -> Owner {
    Owner {
        token: token.to_owned(),
        controller: controller.to_owned(),
        cell: "web".to_owned(),
        user: "ann".to_owned(),
        host: controller.to_owned(),
        run: format!("run-{token}"),
    }
}

/// A controller at work on one machine.
struct Controller {
    leases: Arc<Leases>,
    fleet: Arc<dyn Fleet>,
    live: Live,
}

impl Controller {
    fn new(machine: &Arc<SimulatedMachine>, name: &str, token: &str) -> Self {
        let fleet: Arc<dyn Fleet> = Arc::new(SimulatedFleet::new([machine.clone()]));
        let leases = Arc::new(Leases::new(owner(name, token)));
        let live = Live::leasing(fleet.clone(), leases.clone());
        Self {
            leases,
            fleet,
            live,
        }
    }

    async fn writes(&self, text: &str) -> Result<Outcome, EffectError> {
        self.live.perform(effect(writing(text))).await
    }
}

fn machine() -> Arc<SimulatedMachine> {
    let machine = SimulatedMachine::new(MachineName::new("m1").unwrap());
    machine.answer(&["ask"], |_, _| Answer::from("yes"));
    machine.answer(&["do"], |_, _| Answer::from("done"));
    machine
}

fn effect(act: Act) -> Effect {
    let rights = Rights::default();
    let turn = Turn {
        module: InstanceName::new("tested").unwrap(),
        version: semver::Version::new(1, 0, 0),
        hook: Hook::Apply,
        machine: None,
        round: 0,
        given: Certainty::Exact,
        rights: Arc::new(rights),
        templates: Arc::new(Templates::parse(&BTreeMap::new()).unwrap()),
    };
    Effect {
        turn: Arc::new(turn),
        sequence: 0,
        machine: MachineName::new("m1").unwrap(),
        act,
        listener: Listener::default(),
        consent: Consent::default(),
    }
}

fn writing(text: &str) -> Act {
    Act::Ensure(vec![Item::File(File {
        path: "/etc/motd".to_owned(),
        content: Content::Bytes {
            bytes: text.as_bytes().to_vec(),
            shown: None,
        },
        mode: None,
        owner: None,
        group: None,
        backup: false,
    })])
}

fn command(program: &str) -> Command {
    Command {
        argv: vec![program.to_owned()],
        input: Input::Nothing,
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_mins(1),
    }
}

fn run() -> Act {
    Act::Run {
        command: command("do"),
        doubt: Doubt::Again,
    }
}

fn token(machine: &SimulatedMachine) -> Option<String> {
    machine.state().lease.clone().map(|owner| owner.token)
}

#[track_caller]
fn refused(result: Result<Outcome, EffectError>) -> String {
    match result {
        Err(EffectError::Leased { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_first_change_takes_the_lease_and_costs_no_exchange_for_it() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.writes("hello").await.unwrap();
    assert_eq!(token(&machine).as_deref(), Some("t1"));
    assert_eq!(machine.requests().len(), 2, "a look and a settling");
    ann.writes("hello again").await.unwrap();
    assert_eq!(machine.requests().len(), 4);
    assert!(ann.leases.release(ann.fleet.clone()).await.is_empty());
    assert_eq!(token(&machine), None);
    assert_eq!(machine.requests().len(), 5, "one more to give it back");
}

#[tokio::test]
async fn who_only_looks_takes_no_lease_and_needs_none() {
    let machine = machine();
    machine.state().write("/etc/motd", "hello");
    machine.state().lease = Some(owner("beta", "t9"));
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.writes("hello").await.unwrap();
    let probe = Act::Probe {
        command: command("ask"),
        assumed: None,
    };
    ann.live.perform(effect(probe)).await.unwrap();
    let preview = Preview::new(Live::leasing(ann.fleet.clone(), ann.leases.clone()));
    preview.perform(effect(writing("other"))).await.unwrap();
    preview.perform(effect(run())).await.unwrap();
    let before = machine.requests().len();
    assert!(ann.leases.release(ann.fleet.clone()).await.is_empty());
    assert_eq!(
        machine.requests().len(),
        before,
        "there is nothing to give back"
    );
    assert_eq!(token(&machine).as_deref(), Some("t9"));
}

#[tokio::test]
async fn another_controller_is_refused_with_the_name_of_the_owner() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.writes("ann's").await.unwrap();
    let bob = Controller::new(&machine, "beta", "t2");
    for result in [
        bob.writes("bob's").await,
        bob.live.perform(effect(run())).await,
    ] {
        let words = refused(result);
        assert!(
            words.starts_with("machine `m1` is leased to ann@alpha, cell `web`, run run-t1"),
            "{words}"
        );
        assert!(words.contains("cellhost unlock --machine m1"), "{words}");
    }
    assert_eq!(machine.state().text("/etc/motd"), Some("ann's"));
    ann.leases.release(ann.fleet.clone()).await;
    bob.writes("bob's").await.unwrap();
    assert_eq!(machine.state().text("/etc/motd"), Some("bob's"));
}

#[tokio::test]
async fn a_dead_run_of_the_same_controller_and_cell_is_followed_by_the_next() {
    let machine = machine();
    let dead = Controller::new(&machine, "alpha", "t1");
    dead.writes("half").await.unwrap();
    let next = Controller::new(&machine, "alpha", "t2");
    next.writes("whole").await.unwrap();
    assert_eq!(token(&machine).as_deref(), Some("t2"));
}

#[tokio::test]
async fn a_run_whose_lease_was_taken_away_changes_nothing_more() {
    for successor in [None, Some(owner("beta", "t2"))] {
        let machine = machine();
        let ann = Controller::new(&machine, "alpha", "t1");
        ann.writes("first").await.unwrap();
        machine.state().lease = successor.clone();
        let words = refused(ann.writes("second").await);
        assert!(words.contains("was taken away"), "{words}");
        assert_eq!(machine.state().text("/etc/motd"), Some("first"));
        // By now that is known here, and stays so even where the machine is free again.
        machine.state().lease = None;
        machine.forget_requests();
        refused(ann.live.perform(effect(run())).await);
        assert!(machine.requests().is_empty(), "nothing is sent");
        machine.state().lease = successor.clone();
        ann.leases.release(ann.fleet.clone()).await;
        assert_eq!(machine.state().lease, successor);
    }
}

#[tokio::test]
async fn a_lease_whose_answer_was_lost_is_given_back_whatever_comes_next() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    machine.fault(|number, _| match number {
        0 => Fault::After,
        1 => Fault::Before(Stage::Connect),
        _ => Fault::None,
    });
    for _ in 0..2 {
        ann.live.perform(effect(run())).await.unwrap_err();
        assert_eq!(token(&machine).as_deref(), Some("t1"));
    }
    assert!(ann.leases.release(ann.fleet.clone()).await.is_empty());
    assert_eq!(token(&machine), None);
}

#[tokio::test]
async fn a_connection_that_gives_way_gives_the_lease_back_and_the_next_change_takes_it() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    machine.give_way().await;
    ann.writes("first").await.unwrap();
    machine.give_way().await;
    assert_eq!(token(&machine), None);
    machine.give_way().await;
    machine.forget_requests();
    assert!(ann.leases.release(ann.fleet.clone()).await.is_empty());
    assert!(
        machine.requests().is_empty(),
        "nothing is left to give back"
    );

    ann.writes("second").await.unwrap();
    assert_eq!(token(&machine).as_deref(), Some("t1"));
    machine.give_way().await;
    let bob = Controller::new(&machine, "beta", "t2");
    bob.writes("third").await.unwrap();
    let words = refused(ann.writes("fourth").await);
    assert!(words.contains("is leased to ann@beta"), "{words}");
}

#[tokio::test]
async fn a_lease_that_nobody_knows_to_be_given_back_is_given_back_at_the_end() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.live.perform(effect(run())).await.unwrap();
    for (fault, stands) in [
        (Fault::Before(Stage::Connect), Some("t1")),
        (Fault::After, None),
    ] {
        machine.forget_requests();
        machine.fault_at(0, fault);
        machine.give_way().await;
        assert_eq!(token(&machine).as_deref(), stands);
        ann.live.perform(effect(run())).await.unwrap();
        assert_eq!(token(&machine).as_deref(), Some("t1"));
    }
    assert!(ann.leases.release(ann.fleet.clone()).await.is_empty());
    assert_eq!(token(&machine), None);
}

#[tokio::test]
async fn a_change_that_counted_on_a_lease_just_given_back_takes_it_anew() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.live.perform(effect(run())).await.unwrap();
    machine.forget_requests();
    let (given, parting) = (machine.clone(), machine.parting().unwrap());
    machine.fault(move |number, _| {
        if number == 0 {
            // The connection gave way while this change waited for it.
            assert!(parting.request().is_some());
            given.state().lease = None;
            parting.answered(Reply::Lease(None));
        }
        Fault::None
    });
    ann.live.perform(effect(run())).await.unwrap();
    assert_eq!(token(&machine).as_deref(), Some("t1"));
    assert_eq!(machine.requests().len(), 2, "withheld once, then done");

    // Whose lease was taken away by somebody is not helped by that.
    machine.state().lease = None;
    let words = refused(ann.live.perform(effect(run())).await);
    assert!(words.contains("was taken away"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_sign_of_life_finds_out_that_the_lease_is_gone() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.writes("first").await.unwrap();
    let (leases, fleet) = (ann.leases.clone(), ann.fleet.clone());
    let signs = tokio::spawn(async move { leases.keep(fleet).await });
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(machine.requests().len(), 4, "two signs in so many seconds");
    machine.state().lease = Some(owner("beta", "t2"));
    tokio::time::sleep(Duration::from_secs(20)).await;
    machine.forget_requests();
    let words = refused(ann.live.perform(effect(run())).await);
    assert!(words.contains("ann@beta"), "{words}");
    assert!(machine.requests().is_empty(), "nothing is sent");
    signs.abort();
}

#[tokio::test]
async fn a_lease_can_be_shown_and_taken_away_by_its_token_only() {
    let machine = machine();
    let ann = Controller::new(&machine, "alpha", "t1");
    ann.writes("first").await.unwrap();
    let bob = Controller::new(&machine, "beta", "t2");
    let here = MachineName::new("m1").unwrap();
    let shown = Leases::show(&bob.fleet, vec![here.clone()]).await;
    let lease = shown.into_iter().next().unwrap().1.unwrap().unwrap();
    assert_eq!(lease.owner.unwrap().host, "alpha");
    for (token, stands) in [("t0", true), ("t1", false)] {
        let removed = Leases::remove(&bob.fleet, vec![(here.clone(), token.to_owned())]).await;
        let left = removed.into_iter().next().unwrap().1.unwrap();
        assert_eq!(left.is_some(), stands, "{token}");
    }
}
