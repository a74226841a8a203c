//! The example of a whole cell on five machines: all modules, by one command. ZooKeeper, MariaDB,
//! Redis, HAProxy and InfluxDB are Debian's own. Mesos, Marathon, marathon-lb, MinIO and Telegraf are
//! stood in for: no registry that tests reach has them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::history::newest;
use crate::redis::PASSWORD;
use crate::shelf::{Offer, Shelf};
use crate::site::{Ran, Site, eventually, number};

const PATIENCE: Duration = Duration::from_mins(1);
const REDIS: u16 = 7000;
/// With everything that a file, a statement or a shell could take for something else.
const SECRET: &str = r#"a:b'c"d\e#f $g ${HOME} `h`"#;
const VARIABLES: [(&str, &str); 6] = [
    ("GALERA_SST_PASSWORD", SECRET),
    ("GALERA_TELEGRAF_PASSWORD", SECRET),
    ("INFLUXDB_PASSWORD", SECRET),
    ("MESOS_SECRET", SECRET),
    ("MINIO_ROOT_PASSWORD", SECRET),
    ("REDIS_PASSWORD", PASSWORD),
];
const ALL: [u16; 5] = [1, 2, 3, 4, 5];
const NUCLEUS: [u16; 3] = [1, 2, 3];
const BODY: [u16; 2] = [4, 5];
const DATA: [u16; 3] = [3, 4, 5];
/// Where the example would have InfluxDB, which is no module.
const INFLUXDB: &str = "https://influxdb.example.org:8086";

/// What a removal leaves by its own word, beside what packages own.
const LEFT: [&str; 30] = [
    // What packages write when they are installed.
    "etc/.java",
    "etc/alternatives/",
    "etc/fonts/conf.d/",
    "etc/mysql/debian.cnf",
    "etc/mysql/my.cnf",
    "etc/rc",
    "etc/ssl/certs/java/",
    "usr/bin/java",
    "usr/bin/jexec",
    "usr/bin/jpackage",
    "usr/bin/keytool",
    "usr/bin/rmiregistry",
    "usr/lib/python3/dist-packages/",
    "usr/local/share/fonts",
    "usr/share/binfmts/",
    "usr/share/man/",
    "var/cache/",
    "var/lib/dpkg/",
    "var/lib/haproxy/dev",
    "var/lib/systemd/",
    "var/log/alternatives.log",
    // Users who have data.
    "etc/group",
    "etc/gshadow",
    "etc/passwd",
    "etc/shadow",
    // Data.
    "mnt/disk",
    "var/log/redis",
    // What cellhost knows of a machine.
    "var/lib/cellhost",
    // What the test itself has there.
    "var/lib/influxdb/",
    "var/tmp/",
];
const DATA_OF: [&str; 5] = ["mesos", "minio", "mysql", "redis", "zookeeper"];
/// What packages own, by the names that paths have where `/lib` and its like are links.
const OWNED: &str = r"dpkg-query -L $(dpkg-query -W -f '${binary:Package} ') |
                      sed 's#^/\(bin\|sbin\|lib[0-9a-z]*\)/#/usr/\1/#'";

impl Site {
    /// Puts the example into place, but for where it fetches what cannot be fetched.
    fn plan_of_cell(&self, shelf: &Shelf) -> Result<()> {
        let example = cellhost_system_tests::root().join("examples/cell/plan.toml");
        let mut plan = fs_err::read_to_string(example)?;
        for (url, offer) in [
            ("https://downloads.example.org/mesos", shelf.mesos()?),
            ("https://downloads.example.org/marathon", shelf.marathon()?),
            (
                "https://github.com/mesosphere/marathon-lb/",
                shelf.marathon_lb()?,
            ),
            ("https://dl.min.io/", shelf.minio()?),
            ("https://dl.influxdata.com/", shelf.telegraf()?),
        ] {
            plan = fetched_from(&plan, url, &offer)?;
        }
        ensure!(!plan.contains(&"0".repeat(64)), "{plan}");
        let plan = replaced(&plan, INFLUXDB, "http://10.77.0.5:8086")?;
        Ok(fs_err::write(self.path().join("plan.toml"), plan)?)
    }

    fn run_cell(&self) -> Result<Ran> {
        self.run(&["--format", "json"], &VARIABLES)
    }

