//! Modules that want to do harm, each one thing, beside one that does not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use cellhost_effects::Hook;
use cellhost_engine::Status;
use cellhost_manifest::{Embedded, Manifest, embed};
use cellhost_runtime::{CellView, Context, Fault, Totals, TurnError};

use crate::stage::{Mode, NAMES, Stage, context, deploy, deploy_with, deploy_within, load, loaded};

/// The guest that does all of it.
pub(crate) const GUEST: &str = "hostile";

/// What stands before and behind the table of all this in `docs/security.md`.
const TABLE: [&str; 2] = ["<!-- deeds -->\n", "<!-- end of deeds -->"];

/// What is refused, and the words of the rule that decided. None of it reaches the machine.
const REFUSED: [(&str, &str); 37] = [
    ("climbs-by-parents", "is no plain absolute path"),
    ("doubles-a-slash", "is no plain absolute path"),
    ("writes-from-nowhere", "is no plain absolute path"),
    ("hides-behind-a-zero", "is no plain absolute path"),
    ("breaks-the-line", "is no plain absolute path"),
    ("names-an-escape", "is no plain absolute path"),
    ("names-at-length", "is no plain absolute path"),
    (
        "writes-elsewhere",
        "writing `/etc/shadow` is not in `paths`",
    ),
    ("writes-beside", "writing `/etc/hostile2` is not in `paths`"),
    ("writes-what-the-host-remembers", "is no place for modules"),
    ("reads-elsewhere", "reading `/etc/shadow` is not in `reads`"),
    ("looks-elsewhere", "reading `/root` is not in `reads`"),
    ("links-out", "a link to `/etc/shadow` is not in `paths`"),
    (
        "links-out-by-parents",
        "a link to `/srv/keys` is not in `paths`",
    ),
    ("removes-all", "writing `/etc` is not in `paths`"),
    (
        "calls-a-shell",
        "the command `sh -c id` is not in `commands`",
    ),
    ("calls-its-own", "is not in `commands`"),
    ("calls-with-more", "is not in `commands`"),
    ("calls-nothing", "a command without a program"),
    ("preloads", "the environment variable `LD_PRELOAD`"),
    ("names-a-variable-twice", "the environment variable `A=B`"),
    ("becomes-another", "running as another user, `postgres`,"),
    (
        "takes-a-secret",
        "the secret `other` is not among its settings",
    ),
    (
        "renders-a-secret",
        "the secret `other` is not among its settings",
    ),
    ("includes-itself", "template `itself.txt`"),
    ("renders-for-ever", "template `endless.txt`"),
    ("renders-a-flood", "the text is longer than"),
    ("renders-what-is-not-there", "there is no template"),
    (
        "installs-another",
        "the package `openssh-server` is not in `packages`",
    ),
    ("installs-an-option", "`--allow-downgrades`"),
    ("serves-another", "the service `ssh` is not in `services`"),
    ("serves-an-option", "`--root=/x"),
    ("makes-root", "the user `root` is not in `users`"),
    ("makes-a-group", "the group `sudo` is not in `groups`"),
    ("dials-ssh", "dialing port 22 is not in `dial`"),
    ("fetches", "is not in `urls`"),
    ("wishes-without-number", "200000 wishes in one list"),
];

/// What machines are asked for that concerns the whole of them.
const REFUSED_OF_THE_SYSTEM: [(&str, &str); 4] = [
    ("sets-the-kernel", "is not in `sysctl`"),
    ("loads-into-the-kernel", "is not in `kernel-modules`"),
    ("mounts", "is not in `mounts`"),
    ("contains", "is not in `containers`"),
];

/// What ends the module's turn, and the limit that it ran into.
const ENDED: [(&str, &str); 5] = [
    ("overflows-the-stack", "it crashed: "),
    ("eats-memory", "(limit `memory`)"),
    ("asks-for-ever", "(limit `effects`)"),
    ("names-one-text-often", "(limit `data`)"),
    ("computes-for-ever", "(limit `computing`)"),
];

/// What does no harm, so that it is not refused.
const HARMLESS: [&str; 6] = [
    "injects-a-command",
    "injects-a-template",
    "floods-the-log",
    "floods-the-log-with-nothing",
    "steers-the-terminal",
    "remembers",
];

/// The part of a plan by which this is tried on one machine.
fn tries(deed: &str) -> String {
    format!(
        "[modules.{deed}]\nmodule = \"hostile\"\non = \"m1\"\nsettings = {{ deed = \"{deed}\" }}\n"
    )
}

