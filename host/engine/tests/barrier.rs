//! Barriers before simulated ensembles, with a clock that jumps.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its case has failed"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cellhost_effects::layers::{Halt, Journaled, Live, Policy, Preview};
use cellhost_effects::record::Journal;
use cellhost_effects::{
    Act, Content, Effect, EffectError, Effects, File, Hook, Item, Listener, Outcome, Rights,
    Templates, Turn,
};
use cellhost_engine::{
    Answer, Deployment, Event, Evidence, Roster, Status, Stop, Summary, ask_ensemble, prepare,
    stand_at_barrier,
};
use cellhost_plan::{InstanceName, MachineName, Plan};
use cellhost_transport::{DialOutcome, Fault, SimulatedFleet, SimulatedMachine, Stage};
use tokio::sync::mpsc;

/// What each server does in which round: the round counts the questions to it, from 0.
type Script = fn(server: usize, round: u32) -> &'static str;

/// Three machines that look, and an ensemble that is somewhere else.
struct Scene {
    fleet: Arc<SimulatedFleet>,
    deployment: Deployment,
    stop: Stop,
}

/// What was seen of a barrier.
struct Seen {
    summary: Summary,
    waiting: Vec<Evidence>,
    took: Duration,
}

fn reply(word: &str) -> DialOutcome {
    match word {
        "silent" => DialOutcome::Deadline,
        "refused" => DialOutcome::Refused,
        "no route" => DialOutcome::Failed("No route to host".to_owned()),
        "not serving" => DialOutcome::Bytes(
            b"This ZooKeeper instance is not currently serving requests\n".to_vec(),
        ),
        mode => DialOutcome::Bytes(
            format!("Zookeeper version: 3.8.0\nZxid: 0x200000005\nMode: {mode}\nNode count: 5\n")
                .into_bytes(),
        ),
    }
}

impl Scene {
    async fn new(barrier: &str, servers: usize, script: Script) -> Self {
        let list: Vec<String> = (1..=servers)
            .map(|one| format!("\"zk{one}:{}\"", 2180 + one))
            .collect();
        let text = format!(
            "cell = \"x\"\n[machines]\n\"m[1-3]\" = {{ address = \"10.0.0.[1-3]\" }}\n\
             [barrier]\nservers = [{}]\nseen-from = \"all\"\n{barrier}\n",
            list.join(", ")
        );
        let plan = Plan::parse("plan.toml", &text).unwrap_or_else(|wrong| {
            panic!("{}", wrong.render(false));
        });
        let names: Vec<MachineName> = plan.machines.iter().map(|one| one.name.clone()).collect();
        let fleet = Arc::new(SimulatedFleet::of(&names));
        let rounds: Arc<Vec<AtomicU32>> =
            Arc::new((0..servers).map(|_| AtomicU32::new(0)).collect());
        for machine in fleet.machines() {
            for server in 0..servers {
                let rounds = rounds.clone();
                let port = u16::try_from(2181 + server).unwrap();
                machine.listen(port, move |_, dial| {
                    assert_eq!(dial.send, b"srvr");
                    let round = rounds[server].fetch_add(1, Ordering::Relaxed);
                    reply(script(server, round))
                });
            }
        }
        let mut roster = Roster::default();
        let deployment = prepare(Arc::new(plan), &BTreeMap::new(), &mut roster)
            .await
            .unwrap();
        Self {
            fleet,
            deployment,
            stop: Stop::new(),
        }
    }

    /// What ends effects when the operator asks, above machines where what is silent takes time.
    fn live(&self) -> Halt<Late> {
        let late = Late(Live::new(self.fleet.clone()));
        Halt::new(late, self.stop.clone())
    }

    async fn stand(&self) -> Seen {
        self.stand_over(Arc::new(Policy::new(self.live()))).await
    }

    async fn stand_over(&self, effects: Arc<dyn Effects>) -> Seen {
        let (events, mut heard) = mpsc::unbounded_channel();
        let ensemble = self.deployment.ensemble.clone().unwrap();
        let begun = tokio::time::Instant::now();
        let summary = stand_at_barrier(&self.deployment, &ensemble, effects, events).await;
        let took = begun.elapsed();
        let mut waiting = Vec::new();
        while let Ok(event) = heard.try_recv() {
            if let Event::Barrier(evidence) = event {
                waiting.push(evidence);
            }
        }
        Seen {
            summary,
            waiting,
            took,
        }
    }
}

/// Lets a dial that nobody answers take as long as its deadline says, as it would.
struct Late(Live);

