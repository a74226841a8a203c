//! The module `redis-cluster`: what it says of a plan, and what it may do at all.

use anyhow::Result;

use crate::stage::{deploy, deploy_on, load};

/// What every plan here has.
const SECRETS: &str = "[secrets]\nredis = { env = \"REDIS\" }\n\n";

fn plan(on: &str, settings: &str) -> String {
    format!(
        "{SECRETS}[modules.redis-cluster]\non = \"{on}\"\n\
         settings = {{ password = {{ secret = \"redis\" }}{settings} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let user = |more: &str| {
        format!(", users = {{ shop = {{ password = {{ secret = \"redis\" }}, {more} }} }}")
    };
    let page = |more: &str| {
        format!(", supervisor = {{ page-password = {{ secret = \"redis\" }}, {more} }}")
    };
    let cases = [
        (
            plan("m[1-2]", ""),
            "has 2 of at least 3 machines: with fewer, no majority of masters outlives one",
        ),
        (
            plan("all", ", port = 55536"),
            "55536 is not from 1 to 55535: the members' bus listens 10000 above it",
        ),
        (
            plan("all", ", replica-port = 7000"),
            "7000 is taken by `port`",
        ),
        (
            plan("all", ", replica-port = 17000"),
            "one instance's bus would listen on the other's port, 17000",
        ),
        (
            plan("all", "").replace("password = { secret = \"redis\" }", ""),
            "needs the setting `password`",
        ),
        // A cluster has one database, and always a way back to its data.
        (plan("all", ", databases = 2"), "has no setting `databases`"),
        (plan("all", ", save = \"\""), "has no setting `save`"),
        (
            plan("all", ", appendonly = false"),
            "has no setting `appendonly`",
        ),
        (
            plan("all", &user("keys = [\"shop:*\"], commands = [\"nopass\"]")),
            "`nopass` neither allows nor denies",
        ),
        (
            plan("all", &user("keys = [\"a b\"]")),
            "`a b` is no pattern",
        ),
        (
            plan("all", &user("keys = [\"*\"]")).replace("shop = ", "default = "),
            "is who the instances themselves are",
        ),
        (
            plan("all", &page("page-address = \"::1\"")),
            "is neither an IPv4 address",
        ),
        (
            plan("all", &page("page-port = 17001")),
            "17001 is taken by the bus of `replica-port`",
        ),
    ];
    for (text, why) in cases {
        let Err(wrong) = deploy(&text).await else {
            panic!("{text} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{text}: {wrong}");
    }
    let named = "m1 = { address = \"10.0.0.1\" }\nm2 = { address = \"db2.example\" }\n\
                 m3 = { address = \"10.0.0.3\" }\n\n";
    let Err(wrong) = deploy_on(named, &plan("all", "")).await else {
        panic!("a name is accepted");
    };
    let why =
        "m2 has the address `db2.example`: Redis Cluster knows its members by IP address only";
    assert!(wrong.to_string().contains(why), "{wrong}");
    deploy(&plan("all", &user("keys = [\"shop:*\"]"))).await?;
    deploy(&plan("all", &page("page-port = 9002"))).await?;
    Ok(())
}

#[test]
fn nothing_that_empties_a_cluster_or_overrides_its_votes_is_ever_asked_for() -> Result<()> {
    let module = load("redis-cluster")??;
    let asks = &module.embedded().manifest.asks;
    let is_allowed = |words: &str| {
        let begin = ["redis-cli", "-e", "-p", "7000"];
        let command: Vec<&str> = begin.into_iter().chain(words.split(' ')).collect();
        asks.allows_command(&command)
    };
    assert!(is_allowed("CLUSTER FAILOVER"));
    for words in [
        "FLUSHALL",
        "FLUSHDB",
        "CLUSTER RESET HARD",
        "CLUSTER RESET",
        "CLUSTER FAILOVER TAKEOVER",
        "CLUSTER DELSLOTS 1",
        "CONFIG SET appendonly no",
        "SHUTDOWN",
        "DEBUG SEGFAULT",
    ] {
        assert!(!is_allowed(words), "{words}");
    }
    let create = ["redis-cli", "--cluster", "create", "10.0.0.1:7000"];
    assert!(!asks.allows_command(&create));
    Ok(())
}
