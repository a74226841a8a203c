//! MinIO and Telegraf on the same machines: the modules and all that they write are real, the two
//! programs are stand-ins (`tests/system/stand-ins`), since no registry that tests reach has them.
//! The InfluxDB that Telegraf's stand-in writes to is a real one.

use std::process::{Child, Command, Stdio};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the machines reach this computer.
const HERE: &str = "10.77.255.1";
const PORT: u16 = 8000;
/// With everything that a file, a variable or a shell could take for something else.
const PASSWORD: &str = r#"a:b'c"d\e#f $g ${HOME} `h`"#;
const VARIABLES: [(&str, &str); 2] = [("ROOT", PASSWORD), ("INFLUX", PASSWORD)];
const MINIO: &[u8] = include_bytes!("../../stand-ins/minio.py");
const TELEGRAF: &[u8] = include_bytes!("../../stand-ins/telegraf.py");
const CONFIGURATION: &str = "/etc/telegraf/cell/telegraf.conf";

/// What machines fetch the stand-ins from.
struct Shelf {
    server: Child,
    sources: [String; 2],
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Shelf {
    fn open(site: &Site) -> Result<Self> {
        let shelf = site.path().join("shelf");
        let tree = site.path().join("tree/telegraf-1.36.3/usr/bin");
        fs_err::create_dir_all(&shelf)?;
        fs_err::create_dir_all(&tree)?;
        fs_err::write(shelf.join("minio"), MINIO)?;
        fs_err::write(tree.join("telegraf"), TELEGRAF)?;
        let archive = shelf.join("telegraf.tar.gz");
        let packed = Command::new("tar")
            .args(["--mode=755", "-czf"])
            .arg(&archive)
            .arg("-C")
            .arg(site.path().join("tree"))
            .arg("./telegraf-1.36.3")
            .status()?;
        ensure!(packed.success(), "tar: {packed}");
        let digest = |name: &str| -> Result<String> {
            Ok(cellhost_manifest::digest(&fs_err::read(shelf.join(name))?))
        };
        let url = format!("http://{HERE}:{PORT}");
        let sources = [
            format!(
                "source.download = {{ url = \"{url}/minio\", sha256 = \"{}\" }}",
                digest("minio")?
            ),
            format!(
                "source.archive = {{ url = \"{url}/telegraf.tar.gz\", sha256 = \"{}\", version = \
                 \"1.36.3\" }}",
                digest("telegraf.tar.gz")?
            ),
        ];
        let words = ["python3", "-m", "http.server", "8000", "--bind", HERE];
        let server = site
            .elsewhere(&words)
            .current_dir(&shelf)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let shelf = Self { server, sources };
        let probe = format!("curl -fsS -o /dev/null {url}/minio");
        eventually("the shelf is open", PATIENCE, || site.does(1, &probe))?;
        Ok(shelf)
    }
}

impl Site {
    /// Gives the machines what they have in common with those that people run MinIO on: drives that
    /// are mounted, and what the stand-ins are written in.
    fn furnish(&self) -> Result<()> {
        let install = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
                       apt-get -qq install --no-install-recommends";
        let each = |machine: u16| {
            let more = if machine == 1 {
                " influxdb influxdb-client"
            } else {
                ""
            };
            self.on(
                machine,
                &format!(
                    "{install} curl python3{more} >/var/tmp/apt 2>&1 && for d in 1 2; do \
                     mkdir -p /mnt/disk$d && mount -t tmpfs none /mnt/disk$d; done"
                ),
            )
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (1..=4)
                .map(|machine| scope.spawn(move || each(machine)))
                .collect();
            let mut ended = threads.into_iter().map(ScopedJoinHandle::join);
            ended.try_for_each(|ended| ended.expect("no panic").map(drop))
        })
    }

    /// It writes to its disk by itself, so not while a dry run must leave no trace.
    fn begin_to_store(&self) -> Result<()> {
        self.on(1, "systemctl start influxdb")?;
        eventually("InfluxDB serves", PATIENCE, || {
            self.does(1, "influx -execute 'CREATE DATABASE telegraf'")
        })
    }

    /// Writes the plan: pools of these machines, and a Telegraf with this more.
    fn plan_of_both(&self, shelf: &Shelf, pools: &[&str], telegraf: &str) -> Result<()> {
        let on = pools.join("\", \"");
        let pools = pools.iter().map(|machines| {
            format!("{{ machines = [\"{machines}\"], drives = \"/mnt/disk[1-2]\" }}")
        });
        let pools: Vec<String> = pools.collect();
        let [minio, archive] = &shelf.sources;
        self.plan(&format!(
            "[secrets]\nroot = {{ env = \"ROOT\" }}\ninflux = {{ env = \"INFLUX\" }}\n\n\
             [modules.minio]\non = [\"{on}\"]\n\n[modules.minio.settings]\n{minio}\n\
             root-user = \"cell\"\nroot-password = {{ secret = \"root\" }}\nfragile = true\n\
             public-metrics = true\npools = [{}]\n\n\
             [modules.telegraf]\non = \"all\"\nafter = [\"minio\"]\n\n\
             [modules.telegraf.settings]\n{archive}\ninterval = \"1s\"\n\
             outputs.influxdb = [{{ urls = [\"http://10.77.0.1:8086\"], username = \"cell\", \
             password = {{ secret = \"influx\" }} }}]\noutputs.prometheus.port = 9273\n{telegraf}\n",
            pools.join(", ")
        ))
    }

    fn run_both(&self) -> Result<Ran> {
        self.run(&["--format", "json"], &VARIABLES)
    }