#[async_trait]
impl Effects for Late {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let act = effect.act.clone();
        let result = self.0.perform(effect).await;
        if let (Act::Dial { dial, .. }, Err(EffectError::Deadline { .. })) = (&act, &result) {
            tokio::time::sleep(dial.deadline).await;
        }
        result
    }
}

impl Seen {
    fn held(&self) -> bool {
        let evidence = self.summary.barrier.as_ref().unwrap();
        assert_eq!(evidence.is_held(), self.summary.is_good());
        evidence.is_held()
    }

    fn reason(&self) -> &str {
        self.summary.rows[0].status.reason().unwrap_or_default()
    }
}

fn whole(server: usize, _: u32) -> &'static str {
    ["follower", "leader", "follower"][server]
}

#[tokio::test(start_paused = true)]
async fn holds_when_all_is_the_same_ten_times_half_a_second_apart() {
    let scene = Scene::new("", 3, whole).await;
    let seen = scene.stand().await;
    assert!(seen.held(), "{}", seen.reason());
    assert_eq!(seen.took, Duration::from_millis(4500));
    let evidence = seen.summary.barrier.unwrap();
    assert_eq!(evidence.list, "zk1:2181,zk2:2182,zk3:2183");
    assert_eq!((evidence.held, evidence.rounds), (10, 10));
    assert_eq!(evidence.servers[1].answer.epoch(), Some(2));
    // Each server was asked from another machine.
    let from: Vec<&str> = evidence
        .servers
        .iter()
        .filter_map(|seen| Some(seen.from.as_ref()?.as_str()))
        .collect();
    assert_eq!(from, ["m1", "m2", "m3"]);
}

#[tokio::test(start_paused = true)]
async fn holds_for_a_server_alone_and_for_a_quorum_without_its_last() {
    let scene = Scene::new("", 1, |_, _| "standalone").await;
    assert!(scene.stand().await.held());
    let scene = Scene::new("", 3, |server, _| ["leader", "refused", "follower"][server]).await;
    let seen = scene.stand().await;
    assert!(seen.held());
    // The list is the plan's all the same: the third comes back.
    assert_eq!(
        seen.summary.barrier.unwrap().list,
        "zk1:2181,zk2:2182,zk3:2183"
    );
}

#[tokio::test(start_paused = true)]
async fn never_holds_with_two_leaders_a_minority_or_one_that_stands_by_itself() {
    let cases: [(&str, Script); 4] = [
        ("there are 2 leaders", |server, _| {
            ["leader", "leader", "follower"][server]
        }),
        ("no quorum: 1 of 3", |server, _| {
            ["leader", "not serving", "refused"][server]
        }),
        ("there is no leader", |_, _| "follower"),
        ("1 of 3 servers runs by itself", |server, _| {
            ["leader", "follower", "standalone"][server]
        }),
    ];
    for (why, script) in cases {
        let scene = Scene::new("timeout = \"1m\"", 3, script).await;
        let seen = scene.stand().await;
        assert!(!seen.held());
        assert!(matches!(seen.summary.rows[0].status, Status::Failed(_)));
        assert!(seen.reason().contains(why), "{}", seen.reason());
        assert!(seen.summary.is_before_barrier());
        assert!(seen.took <= Duration::from_mins(1), "{:?}", seen.took);
        assert!(seen.took >= Duration::from_secs(59), "{:?}", seen.took);
    }
}

#[tokio::test(start_paused = true)]
async fn never_holds_while_anything_flaps() {
    let cases: [Script; 3] = [
        // The leader moves.
        |server, round| {
            if (round / 9) as usize % 3 == server {
                "leader"
            } else {
                "follower"
            }
        },
        // A follower comes and goes, though there is a quorum all the time.
        |server, round| match server {
            0 => "leader",
            1 => "follower",
            _ if round % 10 == 9 => "silent",
            _ => "follower",
        },
        // The leader is gone for one moment in ten.
        |server, round| match server {
            0 if round % 10 == 9 => "refused",
            0 => "leader",
            _ => "follower",
        },
    ];
    for script in cases {
        let scene = Scene::new("timeout = \"2m\"", 3, script).await;
        let seen = scene.stand().await;
        assert!(!seen.held());
        assert!(seen.waiting.iter().all(|evidence| evidence.held < 10));
        assert!(seen.waiting.iter().any(|evidence| evidence.held == 9));
    }
}

