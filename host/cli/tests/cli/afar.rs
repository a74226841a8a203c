//! Cells whose lock and records are in a store: a directory, and a stand-in for S3.

mod stand_in;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

use crate::scene::{Ending, Scene, guests};
use stand_in::StandIn;

const PATIENCE: Duration = Duration::from_mins(1);
/// How many programs try to get the same lock at once.
const RIVALS: usize = 50;

/// A plan for one machine at a port of this computer, with what it says about its store.
fn plan(state: &str, port: u16) -> String {
    format!(
        "cell = \"orders\"\n{state}[run]\nretries = 0\n[ssh]\nuser = \"root\"\n\
         connect-timeout = \"60s\"\n[machines]\nm1 = {{ address = \"127.0.0.1\", port = {port} }}\n\
         [secrets]\nword = {{ env = \"WORD\" }}\n[modules.greeting-rust]\non = \"all\"\n\
         settings = {{ greeting = \"hello\" }}\n"
    )
}

/// Some computers and what they share.
struct Office {
    scene: Scene,
    guests: String,
    store: Option<StandIn>,
}

/// A run that goes on until it is ended, and is ended with this at the latest.
struct Run(Child);

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Office {
    fn with_a_directory() -> anyhow::Result<Self> {
        let scene = Scene::new()?;
        let shared = scene.path().join("shared");
        fs_err::create_dir(&shared)?;
        fs_err::set_permissions(&shared, std::fs::Permissions::from_mode(0o770))?;
        Ok(Self {
            scene,
            guests: guests().display().to_string(),
            store: None,
        })
    }

    fn with_a_stand_in() -> anyhow::Result<Self> {
        Ok(Self {
            scene: Scene::new()?,
            guests: guests().display().to_string(),
            store: Some(StandIn::start()?),
        })
    }

    fn both() -> anyhow::Result<[Self; 2]> {
        Ok([Self::with_a_directory()?, Self::with_a_stand_in()?])
    }

    fn state(&self) -> String {
        if let Some(store) = &self.store {
            return store.section();
        }
        let place = self.scene.path().join("shared");
        format!("[state]\nurl = \"file://{}\"\n", place.display())
    }

    /// The program on one of the computers: each has a state directory of its own.
    fn on<'a>(&self, computer: &str, words: &[&'a str], word: &'a str) -> std::process::Command {
        let mut command = self.scene.command(words.iter().copied(), [("WORD", word)]);
        command
            .env("CELLHOST_STATE", self.scene.path().join(computer))
            .env("AWS_ACCESS_KEY_ID", "somebody")
            .env("AWS_SECRET_ACCESS_KEY", "sesame-of-the-store")
            .env("LOGNAME", computer);
        command
    }

    fn tell(&self, computer: &str, words: &[&str]) -> anyhow::Result<Ending> {
        Ok(ending(&self.on(computer, words, "sesame-1").output()?))
    }

    fn run(&self, computer: &str) -> anyhow::Result<Ending> {
        self.tell(computer, &["run", "--modules", &self.guests])
    }

    fn plan(&self, more: &str, port: u16) -> anyhow::Result<()> {
        let state = format!("{}{more}", self.state());
        self.scene.write("plan.toml", &plan(&state, port))
    }

    /// Begins a run on a computer that waits for its machine, and waits until it has its lock.
    fn start(&self, computer: &str) -> anyhow::Result<Run> {
        let lock = self.scene.path().join(computer).join("locks/orders");
        // An earlier run that is dead has left its words.
        let _ = fs_err::remove_file(&lock);
        let words = ["run", "--modules", &self.guests];
        let mut command = self.on(computer, &words, "sesame-1");
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = Run(child.spawn()?);
        let end = Instant::now() + PATIENCE;
        while !fs_err::read_to_string(&lock).is_ok_and(|text| text.contains("\"run\":\"")) {
            assert!(Instant::now() < end, "the run takes no lock");
            assert!(run.0.try_wait()?.is_none(), "the run ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(run)
    }

    fn runs(&self, computer: &str) -> anyhow::Result<Vec<Value>> {
        let listed = self.tell(computer, &["runs", "--format", "json"])?;
        serde_json::from_str(&listed.stdout).with_context(|| listed.stderr)
    }
}

fn ending(output: &Output) -> Ending {
    Ending {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn word<'a>(run: &'a Value, key: &str) -> &'a str {
    run.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn another_computer_reads_lives_through_and_goes_on_with_a_run() -> anyhow::Result<()> {
    for office in Office::both()? {
        // From a directory of modules that the other computer does not have.
        let modules = office.scene.path().join("ann/modules-of-ann");
        fs_err::create_dir_all(&modules)?;
        fs_err::copy(guests().join("greeting-rust.wasm"), modules.join("it.wasm"))?;
        office.plan("", 1)?;
        let modules = modules.display().to_string();
        let ran = office.tell("ann", &["run", "--modules", &modules])?;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let runs = office.runs("bob")?;
        assert_eq!(word(&runs[0], "ended"), "failed", "{runs:?}");
        let id = word(&runs[0], "id").to_owned();
        let replay = office.tell("bob", &["replay", &id])?;
        assert_eq!(replay.code, Some(0), "{replay:?}");
        // Ann's computer burns down.
        fs_err::remove_dir_all(office.scene.path().join("ann"))?;
        let resumed = office.tell("bob", &["resume"])?;
        assert_eq!(resumed.code, Some(2), "{resumed:?}");
        assert!(resumed.stderr.contains("--same-secrets"), "{resumed:?}");
        let resumed = office.tell("bob", &["resume", "--same-secrets"])?;
        assert_eq!(resumed.code, Some(1), "{resumed:?}");
        assert!(resumed.stderr.contains("going on with run"), "{resumed:?}");
        // A third one sees what both did.
        let shown = office.tell("eve", &["runs", "show", &id])?;
        assert!(shown.stdout.contains("resumed 1 time"), "{shown:?}");
        assert!(shown.stdout.contains("m1 apply  unreachable"), "{shown:?}");
        let numbers = fs_err::read_to_string(office.scene.path().join("cellhost.lock"))?;
        fs_err::remove_file(office.scene.path().join("cellhost.lock"))?;
        office.run("eve")?;
        let again = fs_err::read_to_string(office.scene.path().join("cellhost.lock"))?;
        assert_eq!(numbers, again, "machines have got other numbers");
        assert_eq!(office.runs("bob")?.len(), 2);
        if let Some(store) = &office.store {
            let all = String::from_utf8_lossy(&store.bytes()).into_owned();
            assert!(all.contains("greeting-rust"), "there are no records");
            assert!(!all.contains("sesame"), "a secret is in the store");
        }
    }
    Ok(())
}

#[test]
fn of_fifty_programs_on_fifty_computers_one_gets_the_lock() -> anyhow::Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0")?;
    for office in Office::both()? {
        office.plan("", silent.local_addr()?.port())?;
        let words = ["run", "--modules", &office.guests];
        let rivals = (0..RIVALS).map(|rival| {
            let mut command = office.on(&format!("computer-{rival}"), &words, "sesame-1");
            let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
            Ok(Run(command.spawn()?))
        });
        let mut rivals = rivals.collect::<anyhow::Result<Vec<Run>>>()?;
        let end = Instant::now() + PATIENCE;
        let mut refused = 0;
        while rivals.len() > 1 {
            assert!(Instant::now() < end, "{} have the lock", rivals.len());
            let mut left = Vec::new();
            for mut rival in rivals {
                if rival.0.try_wait()?.is_none() {
                    left.push(rival);
                    continue;
                }
                let mut words = String::new();
                let stderr = rival.0.stderr.take().context("what it wrote")?;
                std::io::Read::read_to_string(&mut { stderr }, &mut words)?;
                let why = "another cellhost is at work on cell `orders`: `run` of computer-";
                assert!(words.contains(why), "{words}");
                refused += 1;
            }
            rivals = left;
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!((refused, rivals.len()), (RIVALS - 1, 1));
        // The one that is left has it: nobody else gets it now either.
        let late = office.run("late")?;
        assert_eq!(late.code, Some(1), "{late:?}");
        assert!(rivals[0].0.try_wait()?.is_none(), "nobody had it");
    }
    Ok(())
}

#[test]
fn a_lock_of_the_dead_is_taken_over_from_there_and_unlocked_from_elsewhere() -> anyhow::Result<()> {
    for office in Office::both()? {
        let silent = TcpListener::bind("127.0.0.1:0")?;
        let port = silent.local_addr()?.port();
        office.plan("", port)?;
        let dead = office.start("ann")?;
        drop(dead);
        let refused = office.run("bob")?;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let words = "`run` of ann@";
        assert!(refused.stderr.contains(words), "{refused:?}");
        assert!(refused.stderr.contains("last sign of life "), "{refused:?}");
        // Who only looks is not refused.
        drop(silent);
        let looks = office.tell("bob", &["run", "--dry-run", "--modules", &office.guests])?;
        assert!(looks.stderr.contains("Connection refused"), "{looks:?}");
        // The same controller knows that its own process is dead.
        let own = office.tell("ann", &["resume"])?;
        assert!(own.stderr.contains("going on with run"), "{own:?}");
        // Another has to be told.
        let silent = TcpListener::bind(("127.0.0.1", port))?;
        drop(office.start("ann")?);
        drop(silent);
        assert_eq!(office.run("bob")?.code, Some(1));
        let asked = office.tell("bob", &["unlock", "--cell"])?;
        assert_eq!(asked.code, Some(2), "{asked:?}");
        assert!(
            asked.stdout.contains("cell orders  `run` of ann@"),
            "{asked:?}"
        );
        let unlocked = office.tell("bob", &["unlock", "--cell", "--yes"])?;
        assert_eq!(unlocked.code, Some(0), "{unlocked:?}");
        assert!(
            unlocked.stderr.contains("cell orders: free"),
            "{unlocked:?}"
        );
        let resumed = office.tell("bob", &["resume", "--same-secrets"])?;
        assert!(resumed.stderr.contains("going on with run"), "{resumed:?}");
        assert!(resumed.stderr.contains("which was cut off"), "{resumed:?}");
    }
    Ok(())
}

#[test]
fn who_is_unlocked_while_alive_stops_and_says_so() -> anyhow::Result<()> {
    let office = Office::with_a_stand_in()?;
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let state = format!("{}patience = \"3s\"\n", office.state());
    // What has begun to settle something is waited for, and so is its connection.
    let plan = plan(&state, silent.local_addr()?.port()).replace("\"60s\"", "\"4s\"");
    office.scene.write("plan.toml", &plan)?;
    let mut alive = office.start("ann")?;
    let unlocked = office.tell("bob", &["unlock", "--cell", "--yes"])?;
    assert_eq!(unlocked.code, Some(0), "{unlocked:?}");
    let words = written(&mut alive)?;
    assert!(
        words.contains("nothing more begins: the lock of the cell was taken away by bob@"),
        "{words}"
    );
    Ok(())
}

#[test]
fn a_store_that_goes_away_stops_the_run_and_loses_nothing() -> anyhow::Result<()> {
    let office = Office::with_a_stand_in()?;
    let store = office.store.clone().context("a stand-in")?;
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let port = silent.local_addr()?.port();
    // What is under way when the store is lost comes to its end.
    let state = format!("{}patience = \"3s\"\n", office.state());
    let impatient = plan(&state, port).replace("\"60s\"", "\"6s\"");
    office.scene.write("plan.toml", &impatient)?;
    let mut run = office.start("ann")?;
    // Once it speaks to machines, the store knows of it.
    silent.set_nonblocking(true)?;
    let end = Instant::now() + PATIENCE;
    let heard = loop {
        match silent.accept() {
            Ok(heard) => break heard,
            Err(_) => assert!(Instant::now() < end, "it speaks to nobody"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    store.goes_away(true);
    let words = written(&mut run)?;
    assert!(
        words.contains("nothing more begins: the store `s3://bucket/cells`"),
        "{words}"
    );
    assert!(words.contains("`cellhost resume` from here"), "{words}");
    assert_eq!(run.0.wait()?.code(), Some(1));
    // While it is away nothing begins, and what is here can be read.
    let listed = office.tell("ann", &["runs"])?;
    assert!(
        listed.stderr.contains("only what is on this computer"),
        "{listed:?}"
    );
    assert!(listed.stdout.contains("orders"), "{listed:?}");
    let refused = office.tell("ann", &["resume"])?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    // What it could not be told goes there first.
    store.goes_away(false);
    drop((silent, heard));
    let resumed = office.tell("ann", &["resume"])?;
    assert!(resumed.stderr.contains("going on with run"), "{resumed:?}");
    let (ann, bob) = (office.runs("ann")?, office.runs("bob")?);
    let record = |run: &Value| fs_err::read(word(run, "record"));
    assert_eq!(record(&ann[0])?, record(&bob[0])?);
    Ok(())
}

#[test]
fn answers_that_are_lost_and_a_slow_store_do_no_harm() -> anyhow::Result<()> {
    let office = Office::with_a_stand_in()?;
    let store = office.store.clone().context("a stand-in")?;
    office.plan("", 1)?;
    store.loses(3);
    store.takes(Duration::from_millis(30));
    let ran = office.run("ann")?;
    assert!(ran.stderr.contains("Connection refused"), "{ran:?}");
    assert_eq!(office.runs("bob")?.len(), 1);
    // The lock is free, and little more than one object is left of it.
    let locks = store.names();
    let locks: Vec<_> = locks
        .iter()
        .filter(|name| name.contains("/lock/"))
        .collect();
    assert_eq!(locks.len(), 1, "{locks:?}");
    assert!(store.puts() > 4, "{}", store.puts());
    assert!(office.run("bob")?.stderr.contains("Connection refused"));
    Ok(())
}

#[test]
fn a_record_that_was_changed_in_the_store_replaces_none() -> anyhow::Result<()> {
    let office = Office::with_a_stand_in()?;
    let store = office.store.clone().context("a stand-in")?;
    office.plan("", 1)?;
    office.run("ann")?;
    let before = office.runs("ann")?;
    store.change("/000000000000.jsonl", |bytes| {
        bytes.truncate(bytes.len() / 2);
    });
    let listed = office.tell("bob", &["runs"])?;
    assert!(listed.stderr.contains("not readable: run "), "{listed:?}");
    assert_eq!(office.runs("ann")?, before);
    Ok(())
}

#[test]
fn a_store_that_cannot_keep_a_lock_is_refused() -> anyhow::Result<()> {
    let office = Office::with_a_stand_in()?;
    let store = office.store.clone().context("a stand-in")?;
    office.plan("", 1)?;
    store.replaces();
    let refused = office.run("ann")?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("so it cannot keep a lock"),
        "{refused:?}"
    );
    assert!(
        !refused.stderr.contains("Connection refused"),
        "{refused:?}"
    );
    let office = Office::with_a_directory()?;
    office.plan("", 1)?;
    let shared = office.scene.path().join("shared");
    fs_err::set_permissions(&shared, std::fs::Permissions::from_mode(0o777))?;
    let refused = office.run("ann")?;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("for operators alone"),
        "{refused:?}"
    );
    Ok(())
}

/// What a run wrote until its end.
fn written(run: &mut Run) -> anyhow::Result<String> {
    let mut stderr = run.0.stderr.take().context("what it writes")?;
    let reader = std::thread::spawn(move || {
        let mut words = String::new();
        std::io::Read::read_to_string(&mut stderr, &mut words).map(|_| words)
    });
    let end = Instant::now() + PATIENCE;
    while run.0.try_wait()?.is_none() {
        assert!(Instant::now() < end, "it goes on and on");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(reader.join().expect("it reads")?)
}