fn plan() -> String {
    let deeds = REFUSED.iter().chain(&REFUSED_OF_THE_SYSTEM).chain(&ENDED);
    let deeds = deeds.map(|(deed, _)| *deed).chain(HARMLESS);
    let mut plan = String::from(
        "[modules.greeting-rust]\non = \"all\"\nsettings = { greeting = \"hello\" }\n",
    );
    for deed in deeds {
        plan.push_str(&tries(deed));
    }
    plan
}

/// The table that is in the docs: each deed with what becomes of it.
fn table() -> String {
    let mut table = String::from("\n| a module that … | is |\n|---|---|\n");
    let mut add = |deed: &str, what: &str| {
        let deed = deed.replace('-', " ");
        table.extend(["| ", &deed, " | ", what, " |\n"]);
    };
    for (deed, words) in REFUSED.iter().chain(&REFUSED_OF_THE_SYSTEM) {
        add(deed, &format!("refused: “{}”", words.replace('`', "")));
    }
    for (deed, words) in ENDED {
        let words = words.trim_end_matches(": ");
        add(deed, &format!("ended: “{}”", words.replace('`', "")));
    }
    for deed in HARMLESS {
        add(deed, "let be: it does no harm");
    }
    table.push('\n');
    table
}

/// With `UPDATE=1` it is written anew.
#[test]
fn the_table_in_the_docs_is_of_these_deeds() -> Result<()> {
    let path = cellhost_system_tests::root().join("docs/security.md");
    let text = fs_err::read_to_string(&path)?;
    let (before, rest) = text.split_once(TABLE[0]).context("the table's begin")?;
    let (found, behind) = rest.split_once(TABLE[1]).context("the table's end")?;
    if std::env::var_os("UPDATE").is_some() {
        let anew = [before, TABLE[0], &table(), TABLE[1], behind].concat();
        fs_err::write(&path, anew)?;
        return Ok(());
    }
    assert_eq!(found, table());
    Ok(())
}

