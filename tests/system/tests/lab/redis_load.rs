//! A Redis cluster under load: machines are lost, come, go and lose their disks, and no key does.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::redis::{PASSWORD, VARIABLES};
use crate::site::{Ran, Site, eventually, number};

const CLIENT: u16 = 5;
const PATIENCE: Duration = Duration::from_mins(1);
/// Twice the time after which a silent instance is taken for failed, and five seconds.
const TAKEOVER: Duration = Duration::from_secs(15);

/// Sets numbers from one on until it is told to stop. What was acknowledged stands in
/// `/var/tmp/acknowledged`, with the milliseconds that it took. Where there is a replica, it has the
/// number by then.
const WRITER: &str = r#"
export REDISCLI_AUTH=open-sesame
n=$1
while [ ! -e /var/tmp/stop ]; do
begun=$(date +%s%N)
while :; do
for host in 10.77.0.1 10.77.0.3 10.77.0.2; do
told=$(printf 'SET number:%s %s\nWAIT 1 1000\n' $n $n | timeout 4 redis-cli -c -h $host -p 7000 2>&1)
case $told in *OK*[0-9]) break 2 ;; esac
done
sleep 0.05
done
echo "$n $((($(date +%s%N) - begun) / 1000000))" >>/var/tmp/acknowledged
n=$((n + 1))
done
touch /var/tmp/stopped
"#;

/// Redis' own load, again and again. What came to its end stands in `/var/tmp/load`.
const LOAD: &str = r"
while [ ! -e /var/tmp/stop-load ]; do
for host in 10.77.0.1 10.77.0.2 10.77.0.3; do
timeout 20 redis-benchmark --cluster -h $host -p 7000 -a open-sesame -t set,get -n 2000 -r 2000 -c 4 -q \
>/var/tmp/load.last 2>&1 && echo done >>/var/tmp/load
sleep 0.2
done
done
touch /var/tmp/load-stopped
";

/// What has to be there.
struct Count {
    /// How many keys there are.
    keys: u64,
    /// The first number that was not written yet.
    first: u64,
}

impl Site {
    fn make_redis_client(&self) -> Result<()> {
        self.on(
            CLIENT,
            "apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
             apt-get -qq install --no-install-recommends redis-tools >/var/tmp/apt 2>&1",
        )
        .map(drop)
    }

    fn begin_writing(&self, first: u64) -> Result<()> {
        self.on(
            CLIENT,
            &format!(
                "rm -f /var/tmp/stop /var/tmp/stopped /var/tmp/acknowledged; \
                 cat >/var/tmp/writer.sh <<'_'\n{WRITER}_\n\
                 setsid sh /var/tmp/writer.sh {first} </dev/null >/var/tmp/writer.log 2>&1 &"
            ),
        )?;
        eventually("the writer writes", PATIENCE, || {
            self.does(CLIENT, "test -s /var/tmp/acknowledged")
        })
    }

    /// Stops the writer and fails unless all that it was told is set can be read. Returns the last
    /// number and how many milliseconds the slowest took.
    fn end_writing(&self, first: u64) -> Result<(u64, u64)> {
        self.on(CLIENT, "touch /var/tmp/stop")?;
        eventually("the writer stops", PATIENCE, || {
            self.does(CLIENT, "test -e /var/tmp/stopped")
        })?;
        let told = self.on(CLIENT, "cat /var/tmp/acknowledged")?;
        let (mut last, mut longest) = (0, 0);
        for line in told.lines() {
            let (number, took) = line.split_once(' ').context("a number and a time")?;
            last = number.parse::<u64>()?;
            longest = longest.max(took.parse::<u64>()?);
        }
        let read = self.on(
            CLIENT,
            &format!(
                "export REDISCLI_AUTH={PASSWORD}; for n in $(seq {first} {last}); do \
                 echo GET number:$n; done | redis-cli -c -h 10.77.0.1 -p 7000 \
                 | grep -E '^\"?[0-9]+\"?$'"
            ),
        )?;
        let found: BTreeSet<u64> = read
            .lines()
            .map(|line| line.trim_matches('"').parse())
            .collect::<Result<_, _>>()?;
        let lost: Vec<u64> = (first..=last).filter(|n| !found.contains(n)).collect();
        assert!(lost.is_empty(), "up to {last} these are lost: {lost:?}");
        Ok((last, longest))
    }

