//! What keeps a machine from doing what it should: each is told with a word on what to do, nothing is
//! half done, and once it is gone the next run settles the rest.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::site::{Ran, Site, eventually, number};

/// One trouble: how it begins, what is wished for, how it ends.
struct Trouble {
    begin: &'static str,
    settings: &'static str,
    end: &'static str,
    /// What the machine says.
    words: &'static str,
    /// How the hint begins.
    hint: &'static str,
    /// How many wishes are left for the run after it.
    left: u64,
}

/// An apt-get that does not wait for minutes, and somebody else at work with packages.
const LOCKED: &str = r#"cat >/usr/local/bin/apt-get <<'_'
#!/bin/sh
for word; do
shift
case $word in DPkg::Lock::Timeout=*) word=DPkg::Lock::Timeout=2 ;; esac
set -- "$@" "$word"
done
exec /usr/bin/apt-get "$@"
_
chmod 755 /usr/local/bin/apt-get
cat >/run/at-work.pl <<'_'
open(my $lock, "+>>", "/var/lib/dpkg/lock-frontend") or die;
my $whole = pack("s s x4 q q i x4", 1, 0, 0, 0, 0);
fcntl($lock, 6, $whole) or die "taken: $!";
open(my $ready, ">", "/run/at-work");
sleep 600;
_
systemd-run --quiet --unit=other-at-work perl /run/at-work.pl
for try in $(seq 100); do [ ! -e /run/at-work ] || exit 0; sleep 0.1; done
exit 1"#;

const TROUBLES: [Trouble; 5] = [
    Trouble {
        begin: "mount --bind /etc/pair /etc/pair && mount -o remount,bind,ro /etc/pair",
        settings: r#"one = "read-only", other = "same""#,
        end: "umount /etc/pair",
        words: "Read-only file system",
        hint: "the file system is mounted read-only",
        left: 2,
    },
    Trouble {
        begin: "cp -a /etc/pair /run/pair; mount -t tmpfs -o size=64k tmpfs /etc/pair && \
                cp -a /run/pair/. /etc/pair && ! cat /dev/zero >/etc/pair/rest 2>/dev/null",
        settings: r#"one = "full", other = "same""#,
        end: "umount /etc/pair",
        words: "/etc/pair/one.conf: ",
        hint: "make room on the machine",
        left: 2,
    },
    // Where the machine cannot note whose it is, nothing is changed.
    Trouble {
        begin: "mount -t tmpfs -o size=16k tmpfs /var/lib/cellhost && \
                ! cat /dev/zero >/var/lib/cellhost/rest 2>/dev/null",
        settings: r#"one = "unnoted", other = "same""#,
        end: "umount /var/lib/cellhost",
        words: "cannot keep a lease, and is not changed without one: ",
        hint: "make room on the machine",
        left: 2,
    },
    Trouble {
        begin: "true",
        settings: r#"one = "owned", other = "same", owner = "late""#,
        end: "useradd late",
        words: "invalid user",
        hint: "make the user or group first",
        left: 2,
    },
    Trouble {
        begin: LOCKED,
        settings: r#"one = "locked", other = "same", package = "redis-tools""#,
        end: "systemctl stop other-at-work; rm /usr/local/bin/apt-get",
        words: "Could not get lock",
        hint: "another program is at it",
        left: 3,
    },
];