    /// The status of MinIO's health, and of Telegraf's.
    fn status(&self, machine: u16, path: &str) -> Result<String> {
        self.on(
            machine,
            &format!("curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{path} || true"),
        )
    }

    fn deployments(&self, machines: &[u16]) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for machine in machines {
            let read =
                "sed -n 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/p' /mnt/disk*/.minio.sys/format.json";
            ids.extend(self.on(*machine, read)?.lines().map(str::to_owned));
        }
        Ok(ids)
    }

    fn resizes_nothing(&self, shelf: &Shelf) -> Result<()> {
        self.plan_of_both(shelf, &["m[1-4]"], "")?;
        let refused = self.run_both()?;
        let (status, why) = refused.turn("minio", "m1")?;
        assert_eq!(status, "failed", "{}", refused.written());
        assert!(
            why.contains("it was pool 1: 2 machines, each with /mnt/disk{1...2}, and is pool 1: 4"),
            "{why}"
        );
        for machine in 1..=4 {
            assert_eq!(self.status(machine, "9000/minio/health/cluster")?, "200");
        }
        Ok(())
    }

    fn tries_before_it_goes_live(&self, shelf: &Shelf) -> Result<()> {
        let before = self.on(1, &format!("sha256sum {CONFIGURATION}"))?;
        let nobody = "inputs.zookeeper.servers = [\"127.0.0.1:1\"]";
        self.plan_of_both(shelf, &["m[1-2]", "m[3-4]"], nobody)?;
        let refused = self.run_both()?;
        let (status, why) = refused.turn("telegraf", "m1")?;
        assert_eq!(status, "failed", "{}", refused.written());
        assert!(why.contains("[inputs.zookeeper] Error in plugin"), "{why}");
        assert_eq!(self.on(1, &format!("sha256sum {CONFIGURATION}"))?, before);
        assert_eq!(self.status(1, "8888/")?, "200");
        self.plan_of_both(shelf, &["m[1-2]", "m[3-4]"], "")?;
        self.run_both()?.ends_with(0);
        Ok(())
    }

    fn takes_both_off(&self, purge: &[&str]) -> Result<()> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let words = ["remove", "--modules", guests, "--yes-remove", "lab"];
        let words = [&words[..], purge, &["plan.toml"]].concat();
        Ran::of(&self.cellhost(&words, &VARIABLES).output()?)?.ends_with(0);
        Ok(())
    }
}

#[test]
fn minio_and_telegraf_share_machines_are_changed_and_leave_them() -> Result<()> {
    let site = Site::up(4)?;
    site.furnish()?;
    let shelf = Shelf::open(&site)?;
    site.plan_of_both(&shelf, &["m[1-2]"], "")?;
    site.foresee(&VARIABLES)?;
    site.begin_to_store()?;
    let (_, foretold) = site.as_foreseen(&VARIABLES)?;
    assert_eq!((foretold.unknown, foretold.otherwise), (0, 0), "{foretold}");
    assert_eq!(site.status(2, "9000/minio/health/cluster")?, "200");
    let gathered = "influx -database telegraf -format csv \
                    -execute 'SHOW TAG VALUES FROM system WITH KEY = host'";
    eventually("every machine's metrics are in InfluxDB", PATIENCE, || {
        let told = site.on(1, gathered)?;
        Ok((1..=4).all(|machine| told.contains(&format!(",m{machine}"))))
    })?;
    let shared = |machine| {
        site.does(
            machine,
            &format!("grep -q inputs.prometheus {CONFIGURATION}"),
        )
    };
    assert_eq!([shared(1)?, shared(2)?, shared(3)?], [true, true, false]);
    let again = site.run_both()?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());

    // A pool more, and a tag more.
    site.plan_of_both(&shelf, &["m[1-2]", "m[3-4]"], "tags = { team = \"a b\" }")?;
    site.run_both()?.ends_with(0);
    let mut ids = site.deployments(&[1, 2, 3, 4])?;
    assert_eq!(ids.len(), 8);
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(site.status(4, "9000/minio/health/cluster")?, "200");
    let started = site.on(1, "systemctl show -p NRestarts --value telegraf")?;
    assert_eq!(started, "0");
    assert_eq!(site.run_both()?.ends_with(0).changes()?, 0);

    // One that was stopped is started; a pool is not resized.
    site.on(4, "systemctl stop minio")?;
    assert_eq!(site.status(1, "9000/minio/health/cluster")?, "503");
    site.run_both()?.ends_with(0);
    assert_eq!(site.status(1, "9000/minio/health/cluster")?, "200");
    site.resizes_nothing(&shelf)?;
    site.tries_before_it_goes_live(&shelf)?;

    // It goes and leaves the data; then the data goes too.
    site.takes_both_off(&[])?;
    let left = "find /etc /opt /usr/local -path '*minio*' -o -path '*telegraf*'; \
                grep minio /etc/hosts; getent passwd telegraf";
    for machine in 1..=4 {
        assert_eq!(
            site.on(machine, &format!("{left} || true"))?,
            "",
            "m{machine}"
        );
        assert!(site.does(machine, "test -e /mnt/disk1/.minio.sys/format.json")?);
    }
    site.run_both()?.ends_with(0);
    assert_eq!(site.deployments(&[1])?.first(), ids.first());
    site.takes_both_off(&["--purge-data"])?;
    for machine in 1..=4 {
        assert!(site.does(
            machine,
            "test -z \"$(ls -A /mnt/disk1)\" && ! test -e /var/lib/minio && ! getent passwd minio-user"
        )?);
    }
    assert!(!site.journals()?.contains("a:b'"));
    Ok(())
}