/// The most memory that this program has had so far, in MiB.
fn most_memory() -> Result<u64> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.context("a peak")?.trim().trim_end_matches(" kB");
    Ok(number.parse::<u64>()? / 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_deed_is_contained_and_its_rule_is_on_record() -> Result<()> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").context("m1")?;
    m1.answer(&["hostile-tool"], |_, _| "fine".into());
    let told = stage.run(&deploy(&plan()).await?, Mode::Real).await?;
    for (deed, words) in REFUSED.iter().chain(&REFUSED_OF_THE_SYSTEM).chain(&ENDED) {
        let rows = told.rows(deed);
        let failed: Vec<&str> = rows
            .values()
            .filter_map(|row| match &row.status {
                Status::Failed(reason) => Some(reason.as_str()),
                _ => None,
            })
            .collect();
        assert!(
            failed.iter().any(|reason| reason.contains(words)),
            "{deed}: {rows:?}"
        );
        // A crash is told of in several lines.
        let strange = |c: char| c.is_control() && c != '\n';
        assert!(
            !failed.iter().any(|reason| reason.contains(strange)),
            "{failed:?}"
        );
    }
    for deed in HARMLESS {
        for (place, row) in told.rows(deed) {
            assert!(row.status.is_good(), "{deed} {place}: {row:?}");
        }
    }
    // What a module was refused or ended for is in the record, with the rule, where it is told of.
    let records = told.records()?;
    for (deed, words) in REFUSED.iter().chain(&REFUSED_OF_THE_SYSTEM).chain(&ENDED) {
        let own = records.iter().map(ToString::to_string);
        let mut own = own.filter(|record| record.contains(&format!("\"{deed}\"")));
        let written = serde_json::to_string(words)?;
        let written = written.trim_matches('"');
        assert!(
            own.any(|record| record.contains(written)),
            "{deed}: no `{written}`"
        );
    }
    // Nothing of it reached a machine but what is harmless there.
    let commands = m1.commands();
    let own = commands
        .iter()
        .filter(|argv| argv.first().is_some_and(|word| word == "hostile-tool"));
    let own: Vec<&Vec<String>> = own.collect();
    assert_eq!(
        own,
        [&["hostile-tool", "x; touch /etc/shadow $(id) `id` \n id"]]
    );
    let given = stage.text("m1", "/etc/hostile/t");
    assert_eq!(given, "as it was given: {{ 7 * 7 }}{% include 'x' %}\n");
    // Nobody else is kept from work.
    for name in NAMES {
        assert_eq!(told.rows("greeting-rust")[name].status, Status::Changed(4));
    }
    // Lines are counted, and nothing in them steers a terminal.
    let warnings = told.warnings();
    assert!(
        warnings.iter().any(|words| words.contains("be quiet")),
        "{warnings:?}"
    );
    assert!(
        !warnings
            .iter()
            .any(|words| words.contains(char::is_control))
    );
    let said = warnings
        .iter()
        .filter(|words| words.contains("it said too much"));
    assert_eq!(said.count(), 2, "{warnings:?}");
    assert!(told.events.len() < 60_000, "{} events", told.events.len());
    let memory = most_memory()?;
    assert!(memory < 3000, "{memory} MiB");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_that_is_refused_is_refused_in_a_dry_run_too() -> Result<()> {
    let stage = Stage::new()?;
    let before = stage.state();
    let mut plan = String::new();
    for (deed, _) in REFUSED.iter().chain(&REFUSED_OF_THE_SYSTEM) {
        plan.push_str(&tries(deed));
    }
    let told = stage.run(&deploy(&plan).await?, Mode::Dry).await?;
    for (deed, words) in REFUSED.iter().chain(&REFUSED_OF_THE_SYSTEM) {
        let rows = told.rows(deed);
        let Status::Failed(reason) = &rows["m1"].status else {
            panic!("{deed}: {rows:?}");
        };
        assert!(reason.contains(words), "{deed}: {reason}");
    }
    assert_eq!(stage.state(), before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_how_a_machine_is_changes_nothing_there() -> Result<()> {
    let stage = Stage::new()?;
    let before = stage.state();
    let deed = "changes-when-asked-how-it-is";
    let plan = tries(deed);
    let deployment = deploy(&plan).await?;
    let placed = deployment.modules.first().context("a module")?;
    let journal = stage.journal()?;
    let stack = stage.stack(Mode::Real, &journal)?;
    let health = context(placed, Hook::Health, Some("m1"), stack);
    let told = format!("{:?}", placed.module.health(health).await);
    assert!(told.contains("the hook `health` may only look"), "{told}");
    let record = fs_err::read_to_string(journal)?;
    assert!(
        record.contains("the hook `health` may only look"),
        "{record}"
    );
    assert_eq!(stage.state(), before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hook_computes_for_ever() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&tries("remembers")).await?;
    let placed = deployment.modules.first().context("a module")?;
    let turn = |hook, on, deed: &str| -> Result<Context> {
        let mut turn = context(
            placed,
            hook,
            on,
            stage.stack(Mode::Real, &stage.journal()?)?,
        );
        turn.cell = Arc::new(CellView {
            settings: serde_json::json!({ "deed": deed }).to_string(),
            ..(*turn.cell).clone()
        });
        turn.limits.computing = Duration::from_millis(100);
        Ok(turn)
    };
    let module = &placed.module;
    let m1 = Some("m1");
    let begun = Instant::now();
    let ended: [Option<TurnError>; 7] = [
        module
            .validate(turn(Hook::Validate, None, "validates-for-ever")?)
            .await
            .err(),
        module
            .outputs(turn(Hook::Outputs, None, "puts-out-for-ever")?)
            .await
            .err(),
        module
            .order(turn(Hook::Order, None, "orders-for-ever")?)
            .await
            .err(),
        module
            .apply(turn(Hook::Apply, m1, "computes-for-ever")?)
            .await
            .err(),
        module
            .form(turn(Hook::Form, None, "forms-for-ever")?)
            .await
            .err(),
        module
            .health(turn(Hook::Health, m1, "is-asked-for-ever")?)
            .await
            .err(),
        module
            .remove(turn(Hook::Remove, m1, "removes-for-ever")?, true)
            .await
            .err(),
    ];
    for error in ended {
        let error = error.context("it came to an end")?;
        assert_eq!(error.fault, Fault::Time { limit_ms: 100 }, "{error}");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_a_limit() -> Result<()> {
    let stage = Stage::new()?;
    let deployment = deploy(&tries("remembers")).await?;
    let placed = deployment.modules.first().context("a module")?;
    let stack = stage.stack(Mode::Real, &stage.journal()?)?;
    let mut apply = context(placed, Hook::Apply, Some("m1"), stack);
    apply.limits.table_elements = 10;
    let error = placed.module.apply(apply).await.err();
    let words = error.context("it went well")?.to_string();
    assert!(words.contains("it may have 10 (limit `table`)"), "{words}");
    Ok(())
}

/// What all turns may have together: three of them want 96 MiB and more each, and hold it while they
/// wait for a machine that takes its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_turns_together_have_a_limit_and_wait_for_each_other() -> Result<()> {
    let plan = "[modules.hostile]\non = \"all\"\nsettings = { deed = \"holds-memory\" }\n";
    for (mebibytes, turns, is_enough) in [(220, 9, true), (400, 1, true), (64, 9, false)] {
        let stage = Stage::new()?;
        for name in NAMES {
            let machine = stage.fleet.machine(name).context(name)?;
            machine.answer(&["hostile-tool"], |_, _| {
                std::thread::sleep(Duration::from_millis(200));
                "fine".into()
            });
        }
        let totals = Totals {
            memory: mebibytes << 20,
            turns,
        };
        let told = stage
            .run(&deploy_within(totals, plan).await?, Mode::Real)
            .await?;
        for name in NAMES {
            match &told.rows("hostile")[name].status {
                Status::Changed(1) => assert!(is_enough, "{mebibytes}"),
                Status::Failed(why) => {
                    let words = "all turns together may have 64 MiB (limit `CELLHOST_MEMORY`";
                    assert!(!is_enough && why.contains(words), "{mebibytes}: {why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_a_module_says_of_itself_gives_it_no_more_than_it_asks_for() -> Result<()> {
    let stage = Stage::new()?;
    let bytes = fs_err::read(cellhost_system_tests::guest(GUEST)?)?;
    // A second section would be another manifest.
    let modest = "name = \"hostile\"\nversion = \"0.1.0\"\ndescription = \"asks for nothing\"\n";
    let manifest = Manifest::parse("module.toml", modest)
        .ok()
        .context("a manifest")?;
    let modest = Embedded::new(manifest, None, std::collections::BTreeMap::new());
    let mut added = bytes.clone();
    let name = b"cellhost:module";
    let at = bytes.windows(name.len()).rposition(|window| window == name);
    let at = at.context("the section")?;
    added.extend_from_slice(&[0, 18, 15]);
    added.extend_from_slice(name);
    added.extend_from_slice(b"{}");
    assert!(loaded(&added, GUEST).is_err(), "two sections");
    // One that is no text, and one that is no manifest.
    for wrong in [&b"\xff\xfe"[..], b"[]"] {
        let mut broken = bytes.clone();
        let begin = at + name.len();
        for (place, byte) in broken.iter_mut().skip(begin).zip(wrong) {
            *place = *byte;
        }
        assert!(loaded(&broken, GUEST).is_err(), "{wrong:?}");
    }
    // It imports all that it did, and asks for none of it.
    let modest = embed(&bytes, &modest)?;
    let deployment = deploy_with(&tries("injects-a-command"), |name| loaded(&modest, name)).await?;
    let told = stage.run(&deployment, Mode::Real).await?;
    let Status::Failed(why) = &told.rows("injects-a-command")["m1"].status else {
        panic!("{:?}", told.summary);
    };
    assert!(why.contains("is not in `commands`"), "{why}");
    assert!(told.journal.contains("is not in `commands`"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_end_the_turn_of_whoever_gave_them() -> Result<()> {
    let stage = Stage::new()?;
    let plan = tries("says-what-is-no-text");
    // A lone surrogate, bytes that never stand in UTF-8, and one that ends in the middle of a character.
    for bytes in [&b"\xed\xa0\x80"[..], b"\xff\xfe\xfd", b"\xf0\x9f\x92"] {
        let deployment = deploy_with(&plan, |name| {
            let text = b"bytes-that-are-no-text";
            let mut module = fs_err::read(cellhost_system_tests::guest(name)?)?;
            let at = module.windows(text.len()).position(|window| window == text);
            let at = at.context("the text")? + text.len() - bytes.len();
            for (place, byte) in module.iter_mut().skip(at).zip(bytes) {
                *place = *byte;
            }
            loaded(&module, name)
        });
        let told = stage.run(&deployment.await?, Mode::Real).await?;
        let rows = told.rows("says-what-is-no-text");
        let Status::Failed(reason) = &rows["m1"].status else {
            panic!("{rows:?}");
        };
        assert!(reason.contains("it crashed: "), "{reason}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_module_says_of_a_plan_does_nothing_to_the_terminal() -> Result<()> {
    let plan = tries("judges-by-escapes");
    load("hostile")??;
    let Err(error) = deploy(&plan).await else {
        panic!("it was refused");
    };
    let words = format!("{error:#}");
    let is_strange = |c: char| c.is_control() && c != '\n';
    assert!(
        words.contains("fine") && !words.contains(is_strange),
        "{words:?}"
    );
    Ok(())
}
