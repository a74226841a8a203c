//! What a run does not do to a Redis cluster, on instances that are really in such a state: each
//! refusal in its own words.

use anyhow::Result;

use crate::redis::PASSWORD;
use crate::site::Site;

const KEYS: u64 = 200;

/// An instance that somebody starts by hand; what it keeps is where the module's would keep it.
const BY_HAND: &str = "runuser -u redis -- redis-server /etc/redis/redis-by-hand.conf --port 7000 \
    --daemonize yes --dir /var/lib/redis/7000 --appendonly yes --logfile /var/lib/redis/7000/log";

impl Site {
    fn start_by_hand(&self, machine: u16, more: &str) -> Result<()> {
        self.on(
            machine,
            &format!(
                "printf 'requirepass {PASSWORD}\\nmasterauth {PASSWORD}\\n' >/etc/redis/redis-by-hand.conf && \
                 mkdir -p /var/lib/redis/7000 && chown redis:redis /var/lib/redis/7000 && \
                 {BY_HAND} {more} && until REDISCLI_AUTH={PASSWORD} redis-cli -p 7000 PING \
                 | grep PONG; do sleep 0.1; done"
            ),
        )
        .map(drop)
    }

    fn stop_by_hand(&self, machine: u16) -> Result<()> {
        self.on(
            machine,
            &format!(
                "REDISCLI_AUTH={PASSWORD} redis-cli -p 7000 SHUTDOWN; \
                 while pgrep -x redis-server; do sleep 0.1; done"
            ),
        )
        .map(drop)
    }

    /// Takes the data of a machine's instances away.
    pub(crate) fn wipe(&self, machine: u16) -> Result<()> {
        self.on(
            machine,
            "systemctl stop 'redis-server@*'; rm -rf /var/lib/redis/700?",
        )
        .map(drop)
    }
}

#[test]
fn what_could_cost_data_is_refused_in_words_that_say_what_to_do() -> Result<()> {
    let site = Site::up(4)?;
    site.plan_of_redis("\"m[1-3]\"", "")?;
    site.run_redis(&[])?.ends_with(0);
    site.write_keys(1, KEYS)?;
    site.on(
        4,
        "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install \
         --no-install-recommends redis-server >/var/tmp/apt 2>&1; systemctl stop redis-server",
    )?;

    // Somebody else's instance has joined.
    site.start_by_hand(4, "--cluster-enabled yes")?;
    site.redis(4, 7000, "CLUSTER MEET 10.77.0.1 7000")?;
    crate::site::eventually("all know it", std::time::Duration::from_secs(20), || {
        Ok((1..=3).all(|one| {
            let told = site.redis(one, 7000, "CLUSTER NODES").unwrap_or_default();
            told.contains("10.77.0.4:7000")
        }))
    })?;
    site.is_refused(
        "form",
        "the cluster has a member at 10.77.0.4:7000 that the plan does not have. Add its machine to \
         the plan, or take it out with `redis-cli --cluster del-node`",
    )?;
    let stranger = site.redis(4, 7000, "CLUSTER MYID")?;
    site.on(
        1,
        &format!("REDISCLI_AUTH={PASSWORD} redis-cli --cluster del-node 10.77.0.1:7000 {stranger}"),
    )?;
    site.stop_by_hand(4)?;
    site.wipe(4)?;

    // A slot has lost its master, and may have had keys.
    site.redis(2, 7000, "CLUSTER DELSLOTS 6000")?;
    site.is_refused(
        "form",
        "nobody serves the slots 6000-6000, and the cluster holds data. Bring back the instance \
         that served them, or give them up with `redis-cli --cluster fix`",
    )?;
    site.redis(2, 7000, "CLUSTER ADDSLOTS 6000")?;
    site.assert_settled(&[1, 2, 3])?;

    // A machine that is to join has the data of a Redis that was in no cluster.
    site.start_by_hand(4, "")?;
    site.redis(4, 7000, "SET somebody else")?;
    site.stop_by_hand(4)?;
    site.plan_of_redis("\"m[1-4]\"", "")?;
    site.is_refused(
        "form",
        "m1:7000 and m4:7000 serve slots of two different clusters. Take one of them out of the \
         plan, or remove it with its data",
    )?;
    assert_eq!(site.keys(&[4])?, 1);
    site.assert_keys(2, KEYS)?;

    // Without that data it is welcome.
    site.wipe(4)?;
    site.run_redis(&[])?.ends_with(0);
    site.assert_settled(&[1, 2, 3, 4])?;
    site.assert_keys(4, KEYS)?;
    assert_eq!(site.keys(&[1, 2, 3, 4])?, KEYS);
    Ok(())
}
