//! What keeps a machine from doing what it should: each is told with a word on what to do, nothing is
//! half done, and once it is gone the next run settles the rest.

use anyhow::Result;
use serde_json::Value;

use crate::site::{Ran, Site};

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

const TROUBLES: [Trouble; 4] = [
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
    // Where the change cannot be noted, the file is not replaced.
    Trouble {
        begin: "mount -t tmpfs -o size=16k tmpfs /var/lib/cellhost && \
                ! cat /dev/zero >/var/lib/cellhost/rest 2>/dev/null",
        settings: r#"one = "unnoted", other = "same""#,
        end: "umount /var/lib/cellhost",
        words: "/etc/pair/one.conf: ",
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
    assert!(reason.contains("not tried therefore: "), "{reason}");
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
