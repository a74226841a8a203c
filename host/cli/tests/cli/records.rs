//! What is kept of runs, and what can be done with it, without any machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use cellhost_manifest::{embed, extract};

use crate::scene::{Ending, Scene, guests};

/// A machine that nobody answers for, at once.
const PLAN: &str = "cell = \"c\"\n\n[ssh]\nbecome = { method = \"sudo\", password = { secret = \"word\" } }\n\n\
                    [machines]\nm1 = { address = \"127.0.0.1\", port = 1 }\n\n\
                    [secrets]\nword = { env = \"WORD\" }\n\n[modules.greeting-rust]\non = \"all\"\n\
                    settings = { greeting = \"hello\" }\n";

fn cellhost(scene: &Scene, words: &[&str], word: &str) -> anyhow::Result<Ending> {
    scene.cellhost(words.iter().copied(), [("WORD", word)])
}

/// A scene in which a run has failed, and the beginning of the run's name.
fn failed() -> anyhow::Result<(Scene, String)> {
    let scene = Scene::new()?;
    scene.write("plan.toml", PLAN)?;
    let place = guests().display().to_string();
    let ran = cellhost(&scene, &["run", "--modules", &place], "sesame-1")?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("hint: `cellhost resume` goes on"),
        "{ran:?}"
    );
    let listed = cellhost(&scene, &["runs", "--format", "json"], "")?;
    let runs: Value = serde_json::from_str(&listed.stdout)?;
    let run = runs.get(0).context("a run")?;
    assert_eq!(run.get("ended"), Some(&"failed".into()), "{run}");
    let id = run.get("id").and_then(Value::as_str).context("a name")?;
    Ok((scene, id.to_ascii_lowercase()))
}

fn files(place: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![place.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            for entry in fs_err::read_dir(path)? {
                found.push(entry?.path());
            }
        }
    }
    Ok(found)
}

#[test]
fn lists_shows_and_lives_through_a_run_that_failed() -> anyhow::Result<()> {
    let (scene, id) = failed()?;
    let table = cellhost(&scene, &["runs"], "")?;
    let short = id[..10].to_ascii_uppercase();
    assert!(table.stdout.contains(&short), "{table:?}");
    let none = cellhost(&scene, &["runs", "--cell", "other"], "")?;
    assert_eq!((none.stdout.as_str(), none.code), ("", Some(0)));
    let shown = cellhost(&scene, &["runs", "show", &id[..12]], "")?;
    for words in ["greeting-rust", "m1 apply  unreachable", "ensure  "] {
        assert!(shown.stdout.contains(words), "{words}: {shown:?}");
    }
    let shown = cellhost(&scene, &["runs", "show", &id, "--format", "json"], "")?;
    let shown: Value = serde_json::from_str(&shown.stdout)?;
    let verb = shown.pointer("/turns/0/effects/0/verb");
    assert_eq!(verb, Some(&"ensure".into()), "{shown}");
    // The plan and its modules need not be there any longer.
    fs_err::remove_file(scene.path().join("plan.toml"))?;
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let replay = cellhost(&scene, &["replay", &id, "--format", "json"], "")?;
        assert_eq!(replay.code, Some(0), "{replay:?}");
        let replay: Value = serde_json::from_str(&replay.stdout)?;
        assert_eq!(replay.get("sha256"), replay.get("sha256-on-record"));
        hashes.push(replay.get("sha256").cloned());
    }
    assert_eq!(hashes[0], hashes[1]);
    Ok(())
}

#[test]
fn goes_on_with_a_run_as_long_as_everything_is_as_it_was() -> anyhow::Result<()> {
    let (scene, id) = failed()?;
    let again = cellhost(&scene, &["resume"], "sesame-1")?;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("going on with run"), "{again:?}");
    let refused = |words: &[&str], secret: &str, why: &str| -> anyhow::Result<()> {
        let ending = cellhost(&scene, words, secret)?;
        assert_eq!(ending.code, Some(2), "{ending:?}");
        assert!(ending.stderr.contains(why), "{why}: {ending:?}");
        assert!(ending.stderr.contains("hint: "), "{ending:?}");
        Ok(())
    };
    refused(
        &["resume", &id],
        "sesame-2",
        "the value of `word` has changed",
    )?;
    refused(&["resume", "0000"], "", "there is no run `0000`")?;
    scene.write("plan.toml", &PLAN.replace("hello", "hallo"))?;
    refused(&["resume"], "sesame-1", "the plan has changed since run")?;
    scene.write("plan.toml", PLAN)?;
    let place = guests().display().to_string();
    cellhost(&scene, &["run", "--modules", &place], "sesame-1")?;
    refused(&["resume", &id], "sesame-1", "came after run")?;
    Ok(())
}

