//! A secret that is looked for in all that comes of all that can be done with a plan: of what goes
//! well, what fails and repeats it, and what dies in between.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use cellhost_system_tests::Canaries;

use crate::canary::watcher;
use crate::history::newest;
use crate::site::{Ran, Site, eventually};
use crate::watcher::Watcher;

const PATIENCE: Duration = Duration::from_mins(1);
/// With everything that a file, a shell or a terminal could take for something else.
const SECRET: &str = r#"a"b'c\d$e %f `g` #h;i|j<k>l&m {n} sesame4711canary"#;
/// What is in base64 only, and in parts of nothing else.
const PLANTED: &str = r#"pl"an't\ed$va%lue"#;
/// All that is said but by what compiles modules, which says gigabytes and knows no secrets.
const LOG: &str = "trace,cranelift_codegen=off,cranelift_frontend=off,regalloc2=off,\
                   wasmtime_internal_cranelift=off,wasmtime=off,wasmtime_environ=off,wasmparser=off";
/// Stands in the way of Redis' program, repeats all it is told in all ways it knows, and fails.
const REPEATS: &str = r#"#!/bin/bash
export BEGUN_BY_THE_TEST=1
[ -e /run/canary ] && : >/run/canary/reached
while [ -e /run/canary ]; do sleep 0.1; done
for out in 1 2; do
{
env
echo "$REDISCLI_AUTH"
printf '%q\n' "$REDISCLI_AUTH"
printf %s "$REDISCLI_AUTH" | base64 -w0; echo
env | base64 -w0; echo
printf 'x%s' "$REDISCLI_AUTH" | base64 -w0; echo
printf 'xy%s' "$REDISCLI_AUTH" | base64 -w0; echo
printf %s "$REDISCLI_AUTH" | od -An -v -tx1 | tr -d ' \n'; echo
python3 - <<'_' 2>&1 || true
import json, os, urllib.parse
value = os.environ["REDISCLI_AUTH"]
print(json.dumps(value), json.dumps(json.dumps(value)), urllib.parse.quote(value, safe=""))
_
} >&$out
done
exit 1
"#;

struct Canary<'a> {
    site: &'a Site,
    guests: String,
}

impl Canary<'_> {
    /// Does something with the plan, with all that the program can say of itself.
    fn tell(&self, words: &[&str]) -> Result<Ran> {
        let variables = [("REDIS_PASSWORD", SECRET), ("CELLHOST_LOG", LOG)];
        let mut command = self.site.cellhost(words, &variables);
        Ran::of(&command.output()?).with_context(|| words.join(" "))
    }

    fn with_modules(&self, words: &[&str]) -> Result<Ran> {
        let (verb, rest) = words.split_first().context("a command")?;
        self.tell(&[&[*verb, "--modules", &self.guests], rest].concat())
    }

    fn repeat(&self, is_so: bool) -> Result<()> {
        let command = if is_so {
            format!(
                "cat >/usr/local/bin/redis-cli <<'END'\n{REPEATS}END\nchmod 755 /usr/local/bin/redis-cli"
            )
        } else {
            "rm /usr/local/bin/redis-cli".to_owned()
        };
        for machine in 1..=3 {
            self.site.on(machine, &command)?;
        }
        Ok(())
    }

    /// What only looks at what there is.
    fn looks(&self) -> Result<()> {
        let newest = newest(&self.site.runs())?.context("a record")?;
        let run = newest.file_stem().context("a name")?.to_string_lossy();
        for words in [
            &["runs"][..],
            &["runs", "--format", "json"],
            &["runs", "show", &run],
            &["runs", "show", "--format", "json", &run],
            &["replay", &run],
            &["replay", "--format", "json", &run],
        ] {
            let ran = self.tell(words)?;
            assert!(
                matches!(ran.code, Some(0 | 3)),
                "{words:?}: {}",
                ran.written()
            );
        }
        for words in [
            &["check"][..],
            &["grants"],
            &["why", "redis-cluster"],
            &["vendor"],
            &["bundle"],
        ] {
            let ran = self.with_modules(words)?;
            assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.written());
        }
        assert!(self.site.path().join("redis.bundle").is_file());
        Ok(())
    }

    /// A run that is killed while it waits for a machine.
    fn dies(&self) -> Result<()> {
        self.site.on(1, "mkdir /run/canary")?;
        let mut command = self.site.cellhost(
            &["run", "--modules", &self.guests, "--output", "--diff"],
            &[("REDIS_PASSWORD", SECRET), ("CELLHOST_LOG", LOG)],
        );
        let streams = self.site.path().join("streams");
        let stream = fs_err::File::create(&streams)?.into_parts().0;
        command.stdout(stream.try_clone()?).stderr(stream);
        let mut run = command.spawn()?;
        eventually("a command has its secret", PATIENCE, || {
            self.site.does(1, "test -e /run/canary/reached")
        })?;
        run.kill()?;
        run.wait()?;
        self.site.on(1, "rm -r /run/canary").map(drop)
    }
}

