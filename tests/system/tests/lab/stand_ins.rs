//! MinIO and Telegraf on the same machines: the modules and all that they write are real, the two
//! programs are stand-ins (`tests/system/stand-ins`), since no registry that tests reach has them.
//! The InfluxDB that Telegraf's stand-in writes to is a real one.

use std::time::Duration;

use anyhow::Result;

use crate::shelf::Shelf;
use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
/// With everything that a file, a variable or a shell could take for something else.
const PASSWORD: &str = r#"a:b'c"d\e#f $g ${HOME} `h`"#;
const VARIABLES: [(&str, &str); 2] = [("ROOT", PASSWORD), ("INFLUX", PASSWORD)];
const CONFIGURATION: &str = "/etc/telegraf/cell/telegraf.conf";

impl Site {
    /// It writes to its disk by itself, so not while a dry run must leave no trace.
    pub(crate) fn begin_to_store(&self, machine: u16) -> Result<()> {
        self.on(machine, "systemctl start influxdb")?;
        eventually("InfluxDB serves", PATIENCE, || {
            self.does(machine, "influx -execute 'CREATE DATABASE telegraf'")
        })
    }

    /// Writes the plan: pools of these machines, and a Telegraf with this more.
    fn plan_of_both(&self, shelf: &Shelf, pools: &[&str], telegraf: &str) -> Result<()> {
        let on = pools.join("\", \"");
        let pools = pools.iter().map(|machines| {
            format!("{{ machines = [\"{machines}\"], drives = \"/mnt/disk[1-2]\" }}")
        });
        let pools: Vec<String> = pools.collect();
        let [minio, archive] = [shelf.minio()?, shelf.telegraf()?]
            .map(|one| format!("url = \"{}\", sha256 = \"{}\"", one.url, one.sha256));
        self.plan(&format!(
            "[secrets]\nroot = {{ env = \"ROOT\" }}\ninflux = {{ env = \"INFLUX\" }}\n\n\
             [modules.minio]\non = [\"{on}\"]\n\n[modules.minio.settings]\nsource.download = {{ {minio} }}\n\
             root-user = \"cell\"\nroot-password = {{ secret = \"root\" }}\nfragile = true\n\
             public-metrics = true\npools = [{}]\n\n\
             [modules.telegraf]\non = \"all\"\nafter = [\"minio\"]\n\n\
             [modules.telegraf.settings]\n\
             source.archive = {{ {archive}, version = \"1.36.3\" }}\ninterval = \"1s\"\n\
             outputs.influxdb = [{{ urls = [\"http://10.77.0.1:8086\"], username = \"cell\", \
             password = {{ secret = \"influx\" }} }}]\noutputs.prometheus.port = 9273\n{telegraf}\n",
            pools.join(", ")
        ))
    }

    fn run_both(&self) -> Result<Ran> {
        self.run(&["--format", "json"], &VARIABLES)
    }

    /// The status of MinIO's health, and of Telegraf's.
    pub(crate) fn status(&self, machine: u16, path: &str) -> Result<String> {
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
}

#[test]
fn minio_and_telegraf_share_machines_are_changed_and_leave_them() -> Result<()> {
    let site = Site::up(4)?;
    site.furnish_store(1, "")?;
    site.furnish(&[2, 3, 4], "")?;
    site.mount_drives(&[1, 2, 3, 4])?;
    let shelf = Shelf::open(&site)?;
    site.plan_of_both(&shelf, &["m[1-2]"], "")?;
    site.foresee(&VARIABLES)?;
    site.begin_to_store(1)?;
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
    site.remove(&[], &VARIABLES)?;
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
    site.remove(&["--purge-data"], &VARIABLES)?;
    for machine in 1..=4 {
        assert!(site.does(
            machine,
            "test -z \"$(ls -A /mnt/disk1)\" && ! test -e /var/lib/minio && ! getent passwd minio-user"
        )?);
    }
    assert!(!site.journals()?.contains("a:b'"));
    Ok(())
}
