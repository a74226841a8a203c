use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::scene::{Scene, guests};

const PATIENCE: Duration = Duration::from_secs(30);

/// A plan for a machine that takes connections and never says a word.
fn plan(port: u16) -> String {
    format!(
        "cell = \"orders\"\n[run]\nretries = 0\n[ssh]\nuser = \"root\"\nconnect-timeout = \"60s\"\n\
         [machines]\nsilent = {{ address = \"127.0.0.1\", port = {port} }}\n\
         [modules.greeting-rust]\non = \"all\"\nsettings = {{ greeting = \"hello\" }}\n"
    )
}

/// A run that goes on until it is ended, and is ended with this at the latest.
struct Run(Child);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_run_of_a_cell_at_a_time_and_the_next_after_it_was_killed() -> anyhow::Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let scene = Scene::new()?;
    scene.write("plan.toml", &plan(silent.local_addr()?.port()))?;
    let guests = guests().display().to_string();
    let words = ["run", "--modules", &guests];
    let first = scene.command(words, []).stderr(Stdio::null()).spawn()?;
    let mut first = Run(first);
    let lock = scene.path().join("state/locks/orders");
    let end = Instant::now() + PATIENCE;
    while !fs_err::read_to_string(&lock).is_ok_and(|text| text.contains("\"run\":\"")) {
        assert!(Instant::now() < end, "the first run takes no lock");
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = scene.cellhost(words, [])?;
    assert_eq!(second.code, Some(1), "{}", second.stderr);
    let holder = format!(", process {}, since ", first.0.id());
    assert!(
        second.stderr.contains("cell `orders`: `run` of "),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains(&holder), "{}", second.stderr);
    assert_eq!(second.stdout, "");
    let check = scene.cellhost(["check", "--modules", &guests], [])?;
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    // Another cell is nobody's business.
    let other = plan(1).replace("orders", "invoices");
    scene.write("other.toml", &other)?;
    let beside = scene.cellhost(["run", "--modules", &guests, "other.toml"], [])?;
    assert!(
        beside.stderr.contains("Connection refused"),
        "{}",
        beside.stderr
    );
    first.0.kill()?;
    first.0.wait()?;
    scene.write("plan.toml", &plan(1))?;
    let third = scene.cellhost(words, [])?;
    assert!(
        third.stderr.contains("Connection refused"),
        "{}",
        third.stderr
    );
    Ok(())
}
