use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::scene::Scene;

const PLAN: &str = "cell = \"orders\"\n[ssh]\nbecome = \"sudo\"\n\
                    [machines]\nnobody = { address = \"127.0.0.1\", port = 1 }\n";

/// The program in an environment of its own, started by another one.
fn through(scene: &Scene, words: &[&str]) -> Command {
    let mut command = Command::new(words.first().expect("a program"));
    command
        .args(words.get(1..).unwrap_or_default())
        .current_dir(scene.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", scene.path())
        .env("CELLHOST_STATE", scene.path().join("state"))
        .env("CELLHOST_CACHE", scene.path().join("cache"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn asks_for_a_password_on_a_terminal_and_neither_shows_nor_keeps_it() -> anyhow::Result<()> {
    let scene = Scene::new()?;
    scene.write("plan.toml", PLAN)?;
    let program = env!("CARGO_BIN_EXE_cellhost");
    let typed = format!("{program} run --ask-become-password plan.toml");
    // `script` lends it a terminal.
    let mut child = through(&scene, &["script", "-qec", &typed, "/dev/null"]).spawn()?;
    let mut shown = Vec::new();
    let mut terminal = child.stdout.take().expect("a pipe");
    let mut chunk = [0; 1024];
    while !String::from_utf8_lossy(&shown).contains("password for sudo") {
        let length = terminal.read(&mut chunk)?;
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(chunk.get(..length).unwrap_or_default());
    }
    let mut keys = child.stdin.take().expect("a pipe");
    keys.write_all(b"correct horze\x7f\x7fse\r")?;
    keys.flush()?;
    terminal.read_to_end(&mut shown)?;
    let shown = String::from_utf8_lossy(&shown);
    assert!(child.wait()?.success(), "{shown}");
    assert!(shown.contains("0 changed"), "{shown}");
    assert!(!shown.contains("correct"), "{shown}");
    for record in fs_err::read_dir(scene.path().join("state/runs/orders"))? {
        let text = fs_err::read_to_string(record?.path())?;
        assert!(!text.contains("correct"), "{text}");
    }
    Ok(())
}

#[test]
fn refuses_to_ask_for_a_password_without_a_terminal() -> anyhow::Result<()> {
    let scene = Scene::new()?;
    scene.write("plan.toml", PLAN)?;
    let program = env!("CARGO_BIN_EXE_cellhost");
    let words = ["setsid", "-w", program, "run", "--ask-become-password"];
    let ended = through(&scene, &words).output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no terminal"), "{said}");
    assert!(!scene.path().join("state/runs").exists());
    Ok(())
}

#[test]
fn refuses_to_ask_for_a_password_that_nobody_wants() -> anyhow::Result<()> {
    for (how, wanted) in [("become = \"doas\"", "doas"), ("", "does not say how")] {
        let scene = Scene::new()?;
        scene.write("plan.toml", &PLAN.replace("become = \"sudo\"", how))?;
        let ended = scene.cellhost(["run", "--ask-become-password"], [])?;
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    }
    Ok(())
}
