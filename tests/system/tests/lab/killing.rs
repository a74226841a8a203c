//! Whoever is killed at whatever step of a change and its restart: the next run restarts the service
//! that needs it, and no other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::site::{Ran, Site, eventually};

const PATIENCE: Duration = Duration::from_mins(1);

/// What stands in the way of these programs, counts their calls, and holds one of them up until it
/// is let go or killed. It also tells whose shell it is that calls.
const GATE: &str = r#"#!/bin/sh
[ -e /run/gate/at ] || exec /usr/bin/"${0##*/}" "$@"
number=$(($(cat /run/gate/count) + 1))
echo "$number" >/run/gate/count
echo "$number ${0##*/} $*" >>/run/gate/calls
[ "$number" = "$(cat /run/gate/at)" ] || exec /usr/bin/"${0##*/}" "$@"
pid=$PPID chain=
while [ "$(cat /proc/$pid/comm)" != sshd ]; do
chain="$chain $pid"
pid=$(sed -n 's/^PPid:.//p' /proc/$pid/status)
done
echo "$chain" >/run/gate/chain
: >/run/gate/reached
while [ ! -e /run/gate/go ]; do sleep 0.05; done
exec /usr/bin/"${0##*/}" "$@"
"#;
const GATED: [&str; 6] = ["chmod", "mkdir", "mv", "rm", "sync", "systemctl"];

/// Whether the shells that were held up are gone or wait for more to do.
const QUIET: &str = r#"
chain=" $(cat /run/gate/chain) "
for pid in $chain; do
[ -d /proc/$pid ] || continue
for child in $(pgrep -P "$pid"); do case $chain in *" $child "*) ;; *) exit 1 ;; esac; done
grep -q '^State:.S' /proc/$pid/status || exit 1
done"#;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Blow {
    /// kill -9 of cellhost.
    Controller,
    /// kill -9 of every sshd on the machine.
    Sshd,
    /// The cable, and then cellhost.
    Cable,
    /// The machine's power.
    Power,
}

#[test]
fn no_restart_is_lost_whoever_is_killed_and_whenever() -> Result<()> {
    let site = Site::up(4)?;
    cellhost_system_tests::guest("pair")?;
    let lab = Mutex::new(());
    let blows = [Blow::Controller, Blow::Sshd, Blow::Cable, Blow::Power];
    std::thread::scope(|scope| {
        let victims: Vec<_> = (1..)
            .zip(blows)
            .map(|(machine, blow)| {
                let victim = Victim {
                    site: &site,
                    lab: &lab,
                    machine,
                    blow,
                };
                scope.spawn(move || victim.suffers())
            })
            .collect();
        for victim in victims {
            victim.join().expect("no panic but that of a failed test")?;
        }
        Ok(())
    })
}

/// One machine and what happens to it.
struct Victim<'a> {
    site: &'a Site,
    /// One fault at a time.
    lab: &'a Mutex<()>,
    machine: u16,
    blow: Blow,
}

