//! What an operator is asked on a terminal, and what becomes of the answers.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::operator::Operator;
use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(1);
const CHOICE: &str = "stop here: ";
const INTERRUPT: &str = "\u{3}";

/// How often something stands in what a machine keeps of chores.
fn count(site: &Site, machine: u16, line: &str) -> Result<usize> {
    let counted = format!("grep -cxF '{line}' /var/lib/chores/ledger || true");
    Ok(site.on(machine, &counted)?.parse()?)
}

#[test]
fn each_command_in_doubt_is_asked_about_and_an_interrupt_is_an_answer_too() -> Result<()> {
    let site = Site::up(3)?;
    site.chores("old", ", pace = \"3\"")?;
    let mut run = site.begin(&[])?;
    for machine in 1..=3 {
        eventually("a chore is under way", PATIENCE, || {
            site.does(machine, "grep -qsx 'draw old-third' /run/chores")
        })?;
    }
    run.kill()?;
    run.wait()?;

    // Whoever cannot tell may leave, and is told nothing but the truth.
    let mut operator = Operator::begins(&site, &["resume"])?;
    operator.reads(CHOICE)?;
    let begun = Instant::now();
    operator.types(INTERRUPT)?;
    let (code, screen) = operator.leaves()?;
    assert_eq!(code, Some(130), "{screen}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{screen}");
    // What was under way has ended by now, well or not, and nothing was begun.
    let drawn = |machine| count(&site, machine, "draw old-third");
    let before = [drawn(1)?, drawn(2)?, drawn(3)?];
    assert!(before.iter().all(|times| *times < 2), "{before:?}");

    let mut operator = Operator::begins(&site, &["resume"])?;
    for asked in 0..3 {
        let question = operator.reads(CHOICE)?;
        assert!(
            question.contains("nobody knows whether this ran on m"),
            "{question}"
        );
        assert!(
            question.contains("$ /usr/local/bin/chore draw old-third"),
            "{question}"
        );
        if asked == 0 {
            // A line that moves would go over the question.
            let shown = operator.screen();
            std::thread::sleep(Duration::from_millis(400));
            assert_eq!(operator.screen(), shown);
            operator.types("what?\r")?;
            operator.reads(CHOICE)?;
        }
        let machine = question.split("this ran on ").nth(1).context("a machine")?;
        let answer = match machine.get(..2) {
            Some("m1") => "y\r",
            Some("m2") => "a\r",
            _ => "n\r",
        };
        operator.types(answer)?;
    }
    let (code, screen) = operator.leaves()?;
    assert_eq!(code, Some(3), "{screen}");
    let open = "chores/apply/m3/0/";
    assert!(
        screen.contains(&format!("--assume-done {open}")),
        "{screen}"
    );
    assert!(screen.contains(&format!("--do-again {open}")), "{screen}");
    assert!(
        !screen.contains("--assume-done chores/apply/m1"),
        "{screen}"
    );
    assert_eq!(
        [drawn(1)?, drawn(2)?, drawn(3)?],
        [before[0], before[1] + 1, before[2]]
    );
    assert_eq!(site.on(1, "cat /etc/chores/done")?, "old");
    assert!(!site.does(3, "test -e /etc/chores/done")?);

    let effect = screen.split("--assume-done ").nth(1).context("an effect")?;
    let effect = effect.split('`').next().context("its name")?;
    let words = ["resume", "--assume-done", effect];
    let ended = Ran::of(&site.cellhost(&words, &[]).output()?)?.ends_with(0);
    assert!(
        !ended.stderr.contains("nobody knows"),
        "{}",
        ended.written()
    );
    assert_eq!(
        [drawn(1)?, drawn(2)?, drawn(3)?],
        [before[0], before[1] + 1, before[2]]
    );
    let nothing = Ran::of(&site.cellhost(&["resume"], &[]).output()?)?.ends_with(2);
    assert!(nothing.stderr.contains("finished"), "{}", nothing.written());
    Ok(())
}