#[test]
fn keeps_everything_from_others_and_no_secret_at_all() -> anyhow::Result<()> {
    let (scene, _) = failed()?;
    let state = scene.path().join("state");
    let all = files(&state)?;
    assert!(all.len() > 6, "{all:?}");
    for path in all {
        let mode = fs_err::metadata(&path)?.permissions().mode() & 0o777;
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{}", path.display());
        if path.is_file() {
            let text = String::from_utf8_lossy(&fs_err::read(&path)?).into_owned();
            assert!(!text.contains("sesame-1"), "{}", path.display());
        }
    }
    Ok(())
}

#[test]
fn says_where_a_record_is_broken_and_goes_on_with_none_that_is() -> anyhow::Result<()> {
    let (scene, id) = failed()?;
    let name = format!("state/runs/c/{}.jsonl", id.to_ascii_uppercase());
    let path = scene.path().join(name);
    let text = fs_err::read_to_string(&path)?;
    fs_err::write(&path, text.replacen("ensure", "insure", 1))?;
    for words in [&["runs", "show", &id][..], &["replay", &id], &["resume"]] {
        let ending = cellhost(&scene, words, "sesame-1")?;
        assert_eq!(ending.code, Some(1), "{ending:?}");
        let why = "line 2 of the record was changed after it was written";
        assert!(ending.stderr.contains(why), "{words:?}: {ending:?}");
    }
    Ok(())
}

#[test]
fn goes_on_with_no_run_before_one_whose_record_cannot_be_read() -> anyhow::Result<()> {
    let (scene, id) = failed()?;
    let place = guests().display().to_string();
    cellhost(&scene, &["run", "--modules", &place], "sesame-1")?;
    let runs = scene.path().join("state/runs/c");
    let first = runs.join(format!("{}.jsonl", id.to_ascii_uppercase()));
    let second = fs_err::read_dir(&runs)?.map(|entry| entry.map(|entry| entry.path()));
    let second = second.collect::<Result<Vec<_>, _>>()?;
    let second = second.into_iter().find(|path| *path != first);
    let second = second.context("a second record")?;
    let text = fs_err::read_to_string(&second)?;
    fs_err::write(
        &second,
        text.replacen("\"kind\":\"end\"", "\"kind\":\"and\"", 1),
    )?;
    for words in [&["resume"][..], &["resume", &id]] {
        let refused = cellhost(&scene, words, "sesame-1")?;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let why = "cannot use the record of run 0";
        assert!(refused.stderr.contains(why), "{refused:?}");
        assert!(refused.stderr.contains("which came last"), "{refused:?}");
        assert!(
            refused.stderr.contains("hint: `cellhost run`"),
            "{refused:?}"
        );
    }
    // Who died before it said what it was did nothing.
    fs_err::write(&second, "{\"sha256\":\"")?;
    let resumed = cellhost(&scene, &["resume"], "sesame-1")?;
    let shown = id.to_ascii_uppercase();
    let words = format!("going on with run {}", shown.get(..10).context("a name")?);
    assert!(resumed.stderr.contains(&words), "{resumed:?}");
    Ok(())
}

#[test]
fn tells_what_another_version_would_have_asked_otherwise() -> anyhow::Result<()> {
    let (scene, id) = failed()?;
    // The same module in a later version, which says its greeting in other words.
    let bytes = fs_err::read(guests().join("greeting-rust.wasm"))?;
    let mut embedded = extract(&bytes)?;
    embedded.manifest.version = semver::Version::new(0, 2, 0);
    let template = embedded.templates.get_mut("greeting.txt");
    template.context("a template")?.push_str("And so on.\n");
    let later = scene.path().join("later");
    fs_err::create_dir(&later)?;
    fs_err::write(later.join("greeting-rust.wasm"), embed(&bytes, &embedded)?)?;
    let with = [
        "replay",
        &id,
        "--with",
        "greeting-rust=0.2.0",
        "--modules",
        "later",
    ];
    let compared = cellhost(&scene, &with, "")?;
    assert_eq!(compared.code, Some(0), "{compared:?}");
    for words in [
        "greeting-rust 0.2.0 in the place of 0.1.0",
        "  ~ file /etc/greeting/greeting.txt",
        "0 anew, 1 otherwise, 0 no longer, on 1 machine",
    ] {
        assert!(compared.stdout.contains(words), "{words}: {compared:?}");
    }
    let missing = cellhost(
        &scene,
        &["replay", &id, "--with", "greeting-rust=9.9.9"],
        "",
    )?;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    let other = cellhost(&scene, &["replay", &id, "--with", "redis=1.0.0"], "")?;
    assert!(
        other.stderr.contains("the run had no module `redis`"),
        "{other:?}"
    );
    Ok(())
}
