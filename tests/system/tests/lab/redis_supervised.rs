//! A Redis cluster that supervisor keeps, with users of its own.

use std::time::Duration;

use anyhow::Result;

use crate::redis::{OTHER, VARIABLES};
use crate::site::{Site, eventually};

const KEYS: u64 = 200;
const USERS: &str =
    ", users = { shop = { password = { secret = \"other\" }, keys = [\"shop:*\"] } }";
const SUPERVISOR: &str = ", supervisor = { page-password = { secret = \"other\" }, \
    page-address = \"machine\", page-port = 9009 }";

impl Site {
    /// What a machine's page answers to a login, asked from another machine; nothing where there is
    /// no page.
    fn page(&self, machine: u16, login: &str) -> Result<String> {
        let ask = format!(
            "bash 2>/dev/null <<'_'\nexec 3<>/dev/tcp/10.77.0.{machine}/9009 || exit 0\n\
             login=$(printf %s '{login}' | base64 -w 0)\n\
             printf 'GET / HTTP/1.0\\r\\nAuthorization: Basic %s\\r\\n\\r\\n' $login >&3\n\
             head -n 1 <&3\n_\n"
        );
        let line = self.on(machine % 3 + 1, &ask)?;
        Ok(line.split(' ').nth(1).unwrap_or_default().to_owned())
    }

    fn as_shop(&self, words: &str) -> Result<String> {
        let ask = format!("REDISCLI_AUTH='{OTHER}' redis-cli -c -p 7000 --user shop {words} 2>&1");
        let told = self.on(1, &ask)?;
        Ok(told.lines().last().unwrap_or_default().to_owned())
    }

    fn has_supervised(&self, machine: u16) -> Result<bool> {
        let status = "supervisorctl status redis-7000 redis-7001 | grep -c RUNNING";
        self.does(machine, &format!("[ \"$({status})\" = 2 ]"))
    }
}

#[test]
fn supervisor_keeps_a_cluster_and_gives_it_back_to_systemd() -> Result<()> {
    let site = Site::up(3)?;
    site.plan_of_redis("\"all\"", &[USERS, SUPERVISOR].concat())?;
    site.foresee(&VARIABLES)?;
    let (ran, foretold) = site.as_foreseen(&VARIABLES)?;
    assert!(foretold.exact >= 3, "{foretold} {}", ran.written());
    assert_eq!(foretold.unknown, 0, "{foretold}");
    site.assert_settled(&[1, 2, 3])?;
    site.write_keys(1, KEYS)?;
    for machine in 1..=3 {
        assert!(site.has_supervised(machine)?, "m{machine}");
        assert!(!site.does(machine, "systemctl is-active -q redis-server@7000")?);
        assert_eq!(site.page(machine, "admin:wrong")?, "401");
        assert_eq!(site.page(machine, &format!("admin:{OTHER}"))?, "200");
        let mode = "stat -c %a%U /etc/supervisor/conf.d/redis-cluster-page.conf";
        assert_eq!(site.on(machine, mode)?, "600root");
    }

    // A user reaches what it was given, and nothing that could hurt.
    assert_eq!(site.as_shop("SET shop:1 sold")?, "OK");
    for words in [
        "SET stock:1 many",
        "FLUSHALL",
        "CONFIG GET requirepass",
        "KEYS '*'",
    ] {
        let told = site.as_shop(words)?;
        assert!(told.contains("NOPERM"), "{words}: {told}");
    }

    // What dies comes back by itself.
    site.on(2, "pkill -KILL -f '[r]edis-server.*:7001'")?;
    eventually("it is back", Duration::from_secs(20), || {
        site.has_supervised(2)
    })?;
    site.assert_settled(&[1, 2, 3])?;

    site.plan_of_redis("\"all\"", USERS)?;
    site.run_redis(&[])?.ends_with(0);
    site.assert_settled(&[1, 2, 3])?;
    site.assert_keys(3, KEYS)?;
    assert_eq!(site.as_shop("GET shop:1")?, "sold");
    for machine in 1..=3 {
        assert!(site.does(machine, "systemctl is-active -q redis-server@7000")?);
        let left = "ls /etc/supervisor/conf.d; supervisorctl status";
        assert_eq!(site.on(machine, left)?, "", "m{machine}");
        assert_eq!(site.page(machine, "nobody:here")?, "", "m{machine}");
    }
    assert!(!site.journals()?.contains(OTHER));
    Ok(())
}
