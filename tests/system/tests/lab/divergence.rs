//! Machines that somebody changes between a plan and the run that keeps to it.

use anyhow::Result;
use cellhost_system_tests::foretold_comes_about;

use crate::site::Site;

/// Everything is as this plan wants it before anybody looks ahead.
fn plan(one: &str, package: &str) -> String {
    format!(
        "[modules.pair]\non = \"m[1-5]\"\nsettings = {{ one = \"{one}\", other = \"same\" }}\n\n\
         [modules.packed]\nmodule = \"pair\"\non = \"m[6-7]\"\n\
         settings = {{ one = \"{one}\", other = \"same\"{package} }}\n\n\
         [modules.bench-job]\non = \"m[8-9]\"\nphase = \"post-zk\"\nsettings = {{ services = false }}\n"
    )
}

const PACKAGE: &str = ", package = \"redis-tools\"";
const INSTALL: &str =
    "DEBIAN_FRONTEND=noninteractive apt-get -qq install redis-tools >/dev/null 2>&1";

/// What somebody does, and what is stopped therefore, in the words of the machine's row.
const REFUSED: [(u16, &str, &str, &str); 6] = [
    (
        2,
        "echo by hand >/etc/pair/other.conf",
        "pair",
        "file /etc/pair/other.conf: content (was not agreed to)",
    ),
    (
        3,
        "systemctl stop pair-other",
        "pair",
        "service pair-other: start",
    ),
    (
        4,
        "echo by hand >/etc/pair/one.conf",
        "pair",
        "what it replaces is not what was looked at",
    ),
    (
        5,
        "ln -sf /etc/hostname /etc/pair/one.conf",
        "pair",
        "file /etc/pair/one.conf: replace a link",
    ),
    (
        7,
        "apt-get -qq remove redis-tools >/dev/null 2>&1",
        "packed",
        "software redis-tools: install redis-tools (was not agreed to)",
    ),
    (
        9,
        "rm /etc/bench/ledger/ready",
        "bench-job",
        "creation /etc/bench/ledger/ready",
    ),
];

/// What somebody does that was to be done: nobody does it again.
const DONE: [(u16, &str); 2] = [
    (6, INSTALL),
    (8, "install -m 0640 /dev/null /etc/bench/gateway/ready"),
];

#[test]
fn what_differs_from_the_plan_by_then_is_stopped_before_it_is_sent() -> Result<()> {
    let site = Site::up(9)?;
    for guest in ["pair", "bench-job"] {
        cellhost_system_tests::guest(guest)?;
    }
    site.plan(&plan("first", ""))?;
    site.run(&[], &[])?.ends_with(0);
    for machine in [8, 9] {
        site.on(machine, "rm /etc/bench/gateway/ready")?;
    }
    site.on(7, &format!("apt-get -qq update; {INSTALL}"))?;
    site.on(6, "apt-get -qq update")?;
    site.plan(&plan("second", PACKAGE))?;
    site.look_ahead(&[])?;

    for (machine, by_hand) in REFUSED
        .map(|(machine, by_hand, ..)| (machine, by_hand))
        .into_iter()
        .chain(DONE)
    {
        site.on(machine, by_hand)?;
    }
    let before = site.fingerprints()?;
    let ran = site.run_kept(&[])?.ends_with(3);
    let after = site.fingerprints()?;
    for (machine, _, module, words) in REFUSED {
        let (status, reason) = ran.turn(module, &format!("m{machine}"))?;
        assert_eq!(status, "failed", "m{machine}: {}", ran.written());
        assert!(reason.contains(words), "m{machine}: {reason}");
        let place = usize::from(machine) - 1;
        assert_eq!(after.get(place), before.get(place), "m{machine}");
    }
    assert!(!site.does(3, "systemctl is-active --quiet pair-other")?);

    // The others are brought where they should be.
    assert_eq!(ran.turn("pair", "m1")?.0, "changed");
    for machine in [1, 6] {
        let last = site.on(machine, "tail -n 1 /var/lib/pair/one")?;
        assert_eq!(last, "second", "m{machine}");
    }
    let installed = "grep -c ' install redis-tools' /var/log/dpkg.log";
    assert_eq!(site.on(6, installed)?, "1");
    assert_eq!(ran.turn("bench-job", "m8")?.0, "unchanged");
    assert_eq!(site.on(8, "stat -c %a /etc/bench/gateway/ready")?, "640");

    // By its record, too, nothing came about that was not foretold; what was, did not all.
    let told = foretold_comes_about(&site.kept()?, &site.last_record()?);
    let wrong = told.map_or_else(|error| error.to_string(), |told| told.to_string());
    assert!(wrong.contains("did not come about"), "{wrong}");
    assert!(!wrong.contains("was not foretold"), "{wrong}");

    // A new look agrees to what is to be done about it, and then it is.
    site.look_ahead(&[])?;
    site.as_foreseen(&[])?;
    assert!(site.does(3, "systemctl is-active --quiet pair-other")?);
    assert_eq!(site.on(5, "cat /etc/pair/one.conf")?, "second");
    Ok(())
}