#[test]
fn what_a_machine_cannot_do_comes_with_a_hint_and_the_next_run_heals() -> Result<()> {
    let site = Site::up(1)?;
    cellhost_system_tests::guest("pair")?;
    let run = |settings: &str| {
        site.plan(&format!(
            "[modules.pair]\non = \"all\"\nsettings = {{ {settings} }}\n"
        ))?;
        site.run(&["--format", "json"], &[])
    };
    run(r#"one = "first", other = "same""#)?.ends_with(0);
    for trouble in TROUBLES {
        let starts = site.on(1, "cat /var/lib/pair/one")?;
        let content = site.on(1, "cat /etc/pair/one.conf")?;
        site.on(1, trouble.begin)?;
        let ran = run(trouble.settings)?.ends_with(1);
        tells(&ran, &trouble)?;
        assert_eq!(
            site.on(1, "cat /etc/pair/one.conf")?,
            content,
            "nothing half"
        );
        assert_eq!(site.on(1, "cat /var/lib/pair/one")?, starts, "no restart");
        assert_eq!(
            site.on(1, "ls -A /etc/pair | grep -c cellhost || true")?,
            "0"
        );
        site.on(1, trouble.end)?;
        let ran = run(trouble.settings)?.ends_with(0);
        assert_eq!(ran.changes()?, trouble.left, "{}", ran.written());
        let more = site.on(1, "cat /var/lib/pair/one")?;
        assert_eq!(more.lines().count(), starts.lines().count() + 1, "{more}");
        assert_eq!(run(trouble.settings)?.ends_with(0).changes()?, 0);
    }
    assert_eq!(site.on(1, "cat /var/lib/pair/other")?, "same");
    Ok(())
}

fn tells(ran: &Ran, trouble: &Trouble) -> Result<()> {
    let (status, reason) = ran.turn("pair", "m1")?;
    assert_eq!(status, "failed", "{}", ran.written());
    assert!(reason.contains(trouble.words), "{reason}");
    let whole = trouble.words.contains("lease");
    assert!(
        whole || reason.contains("not tried therefore: "),
        "{reason}"
    );
    let summary = ran.summary()?;
    let hint = summary.pointer("/turns/0/hints/0").and_then(Value::as_str);
    let hint = hint.unwrap_or_default();
    assert!(hint.starts_with(trouble.hint), "{}", ran.written());
    assert!(
        ran.stderr.contains(&format!("hint: {hint}")),
        "{}",
        ran.stderr
    );
    Ok(())
}

#[test]
fn a_machine_that_restarts_in_the_middle_is_told_of_and_the_next_run_heals() -> Result<()> {
    let mut site = Site::up(2)?;
    cellhost_system_tests::guest("pair")?;
    let settings = |one: &str| {
        format!(
            "[modules.pair]\non = \"all\"\nsettings = {{ one = \"{one}\", other = \"same\" }}\n"
        )
    };
    site.plan(&settings("first"))?;
    site.run(&[], &[])?.ends_with(0);
    // A restart that takes its time, so that the power fails in the middle of it.
    for machine in [1, 2] {
        site.on(machine, SLOW)?;
    }
    site.plan(&settings("second"))?;
    let guests = cellhost_system_tests::guests().canonicalize()?;
    let guests = guests.to_str().context("a path in UTF-8")?;
    let words = ["run", "--format", "json", "--modules", guests];
    let run = site
        .cellhost(&words, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    for machine in [1, 2] {
        eventually("it restarts its service", Duration::from_secs(30), || {
            site.does(machine, "test -e /run/slow")
        })?;
    }
    // One comes back at once, the other only after the run.
    for machine in [1, 2] {
        site.lab.kill(number(machine)?)?;
    }
    site.lab.start(number(1)?)?;
    let ran = Ran::of(&run.wait_with_output()?)?.ends_with(1);
    for (machine, words) in [
        ("m1", "the machine was restarted in the middle of this"),
        ("m2", "it has not answered since and may be restarting"),
    ] {
        let (status, reason) = ran.turn("pair", machine)?;
        assert_eq!(status, "unreachable", "{}", ran.written());
        assert!(reason.contains(words), "{machine}: {reason}");
    }
    site.lab.start(number(2)?)?;
    for machine in [1, 2] {
        site.on(
            machine,
            "rm -r /etc/systemd/system/pair-one.service.d; systemctl daemon-reload",
        )?;
    }
    site.run(&[], &[])?.ends_with(0);
    for machine in [1, 2] {
        let starts = site.on(machine, "cat /var/lib/pair/one")?;
        assert_eq!(
            starts.lines().last(),
            Some("second"),
            "m{machine}: {starts}"
        );
    }
    assert_eq!(
        site.run(&["--format", "json"], &[])?
            .ends_with(0)
            .changes()?,
        0
    );
    Ok(())
}

/// Makes the next start of a service last until the machine does.
const SLOW: &str = "mkdir -p /etc/systemd/system/pair-one.service.d && printf \
'[Service]\\nExecStartPre=/bin/sh -c \"[ -e /var/slow ] || { touch /run/slow /var/slow; sleep 60; }\"\\n' \
>/etc/systemd/system/pair-one.service.d/slow.conf && systemctl daemon-reload";
