//! A Galera cluster, and a client that is no part of it.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(2);
const MOMENT: Duration = Duration::from_secs(10);
/// With everything that a file, a statement or a shell could take for something else.
const PASSWORD: &str = r#"a:b'c"d\e#f $g"#;

/// Inserts numbers until it is told to stop, at the first member that takes them. What was
/// acknowledged stands in `/var/tmp/acknowledged`.
const WRITER: &str = r#"
n=0
while [ ! -e /var/tmp/stop ]; do
n=$((n + 1))
until for host in 10.77.0.1 10.77.0.2 10.77.0.3; do
mariadb --connect-timeout=2 --host=$host --user=app --password=app --execute="INSERT IGNORE INTO load_test.numbers VALUES ($n)" && break
done; do sleep 0.05; done
echo $n >>/var/tmp/acknowledged
done
touch /var/tmp/stopped
"#;

impl Site {
    fn plan_of_galera(&self, on: &str, settings: &str) -> Result<()> {
        self.plan(&format!(
            "[secrets]\nsst = {{ env = \"SST\" }}\n\n[modules.galera]\non = \"{on}\"\n\
             settings = {{ sst-password = {{ secret = \"sst\" }}, buffer-pool = \"32m\", \
             write-cache = \"16m\", options = {{ innodb_log_file_size = \"8M\" }}{settings} }}\n"
        ))
    }

    fn run_galera(&self, options: &[&str]) -> Result<Ran> {
        self.run(options, &[("SST", PASSWORD)])
    }

    fn changes_of_another_run(&self) -> Result<u64> {
        self.run_galera(&["--format", "json"])?
            .ends_with(0)
            .changes()
    }

    /// Runs statements on a member. What is read has everything that was committed before.
    fn sql(&self, machine: u16, statements: &str) -> Result<String> {
        self.on(
            machine,
            &format!(
                "mariadb --skip-column-names <<'_'\nSET SESSION wsrep_sync_wait = 1;\n\
                 {statements}\n_\n"
            ),
        )
    }

    /// Fails unless these are one cluster, all of it. Returns its history.
    pub(crate) fn assert_one_cluster(&self, machines: &[u16]) -> Result<String> {
        let mut all = Vec::new();
        for machine in machines {
            // Whoever stays hears of one that has gone a moment after it has.
            eventually("it sees all and nobody else", MOMENT, || {
                let told = self.sql(*machine, "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'")?;
                Ok(told == format!("wsrep_cluster_size\t{}", machines.len()))
            })?;
            let told = self.sql(
                *machine,
                "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_size', \
                 'wsrep_cluster_status', 'wsrep_local_state_comment', 'wsrep_cluster_state_uuid')",
            )?;
            for wanted in [
                format!("wsrep_cluster_size\t{}", machines.len()),
                "wsrep_cluster_status\tPrimary".to_owned(),
                "wsrep_local_state_comment\tSynced".to_owned(),
            ] {
                ensure!(told.contains(&wanted), "m{machine}: {told}");
            }
            all.extend(told.lines().find_map(|line| {
                let (key, value) = line.split_once('\t')?;
                (key == "wsrep_cluster_state_uuid").then(|| value.to_owned())
            }));
        }
        all.dedup();
        ensure!(
            all.len() == 1 && !all.concat().starts_with("00000000"),
            "{all:?}"
        );
        Ok(all.concat())
    }

    /// Kills servers, and nothing starts them again.
    fn kill_servers(&self, machines: &[u16]) -> Result<()> {
        for machine in machines {
            self.on(
                *machine,
                "pkill -KILL -x mariadbd; systemctl stop mariadb; ! pgrep -x mariadbd",
            )?;
        }
        Ok(())
    }

    fn numbers(&self, machine: u16) -> Result<Vec<u64>> {
        let read = "SELECT n FROM load_test.numbers ORDER BY n";
        let read = self.sql(machine, read)?;
        Ok(read.lines().map(str::parse).collect::<Result<_, _>>()?)
    }

    fn write_numbers(&self, machine: u16, numbers: std::ops::Range<u64>) -> Result<()> {
        let inserts = numbers.map(|n| format!("INSERT INTO load_test.numbers VALUES ({n});"));
        self.sql(machine, &inserts.collect::<Vec<_>>().join("\n"))
            .map(drop)
    }

