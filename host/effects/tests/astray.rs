//! Paths that are granted, and lead elsewhere by a link on the machine: this computer, in a temporary
//! directory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::sync::Arc;

use cellhost_effects::layers::{Live, Policy, Preview};
use cellhost_effects::{
    Act, Certainty, Change, Consent, Content, Edit, Effect, EffectError, Effects, File, Hook, Item,
    Listener, NoLine, Outcome, Rights, Templates, Turn,
};
use cellhost_manifest::{Ask, Asks, PathPrefix};
use cellhost_plan::{InstanceName, MachineName};
use cellhost_transport::LocalFleet;
use cellhost_transport::resources::path::Absent;
use tempfile::TempDir;

/// A machine on which a module may write `mine` and read `seen`.
struct Bench {
    place: TempDir,
    fleet: Arc<LocalFleet>,
    through: Vec<&'static str>,
}

impl Bench {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for name in ["mine", "seen", "outside"] {
            std::fs::create_dir(place.path().join(name)).unwrap();
        }
        std::fs::write(place.path().join("outside/kept"), "kept\n").unwrap();
        for name in ["mine/out", "seen/out"] {
            symlink("../outside", place.path().join(name)).unwrap();
        }
        let memory = place.path().join("memory");
        let fleet = LocalFleet::new().with_memory(memory.to_str().unwrap());
        Self {
            place,
            fleet: Arc::new(fleet),
            through: Vec::new(),
        }
    }

    fn at(&self, name: &str) -> String {
        self.place.path().join(name).to_str().unwrap().to_owned()
    }

    fn prefix(&self, name: &str) -> PathPrefix {
        PathPrefix::new(&self.at(name)).unwrap()
    }

    async fn perform(&self, dry: bool, act: Act) -> Result<Outcome, EffectError> {
        let machine = MachineName::new("m1").unwrap();
        let ask = Ask {
            paths: vec![self.prefix("mine")],
            reads: vec![self.prefix("seen")],
            ..Ask::default()
        };
        let rights = Rights {
            asks: Asks(vec![ask]),
            machines: BTreeSet::from([machine.clone()]),
            through: self.through.iter().map(|name| self.prefix(name)).collect(),
            ..Rights::default()
        };
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
        let effect = Effect {
            turn: Arc::new(turn),
            sequence: 0,
            machine,
            act,
            listener: Listener::default(),
            consent: Consent::default(),
        };
        let live = Live::new(self.fleet.clone());
        if dry {
            Policy::new(Preview::new(live)).perform(effect).await
        } else {
            Policy::new(live).perform(effect).await
        }
    }

    fn writing(&self, name: &str) -> Act {
        Act::Ensure(vec![Item::File(File {
            path: self.at(name),
            content: Content::Bytes {
                bytes: b"new\n".to_vec(),
                shown: None,
            },
            mode: None,
            owner: None,
            group: None,
            backup: false,
        })])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leads_out_is_denied_with_where_it_leads() {
    let bench = Bench::new();
    let acts = || {
        [
            bench.writing("mine/out/kept"),
            bench.writing("mine/out/new"),
            Act::Ensure(vec![Item::Absent(Absent {
                path: bench.at("mine/out/kept"),
            })]),
            Act::Ensure(vec![Item::Edit(Edit {
                path: bench.at("mine/out/kept"),
                create: false,
                change: Change::NoLine(NoLine {
                    line: Some("kept".to_owned()),
                    matching: None,
                }),
            })]),
            Act::Read {
                path: bench.at("seen/out/kept"),
                limit: 100,
            },
            Act::Status {
                path: bench.at("seen/out/kept"),
            },
            Act::Entries {
                path: bench.at("seen/out"),
            },
        ]
    };
    for dry in [true, false] {
        for act in acts() {
            let asked = format!("{act:?}");
            let error = bench.perform(dry, act).await.unwrap_err();
            let EffectError::Denied { rule } = &error else {
                unreachable!("{asked}: {error:?}");
            };
            assert!(rule.contains("module `tested` 1.0.0: "), "{rule}");
            assert!(rule.contains(&bench.at("outside")), "{rule}");
            assert!(rule.contains("out"), "{rule}");
            assert!(rule.contains("`links`"), "{rule}");
        }
    }
    let kept = std::fs::read_to_string(bench.at("outside/kept")).unwrap();
    assert_eq!(kept, "kept\n");
    assert!(!std::fs::exists(bench.at("outside/new")).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_plan_lets_links_lead_through_to_is_written() {
    let mut bench = Bench::new();
    bench.through.push("outside");
    let act = bench.writing("mine/out/kept");
    bench.perform(false, act).await.unwrap();
    let kept = std::fs::read_to_string(bench.at("outside/kept")).unwrap();
    assert_eq!(kept, "new\n");
    // It is a place to lead to, and none to name.
    let act = bench.writing("outside/kept");
    let error = bench.perform(false, act).await.unwrap_err();
    assert!(matches!(error, EffectError::Denied { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_read_is_no_place_for_links_to_be_written_through() {
    let bench = Bench::new();
    symlink("../seen", bench.at("mine/see")).unwrap();
    let error = bench.perform(false, bench.writing("mine/see/x")).await;
    assert!(
        matches!(error, Err(EffectError::Denied { .. })),
        "{error:?}"
    );
    std::fs::write(bench.at("seen/x"), "x").unwrap();
    let path = bench.at("mine/see/x");
    bench
        .perform(false, Act::Read { path, limit: 9 })
        .await
        .unwrap();
}