#[test]
fn a_secret_is_nowhere_whatever_comes_of_a_run() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path in UTF-8")?.to_owned();
    let canary = Canary {
        site: &site,
        guests,
    };

    // Nothing is there yet.
    canary
        .with_modules(&["plan", "-o", "kept.json"])?
        .ends_with(0);
    canary
        .with_modules(&["run", "--dry-run", "--format", "json"])?
        .ends_with(0);

    // What repeats it fails, dies and fails again.
    canary.repeat(true)?;
    let failed = canary
        .with_modules(&["run", "--output", "--diff", "--format", "json"])?
        .ends_with(3);
    let repeated = failed.written().matches("[secret:redis-password]").count();
    assert!(repeated > 8, "{repeated}: {}", failed.written());
    canary.dies()?;
    canary
        .tell(&["resume", "--output", "--diff", "--format", "json"])?
        .ends_with(3);

    // What does not goes well.
    canary.repeat(false)?;
    canary.tell(&["resume", "--output", "--diff"])?.ends_with(0);
    canary
        .with_modules(&["drift", "--format", "json"])?
        .ends_with(0);
    canary.looks()?;
    for machine in 1..=3 {
        let modes = site.on(machine, "stat -c '%a %U' /etc/redis/redis-700[01].conf")?;
        let is_closed = |mode: &str| mode.starts_with("640 ") || mode.starts_with("600 ");
        assert!(modes.lines().all(is_closed), "{modes}");
    }
    for program in ["redis-server", "redis-cli", "apt-get", "ssh"] {
        assert!(watcher().saw(program), "{program} was not seen");
    }
    site.assert_kept()?;
    canary
        .with_modules(&["remove", "--yes-remove", "redis", "--purge-data"])?
        .ends_with(0);
    site.assert_kept()?;
    finds_what_is_planted(&site)
}

/// That it looks well enough: what is put somewhere is found, and gone again once it is taken away.
fn finds_what_is_planted(site: &Site) -> Result<()> {
    let encode = format!("base64 -w0 <<'_'\n=={SECRET}\n_\n");
    let encoded = site.on(1, &encode)?;
    let here = site.path().join("state/planted");
    fs_err::write(&here, &encoded)?;
    assert!(site.assert_kept().is_err(), "nothing was found here");
    fs_err::remove_file(&here)?;
    let places = ["/var/lib/cellhost", "/tmp", "/var/tmp", "/run", "/opt"];
    for place in places {
        site.on(
            1,
            &format!("mkdir -p {place} && cat >{place}/planted <<'_'\n{encoded}\n_\n"),
        )?;
    }
    let found = site
        .assert_kept()
        .expect_err("nothing was found there")
        .to_string();
    for place in places {
        assert!(
            found.contains(&format!("{place}/planted")),
            "{place}: {found}"
        );
        site.on(1, &format!("rm {place}/planted"))?;
    }
    site.assert_kept()?;

    // Others watch at the same time, and are told of a value of its own.
    let mut canaries = Canaries::default();
    canaries.add("planted", PLANTED)?;
    let watcher = Watcher::start(Arc::new(Mutex::new(canaries)));
    let mut shown = Command::new("sh")
        .args(["-c", "sleep 1; :", PLANTED])
        .current_dir(site.path())
        .stdout(Stdio::null())
        .spawn()?;
    shown.wait()?;
    assert!(
        watcher
            .leaks(site.path())
            .iter()
            .any(|leak| leak.contains("arguments of sh"))
    );
    // Not as a command of the test's own, which may.
    let lent = format!(
        "cat >/run/planted <<'_'\nPLANTED={}\n_\n systemd-run --quiet --wait -p EnvironmentFile=/run/planted sleep 1",
        PLANTED.replace('\\', r"\\")
    );
    site.on(1, &lent)?;
    let leaks = watcher.leaks(site.path());
    assert!(
        leaks
            .iter()
            .any(|leak| leak.contains("environment of sleep")),
        "{leaks:?}"
    );
    Ok(())
}
