//! Mesos and Marathon beside a real ZooKeeper. The two themselves are stood in for: see
//! `tests/system/stand-ins/mesos.py`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shelf::{Offer, Shelf};
use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(1);
/// With everything that a file, a unit or a shell could take for something else.
const SECRET: &str = r#"a:b'c"d\e#f $g"#;
const ALL: [u16; 3] = [1, 2, 3];

/// What the plan fetches.
struct Files {
    mesos: Offer,
    marathon: Offer,
}

impl Files {
    fn on(shelf: &Shelf) -> Result<Self> {
        Ok(Self {
            mesos: shelf.mesos()?,
            marathon: shelf.marathon()?,
        })
    }
}

impl Site {
    fn plan_of_mesos(&self, files: &Files, rack: &str, mesos: &str, marathon: &str) -> Result<()> {
        let [first, second] = [&files.mesos, &files.marathon]
            .map(|one| format!("url = \"{}\", sha256 = \"{}\"", one.url, one.sha256));
        let packages = "packages = [\"python3-kazoo\", \"curl\"]";
        let credential = "credential = { principal = \"cell\", secret = { secret = \"own\" } }";
        self.plan_of_zookeeper(
            "all",
            "",
            &format!(
                "[secrets]\nown = {{ env = \"OWN\" }}\n\n[barrier]\nrounds = 3\n\
                 interval = \"100ms\"\n\n\
                 [groups.masters]\nmachines = [\"m[1-3]\"]\nroles = [\"mesos-master\"]\n\n\
                 [groups.agents]\nmachines = [\"m[2-3]\"]\nroles = [\"mesos-agent\", \"body\"]\n\
                 tags = {{ rack = \"{rack}\" }}\n\n\
                 [modules.mesos]\non = \"all\"\n[modules.mesos.settings]\n\
                 source = {{ {first}, {packages} }}\n{credential}\ntask-users = [\"app\"]\n{mesos}\n\n\
                 [modules.marathon]\non = \"all\"\n[modules.marathon.settings]\n\
                 source = {{ {second}, {packages} }}\n{credential}\nuser = \"app\"\n\
                 native-library = \"/opt/mesos/current/lib/libmesos.so\"\n{marathon}\n"
            ),
        )
    }

    fn run_mesos(&self) -> Result<Ran> {
        self.run(&["--format", "json"], &[("OWN", SECRET)])
    }

    fn http(&self, machine: u16, port: u16, path: &str) -> Result<Value> {
        let ask = format!("curl -sS --max-time 5 http://10.77.0.{machine}:{port}{path}");
        Ok(serde_json::from_str(&self.on(machine, &ask)?)?)
    }

    /// Which master leads. All have to take part, and the agents have to be with it.
    pub(crate) fn leading_master(&self) -> Result<u16> {
        let mut leaders = Vec::new();
        for machine in ALL {
            let told = self.http(machine, 5050, "/metrics/snapshot")?;
            let number = |key: &str| told.get(key).and_then(Value::as_f64).unwrap_or(-1.0);
            ensure!(number("registrar/log/recovered") > 0.5, "m{machine} {told}");
            if number("master/elected") > 0.5 {
                ensure!(number("registrar/log/ensemble_size") > 2.5, "{told}");
                ensure!(number("master/slaves_active") > 1.5, "{told}");
                leaders.push(machine);
            }
        }
        let [leader] = leaders.as_slice() else {
            anyhow::bail!("{leaders:?} lead");
        };
        Ok(*leader)
    }

    pub(crate) fn leading_marathon(&self) -> Result<String> {
        let mut told = Vec::new();
        for machine in ALL {
            let leader = self.http(machine, 8080, "/v2/leader")?;
            let leader = leader.get("leader").and_then(Value::as_str);
            told.push(leader.context("a leader")?.to_owned());
        }
        told.dedup();
        ensure!(told.len() == 1, "{told:?}");
        Ok(told.concat())
    }

    /// The machines in the order in which a service of theirs began.
    fn began(&self, service: &str) -> Result<Vec<u16>> {
        let mut starts = Vec::new();
        for machine in ALL {
            let ask = format!("systemctl show -p ActiveEnterTimestampMonotonic --value {service}");
            starts.push((self.on(machine, &ask)?.parse::<u64>()?, machine));
        }
        starts.sort_unstable();
        Ok(starts.into_iter().map(|(_, machine)| machine).collect())
    }