#[tokio::test(start_paused = true)]
async fn goes_on_when_an_ensemble_comes_to_rest() {
    let scene = Scene::new("", 3, |server, round| {
        if round < 20 {
            "silent"
        } else {
            whole(server, round)
        }
    })
    .await;
    let seen = scene.stand().await;
    assert!(seen.held());
    let last_bad = seen
        .waiting
        .iter()
        .rev()
        .find(|evidence| evidence.why.is_some());
    let last_bad = last_bad.unwrap();
    assert_eq!(last_bad.rounds, 20);
    let without = last_bad.servers[0].without.unwrap();
    assert!(without >= Duration::from_secs(40), "{without:?}");
    assert!(
        last_bad.servers[0]
            .to_string()
            .starts_with("zk1:2181 no answer for ")
    );
}

#[tokio::test(start_paused = true)]
async fn is_not_slowed_by_two_of_three_that_hang() {
    let scene = Scene::new("timeout = \"1m\"", 3, |server, _| {
        ["follower", "silent", "silent"][server]
    })
    .await;
    let seen = scene.stand().await;
    assert!(!seen.held());
    // Those that hang are waited for side by side: two seconds and a half for each round.
    let rounds = seen.summary.barrier.as_ref().unwrap().rounds;
    assert!((23..=25).contains(&rounds), "{rounds}");
    let reason = seen.reason();
    assert!(
        reason.contains("no quorum: 1 of 3 takes part, 2 must"),
        "{reason}"
    );
    assert!(reason.contains("zk1:2181 follower\n"), "{reason}");
    assert!(reason.contains("zk2:2182 no answer for 62 s"), "{reason}");
    assert!(reason.contains("zk3:2183 no answer for 62 s"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn looks_from_another_machine_where_one_cannot_be_reached() {
    let scene = Scene::new("", 3, whole).await;
    let cut: Vec<&Arc<SimulatedMachine>> = scene.fleet.machines().take(2).collect();
    for machine in &cut {
        machine.cut(Some(Stage::Connect));
    }
    let seen = scene.stand().await;
    assert!(seen.held(), "{}", seen.reason());
    assert_eq!(seen.summary.barrier.as_ref().unwrap().rounds, 10);
    // It is noticed once, not in every round.
    assert!(cut.iter().all(|machine| machine.requests().len() <= 1));
    let scene = Scene::new("timeout = \"10s\"", 3, whole).await;
    for machine in scene.fleet.machines() {
        machine.fault(|_, _| Fault::Before(Stage::Banner));
    }
    let seen = scene.stand().await;
    assert!(!seen.held());
    assert!(
        seen.reason().contains("zk1:2181 cannot be asked: "),
        "{}",
        seen.reason()
    );
}

#[tokio::test(start_paused = true)]
async fn asks_again_from_another_machine_where_one_finds_no_way() {
    let scene = Scene::new("", 3, whole).await;
    let m1 = scene.fleet.machine("m1").unwrap();
    m1.listen(2181, |_, _| reply("no route"));
    let seen = scene.stand().await;
    assert!(seen.held(), "{}", seen.reason());
    let evidence = seen.summary.barrier.unwrap();
    assert_eq!(evidence.servers[0].from.as_ref().unwrap().as_str(), "m2");
}

#[tokio::test(start_paused = true)]
async fn ends_at_once_when_the_operator_asks() {
    let scene = Scene::new("", 3, |_, _| "silent").await;
    let stop = scene.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        stop.cancel();
    });
    let seen = scene.stand().await;
    assert!(seen.summary.interrupted);
    assert_eq!(seen.took, Duration::from_secs(30));
    assert_eq!(seen.reason(), "interrupted");
}

#[tokio::test(start_paused = true)]
async fn keeps_its_evidence_in_the_record() {
    let folder = tempfile::tempdir().unwrap();
    for (name, script, held) in [
        ("held", whole as Script, true),
        ("failed", |_, _| "refused", false),
    ] {
        let path = folder.path().join(name);
        let journal = Arc::new(Journal::begin(&path).unwrap());
        let scene = Scene::new("timeout = \"20s\"", 3, script).await;
        let effects = Arc::new(Journaled::new(Policy::new(scene.live()), journal));
        assert_eq!(scene.stand_over(effects).await.held(), held);
        let text = std::fs::read_to_string(&path).unwrap();
        let records: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let noted =
            |one: &&serde_json::Value| one["kind"] == "intent" && one["body"]["verb"] == "note";
        let kept: Vec<_> = records.iter().filter(noted).collect();
        assert_eq!(kept.len(), 1);
        let body = &kept[0]["body"]["asked"]["barrier"];
        assert_eq!(body["held"], held);
        assert_eq!(body["list"], "zk1:2181,zk2:2182,zk3:2183");
        assert_eq!(body["servers"].as_array().unwrap().len(), 3);
        if held {
            assert_eq!(body["servers"][1]["mode"], "leader");
            assert_eq!(body["servers"][1]["zxid"], "0x200000005");
            assert_eq!(body["rounds-held"], 10);
        } else {
            assert_eq!(body["servers"][1]["says"], "nobody listens");
        }
        // Every question and every pause has a name of its own.
        let mut names: Vec<String> = records
            .iter()
            .filter(|one| one["kind"] == "intent")
            .map(|one| one["body"]["effect"].to_string())
            .collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(all >= 39, "{all}");
    }
}

/// Asks for a change on a machine, as a module before the barrier would.
async fn change(effects: &dyn Effects) {
    let machine = MachineName::new("m1").unwrap();
    let rights = Rights {
        asks: asks(),
        machines: [machine.clone()].into(),
        ..Rights::default()
    };
    let turn = Turn {
        module: InstanceName::new("zookeeper").unwrap(),
        version: semver::Version::new(1, 0, 0),
        hook: Hook::Apply,
        machine: Some(machine.clone()),
        round: 0,
        given: cellhost_effects::Certainty::Exact,
        rights: Arc::new(rights),
        templates: Arc::new(Templates::default()),
    };
    let file = File {
        path: "/etc/x".to_owned(),
        content: Content::Bytes {
            bytes: b"x".to_vec(),
            shown: None,
        },
        mode: None,
        owner: None,
        group: None,
        backup: false,
    };
    let effect = Effect {
        turn: Arc::new(turn),
        sequence: 0,
        machine,
        act: Act::Ensure(vec![Item::File(file)]),
        listener: Listener::default(),
        consent: cellhost_effects::Consent::default(),
    };
    effects.perform(effect).await.unwrap();
}

fn asks() -> cellhost_manifest::Asks {
    let text = "name = \"a\"\nversion = \"1.0.0\"\n[[asks]]\nwhy = \"x\"\npaths = [\"/etc\"]\n";
    cellhost_manifest::Manifest::parse("module.toml", text)
        .unwrap()
        .asks
}

/// Counts the dials that come through to machines.
struct Counted<E>(E, Arc<Mutex<u32>>);

#[async_trait]
impl<E: Effects> Effects for Counted<E> {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        if let Act::Dial { .. } = effect.act {
            *self.1.lock().unwrap() += 1;
        }
        self.0.perform(effect).await
    }
}