    fn start_load(&self, from: u16) -> Result<()> {
        self.on(
            from,
            &format!(
                "rm -f /var/tmp/stop /var/tmp/stopped /var/tmp/acknowledged; \
                 cat >/var/tmp/writer.sh <<'_'\n{WRITER}_\n\
                 setsid sh /var/tmp/writer.sh </dev/null >/var/tmp/writer.log 2>&1 &"
            ),
        )?;
        eventually("the writer writes", PATIENCE, || {
            self.does(from, "test -s /var/tmp/acknowledged")
        })
    }

    /// Stops the writer, and fails unless all that was acknowledged can be read at each of these.
    /// Returns how many that are.
    fn stop_load(&self, from: u16, at: &[u16]) -> Result<usize> {
        self.on(from, "touch /var/tmp/stop")?;
        eventually("the writer stops", PATIENCE, || {
            self.does(from, "test -e /var/tmp/stopped")
        })?;
        let told = self.on(from, "cat /var/tmp/acknowledged")?;
        let told: Vec<u64> = told.lines().map(str::parse).collect::<Result<_, _>>()?;
        for machine in at {
            assert_eq!(
                self.numbers(*machine)?,
                told,
                "m{machine} has lost something"
            );
        }
        Ok(told.len())
    }

    fn grows_and_shrinks(&self, history: &str) -> Result<()> {
        let since = |machine| {
            self.on(
                machine,
                "systemctl show -p ActiveEnterTimestampMonotonic --value mariadb",
            )
        };
        let before = [since(1)?, since(2)?, since(3)?];
        for (on, members) in [("m[1-4]", &[1, 2, 3, 4][..]), ("m[1-3]", &[1, 2, 3][..])] {
            self.plan_of_galera(on, ", max-connections = 99")?;
            self.run_galera(&[])?.ends_with(0);
            assert_eq!(self.assert_one_cluster(members)?, history);
            assert_eq!(self.changes_of_another_run()?, 0);
            if members.contains(&4) {
                self.is_given_no_more_than_it_has_room_for(4)?;
                assert_eq!(self.assert_one_cluster(members)?, history);
            }
        }
        assert_eq!([since(1)?, since(2)?, since(3)?], before);
        assert!(self.does(
            4,
            "test -d /var/lib/mysql && ! systemctl is-enabled -q mariadb"
        )?);
        Ok(())
    }

    /// One that has lost its disk, and has a small one in its place, is left as it is.
    fn is_given_no_more_than_it_has_room_for(&self, machine: u16) -> Result<()> {
        self.on(
            machine,
            "systemctl stop mariadb && rm -rf /var/lib/mysql && mkdir /var/lib/mysql && \
             mount -t tmpfs -o size=16m tmpfs /var/lib/mysql",
        )?;
        let ran = self.run_galera(&["--format", "json"])?;
        let (status, reason) = ran.turn("galera", &format!("m{machine}"))?;
        assert_eq!(status, "failed", "{}", ran.written());
        let why = format!(
            "refused: m{machine} has room for 16 MiB in /var/lib/mysql, and what it would be given \
             takes "
        );
        assert!(reason.contains(&why), "{reason}");
        self.on(machine, "umount /var/lib/mysql")?;
        self.run_galera(&[])?.ends_with(0);
        Ok(())
    }

    /// The power goes everywhere and comes back; then all are stopped in order.
    fn outlives_cuts_and_stops(&self, history: &str) -> Result<()> {
        let rows = self.numbers(1)?;
        for machine in [1, 2, 3] {
            self.fault("kill", machine)?;
        }
        for machine in [1, 2, 3] {
            self.fault("start", machine)?;
        }
        self.run_galera(&[])?.ends_with(0);
        assert_eq!(self.assert_one_cluster(&[1, 2, 3])?, history);
        // All are stopped in order, one after the other: the last one has all.
        for machine in [2, 3] {
            self.on(machine, "systemctl stop mariadb")?;
        }
        self.write_numbers(1, 1_000_000..1_000_010)?;
        self.on(1, "systemctl stop mariadb")?;
        self.run_galera(&[])?.ends_with(0);
        assert_eq!(self.assert_one_cluster(&[1, 2, 3])?, history);
        for machine in [1, 2, 3] {
            let found = self.numbers(machine)?;
            assert_eq!(found.len(), rows.len() + 10, "m{machine}");
        }
        Ok(())
    }

    fn comes_back_after_a_removal(&self, history: &str) -> Result<()> {
        let rows = self.numbers(1)?;
        self.remove(&[], &[("SST", PASSWORD)])?;
        for machine in [1, 2, 3] {
            assert!(self.does(
                machine,
                "! test -e /etc/mysql/cell && ! test -e /etc/mysql/mariadb.conf.d/99-cell.cnf && \
                 ! test -e /etc/systemd/system/mariadb.service.d && ! pgrep -x mariadbd"
            )?);
        }
        self.run_galera(&[])?.ends_with(0);
        assert_eq!(self.assert_one_cluster(&[1, 2, 3])?, history);
        assert_eq!(self.numbers(2)?, rows);
        Ok(())
    }
}