impl Victim<'_> {
    fn suffers(&self) -> Result<()> {
        self.wish("first")?;
        self.run()?.ends_with(0);
        let gates = GATED.map(|name| format!("/usr/local/bin/{name}"));
        let gates = gates.join(" ");
        self.on(&format!(
            "for gate in {gates}; do cat >$gate <<'_'\n{GATE}_\nchmod 755 $gate; done"
        ))?;
        self.arm(0)?;
        self.wish("counted")?;
        self.run()?.ends_with(0);
        let mut steps = self.calls()?;
        // The lease is given back after all of it: there is nothing left to lose.
        steps.retain(|_, step| !step.contains("/var/lib/cellhost/lease"));
        let together = match self.notes() {
            0 => "mv -fT -- ./.cellhost-",
            _ => "mkdir -m 700 -- /etc/pair/.cellhost-",
        };
        let expected = ["mv", "sync", "systemctl restart", together];
        for what in expected {
            assert!(
                steps.values().any(|step| step.starts_with(what)),
                "{steps:?}"
            );
        }
        assert!(steps.len() >= 8, "{steps:?}");
        for (number, step) in &steps {
            self.strike(*number, step)
                .with_context(|| format!("{:?} at step {number}, {step}", self.blow))?;
        }
        Ok(())
    }

    /// Deals the blow just before a step, and looks what the next two runs do.
    fn strike(&self, step: usize, call: &str) -> Result<()> {
        let content = format!("{:?}-{step}", self.blow);
        let before = self.starts()?;
        self.wish(&content)?;
        self.arm(step)?;
        let mut run = self.start()?;
        eventually("the step is reached", PATIENCE, || {
            if let Some(status) = run.try_wait()? {
                bail!("it ended before: {status}");
            }
            self.does("test -e /run/gate/reached")
        })?;
        self.deal(&mut run)?;
        if self.blow != Blow::Power {
            let left = "! ls -A /etc/pair /etc/systemd/system | grep -q cellhost-";
            eventually("nothing is left beside", PATIENCE, || self.does(left))?;
        }
        // Without power all services start anew, and before that one may have restarted. Else what
        // goes on without its controller and the next run come to one restart together.
        let base = match self.blow {
            Blow::Power => self.starts()?,
            _ => before,
        };
        // By then it had restarted for the change, and that was noted.
        let is_done = self.blow == Blow::Power && call.starts_with("systemctl is-failed");
        let ran = self.run()?.ends_with(0);
        let after = self.starts()?;
        let found = format!("{base:?} {after:?} {}", ran.written());
        assert_eq!(
            after.0.len(),
            base.0.len() + usize::from(!is_done),
            "{found}"
        );
        assert_eq!(after.0.last(), Some(&content), "{found}");
        assert_eq!(after.1.len(), base.1.len(), "{found}");
        let ran = self.run()?.ends_with(0);
        assert_eq!(ran.changes()?, 0, "{}", ran.written());
        Ok(())
    }

    fn deal(&self, run: &mut Child) -> Result<()> {
        match self.blow {
            Blow::Controller => {
                run.kill()?;
                run.wait()?;
                self.release()?;
            }
            Blow::Sshd => {
                // It ends this very connection, too.
                let killed = self.does("kill -9 $(pgrep -x sshd)");
                assert!(killed.is_err(), "sshd lives");
                eventually("sshd is back", PATIENCE, || {
                    Ok(self.does("true").unwrap_or(false))
                })?;
                self.release()?;
                run.wait()?;
            }
            Blow::Cable => {
                self.fault("cut")?;
                run.kill()?;
                run.wait()?;
                self.fault("heal")?;
                self.release()?;
            }
            Blow::Power => {
                self.fault("kill")?;
                run.kill()?;
                run.wait()?;
                self.fault("start")?;
                eventually("it is up", PATIENCE, || {
                    self.does("systemctl is-active pair-one pair-other")
                })?;
            }
        }
        Ok(())
    }

    /// Lets the step go on, and waits until whoever is left there does nothing any more.
    fn release(&self) -> Result<()> {
        self.on("touch /run/gate/go")?;
        eventually("the machine is quiet", PATIENCE, || self.does(QUIET))
    }

    /// Makes the gate hold up a call.
    fn arm(&self, step: usize) -> Result<()> {
        let script = format!(
            "/usr/bin/rm -rf /run/gate; /usr/bin/mkdir /run/gate; echo 0 >/run/gate/count; echo {step} >/run/gate/at"
        );
        self.on(&script).map(drop)
    }

    /// The calls since the gate was armed, by number.
    fn calls(&self) -> Result<BTreeMap<usize, String>> {
        let calls = self.on("cat /run/gate/calls")?;
        let numbered = calls.lines().map(|line| {
            let (number, call) = line.split_once(' ').context("a call")?;
            Ok((number.parse()?, call.to_owned()))
        });
        numbered.collect()
    }

    /// What the two services started with so far.
    fn starts(&self) -> Result<(Vec<String>, Vec<String>)> {
        let starts = self.on("cd /var/lib/pair && cat one && echo / && cat other")?;
        let (one, other) = starts.split_once("\n/\n").context("two services")?;
        let lines = |starts: &str| starts.lines().map(str::to_owned).collect();
        Ok((lines(one), lines(other)))
    }

    fn wish(&self, content: &str) -> Result<()> {
        let machines = cellhost_lab::inventory(&self.site.lab.machines());
        let plan = format!(
            "cell = \"lab{0}\"\n\n{machines}\n[modules.pair]\non = \"m{0}\"\n\
             settings = {{ one = \"{content}\", other = \"same\", notes = {1} }}\n",
            self.machine,
            self.notes()
        );
        let place = self.place();
        fs_err::create_dir_all(&place)?;
        Ok(fs_err::write(place.join("plan.toml"), plan)?)
    }

    /// How many files change together with that of the one: some are put in their places by one
    /// program, few by one each.
    fn notes(&self) -> u8 {
        match self.blow {
            Blow::Controller | Blow::Power => 4,
            Blow::Sshd | Blow::Cable => 0,
        }
    }

    fn place(&self) -> PathBuf {
        self.site.path().join(format!("victim{}", self.machine))
    }

    fn prepared(&self) -> Result<Command> {
        let guests = cellhost_system_tests::guests().canonicalize()?;
        let guests = guests.to_str().context("a path in UTF-8")?;
        let words = ["run", "--format", "json", "--modules", guests];
        let mut command = self.site.cellhost(&words, &[]);
        command.current_dir(self.place());
        Ok(command)
    }

    fn start(&self) -> Result<Child> {
        let mut command = self.prepared()?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.spawn()?)
    }

    fn run(&self) -> Result<Ran> {
        Ran::of(&self.prepared()?.output()?)
    }

    fn on(&self, command: &str) -> Result<String> {
        self.site.on(self.machine, command)
    }

    fn does(&self, command: &str) -> Result<bool> {
        self.site.does(self.machine, command)
    }

    fn fault(&self, verb: &str) -> Result<()> {
        let _one = self.lab.lock();
        self.site.fault(verb, self.machine)
    }
}