#[tokio::test(start_paused = true)]
async fn is_assumed_in_a_dry_run_that_held_something_back() {
    let scene = Scene::new("", 3, |_, _| "refused").await;
    let count = Arc::new(Mutex::new(0));
    let preview = Preview::new(Counted(scene.live(), count.clone()));
    let effects: Arc<dyn Effects> = Arc::new(Policy::new(preview));
    change(effects.as_ref()).await;
    let seen = scene.stand_over(effects).await;
    assert!(seen.held(), "{}", seen.reason());
    assert_eq!((seen.took, *count.lock().unwrap()), (Duration::ZERO, 0));
    let certainty = seen.summary.barrier.unwrap().certainty;
    assert_eq!(certainty, cellhost_effects::Certainty::Assumed);
}

#[tokio::test(start_paused = true)]
async fn is_looked_at_and_not_waited_for_in_a_dry_run_that_held_nothing_back() {
    let scene = Scene::new("", 3, whole).await;
    let preview = || Arc::new(Policy::new(Preview::new(scene.live())));
    let seen = scene.stand_over(preview()).await;
    assert!(seen.held(), "{}", seen.reason());
    let certainty = seen.summary.barrier.unwrap().certainty;
    assert_eq!(certainty, cellhost_effects::Certainty::Exact);
    let scene = Scene::new("", 3, |_, _| "refused").await;
    let seen = scene
        .stand_over(Arc::new(Policy::new(Preview::new(scene.live()))))
        .await;
    assert!(!seen.held());
    assert!(
        seen.reason().contains("would be waited for"),
        "{}",
        seen.reason()
    );
    assert_eq!(seen.waiting.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn lists_each_server_and_what_it_says() {
    let scene = Scene::new("", 3, |server, _| ["leader", "silent", "no route"][server]).await;
    let effects = Arc::new(Policy::new(scene.live()));
    let (events, _heard) = mpsc::unbounded_channel();
    let ensemble = scene.deployment.ensemble.clone().unwrap();
    let summary = ask_ensemble(&scene.deployment, &ensemble, effects, events).await;
    let answers: Vec<Answer> = summary
        .barrier
        .unwrap()
        .servers
        .into_iter()
        .map(|seen| seen.answer)
        .collect();
    assert_eq!(answers[0].to_string(), "leader");
    assert_eq!(answers[1], Answer::Silent);
    assert_eq!(answers[2].to_string(), "cannot be asked: No route to host");
}