const TABLE: &str = "CREATE DATABASE load_test; \
                     CREATE TABLE load_test.numbers (n INT PRIMARY KEY) ENGINE = InnoDB;";

#[test]
fn galera_is_founded_and_comes_back_with_every_row_after_all_were_killed() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_galera("m[1-3]", "")?;
    site.foresee(&[("SST", PASSWORD)])?;
    let (_, foretold) = site.as_foreseen(&[("SST", PASSWORD)])?;
    // Behind packages that are yet to come nothing is certain, and nothing is unknown.
    assert_eq!(foretold.unknown, 0, "{foretold}");
    assert!(foretold.exact > 0, "{foretold}");
    let history = site.assert_one_cluster(&[1, 2, 3])?;
    assert_eq!(site.changes_of_another_run()?, 0);

    site.sql(1, TABLE)?;
    site.write_numbers(1, 0..50)?;
    for machine in [1, 2, 3] {
        assert_eq!(site.numbers(machine)?, (0..50).collect::<Vec<_>>());
    }
    // The first to be killed misses what the others go on to write.
    site.kill_servers(&[1])?;
    site.write_numbers(3, 50..100)?;
    site.kill_servers(&[2, 3])?;
    let back = site.run_galera(&["--format", "json"])?.ends_with(0);
    assert_eq!(
        site.assert_one_cluster(&[1, 2, 3])?,
        history,
        "{}",
        back.written()
    );
    for machine in [1, 2, 3] {
        assert_eq!(site.numbers(machine)?, (0..100).collect::<Vec<_>>());
    }
    assert_eq!(site.changes_of_another_run()?, 0);

    let stray = "CREATE TABLE load_test.stray (n INT PRIMARY KEY) ENGINE = MyISAM;";
    site.sql(1, stray)?;
    let warned = site.run_galera(&[])?.ends_with(0).written();
    let why = "only tables of InnoDB are the same on all members, and these are not: \
               load_test.stray (MyISAM)";
    assert!(warned.contains(why), "{warned}");
    Ok(())
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test galera`"]
fn galera_loses_nothing_while_it_changes_and_a_wiped_member_never_founds() -> Result<()> {
    let site = Site::up(4)?;
    site.on(
        4,
        "apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
         apt-get -qq install --no-install-recommends mariadb-client >/var/tmp/apt 2>&1",
    )?;
    site.plan_of_galera("m[1-3]", "")?;
    let foretold = site
        .run_galera(&["--dry-run", "--format", "json"])?
        .ends_with(0);
    let founded = site.run_galera(&["--format", "json"])?.ends_with(0);
    assert_eq!(
        foretold.changes()?,
        founded.changes()?,
        "{}",
        foretold.written()
    );
    let history = site.assert_one_cluster(&[1, 2, 3])?;
    site.sql(
        1,
        &format!(
            "{TABLE} CREATE USER 'app'@'%' IDENTIFIED BY 'app'; GRANT ALL ON load_test.* TO 'app'@'%';"
        ),
    )?;

    // A change rolls through all of them.
    site.start_load(4)?;
    site.plan_of_galera("m[1-3]", ", max-connections = 99")?;
    site.run_galera(&[])?.ends_with(0);
    let written = site.stop_load(4, &[1, 2, 3])?;
    assert!(written > 100, "{written} were written");
    println!("{written} rows were written while a change rolled");
    for machine in [1, 2, 3] {
        let told = site.sql(machine, "SELECT @@max_connections")?;
        assert_eq!(told, "99");
    }

    // The first by number, which founds where there is nothing, has lost everything.
    site.on(1, "systemctl stop mariadb; rm -rf /var/lib/mysql")?;
    site.start_load(4)?;
    site.run_galera(&[])?.ends_with(0);
    assert_eq!(site.assert_one_cluster(&[1, 2, 3])?, history);
    let written = site.stop_load(4, &[1, 2, 3])?;
    println!("{written} rows were written while the first member came back");
    assert_eq!(site.changes_of_another_run()?, 0);

    site.grows_and_shrinks(&history)?;
    site.outlives_cuts_and_stops(&history)?;
    site.comes_back_after_a_removal(&history)?;
    Ok(())
}