    /// Runs what looks at or changes the plan, with the modules at hand.
    fn cellhost_on_plan(&self, verb: &str, options: &[&str]) -> Result<Ran> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let words = [&[verb, "--modules", guests], options, &["plan.toml"]].concat();
        Ran::of(&self.cellhost(&words, &VARIABLES).output()?)
    }

    /// A run that is killed in the middle, and is gone on with.
    fn comes_back_over_a_death(&self) -> Result<()> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let before = newest(&self.runs())?;
        let streams = fs_err::File::create(self.path().join("streams"))?;
        let streams = streams.into_parts().0;
        let mut run = self
            .cellhost(
                &["run", "--modules", guests, "--output", "--diff"],
                &VARIABLES,
            )
            .stdout(streams.try_clone()?)
            .stderr(streams)
            .spawn()?;
        eventually("it is in the middle", PATIENCE, || {
            ensure!(run.try_wait()?.is_none(), "it ended before");
            let now = newest(&self.runs())?.filter(|now| before.as_ref() != Some(now));
            let record = now.map(fs_err::read_to_string).transpose()?;
            Ok(record.unwrap_or_default().lines().count() > 40)
        })?;
        run.kill()?;
        run.wait()?;
        Ran::of(&self.cellhost(&["resume"], &VARIABLES).output()?)?.ends_with(0);
        Ok(())
    }

    /// All that tells of the plan and of its last run. What is written of it is searched for secrets.
    fn is_looked_at(&self) -> Result<()> {
        self.cellhost_on_plan("plan", &["-o", "kept.json"])?
            .ends_with(0);
        for verb in ["check", "grants", "drift", "bundle", "vendor"] {
            self.cellhost_on_plan(verb, &[])?.ends_with(0);
        }
        let newest = newest(&self.runs())?.context("a record")?;
        let run = newest.file_stem().context("a name")?.to_string_lossy();
        for words in [
            &["runs", "show", &run][..],
            &["runs", "show", "--format", "json", &run],
            &["replay", "--format", "json", &run],
        ] {
            Ran::of(&self.cellhost(words, &VARIABLES).output()?)?.ends_with(0);
        }
        Ok(())
    }

    /// Fails unless each cluster says by itself that it is whole.
    fn cell_is_whole(&self) -> Result<()> {
        self.leader(&NUCLEUS)?;
        self.leading_master()?;
        let marathon = self.leading_marathon()?;
        ensure!(marathon.starts_with("10.77.0."), "{marathon}");
        self.assert_one_cluster(&DATA)?;
        for machine in DATA {
            self.assert_sees(machine, &DATA)?;
        }
        for machine in ALL {
            let health = "9000/minio/health/cluster";
            ensure!(self.status(machine, health)? == "200", "m{machine}");
            ensure!(self.status(machine, "8888/")? == "200", "m{machine}");
        }
        Ok(())
    }

    /// Fails unless Telegraf hands on from each machine what the plan has there.
    fn all_is_gathered(&self) -> Result<()> {
        for (kind, machines) in [
            ("system", &ALL[..]),
            ("zookeeper", &NUCLEUS),
            ("redis", &DATA),
            ("mysql", &DATA),
            ("prometheus", &ALL),
            ("haproxy", &BODY),
        ] {
            let asked = format!(
                "influx -database telegraf -format csv \
                 -execute 'SHOW TAG VALUES FROM {kind} WITH KEY = host'"
            );
            let wanted: BTreeSet<String> = machines.iter().map(|one| format!("m{one}")).collect();
            let what = format!("{kind} of {wanted:?} is in InfluxDB");
            eventually(&what, PATIENCE, || {
                let told = self.on(5, &asked)?;
                let hosts = told.lines().filter_map(|line| line.rsplit(',').next());
                let hosts = hosts.filter(|host| host.starts_with('m'));
                let hosts: BTreeSet<String> = hosts.map(str::to_owned).collect();
                ensure!(hosts.is_subset(&wanted), "{kind} comes from {hosts:?}");
                Ok(hosts == wanted)
            })?;
        }
        Ok(())
    }

    /// Has Marathon tell of an app, which runs on one machine, and asks for it by its name on others.
    fn an_app_is_reached(&self) -> Result<()> {
        self.on(
            4,
            "mkdir -p /var/tmp/app && echo hello >/var/tmp/app/index.html && \
             systemd-run --quiet --unit=app --working-directory=/var/tmp/app \
             python3 -m http.server --bind 10.77.0.4 31001",
        )?;
        let app = json!([{
            "id": "/hello", "ports": [10000],
            "labels": { "HAPROXY_GROUP": "external", "HAPROXY_0_VHOST": "hello.example" },
            "tasks": [{ "id": "hello.1", "host": "10.77.0.4", "ports": [31001],
                        "state": "TASK_RUNNING" }],
        }]);
        self.on(
            1,
            &format!("curl -sS -d '{app}' http://10.77.0.1:8080/stand-in/apps"),
        )?;
        for machine in BODY {
            let ask = format!("curl -s -H 'Host: hello.example' http://10.77.0.{machine}/");
            eventually("the app is reached by its name", PATIENCE, || {
                Ok(self.on(1, &format!("{ask} || true"))? == "hello")
            })?;
        }
        self.on(4, "systemctl stop app").map(drop)
    }

    /// Gives each module that rolls something to roll for, and looks all the while whether they serve.
    fn changes_everywhere(&self) -> Result<()> {
        let path = self.path().join("plan.toml");
        let mut plan = fs_err::read_to_string(&path)?;
        for (from, to) in [
            ("heap = \"96m\"", "heap = \"112m\""),
            (
                "task-users = [\"app\"]",
                "task-users = [\"app\", \"batch\"]\nmaster-options = { max_agent_ping_timeouts = \"10\" }",
            ),
            ("user = \"app\"\n", "user = \"app\"\nheap = \"256m\"\n"),
            (
                "write-cache = \"32m\"",
                "write-cache = \"32m\"\nmax-connections = 99",
            ),
            (
                "maxmemory = \"256mb\"",
                "maxmemory = \"256mb\", node-timeout = 6000",
            ),
            ("site = \"example\"", "site = \"other\""),
        ] {
            plan = replaced(&plan, from, to)?;
        }
        fs_err::write(path, plan)?;
        self.run_cell()?.ends_with(0);
        Ok(())
    }

    /// Where somebody listens on a machine.
    fn listeners(&self, machine: u16) -> Result<BTreeSet<String>> {
        let told = self.on(machine, "ss -Hltn | awk '{ print $4 }'")?;
        Ok(told.lines().map(str::to_owned).collect())
    }

    /// Fails unless nobody listens on a machine who did not before, and its disk has nothing but what a
    /// removal leaves by its word.
    fn was_left(&self, machine: u16, before: &Before) -> Result<()> {
        let listeners = self.listeners(machine)?;
        ensure!(listeners == before.listeners, "m{machine}: {listeners:?}");
        let owned = self.on(machine, OWNED)?;
        let owned: BTreeSet<&str> = owned.lines().collect();
        let is_left = |path: &str| {
            let data = path
                .strip_prefix("var/lib/")
                .map(|rest| rest.split('/').next());
            let is_data = data.flatten().is_some_and(|name| DATA_OF.contains(&name));
            is_data || LEFT.iter().any(|left| path.starts_with(left))
        };
        let now = self.differing(machine)?;
        let more = now.difference(&before.differing);
        let alien: Vec<&String> = more
            .filter(|path| !is_left(path) && !owned.contains(format!("/{path}").as_str()))
            .collect();
        ensure!(alien.is_empty(), "m{machine} has {alien:#?}");
        let failed = self.on(machine, "systemctl --failed --plain --no-legend")?;
        ensure!(failed.is_empty(), "m{machine}: {failed}");
        Ok(())
    }

    /// Paths that are not as in the image.
    fn differing(&self, machine: u16) -> Result<BTreeSet<String>> {
        let taken = self.lab.fingerprint(number(machine)?)?;
        let paths = taken.differences.iter();
        let paths = paths.filter_map(|line| line.split(' ').next());
        Ok(paths.map(str::to_owned).collect())
    }

    fn before(&self, machine: u16) -> Result<Before> {
        Ok(Before {
            listeners: self.listeners(machine)?,
            differing: self.differing(machine)?,
        })
    }
}