    /// Changes the cluster while a client writes on, and fails unless every key is there after.
    #[expect(
        clippy::print_stdout,
        reason = "how long it took is a figure of the test"
    )]
    fn changes_under_a_writer(
        &self,
        count: &mut Count,
        machines: &[u16],
        change: impl FnOnce(&Self) -> Result<Ran>,
    ) -> Result<()> {
        self.begin_writing(count.first)?;
        change(self)?.ends_with(0);
        let (last, longest) = self.end_writing(count.first)?;
        count.keys += last + 1 - count.first;
        println!(
            "{} numbers more, the slowest within {longest} ms",
            last + 1 - count.first
        );
        count.first = last + 1;
        self.assert_settled(machines)?;
        assert_eq!(self.keys(machines)?, count.keys);
        Ok(())
    }

    /// Begins a run, and kills the program that moves slots in the middle.
    fn break_off(&self, what: &str) -> Result<()> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let run = self
            .cellhost(&["run", "--modules", guests], &VARIABLES)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        eventually("slots move", PATIENCE, || {
            self.does(1, &format!("pgrep -f '[c]luster {what}'"))
        })?;
        std::thread::sleep(Duration::from_secs(1));
        self.on(1, &format!("pkill -KILL -f '[c]luster {what}'"))?;
        let broken = Ran::of(&run.wait_with_output()?)?;
        assert_ne!(broken.code, Some(0), "{}", broken.written());
        Ok(())
    }

    fn begin_load(&self) -> Result<()> {
        self.on(
            CLIENT,
            &format!(
                "cat >/var/tmp/load.sh <<'_'\n{LOAD}_\n\
                 setsid sh /var/tmp/load.sh </dev/null >/var/tmp/load.log 2>&1 &"
            ),
        )?;
        eventually("there is load", PATIENCE, || Ok(self.loads()? > 0))
    }

    fn loads(&self) -> Result<u64> {
        Ok(self.on(CLIENT, "cat /var/tmp/load 2>&- | wc -l")?.parse()?)
    }

    fn end_load(&self) -> Result<()> {
        self.on(CLIENT, "touch /var/tmp/stop-load")?;
        eventually("the load stops", PATIENCE, || {
            self.does(CLIENT, "test -e /var/tmp/load-stopped")
        })
    }

    /// Whether, to this machine, all slots are served, and none of them by one that is lost.
    fn is_served_without(&self, lost: u16, by: u16) -> Result<bool> {
        let view = self.view(by)?;
        let lost = format!("10.77.0.{lost}");
        let masters = view.masters();
        Ok(view.is_ok() && masters.len() == 3 && !masters.contains(&lost.as_str()))
    }

    /// Waits until every replica has what its master has.
    fn await_copies(&self, machines: &[u16]) -> Result<()> {
        eventually("every replica is in step", PATIENCE, || {
            let told = machines.iter().flat_map(|machine| {
                [7000, 7001].map(|port| self.redis(*machine, port, "INFO replication"))
            });
            for told in told {
                let told = told?;
                let is_well = |sign| told.contains(sign);
                if !is_well("master_link_status:up") && !is_well("connected_slaves:1") {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test redis-cluster`"]
fn a_cluster_outlives_each_machine_and_grows_and_shrinks_with_every_key() -> Result<()> {
    let mut site = Site::up(5)?;
    site.make_redis_client()?;
    site.plan_of_redis("\"m[1-3]\"", "")?;
    site.run_redis(&[])?.ends_with(0);
    site.assert_settled(&[1, 2, 3])?;

    // Each machine is lost once, under load.
    site.begin_load()?;
    site.begin_writing(1)?;
    for lost in [2, 3, 1] {
        site.await_copies(&[1, 2, 3])?;
        site.lab.kill(number(lost)?)?;
        let begun = Instant::now();
        let other = lost % 3 + 1;
        eventually("the others take over", TAKEOVER, || {
            site.is_served_without(lost, other)
        })?;
        println!("m{lost}: served again after {:?}", begun.elapsed());
        let before = site.loads()?;
        eventually("load goes on", PATIENCE, || Ok(site.loads()? > before))?;
        site.lab.start(number(lost)?)?;
        site.run_redis(&[])?.ends_with(0);
        site.assert_settled(&[1, 2, 3])?;
    }
    site.end_load()?;
    let (last, longest) = site.end_writing(1)?;
    println!("{last} numbers were written, the slowest within {longest} ms");

    // It grows and shrinks under a client that writes on, although the first run that moves slots
    // is broken off.
    let mut count = Count {
        keys: site.keys(&[1, 2, 3])?,
        first: last + 1,
    };
    assert!(count.keys > last, "{}", count.keys);
    site.plan_of_redis("\"m[1-4]\"", "")?;
    site.changes_under_a_writer(&mut count, &[1, 2, 3, 4], |site| {
        site.break_off("rebalance")?;
        site.run_redis(&[])
    })?;
    site.plan_of_redis("\"m[1-3]\"", "")?;
    let again = |site: &Site| site.run_redis(&[]);
    site.changes_under_a_writer(&mut count, &[1, 2, 3], again)?;
    assert!(!site.does(4, "systemctl is-active -q redis-server@7000")?);

    // A master loses its disk, and comes back with the next run.
    site.await_copies(&[1, 2, 3])?;
    let lose = "systemctl stop redis-server@7000; rm -rf /var/lib/redis/7000";
    site.on(2, lose)?;
    let begun = Instant::now();
    site.run_redis(&[])?.ends_with(0);
    println!(
        "a master without its disk was handled within {:?}",
        begun.elapsed()
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
    site.assert_settled(&[1, 2, 3])?;
    assert_eq!(site.keys(&[1, 2, 3])?, count.keys);

    // A machine is lost for good, and another takes its place.
    site.await_copies(&[1, 2, 3])?;
    site.lab.kill(number(2)?)?;
    eventually("the others take over", TAKEOVER, || {
        site.is_served_without(2, 1)
    })?;
    let held = site.keys(&[1, 3])?;
    site.plan_of_redis("[\"m1\", \"m3\", \"m4\"]", "")?;
    // It was a member before, and has on its disk what it had then: that could be anybody's.
    site.is_refused("form", "m1:7000 and m4:700")?;
    assert_eq!(site.keys(&[1, 3])?, held);
    site.wipe(4)?;
    let replaced = site.run_redis(&["--format", "json"])?.ends_with(3);
    let (status, _) = replaced.turn("redis-cluster", "form")?;
    assert_eq!(status, "changed", "{}", replaced.written());
    for machine in [1, 3, 4] {
        site.assert_sees(machine, &[1, 3, 4])?;
    }
    assert_eq!(site.keys(&[1, 3, 4])?, count.keys);
    // The lost one comes back, and is taken off as one that leaves.
    site.lab.start(number(2)?)?;
    site.run_redis(&[])?.ends_with(0);
    assert!(!site.does(2, "systemctl is-active -q redis-server@7000")?);
    site.assert_settled(&[1, 3, 4])?;
    assert_eq!(site.keys(&[1, 3, 4])?, count.keys);
    Ok(())
}
