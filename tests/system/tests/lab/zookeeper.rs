//! A ZooKeeper ensemble, and a client that is no part of it: kazoo, on a machine of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(1);

/// Runs one piece of Python with a client `zk` that is connected to `hosts`.
const CLIENT: &str = r"
import sys
from kazoo.client import KazooClient
zk = KazooClient(hosts=sys.argv[1], timeout=5)
zk.start(timeout=30)
";

/// Writes numbers until it is told to stop. What was acknowledged stands in `/var/tmp/acknowledged`,
/// with how long it took.
const WRITER: &str = r"
import os, sys, time
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry
zk = KazooClient(hosts=sys.argv[1], timeout=5, connection_retry=KazooRetry(max_tries=-1, max_delay=0.2))
zk.start(timeout=30)
zk.ensure_path('/numbers')
log = open('/var/tmp/acknowledged', 'w')
number = 0
while not os.path.exists('/var/tmp/stop'):
    begun = time.monotonic()
    while True:
        try:
            zk.create('/numbers/n%07d' % number, b'x')
            break
        except NodeExistsError:
            break
        except (KazooException, KazooTimeoutError):
            time.sleep(0.02)
    log.write('%d %.3f\n' % (number, time.monotonic() - begun))
    log.flush()
    number += 1
    time.sleep(0.01)
zk.stop()
open('/var/tmp/stopped', 'w').close()
";

impl Site {
    /// Puts a plan into place with an ensemble on these machines (`m[1-3]`), and whatever else.
    pub(crate) fn plan_of_zookeeper(&self, on: &str, settings: &str, more: &str) -> Result<()> {
        self.plan(&format!(
            "[modules.zookeeper]\non = \"{on}\"\nsettings = {{ heap = \"64m\", tick-time = 500{settings} }}\n{more}"
        ))
    }

    /// Brings up an ensemble of the first three machines.
    pub(crate) fn ensemble(&self) -> Result<Ran> {
        self.plan_of_zookeeper("m[1-3]", "", "")?;
        Ok(self.run(&["--format", "json"], &[])?.ends_with(0))
    }

