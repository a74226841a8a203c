use anyhow::Result;

use crate::site::Site;
use crate::watcher::Watcher;

/// Known to these tests alone: others, which run beside them, tell machines theirs.
const PASSWORD: &str = "sesame-canary-4711";
const VARIABLES: [(&str, &str); 1] = [("REDIS_PASSWORD", PASSWORD)];

#[test]
fn a_dry_run_changes_nothing() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    let before = site.fingerprints()?;
    let dry = site.run(&["--dry-run"], &VARIABLES)?.ends_with(0);
    assert_eq!(site.fingerprints()?, before);
    assert!(!site.path().join("cellhost.lock").exists());
    assert!(!dry.written().contains(PASSWORD), "{}", dry.written());

    // Each file with its difference, and each command.
    let count = |text: &str| dry.stderr.matches(text).count();
    for file in [
        "etc/redis/redis-7000.conf",
        "etc/redis/redis-7001.conf",
        "etc/sysctl.d/60-redis-cluster.conf",
    ] {
        assert_eq!(count(&format!("file /{file}: create")), 3, "{}", dry.stderr);
        assert_eq!(count(&format!("+++ /{file}\n")), 3, "{}", dry.stderr);
    }
    assert_eq!(count("+requirepass \"[secret:redis-password]\""), 6);
    assert_eq!(count("install redis-server redis-tools"), 3);
    assert_eq!(count("CLUSTER MEET"), 5);
    assert_eq!(count("CLUSTER ADDSLOTSRANGE"), 3);
    assert_eq!(count("CLUSTER REPLICATE"), 3);
    assert!(dry.stdout.contains(" would change in "), "{}", dry.stdout);
    assert!(!site.journals()?.contains(PASSWORD));
    Ok(())
}

#[test]
fn a_password_is_seen_by_nobody_but_the_configuration() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_the_example()?;
    let watcher = Watcher::start();
    let real = site.run(&["--diff"], &VARIABLES)?.ends_with(0);
    let seen = watcher.seen();
    assert!(!real.written().contains(PASSWORD), "{}", real.written());
    assert!(
        real.stderr
            .contains("+requirepass \"[secret:redis-password]\"")
    );

    let journals = site.journals()?;
    assert!(journals.contains("redis-7000.conf") && !journals.contains(PASSWORD));
    let lock = fs_err::read_to_string(site.path().join("cellhost.lock"))?;
    assert!(lock.contains("m3") && !lock.contains(PASSWORD));

    // That it looks well enough: an instance stays, a package manager runs for seconds.
    for program in ["redis-server ", "apt-get "] {
        assert!(seen.iter().any(|line| line.contains(program)), "{seen:?}");
    }
    let told: Vec<&String> = seen.iter().filter(|line| line.contains(PASSWORD)).collect();
    assert!(told.is_empty(), "{told:?}");

    for machine in 1..=3 {
        // The search itself must not name what it looks for.
        let (head, tail) = PASSWORD.split_at(6);
        let places = "/etc /home /opt /root /run /srv /tmp /usr/local /var";
        let found = site.on(
            machine,
            &format!("head={head}; grep -rlsF -e \"$head{tail}\" {places} | sort; true"),
        )?;
        let configuration = "/etc/redis/redis-7000.conf\n/etc/redis/redis-7001.conf";
        assert_eq!(found, configuration, "m{machine}");
        let modes = site.on(machine, "stat -c '%a %U' /etc/redis/redis-700[01].conf")?;
        for mode in modes.lines() {
            assert!(
                mode.starts_with("640 ") || mode.starts_with("600 "),
                "{mode}"
            );
        }
        let journal = site.on(machine, "journalctl --no-pager -o cat")?;
        assert!(!journal.contains(PASSWORD), "m{machine}");
    }
    Ok(())
}
