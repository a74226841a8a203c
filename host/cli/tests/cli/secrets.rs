//! Where the values of secrets come from. A record has the hash of each under a key, by which the same
//! value is known whichever way it came.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::scene::Scene;

const VALUE: &str = r#"o"p'e\n $se%same"#;

/// A plan whose login wants a secret from this source.
fn plan(source: &str) -> String {
    format!(
        "cell = \"orders\"\n[ssh]\nbecome = {{ method = \"sudo\", password = {{ secret = \"own\" }} }}\n\
         [secrets]\nown = {source}\nunused = {{ exec = [\"touch\", \"was-run\"] }}\n\
         [machines]\nnobody = {{ address = \"127.0.0.1\", port = 1 }}\n"
    )
}

/// The program, with programs of this scene before all others.
fn command(scene: &Scene, words: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let own = scene.path().join("bin");
    let (program, rest) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    command
        .args(rest)
        .current_dir(scene.path())
        .env_clear()
        .env("PATH", format!("{}:{path}", own.display()))
        .env("HOME", scene.path())
        .env("OWN", VALUE)
        .env("CELLHOST_STATE", scene.path().join("state"))
        .env("CELLHOST_CACHE", scene.path().join("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_cellhost");

/// What the newest record knows the secret by.
fn fingerprint(scene: &Scene) -> Result<String> {
    let mut records = Vec::new();
    for record in fs_err::read_dir(scene.path().join("state/runs/orders"))? {
        records.push(record?.path());
    }
    let text = fs_err::read_to_string(records.into_iter().max().context("a record")?)?;
    assert!(!text.contains("$se%same"), "{text}");
    let line: Value = serde_json::from_str(text.lines().next().context("a line")?)?;
    let found = line
        .pointer("/body/secrets/own")
        .or(line.pointer("/secrets/own"));
    let found = found.and_then(Value::as_str);
    Ok(found.with_context(|| line.to_string())?.to_owned())
}

fn runs(scene: &Scene, source: &str) -> Result<String> {
    scene.write("plan.toml", &plan(source))?;
    let ended = command(scene, &[PROGRAM, "run"]).output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{source}: {said}");
    fingerprint(scene)
}

fn is_refused(scene: &Scene, source: &str) -> Result<String> {
    scene.write("plan.toml", &plan(source))?;
    let ended = command(scene, &["setsid", "-w", PROGRAM, "run"]).output()?;
    let said = String::from_utf8(ended.stderr)?;
    assert_eq!(ended.status.code(), Some(2), "{source}: {said}");
    assert!(
        said.contains("secret `own`") && !said.contains("sesame"),
        "{said}"
    );
    Ok(said)
}

fn is_run(scene: &Scene, words: &[&str], input: &str) -> Result<Vec<u8>> {
    let mut child = command(scene, words).spawn().context(words.join(" "))?;
    child
        .stdin
        .take()
        .context("an input")?
        .write_all(input.as_bytes())?;
    let ended = child.wait_with_output()?;
    assert!(
        ended.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(ended.stdout)
}

/// Stands in for sops, which Debian does not have: it opens no file, and takes only what cellhost says.
const SOPS: &str = r#"#!/bin/sh
[ "$1 $2 $3" = '--decrypt --extract ["redis"]["pass word"]' ] || { echo "not $*" >&2; exit 1; }
exec cat "$4"
"#;

#[test]
fn a_value_is_the_same_from_wherever_it_comes() -> Result<()> {
    let scene = Scene::new()?;
    scene.write("value", &format!("{VALUE}\n"))?;
    let known = runs(&scene, "{ env = \"OWN\" }")?;
    assert_eq!(runs(&scene, "{ file = \"value\" }")?, known);
    // No shell reads the words.
    assert_eq!(runs(&scene, "{ exec = [\"printenv\", \"OWN\"] }")?, known);
    assert_ne!(runs(&scene, "{ exec = [\"echo\", \"$OWN\"] }")?, known);

    is_run(&scene, &["age-keygen", "-o", "key"], "")?;
    let recipient = is_run(&scene, &["age-keygen", "-y", "key"], "")?;
    let recipient = String::from_utf8(recipient)?;
    is_run(
        &scene,
        &["age", "-r", recipient.trim(), "-o", "-own.age"],
        VALUE,
    )?;
    let age = "{ age = \"-own.age\", identity = \"key\" }";
    assert_eq!(runs(&scene, age)?, known);

    fs_err::create_dir(scene.path().join("bin"))?;
    scene.write("bin/sops", SOPS)?;
    is_run(&scene, &["chmod", "755", "bin/sops"], "")?;
    let sops = "{ sops = \"value\", key = [\"redis\", \"pass word\"] }";
    assert_eq!(runs(&scene, sops)?, known);
    // What no module and no login needs is not asked for.
    assert!(!scene.path().join("was-run").exists());
    Ok(())
}

#[test]
fn a_check_runs_no_program_and_asks_nothing() -> Result<()> {
    let scene = Scene::new()?;
    for source in ["{ exec = [\"touch\", \"was-run\"] }", "{ prompt = true }"] {
        scene.write("plan.toml", &plan(source))?;
        let ended = command(&scene, &["setsid", "-w", PROGRAM, "check"]).output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{said}");
    }
    assert!(!scene.path().join("was-run").exists());
    scene.write("plan.toml", &plan("{ env = \"ABSENT\" }"))?;
    let ended = command(&scene, &[PROGRAM, "check"]).output()?;
    assert_eq!(ended.status.code(), Some(2));
    Ok(())
}

#[test]
fn says_which_source_did_not_tell_and_never_what_it_told() -> Result<()> {
    let scene = Scene::new()?;
    let failed = "{ exec = [\"sh\", \"-c\", \"echo sesame-17; printf 'no sesame-17 \\\\033[31m' >&2; exit 3\"] }";
    let said = is_refused(&scene, failed)?;
    assert!(
        said.contains("`sh` failed (exit status: 3): no [secret]"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    let said = is_refused(&scene, "{ exec = [\"there-is-none\"] }")?;
    assert!(said.contains("`there-is-none` cannot be started"), "{said}");
    let said = is_refused(&scene, "{ exec = [\"printf\", \"se\"] }")?;
    assert!(said.contains("shorter than 4 bytes"), "{said}");
    scene.write("torn.age", "sesame")?;
    scene.write("key", "sesame")?;
    let said = is_refused(&scene, "{ age = \"torn.age\", identity = \"key\" }")?;
    assert!(said.contains("`age` failed"), "{said}");
    let said = is_refused(&scene, "{ prompt = true }")?;
    assert!(said.contains("there is no terminal"), "{said}");
    assert!(!scene.path().join("state/runs").exists());
    Ok(())
}

#[test]
fn asks_for_a_secret_on_a_terminal_once_and_shows_nothing_of_it() -> Result<()> {
    let scene = Scene::new()?;
    let known = runs(&scene, "{ env = \"OWN\" }")?;
    scene.write("plan.toml", &plan("{ prompt = true }"))?;
    let typed = format!("{PROGRAM} run plan.toml");
    let mut child = command(&scene, &["script", "-qec", &typed, "/dev/null"]).spawn()?;
    let mut shown = Vec::new();
    let mut terminal = child.stdout.take().context("a terminal")?;
    let mut chunk = [0; 1024];
    while !String::from_utf8_lossy(&shown).contains("secret `own`: ") {
        let length = terminal.read(&mut chunk)?;
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(chunk.get(..length).unwrap_or_default());
    }
    let mut keys = child.stdin.take().context("keys")?;
    keys.write_all(format!("{VALUE}\r").as_bytes())?;
    keys.flush()?;
    terminal.read_to_end(&mut shown)?;
    let shown = String::from_utf8_lossy(&shown);
    assert!(child.wait()?.success(), "{shown}");
    assert!(!shown.contains("$se%same"), "{shown}");
    assert_eq!(shown.matches("secret `own`").count(), 1, "{shown}");
    assert_eq!(fingerprint(&scene)?, known);
    Ok(())
}
