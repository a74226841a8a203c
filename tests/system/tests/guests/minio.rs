//! The module `minio` on simulated machines. What it has written looks at real directories, by real
//! shells.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use cellhost_engine::Status;
use cellhost_transport::resources::container::{Container, Volume};
use cellhost_transport::{DialOutcome, Package, Request, SimulatedMachine};
use tempfile::TempDir;

use crate::stage::{Mode, NAMES, Stage, Told, deploy};

const MODULE: &str = "minio";
const PORT: u16 = 9000;
const HOSTS: &str = "/etc/hosts";
const CHECK: &str = "/etc/minio/cell/check";
const POOLS: &str = "/etc/minio/cell/pools";
const ENVIRONMENT: &str = "/etc/default/minio";
const UNIT: &str = "/etc/systemd/system/minio.service";
/// With everything that a file or a shell could take for something else.
const PASSWORD: &str = r#"a:b'c"d\e#f $g `h`"#;
const POOL: &str = "{ machines = [\"m[1-3]\"], drives = \"/mnt/disk[1-2]\" }";

fn plan(more: &str) -> String {
    with_pools(POOL, more)
}

fn with_pools(pools: &str, more: &str) -> String {
    format!(
        "[secrets]\nroot = {{ env = \"ROOT\" }}\n\n[modules.minio]\non = \"all\"\n\n\
         [modules.minio.settings]\nroot-user = \"cell\"\nroot-password = {{ secret = \"root\" }}\n\
         fragile = true\npools = [{pools}]\n{more}\n"
    )
}

/// Machines of which each says that the whole takes writes once all of them run.
fn stage_knowing(password: &str) -> Result<Stage> {
    let stage = Stage::knowing(&[("root", password)])?;
    let running: Arc<Mutex<BTreeSet<usize>>> = Arc::default();
    for (number, machine) in stage.fleet.machines().enumerate() {
        prepare(number, machine, &running);
    }
    Ok(stage)
}

fn stage() -> Result<Stage> {
    stage_knowing(PASSWORD)
}

fn prepare(number: usize, machine: &SimulatedMachine, running: &Arc<Mutex<BTreeSet<usize>>>) {
    let package = Package::new("20250907161309.0.0");
    machine.state().offer("minio", package);
    let hosts = "127.0.0.1 localhost\n10.0.0.9 minio-1-2\n";
    machine.state().write(HOSTS, hosts);
    machine.answer(&["sleep", "1"], |_, _| 0.into());
    machine.answer(&["date", "+%s"], |_, _| "1000\n".into());
    let all = running.clone();
    machine.listen(PORT, move |_, _| {
        let count = all.lock().expect("nobody panicked").len();
        let line = if count == NAMES.len() {
            "HTTP/1.0 200 OK"
        } else {
            "HTTP/1.0 503 Service Unavailable"
        };
        let answer = format!("{line}\r\nX-Minio-Write-Quorum: 4\r\n\r\n");
        DialOutcome::Bytes(answer.into_bytes())
    });
    machine.state().ports.remove(&PORT);
    let running = running.clone();
    machine.start("minio", move |state| {
        state.ports.insert(PORT);
        running.lock().expect("nobody panicked").insert(number);
        Ok(())
    });
}

fn machine<'a>(stage: &'a Stage, name: &str) -> &'a SimulatedMachine {
    stage.fleet.machine(name).expect("a machine of the stage")
}

