use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use cellhost_effects::Hook;
use cellhost_engine::Status;
use cellhost_runtime::{Fault, LoadError};

use crate::stage::{Mode, NAMES, Stage, context, deploy, load};

/// Those that are not even loaded.
pub(crate) const REFUSED: [&str; 3] = ["core", "no-manifest", "undeclared-import"];

/// Those that go wrong, and what must be said of it.
pub(crate) const FAULTY: [(&str, &str); 4] = [
    ("hungry", "(limit `memory`)"),
    ("loops", "(limit `computing`)"),
    ("traps", "it crashed: "),
    // WASI is there, and nothing is in it.
    (
        "wanders",
        "directories: none, variables: none, arguments: none, names: permanent-resolver-failure, \
         connects: access-denied, listens: access-denied, sends: access-denied",
    ),
];

#[test]
fn what_is_no_module_is_refused_by_its_file() -> Result<()> {
    for (name, why) in [
        ("core", "a core WebAssembly module"),
        ("no-manifest", "no `cellhost:module` section"),
    ] {
        let Err(error) = load(name)? else {
            panic!("{name} was loaded");
        };
        assert_eq!(error.to_string(), format!("`{name}.wasm` is no module"));
        assert!(matches!(error, LoadError::NotAModule { .. }), "{error:?}");
        let cause = std::error::Error::source(&error).context("a cause")?;
        assert!(cause.to_string().contains(why), "{cause}");
    }
    Ok(())
}

#[test]
fn a_module_that_needs_what_is_not_there_is_refused_with_what_there_is() -> Result<()> {
    let Err(error) = load("undeclared-import")? else {
        panic!("it was loaded");
    };
    let LoadError::Missing {
        module,
        version,
        needs,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(module, "undeclared-import");
    assert_eq!(*version, semver::Version::new(0, 1, 0));
    assert!(needs.starts_with("acme:thing"), "{needs}");
    let words = error.to_string();
    assert!(
        words.starts_with("module `undeclared-import` 0.1.0 needs "),
        "{words}"
    );
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("cellhost:state"))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_only_computes_is_ended_by_its_limit() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy("[modules.loops]\non = \"all\"\n").await?;
    let placed = deployment.modules.first().context("a module")?;
    let stack = stage.stack(Mode::Real, &stage.journal()?)?;
    let mut apply = context(placed, Hook::Apply, Some("m1"), stack);
    apply.limits.computing = Duration::from_millis(200);
    let begun = Instant::now();
    let Err(error) = placed.module.apply(apply).await else {
        panic!("it came to an end");
    };
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(error.fault, Fault::Time { limit_ms: 200 });
    let words = "module `loops` 0.1.0, apply on `m1`: it computed for more than 200 ms \
                 (limit `computing`)";
    assert_eq!(error.to_string(), words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_that_go_wrong_keep_no_other_from_its_work() -> Result<()> {
    let stage = Stage::new()?;
    let mut plan = String::from(
        "[modules.greeting-rust]\non = \"all\"\nsettings = { greeting = \"hello\" }\n",
    );
    for (name, _) in FAULTY {
        plan.push_str("[modules.");
        plan.push_str(name);
        plan.push_str("]\non = \"all\"\n");
    }
    let told = stage.run(&deploy(&plan).await?, Mode::Real).await?;
    assert!(!told.summary.is_good());
    let greeting = told.rows("greeting-rust");
    for name in NAMES {
        assert_eq!(greeting[name].status, Status::Changed(4));
        let said = stage.text(name, "/etc/greeting/greeting.txt");
        assert!(said.starts_with(&format!("hello from {name}")), "{said}");
    }
    assert_eq!(greeting["form"].status, Status::Unchanged);
    for (guest, why) in FAULTY {
        let rows = told.rows(guest);
        for name in NAMES {
            let Status::Failed(reason) = &rows[name].status else {
                panic!("{:?}", rows[name]);
            };
            let begin = format!("module `{guest}` 0.1.0, apply on `{name}`: ");
            assert!(
                reason.starts_with(&begin) && reason.contains(why),
                "{reason}"
            );
        }
        let skipped = "not all members were applied: m1, m2, m3".to_owned();
        let Status::Skipped(reason) = &rows["form"].status else {
            panic!("{:?}", rows["form"]);
        };
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split([' ', ',']).map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(sorted(reason), sorted(&skipped));
    }
    Ok(())
}