/// How a machine was before it was deployed to.
struct Before {
    listeners: BTreeSet<String>,
    differing: BTreeSet<String>,
}

/// Lets a plan fetch from an offer what it would fetch from there.
fn fetched_from(plan: &str, url: &str, offer: &Offer) -> Result<String> {
    let begin = plan
        .find(&format!("\"{url}"))
        .with_context(|| url.to_owned())?
        + 1;
    let (before, rest) = plan.split_at(begin);
    let (_, rest) = rest.split_once('"').context("the end of a URL")?;
    let rest = rest.replacen(&"0".repeat(64), &offer.sha256, 1);
    Ok(format!("{before}{}\"{rest}", offer.url))
}

fn replaced(text: &str, from: &str, to: &str) -> Result<String> {
    ensure!(text.contains(from), "`{from}` is not in\n{text}");
    Ok(text.replace(from, to))
}

/// Leaves only these modules in a plan.
fn only(plan: &str, modules: &[&str]) -> String {
    let mut is_kept = true;
    let mut kept = String::new();
    for line in plan.lines() {
        if line.starts_with('[') {
            let mut words = line.trim_matches(['[', ']']).split('.');
            is_kept = words.next() != Some("modules")
                || words.next().is_some_and(|name| modules.contains(&name));
        }
        if is_kept {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// What each machine was before it was deployed to.
fn all_before(site: &Site, machines: &[u16]) -> Result<Vec<Before>> {
    let before = machines.iter().map(|machine| site.before(*machine));
    before.collect()
}

/// Takes the cell off, and fails unless the machines are as they were.
fn goes(site: &Site, machines: &[u16], before: &[Before]) -> Result<()> {
    site.cellhost_on_plan("remove", &["--yes-remove", "cell"])?
        .ends_with(0);
    for (machine, before) in machines.iter().zip(before) {
        site.was_left(*machine, before)?;
    }
    let journals = site.journals()?;
    ensure!(!journals.contains("a:b'"), "a secret is on record");
    Ok(())
}

#[test]
fn a_part_of_the_example_of_a_cell_comes_by_one_command_and_goes() -> Result<()> {
    let site = Site::up(3)?;
    site.furnish(&NUCLEUS, "")?;
    site.mount_drives(&NUCLEUS)?;
    let shelf = Shelf::open(&site)?;
    let example = cellhost_system_tests::root().join("examples/cell/plan.toml");
    let plan = fs_err::read_to_string(example)?;
    let plan = only(&plan, &["zookeeper", "redis-cluster", "minio"]);
    let plan = fetched_from(&plan, "https://dl.min.io/", &shelf.minio()?)?;
    let body = plan.lines().find(|line| line.starts_with("\"m[4-5]\""));
    let plan = replaced(&plan, body.context("the body")?, "")?;
    let plan = replaced(&plan, "m[3-5]", "m[1-3]")?;
    let plan = replaced(&plan, "\"m[1-5]\"", "\"m[1-3]\"")?;
    let plan = replaced(&plan, "\nroot-user", "\nfragile = true\nroot-user")?;
    fs_err::write(site.path().join("plan.toml"), plan)?;

    site.foresee(&VARIABLES)?;
    let before = all_before(&site, &NUCLEUS)?;
    let (_, foretold) = site.as_foreseen(&VARIABLES)?;
    assert!(foretold.exact > 0, "{foretold}");
    site.leader(&NUCLEUS)?;
    for machine in NUCLEUS {
        site.assert_sees(machine, &NUCLEUS)?;
        let health = "9000/minio/health/cluster";
        assert_eq!(site.status(machine, health)?, "200", "m{machine}");
    }
    let again = site.run_cell()?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    site.redis(1, REDIS, "SET kept yes")?;
    goes(&site, &NUCLEUS, &before)?;

    // What comes back has the numbers and the data of before.
    site.comes_back_over_a_death()?;
    site.leader(&NUCLEUS)?;
    assert_eq!(site.redis(3, REDIS, "GET kept")?, "yes");
    site.is_looked_at()
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test cell`"]
fn the_example_of_a_cell_comes_by_one_command_is_changed_by_another_and_goes() -> Result<()> {
    let site = Site::up(5)?;
    site.furnish(&NUCLEUS, "python3-kazoo")?;
    site.furnish(&[4], "python3-kazoo")?;
    site.furnish_store(5, "python3-kazoo")?;
    site.mount_drives(&ALL)?;
    let shelf = Shelf::open(&site)?;
    site.plan_of_cell(&shelf)?;

    // One command, as a dry run foresaw it.
    site.foresee(&VARIABLES)?;
    site.begin_to_store(5)?;
    let before = all_before(&site, &ALL)?;
    let (_, foretold) = site.as_foreseen(&VARIABLES)?;
    assert!(foretold.exact > 0, "{foretold}");
    site.cell_is_whole()?;
    site.an_app_is_reached()?;
    site.all_is_gathered()?;
    let again = site.run_cell()?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    site.cellhost_on_plan("drift", &[])?.ends_with(0);

    // What changes rolls through all of them, which share machines.
    site.changes_everywhere()?;
    site.cell_is_whole()?;
    let again = site.run_cell()?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());

    // It goes, and comes back.
    goes(&site, &ALL, &before)?;
    site.comes_back_over_a_death()?;
    site.cell_is_whole()?;
    site.is_looked_at()
}