    /// What a member says of itself; nothing where it does not serve.
    pub(crate) fn report(&self, machine: u16) -> Result<BTreeMap<String, String>> {
        let ask =
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/2181 || exit 0; printf mntr >&3; cat <&3' 2>&-";
        let told = self.on(machine, ask)?;
        let pairs = told.lines().filter_map(|line| line.split_once('\t'));
        Ok(pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }

    /// Which of these machines leads. There must be one, and the others must follow it in step.
    pub(crate) fn leader(&self, machines: &[u16]) -> Result<u16> {
        let mut leaders = Vec::new();
        for machine in machines {
            let report = self.report(*machine)?;
            match report.get("zk_server_state").map(String::as_str) {
                Some("leader") => {
                    let followers = report
                        .get("zk_synced_followers")
                        .cloned()
                        .unwrap_or_default();
                    leaders.push((*machine, followers));
                }
                Some("follower") => {}
                other => bail!("m{machine} is {other:?}"),
            }
        }
        match leaders.as_slice() {
            [(leader, followers)] if followers.parse() == Ok(machines.len() - 1) => Ok(*leader),
            other => bail!("leaders and their followers: {other:?}"),
        }
    }

    /// Makes a machine one from which clients connect.
    fn make_client(&self, machine: u16) -> Result<()> {
        self.on(
            machine,
            "apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
             apt-get -qq install --no-install-recommends python3-kazoo >/var/tmp/apt 2>&1",
        )
        .map(drop)
    }

    /// Runs Python with a client that is connected to this machine only.
    fn client(&self, from: u16, to: u16, script: &str) -> Result<String> {
        let script = format!("{CLIENT}{script}");
        self.on(
            from,
            &format!("python3 - 10.77.0.{to}:2181 <<'_'\n{script}\n_\n"),
        )
    }

    fn start_writer(&self, from: u16, to: &[u16]) -> Result<()> {
        let hosts: Vec<String> = to.iter().map(|to| format!("10.77.0.{to}:2181")).collect();
        self.on(
            from,
            &format!(
                "rm -f /var/tmp/stop /var/tmp/stopped; cat >/var/tmp/writer.py <<'_'\n{WRITER}_\n\
                 setsid python3 /var/tmp/writer.py {} </dev/null >/var/tmp/writer.log 2>&1 &",
                hosts.join(",")
            ),
        )?;
        eventually("the writer writes", PATIENCE, || {
            self.does(from, "test -s /var/tmp/acknowledged")
        })
    }

    /// Stops the writer, and fails unless all that it was told is written can be read at each of
    /// these. Returns how many that are, and how long the longest took.
    fn stop_writer(&self, from: u16, at: &[u16]) -> Result<(usize, f64)> {
        self.on(from, "touch /var/tmp/stop")?;
        eventually("the writer stops", PATIENCE, || {
            self.does(from, "test -e /var/tmp/stopped")
        })?;
        let told = self.on(from, "cat /var/tmp/acknowledged")?;
        let mut longest = 0.0_f64;
        let mut names = Vec::new();
        for line in told.lines() {
            let (number, took) = line.split_once(' ').context("a number and a time")?;
            longest = longest.max(took.parse()?);
            names.push(format!("n{:07}", number.parse::<u64>()?));
        }
        for to in at {
            let script = "zk.sync('/numbers'); print(*sorted(zk.get_children('/numbers')))";
            let found = self.client(from, *to, script)?;
            let found: Vec<&str> = found.split_whitespace().collect();
            assert_eq!(found, names, "m{to} has lost something");
        }
        Ok((names.len(), longest))
    }
}

const WRITE: &str = "zk.ensure_path('/accept'); zk.create('/accept/{}', b'here')";
const READ: &str = "zk.sync('/accept'); print(zk.get('/accept/{}')[0].decode())";

/// What the client misses while another is voted for, and what its own time-out adds.
const LONGEST: f64 = 10.0;

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test zookeeper`"]
fn an_ensemble_grows_and_shrinks_under_a_client_that_loses_nothing() -> Result<()> {
    let site = Site::up(6)?;
    site.make_client(6)?;
    site.ensemble()?;
    site.start_writer(6, &[1, 2, 3, 4, 5])?;
    // What changes beside the members rolls through those that are there before.
    let plans = [
        ("m[1-5]", ", sync-limit = 6", 1..=5_u16),
        ("m[1-3]", "", 1..=3),
    ];
    for (on, settings, members) in plans {
        site.plan_of_zookeeper(on, settings, "")?;
        site.run(&[], &[])?.ends_with(0);
        let members: Vec<u16> = members.collect();
        site.leader(&members)?;
        let again = site.run(&["--format", "json"], &[])?.ends_with(0);
        assert_eq!(again.changes()?, 0, "{}", again.written());
    }
    assert!(!site.does(5, "systemctl is-active --quiet zookeeper-member")?);
    let (written, longest) = site.stop_writer(6, &[1, 2, 3])?;
    println!("{written} nodes were written, the slowest within {longest} s");
    assert!(
        longest < LONGEST,
        "{written} were written, and one took {longest} s"
    );
    Ok(())
}

#[test]
fn zookeeper_is_founded_outlives_its_leader_and_a_second_run_changes_nothing() -> Result<()> {
    let site = Site::up(4)?;
    site.make_client(4)?;
    site.plan_of_zookeeper("m[1-3]", "", "")?;
    site.foresee(&[])?;
    let (_, foretold) = site.as_foreseen(&[])?;
    assert!(foretold.exact >= 21, "{foretold}");
    let leader = site.leader(&[1, 2, 3])?;
    let again = site.run(&["--format", "json"], &[])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());

    site.client(4, 1, &WRITE.replace("{}", "first"))?;
    assert_eq!(site.client(4, 3, &READ.replace("{}", "first"))?, "here");

    site.fault("kill", leader)?;
    let others: Vec<u16> = (1..=3).filter(|machine| *machine != leader).collect();
    let [one, two] = others.as_slice() else {
        bail!("two of three are left");
    };
    eventually("another leads", PATIENCE, || {
        Ok(site.leader(&others).is_ok())
    })?;
    site.client(4, *one, &WRITE.replace("{}", "second"))?;
    assert_eq!(site.client(4, *two, &READ.replace("{}", "second"))?, "here");

    // All that it had is gone, too: it comes back empty, and gets everything from the others.
    site.fault("start", leader)?;
    site.on(
        leader,
        "systemctl stop zookeeper-member; rm -rf /var/lib/zookeeper/data",
    )?;
    site.run(&[], &[])?.ends_with(0);
    site.leader(&[1, 2, 3])?;
    assert_eq!(
        site.client(4, leader, &READ.replace("{}", "second"))?,
        "here"
    );

    let leader = site.leader(&[1, 2, 3])?;
    site.start_writer(4, &[1, 2, 3])?;
    site.plan_of_zookeeper("m[1-3]", ", sync-limit = 6", "")?;
    let rolled = site.run(&["--format", "json"], &[])?.ends_with(0);
    let mut starts = Vec::new();
    for machine in 1..=3 {
        let ask = "systemctl show -p ActiveEnterTimestampMonotonic --value zookeeper-member";
        starts.push((site.on(machine, ask)?.parse::<u64>()?, machine));
    }
    starts.sort_unstable();
    let last = starts.last().map(|(_, machine)| *machine);
    assert_eq!(last, Some(leader), "{starts:?} {}", rolled.written());
    let (written, longest) = site.stop_writer(4, &[1, 2, 3])?;
    assert!(
        longest < LONGEST,
        "{written} were written, and one took {longest} s"
    );
    let again = site.run(&["--format", "json"], &[])?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());
    // The same machines have to show what the barrier does: an ensemble takes its time.
    site.stands_at_the_barrier()
}