    /// An agent with tasks keeps what it offers; one that is drained begins anew.
    fn moves_an_agent(&self, files: &Files, settings: &str) -> Result<()> {
        let offers = self.on(2, "cat /etc/mesos/cell/offers")?;
        assert!(offers.contains("\"rack:r1;role_body:true\""), "{offers}");
        self.plan_of_mesos(files, "r2", settings, "heap = \"128m\"")?;
        let ran = self.run_mesos()?;
        ensure!(ran.code != Some(0), "{}", ran.written());
        let (status, why) = ran.turn("mesos", "m2")?;
        assert!(
            status == "failed" && why.contains("Drain it"),
            "{status} {why}"
        );
        assert_eq!(self.on(2, "cat /etc/mesos/cell/offers")?, offers);
        let before = self.http(2, 5051, "/state")?;
        let leader = self.leading_master()?;
        for machine in [2, 3] {
            let drain = format!(
                "curl -sS -d '{{\"hostname\": \"10.77.0.{machine}\"}}' \
                 http://10.77.0.{leader}:5050/stand-in/drained"
            );
            self.on(leader, &drain)?;
        }
        self.run_mesos()?.ends_with(0);
        assert_ne!(self.http(2, 5051, "/state")?, before);
        assert!(self.does(2, "grep -q rack:r2 /etc/mesos/cell/offers")?);
        Ok(())
    }

    /// No two groups of masters could ever decide, and no secret was written down.
    fn was_never_in_danger(&self) -> Result<()> {
        for machine in ALL {
            assert!(self.does(machine, "test ! -e /var/lib/mesos/master/danger")?);
        }
        assert!(!self.journals()?.contains(SECRET));
        Ok(())
    }

    fn takes_mesos_away(&self) -> Result<()> {
        self.remove(&[], &[("OWN", SECRET)])?;
        for machine in ALL {
            let gone = "for path in /etc/mesos/cell /etc/marathon/cell /opt/mesos /opt/marathon \
                        /etc/systemd/system/mesos-master.service \
                        /etc/systemd/system/mesos-agent.service \
                        /etc/systemd/system/marathon.service; do test ! -e $path || exit 1; done; \
                        ! pgrep -x 'mesos-master|mesos-agent|marathon' && \
                        test -e /var/lib/mesos/master";
            assert!(self.does(machine, gone)?, "m{machine}");
        }
        Ok(())
    }
}

const SLOWER: &str = "master-options = { max_agent_ping_timeouts = \"10\" }";

#[test]
fn mesos_and_marathon_are_founded_as_foreseen_roll_and_go_with_a_stand_in_for_them() -> Result<()> {
    let site = Site::up(3)?;
    let shelf = Shelf::open(&site)?;
    let files = Files::on(&shelf)?;
    site.plan_of_mesos(&files, "r1", "", "")?;
    site.foresee(&[("OWN", SECRET)])?;
    let (_, foretold) = site.as_foreseen(&[("OWN", SECRET)])?;
    assert_eq!(foretold.unknown, 0, "{foretold}");
    assert!(foretold.exact > 0, "{foretold}");
    let leader = site.leading_marathon()?;
    assert!(leader.starts_with("10.77.0."), "{leader}");
    let again = site.run_mesos()?.ends_with(0);
    assert_eq!(again.changes()?, 0, "{}", again.written());

    // What changes rolls through masters and instances, the leaders last.
    let (master, marathon) = (site.leading_master()?, site.leading_marathon()?);
    site.plan_of_mesos(&files, "r1", SLOWER, "heap = \"128m\"")?;
    site.run_mesos()?.ends_with(0);
    assert_eq!(site.began("mesos-master")?.last(), Some(&master));
    let last = site
        .began("marathon")?
        .last()
        .map(|one| format!("10.77.0.{one}:8080"));
    assert_eq!(last, Some(marathon));
    let flags = site.http(1, 5050, "/flags")?;
    let told = flags.pointer("/flags/max_agent_ping_timeouts");
    assert_eq!(told, Some(&Value::from("10")));
    site.was_never_in_danger()?;
    site.takes_mesos_away()
}

#[test]
#[ignore = "takes minutes: `cargo xtask lab-test mesos`"]
fn mesos_outlives_a_lost_master_and_an_agent_moves_only_when_it_is_drained() -> Result<()> {
    let site = Site::up(3)?;
    let shelf = Shelf::open(&site)?;
    let files = Files::on(&shelf)?;
    site.plan_of_mesos(&files, "r1", SLOWER, "")?;
    site.run_mesos()?.ends_with(0);
    let leader = site.leading_master()?;
    site.on(leader, "systemctl stop mesos-master")?;
    eventually("another leads", PATIENCE, || {
        let mut others = ALL.into_iter().filter(|machine| *machine != leader);
        Ok(others.any(|machine| {
            let told = site
                .http(machine, 5050, "/metrics/snapshot")
                .unwrap_or_default();
            told.get("master/elected").and_then(Value::as_f64) == Some(1.0)
        }))
    })?;
    site.run_mesos()?.ends_with(0);
    assert_ne!(site.leading_master()?, leader);
    site.moves_an_agent(&files, SLOWER)?;
    site.was_never_in_danger()?;
    site.takes_mesos_away()
}
