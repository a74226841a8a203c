//! What a run does thousands of times, each by itself: a module is instantiated, a call comes out of
//! it, a template is rendered, a record is written, a script is built.
//!
//! `cargo bench -p cellhost-system-tests` measures; `cargo test` runs each once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use cellhost_effects::record::Journal;
use cellhost_effects::{
    Act, Effect, EffectError, Effects, Found, Hook, Outcome, Settlement, Templates, Turn,
};
use cellhost_engine::{Deployment, Placed, Roster};
use cellhost_plan::{MachineName, Plan};
use cellhost_runtime::{CellView, Context, Level, Limits, Runtime, Voice};
use cellhost_transport::resources::{Facts, Task, Wish, file, path::PathFacts};
use cellhost_transport::{Request, script_length};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

const PLAN: &str = "cell = \"bench\"\n\n[machines]\nm1 = { address = \"10.0.0.1\" }\n\n\
                    [modules.bench-job]\non = \"all\"\n";

/// Finds everything as it should be, so that nothing is measured but the way to it and back.
struct Settled;

#[async_trait]
impl Effects for Settled {
    async fn perform(&self, effect: Effect) -> Result<Outcome, EffectError> {
        let Act::Ensure(items) = effect.act else {
            return Err(EffectError::other("only lists are measured"));
        };
        let settlement = |subject| Settlement {
            subject,
            lines: Vec::new(),
            diff: None,
            certainty: cellhost_effects::Certainty::Exact,
        };
        let settlements = items.iter().map(|item| settlement(item.subject()));
        Ok(Outcome::exact(Found::Settled(settlements.collect())))
    }
}

struct Deaf;

impl Voice for Deaf {
    fn said(&self, _: &Turn, _: Level, _: String) {}
    fn doing(&self, _: &Turn, _: String) {}
}

fn deployment(executor: &tokio::runtime::Runtime) -> Deployment {
    let engine = Runtime::new(None).unwrap();
    let bytes = fs_err::read(cellhost_system_tests::guest("bench-job").unwrap()).unwrap();
    let module = engine.load(&bytes, "bench-job.wasm").unwrap();
    let Ok(plan) = Plan::parse("plan.toml", PLAN) else {
        panic!("the plan is wrong")
    };
    let modules: BTreeMap<_, _> = plan
        .modules
        .iter()
        .map(|usage| (usage.name.clone(), module.clone()))
        .collect();
    let mut roster = Roster::default();
    let prepared = cellhost_engine::prepare(Arc::new(plan), &modules, &mut roster);
    match executor.block_on(prepared) {
        Ok(deployment) => deployment,
        Err(wrong) => panic!("{}", wrong.render(false)),
    }
}

fn context(placed: &Placed, hook: Hook) -> Context {
    let machine = MachineName::new("m1").unwrap();
    Context {
        turn: Arc::new(Turn {
            module: placed.usage.name.clone(),
            version: placed.module.embedded().manifest.version.clone(),
            hook,
            machine: (hook == Hook::Apply).then_some(machine),
            round: 0,
            given: cellhost_effects::Certainty::Exact,
            rights: placed.rights.clone(),
            templates: placed.module.templates().clone(),
        }),
        cell: Arc::new(CellView {
            name: "bench".to_owned(),
            members: placed.members.clone(),
            leaving: placed.leaving.clone(),
            settings: placed.usage.settings.to_string(),
            outputs: BTreeMap::new(),
        }),
        effects: Arc::new(Settled),
        voice: Arc::new(Deaf),
        limits: Limits::default(),
        seed: 0,
    }
}

fn turns(bench: &mut Criterion) {
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let deployment = deployment(&executor);
    let placed = deployment.modules.first().unwrap();
    // The hook says that nothing is wrong: what is left is the instance and one call into it.
    bench.bench_function("instantiate", |bencher| {
        bencher.iter(|| {
            let validated = placed.module.validate(context(placed, Hook::Validate));
            executor.block_on(validated).unwrap()
        });
    });
    // The same, and one call of the host with a list of 37 wishes.
    bench.bench_function("host call with 37 wishes", |bencher| {
        bencher.iter(|| {
            let applied = placed.module.apply(context(placed, Hook::Apply));
            executor.block_on(applied).unwrap();
        });
    });
}

fn render(bench: &mut Criterion) {
    let text = "{% for server in servers %}server.{{ loop.index }}={{ server }}:2888\n{% endfor %}";
    let sources = BTreeMap::from([("list".to_owned(), text.to_owned())]);
    let templates = Templates::parse(&sources).unwrap();
    let servers: Vec<String> = (0..50).map(|number| format!("10.0.0.{number}")).collect();
    let variables = json!({ "servers": servers });
    bench.bench_function("render 50 lines", |bencher| {
        bencher.iter(|| templates.render("list", black_box(&variables)).unwrap());
    });
}

fn journal(bench: &mut Criterion) {
    let place = tempfile::tempdir().unwrap();
    let journal = Journal::begin(&place.path().join("run.jsonl")).unwrap();
    let body = json!({"verb": "ensure", "asked": vec!["file /etc/some/where.conf"; 20]});
    for (name, durable) in [("journal append", false), ("journal append, durable", true)] {
        bench.bench_function(name, |bencher| {
            bencher.iter(|| journal.append("intent", black_box(&body), durable).unwrap());
        });
    }
}

fn batch(bench: &mut Criterion) {
    let files: Vec<Wish> = (0..25)
        .map(|number| {
            Wish::File(file::File {
                path: format!("/etc/some/file-{number}.conf"),
                content: vec![b'x'; 2048],
                hash: "0".repeat(64),
                mode: Some(0o644),
                owner: None,
                group: None,
                before: None,
                backup: false,
            })
        })
        .collect();
    let identities: Vec<_> = files.iter().map(Wish::identity).collect();
    bench.bench_function("script of a look at 25 files", |bencher| {
        bencher.iter(|| script_length(Request::Look(black_box(identities.clone()))).unwrap());
    });
    let facts = files.iter().map(|_| Facts::Path(PathFacts::nothing()));
    let tasks = Task::pair(files.clone(), facts);
    bench.bench_function("script that settles 25 files", |bencher| {
        bencher.iter(|| script_length(Request::Settle(black_box(tasks.clone()))).unwrap());
    });
}

criterion_group!(inner, turns, render, journal, batch);
criterion_main!(inner);