/// Why a turn failed.
fn failed(told: &Told, place: &str) -> String {
    let rows = told.rows(MODULE);
    match rows.get(place).map(|row| &row.status) {
        Some(Status::Failed(why)) => why.clone(),
        _ => panic!("{place}: {rows:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_founded_as_foretold_and_the_next_run_looks_once() -> Result<()> {
    let stage = stage()?;
    let deployment = deploy(&plan("")).await?;
    let foretold = stage.as_foreseen(&deployment).await?;
    assert!(foretold.exact >= 36, "{foretold}");
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    for name in NAMES {
        assert_eq!(
            stage.text(name, HOSTS),
            "127.0.0.1 localhost\n10.0.0.2 minio-1-2\n10.0.0.1 minio-1-1\n10.0.0.3 minio-1-3\n"
        );
        let environment = stage.text(name, ENVIRONMENT);
        assert_eq!(
            environment,
            "# MinIO of stage. Written by cellhost; a change here is undone by the next run.\n\
             MINIO_VOLUMES=\"http://minio-1-{1...3}:9000/mnt/disk{1...2}\"\n\
             MINIO_OPTS=\"--address :9000 --console-address :9001\"\n\
             MINIO_ROOT_USER=\"cell\"\n\
             MINIO_ROOT_PASSWORD=\"a:b'c\\\"d\\\\e#f \\$g \\`h\\`\"\n"
        );
        machine(&stage, name).forget_requests();
    }
    let unit = stage.text("m1", UNIT);
    assert!(unit.contains("\nRequiresMountsFor=/mnt/disk2\n"), "{unit}");
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    for name in NAMES {
        let requests = machine(&stage, name).requests();
        assert!(
            matches!(requests.as_slice(), [Request::Look(_), Request::Dial(_)]),
            "{name}: {requests:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_reaches_its_file_only() -> Result<()> {
    let stage = stage()?;
    let told = stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
    assert!(!told.journal.contains("a:b'"), "{}", told.journal);
    for name in NAMES {
        let state = machine(&stage, name).state();
        let holding = state
            .nodes
            .iter()
            .filter(|(_, node)| String::from_utf8_lossy(&node.content).contains("a:b'"));
        let holding: Vec<_> = holding
            .map(|(path, node)| (path.as_str(), node.mode))
            .collect();
        assert_eq!(holding, [(ENVIRONMENT, 0o640)], "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_password_that_is_too_short_is_refused_before_anything_changes() -> Result<()> {
    for password in ["seven77", "minioadmin"] {
        let stage = stage_knowing(password)?;
        let before = stage.state();
        let told = stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
        let why = failed(&told, "m1");
        assert!(
            why.contains("a_root_password_of_8_characters_or_more_that_not_everybody_knows"),
            "{why}"
        );
        assert_eq!(stage.state(), before);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_do_not_serve_as_one_are_named() -> Result<()> {
    let stage = stage()?;
    machine(&stage, "m2").start("minio", |_| Ok(()));
    let told = stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
    let why = failed(&told, "form");
    assert!(
        why.ends_with(
            "the members do not serve as one after 180 s: m1 runs and has no quorum: a write needs \
             4 drives of each set, m2: nobody listens at port 9000, m3 runs and has no quorum: a \
             write needs 4 drives of each set. `journalctl -u minio` on a machine says why"
        ),
        "{why}"
    );
    machine(&stage, "m3").answer(&["date", "+%s"], |_, _| "2000\n".into());
    let told = stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
    let why = failed(&told, "form");
    assert!(
        why.contains("the clocks of m1 and m3 are 1000 s apart"),
        "{why}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_restarts_all_members_and_rolls_nowhere() -> Result<()> {
    let stage = stage()?;
    stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
    let told = stage
        .run(&deploy(&plan("parity = 2")).await?, Mode::Real)
        .await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    for name in NAMES {
        let service = machine(&stage, name).state().services.get("minio").cloned();
        assert_eq!(service.context("a service")?.restarts, 1, "{name}");
        assert!(
            stage
                .text(name, ENVIRONMENT)
                .ends_with("MINIO_STORAGE_CLASS_STANDARD=\"EC:2\"\n")
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_leaves_the_data_and_only_a_purge_takes_it() -> Result<()> {
    let stage = stage()?;
    let data = "/mnt/disk2/.minio.sys/format.json";
    stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
    machine(&stage, "m1").state().nodes.insert(
        "/mnt/disk2/.minio.sys".to_owned(),
        cellhost_transport::Node::directory(),
    );
    machine(&stage, "m1").state().write(data, "{}");
    stage.remove_all(&deploy(&plan("")).await?, false).await?;
    {
        let state = machine(&stage, "m1").state().clone();
        for path in [ENVIRONMENT, UNIT, "/etc/minio"] {
            assert!(!state.nodes.contains_key(path), "{path} stays");
        }
        assert_eq!(state.text(HOSTS), Some("127.0.0.1 localhost\n"));
        assert_eq!(state.text(data), Some("{}"));
        assert!(state.users.contains_key("minio-user"));
    }
    stage.remove_all(&deploy(&plan("")).await?, true).await?;
    let state = machine(&stage, "m1").state().clone();
    assert!(!state.nodes.contains_key("/mnt/disk2/.minio.sys"));
    assert!(
        state.nodes.contains_key("/mnt/disk2"),
        "a drive may be mounted there"
    );
    assert!(!state.nodes.contains_key("/var/lib/minio"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_of_a_release_and_an_image_do_as_well() -> Result<()> {
    let stage = stage()?;
    let url = "https://releases.example/minio";
    let digest = cellhost_manifest::digest(b"minio");
    for name in NAMES {
        machine(&stage, name)
            .state()
            .web
            .insert(url.to_owned(), b"minio".to_vec());
    }
    let download = format!("source.download = {{ url = \"{url}\", sha256 = \"{digest}\" }}");
    let foretold = stage.as_foreseen(&deploy(&plan(&download)).await?).await?;
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    let unit = stage.text("m1", UNIT);
    let start = "\nExecStart=/opt/minio/minio server $MINIO_OPTS $MINIO_VOLUMES\n";
    assert!(unit.contains(start), "{unit}");

    let image = format!("docker.io/minio/minio@sha256:{digest}");
    let container = format!("source.container = \"{image}\"\nregion = \"eu-1\"");
    let deployment = deploy(&plan(&container)).await?;
    let told = stage.run(&deployment, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let state = machine(&stage, "m1").state().clone();
    assert!(!state.services.get("minio").context("a service")?.running);
    let drive = |path: &str| Volume {
        source: path.to_owned(),
        target: path.to_owned(),
        read_only: false,
    };
    let words = [
        "server",
        "--address",
        ":9000",
        "--console-address",
        ":9001",
        "http://minio-1-{1...3}:9000/mnt/disk{1...2}",
    ];
    let environment = [
        (
            "CELL_NAMES",
            "minio-1-1=10.0.0.1,minio-1-2=10.0.0.2,minio-1-3=10.0.0.3",
        ),
        ("MINIO_ROOT_USER", "cell"),
        ("MINIO_ROOT_PASSWORD", PASSWORD),
        ("MINIO_SITE_REGION", "eu-1"),
    ];
    let wanted = Container {
        name: MODULE.to_owned(),
        image,
        command: words.map(str::to_owned).to_vec(),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ports: Vec::new(),
        volumes: vec![drive("/mnt/disk1"), drive("/mnt/disk2")],
        network: Some("host".to_owned()),
        restart: true,
    };
    assert_eq!(state.containers.get(MODULE), Some(&wanted.met()));
    let again = stage.run(&deployment, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    Ok(())
}

/// What a machine has by which it looks at its drives, in a directory of this computer.
struct Drives {
    place: TempDir,
    shell: &'static [&'static str],
}

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];
const FORMAT: &str = r#"{"version":"1","format":"xl","id":"ID","xl":{"version":"3","this":"a","sets":[["a","b","c","d","e","f"]],"distributionAlgo":"SIPMOD+PARITY"}}"#;

impl Drives {
    async fn new(shell: &'static [&'static str]) -> Result<Self> {
        let stage = stage()?;
        stage.run(&deploy(&plan("")).await?, Mode::Real).await?;
        let drives = Self {
            place: tempfile::tempdir()?,
            shell,
        };
        drives.write("check", &stage.text("m1", CHECK))?;
        drives.write("wanted", &stage.text("m1", POOLS))?;
        for drive in ["1", "2"] {
            fs_err::create_dir(drives.path(drive))?;
        }
        Ok(drives)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().context("a parent")?)?;
        Ok(fs_err::write(path, text)?)
    }

    fn format(&self, drive: &str, id: &str) -> Result<()> {
        self.write(
            &format!("{drive}/.minio.sys/format.json"),
            &FORMAT.replace("ID", id),
        )
    }

    fn look(&self, anywhere: &str, drives: &[&Path]) -> Result<Output> {
        let (program, options) = self.shell.split_first().context("a shell")?;
        let named = ["agreed-2", "kept", "wanted"].map(|name| self.path(name));
        let output = Command::new(program)
            .args(options)
            .arg(self.path("check"))
            .args(named)
            .args(["6", anywhere])
            .args(drives)
            .output()?;
        Ok(output)
    }

    fn agrees(&self) -> Result<()> {
        let output = self.look("yes", &[&self.path("1"), &self.path("2")])?;
        assert!(output.status.success(), "{:?}: {output:?}", self.shell);
        assert!(self.path("agreed-2").is_file());
        assert_eq!(
            fs_err::read(self.path("kept"))?,
            fs_err::read(self.path("wanted"))?
        );
        Ok(fs_err::remove_file(self.path("agreed-2"))?)
    }

    /// Fails unless it is refused in these words, in which `$` is the directory.
    fn refuses(&self, words: &str) -> Result<()> {
        let output = self.look("yes", &[&self.path("1"), &self.path("2")])?;
        self.is_refused(&output, words)
    }

    fn is_refused(&self, output: &Output, words: &str) -> Result<()> {
        let here = self.place.path().to_str().context("a path in UTF-8")?;
        let said = String::from_utf8(output.stderr.clone())?.replace(here, "$");
        assert_eq!(
            (output.status.code(), said.trim_end()),
            (Some(1), words),
            "{:?}",
            self.shell
        );
        assert!(!self.path("agreed-2").exists());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_drives_and_those_of_before_are_agreed_to_and_older_marks_go() -> Result<()> {
    for shell in SHELLS {
        let drives = Drives::new(shell).await?;
        drives.write("agreed-1", "")?;
        drives.write("1/lost+found/x", "")?;
        drives.agrees()?;
        assert!(!drives.path("agreed-1").exists());
        drives.format("1", "I")?;
        drives.format("2", "I")?;
        drives.agrees()?;
        // A drive that was replaced is empty.
        fs_err::remove_dir_all(drives.path("2/.minio.sys"))?;
        drives.agrees()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pools_are_added_and_never_resized() -> Result<()> {
    let pool = "pool 1: 3 machines, each with /mnt/disk{1...2}";
    for shell in SHELLS {
        let drives = Drives::new(shell).await?;
        drives.agrees()?;
        let own = "machine 1 of pool 1";
        let added = format!("{own}\n{pool}\npool 2: 4 machines, each with /mnt/disk\n");
        drives.write("wanted", &added)?;
        drives.agrees()?;
        drives.write("wanted", &format!("{own}\n{pool}\n"))?;
        drives.refuses(
            "the plan has no more pool 2: 4 machines, each with /mnt/disk: empty it (mc admin \
             decommission) and say decommissioned = true",
        )?;
        drives.write(
            "wanted",
            &format!("{own}\n{pool}\npool 2: decommissioned\n"),
        )?;
        drives.agrees()?;
        drives.write("wanted", &added)?;
        drives.refuses(
            "it was pool 2: decommissioned, and is pool 2: 4 machines, each with /mnt/disk by the \
             plan: a pool keeps its size. Add a pool instead",
        )?;
        drives.write("wanted", &format!("{own}\n{}\n", pool.replace('3', "4")))?;
        drives.refuses(
            "it was pool 1: 3 machines, each with /mnt/disk{1...2}, and is pool 1: 4 machines, \
             each with /mnt/disk{1...2} by the plan: a pool keeps its size. Add a pool instead",
        )?;
        drives.write("wanted", &format!("machine 2 of pool 1\n{pool}\n"))?;
        drives.refuses(
            "this is machine 1 of pool 1, and the plan makes it machine 2 of pool 1: its drives \
             would be mixed up with another's",
        )?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn drives_that_are_something_else_are_refused_and_left_as_they_are() -> Result<()> {
    for shell in SHELLS {
        let drives = Drives::new(shell).await?;
        drives.write("2/.hidden", "photographs")?;
        drives.refuses(
            "$/2 has what is not MinIO's: .hidden. Empty it, or mount another drive there",
        )?;
        fs_err::remove_file(drives.path("2/.hidden"))?;
        drives.format("1", "I")?;
        drives.refuses(
            "$/1 has data of a MinIO that is not known as this cell's. Empty it; or, if it is this \
             machine's own, cp $/wanted $/kept",
        )?;
        fs_err::copy(drives.path("wanted"), drives.path("kept"))?;
        drives.agrees()?;
        drives.format("2", "J")?;
        drives.refuses("$/2 is of the deployment J, and another drive of I")?;
        drives.write(
            "2/.minio.sys/format.json",
            &FORMAT.replace("ID", "I").replace(",\"f\"", ""),
        )?;
        drives.refuses("$/2 is of a set of 5 drives, and the plan has sets of 6")?;
        fs_err::remove_dir_all(drives.path("2"))?;
        drives.refuses("$/2 is not there: mount the drive that belongs there")?;
        let root = drives.look("no", &[Path::new("/")])?;
        let words = "/ is on the system's own disk: is its drive not mounted?";
        drives.is_refused(&root, words)?;
        let memory = tempfile::tempdir_in("/dev/shm")?;
        let twice = drives.look("no", &[memory.path(), memory.path()])?;
        let shown = memory.path().display();
        let words = format!("{shown} is on the same drive as another one");
        drives.is_refused(&twice, &words)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let cases = [
        (
            plan("fragile = false").replacen("fragile = true\n", "", 1),
            "three machines outlive one",
        ),
        (
            plan("root-user = \"minioadmin\"").replacen("root-user = \"cell\"\n", "", 1),
            "everybody knows",
        ),
        (
            plan("parity = 4"),
            "4 is more than half of an erasure set of pool 1, which has 6 drives",
        ),
        (plan("console-port = 9000"), "9000 is taken by `port`"),
        (
            plan("options = { MINIO_OPTS = \"x\" }"),
            "is decided by this module",
        ),
        (
            with_pools(
                "{ machines = [\"m[1-2]\"], drives = \"/mnt/disk[1-2]\" }",
                "",
            ),
            "m3 is in none. A pool that is there keeps its size",
        ),
        (
            with_pools(
                "{ machines = [\"m[1-3]\"], drives = \"/mnt/disk{1..2}\" }",
                "",
            ),
            "is no name and no range of names",
        ),
        (
            with_pools("{ machines = [\"m[1-3]\"], drives = \"/mnt/disk\" }", ""),
            "has 3 drives, fewer than 4",
        ),
    ];
    for (text, why) in cases {
        let Err(wrong) = deploy(&text).await else {
            panic!("{text} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{text}: {wrong}");
    }
    let deployment = deploy(&plan("port = 9100")).await?;
    let key = (MODULE.to_owned(), "endpoints".to_owned());
    assert_eq!(
        deployment.outputs.get(&key).map(String::as_str),
        Some("10.0.0.1:9100,10.0.0.2:9100,10.0.0.3:9100")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_and_the_page_of_a_supervisor_are_not_at_one_port() -> Result<()> {
    let both = |more: &str| {
        format!(
            "{}\n[modules.redis-cluster]\non = \"all\"\n\n[modules.redis-cluster.settings]\n\
             password = {{ secret = \"root\" }}\n\
             supervisor = {{ page-password = {{ secret = \"root\" }}{more} }}\n",
            plan("")
        )
    };
    let Err(wrong) = deploy(&both("")).await else {
        panic!("it is accepted");
    };
    let words = "`minio` and `redis-cluster` both listen on port 9001 of m1, m2, m3";
    assert!(wrong.to_string().contains(words), "{wrong}");
    deploy(&both(", page-port = 9002")).await?;
    Ok(())
}