#[test]
fn what_is_not_in_a_kept_plan_is_asked_about_and_a_kept_plan_of_something_else_is_refused()
-> Result<()> {
    let site = Site::up(2)?;
    site.chores("old", "")?;
    site.run(&[], &[])?.ends_with(0);
    site.chores("new", "")?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path in UTF-8")?;
    let tell = |words: &[&str]| Ran::of(&site.cellhost(words, &[]).output()?);
    let keep = ["plan", "--modules", guests, "-o", "kept.json"];
    tell(&keep)?.ends_with(0);

    // Something else than what was looked at is planned, deployed by, or numbered by now.
    let before = site.fingerprints()?;
    let refused = |words: &[&str], why: &str| -> Result<()> {
        let ran = tell(words)?.ends_with(2);
        assert!(
            ran.stderr.contains("this was not agreed to"),
            "{}",
            ran.written()
        );
        assert!(ran.stderr.contains(why), "{why}: {}", ran.written());
        assert!(ran.stderr.contains("hint: look again"), "{}", ran.written());
        Ok(())
    };
    let changed = |name: &str, change: fn(Vec<u8>) -> Vec<u8>| -> Result<Vec<u8>> {
        let path = site.path().join(name);
        let text = fs_err::read(&path)?;
        fs_err::write(&path, change(text.clone()))?;
        Ok(text)
    };
    let plan = changed("plan.toml", |text| [text, b"# more\n".to_vec()].concat())?;
    refused(&["run", "kept.json"], "plan.toml` is not what it was")?;
    fs_err::write(site.path().join("plan.toml"), plan)?;
    let lock = changed("cellhost.lock", |text| {
        let text = String::from_utf8_lossy(&text).replacen("ordinal = 1", "ordinal = 7", 1);
        text.into_bytes()
    })?;
    refused(&["run", "kept.json"], "other numbers or addresses")?;
    fs_err::write(site.path().join("cellhost.lock"), lock)?;
    // The same module with one empty section more.
    let module = fs_err::read(cellhost_system_tests::guest("chores")?)?;
    let other = site.path().join("other");
    fs_err::create_dir(&other)?;
    fs_err::write(
        other.join("chores.wasm"),
        [&module[..], &[0, 2, 1, b'x']].concat(),
    )?;
    let words = ["run", "--modules", "other", "kept.json"];
    refused(&words, "module `chores` is not what it was")?;
    assert_eq!(site.fingerprints()?, before);

    // Somebody changes machines in between.
    site.on(1, "echo 0.7 >/var/lib/chores/pace")?;
    let question = "do it all the same? (y = this one, n = stop) ";
    for (keys, code) in [(INTERRUPT, 130), ("n\r", 130)] {
        let mut operator = Operator::begins(&site, &["run", "kept.json"])?;
        let asked = operator.reads(question)?;
        assert!(
            asked.contains("not in the kept plan: chores on m1"),
            "{asked}"
        );
        assert!(asked.contains("/var/lib/chores/pace"), "{asked}");
        let begun = Instant::now();
        operator.types(keys)?;
        let (ended, screen) = operator.leaves()?;
        assert_eq!(ended, Some(code), "{screen}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{screen}");
        assert_eq!(site.on(1, "cat /var/lib/chores/pace")?, "0.7", "{screen}");
    }
    // Nobody is there to ask.
    let silent = tell(&["run", "kept.json"])?.ends_with(3);
    assert!(
        silent.written().contains("not agreed to"),
        "{}",
        silent.written()
    );
    let mut operator = Operator::begins(&site, &["run", "kept.json"])?;
    operator.reads(question)?;
    operator.types("y\r")?;
    let (ended, screen) = operator.leaves()?;
    assert_eq!(ended, Some(0), "{screen}");
    for machine in 1..=2 {
        assert_eq!(site.on(machine, "cat /etc/chores/done")?, "new");
        for chore in ["put new-first", "add new-second", "draw new-third"] {
            assert_eq!(count(&site, machine, chore)?, 1, "{chore} on m{machine}");
        }
    }
    Ok(())
}
