use super::*;

fn settings(pools: &str, more: &str) -> Settings {
    let text = format!(
        r#"{{"root-user": "cell", "root-password": {{"secret": "p"}}, "pools": [{pools}]{more}}}"#
    );
    cellhost_sdk::serde_json::from_str(&text).unwrap()
}

fn pool(machines: &str, drives: &str) -> String {
    format!(r#"{{"machines": ["{machines}"], "drives": "{drives}"}}"#)
}

fn said(problems: impl IntoIterator<Item = Problem>) -> Vec<String> {
    let words = problems.into_iter();
    words
        .map(|one| format!("{}: {}", one.setting, one.message))
        .collect()
}

fn sized(machines: &str, drives: &str, more: &str) -> Vec<String> {
    let settings = settings(&pool(machines, drives), more);
    said(sizes(0, &settings.pools[0], &settings))
}

fn members(names: &[&str]) -> Vec<(String, String)> {
    let members = (1..).zip(names);
    members
        .map(|(place, name)| ((*name).to_owned(), format!("10.0.0.{place}")))
        .collect()
}

#[test]
fn few_machines_have_to_be_wanted() {
    assert_eq!(
        sized("m[1-3]", "/mnt/disk[1-2]", ""),
        [
            "/pools/0: three machines outlive one that is away, and nothing else beside. Give it 4 \
             machines or more, or say `fragile = true`"
        ]
    );
    assert_eq!(
        sized("m[1-2]", "/mnt/disk[1-2]", ""),
        [
            "/pools/0: with two machines nobody writes while one of them is away. Give it 4 \
             machines or more, or say `fragile = true`"
        ]
    );
    let fragile = r#", "fragile": true"#;
    assert_eq!(sized("m[1-2]", "/mnt/disk[1-2]", fragile), [""; 0]);
    assert_eq!(
        sized("m1", "/mnt/disk[1-4]", fragile),
        ["/pools/0: has fewer than two machines: that is no cluster"]
    );
    assert_eq!(
        sized("m[1-3]", "/mnt/disk", fragile),
        ["/pools/0: has 3 drives, fewer than 4: an erasure set of them protects nothing"]
    );
}

#[test]
fn drives_that_cannot_be_shared_out_are_refused() {
    assert_eq!(sized("m[1-4]", "/mnt/disk", ""), [""; 0]);
    assert_eq!(
        sized("m[1-17]", "/mnt/disk", ""),
        [
            "/pools/0: 17 machines with 1 drives each, 17 in all, are not divisible by any size of \
             an erasure set: 2 to 16 drives, as many of each machine"
        ]
    );
    assert_eq!(sized("m[1-22]", "/mnt/disk", ""), [""; 0], "sets of 11");
    assert_eq!(
        sized("m[1-34]", "/mnt/disk", ""),
        [
            "/pools/0: 34 machines with 1 drives each, 34 in all, make erasure sets of 2, which \
             protect too little: take a number of machines with more divisors"
        ]
    );
}

#[test]
fn parity_is_at_most_half_and_every_pool_has_to_bear_it() {
    let first = pool("m[1-4]", "/mnt/disk[1-2]");
    assert_eq!(said(parity(&settings(&first, ""))), [""; 0]);
    assert_eq!(
        said(parity(&settings(&first, r#", "parity": 5"#))),
        ["/parity: 5 is more than half of an erasure set of pool 1, which has 8 drives"]
    );
    assert_eq!(
        said(parity(&settings(&first, r#", "parity": 1"#))),
        ["/parity: protects too little: two drives of a set or more"]
    );
    let both = format!("{first}, {}", pool("m[5-8]", "/mnt/disk"));
    assert_eq!(
        said(parity(&settings(&both, ""))),
        [
            "/pools/1: makes erasure sets of 4 drives, and 4 of a set have to be for parity, as in \
             the pools before it: it needs sets of 8 or more"
        ]
    );
    assert_eq!(said(parity(&settings(&both, r#", "parity": 2"#))), [""; 0]);
}

#[test]
fn a_machine_without_a_place_is_told_that_pools_are_added() {
    let settings = settings(&pool("m[1-2]", "/mnt/disk"), "");
    assert_eq!(said(belonging(&settings, &members(&["m1", "m2"]))), [""; 0]);
    assert_eq!(
        said(belonging(&settings, &members(&["m1", "m3"]))),
        [
            "/pools/0/machines: m2 is none of the machines that the plan gives this module",
            "/pools: m3 is in none. A pool that is there keeps its size: machines that come are a \
             pool of their own, behind the others; one that comes in the place of another gets \
             that one's place",
        ]
    );
}

#[test]
fn a_machine_has_one_place_and_none_in_a_pool_that_goes() {
    let twice = format!("{}, {}", pool("m[1-2]", "/mnt/a"), pool("m2", "/mnt/b"));
    assert_eq!(
        said(belonging(&settings(&twice, ""), &members(&["m1", "m2"]))),
        ["/pools/1/machines: m2 has a place already"]
    );
    let gone = r#"{"machines": ["m1"], "drives": "/mnt/a", "decommissioned": true}"#;
    assert_eq!(
        said(belonging(&settings(gone, ""), &members(&["m1"]))),
        [
            "/pools: has none: nobody would keep anything",
            "/pools/0/machines: m1 is of a pool that was decommissioned: take it out of `on`",
        ]
    );
}

#[test]
fn ranges_of_the_shell_and_paths_elsewhere_are_refused() {
    for drives in ["/mnt/disk{1..4}", "/mnt/disk{1...4}", "/mnt/disk[1..4]"] {
        let settings = settings(&pool("m[1-4]", drives), "");
        assert_eq!(
            said(written(0, &settings.pools[0])),
            [format!(
                "/pools/0/drives: `{drives}` is no name and no range of names: write `[1-4]`, \
                 which MinIO is told as `{{1...4}}`"
            )]
        );
    }
    for drives in ["/data/disk[1-4]", "/mnt", "/mnt/../etc", "/mnt/a b"] {
        let settings = settings(&pool("m[1-4]", drives), "");
        assert_eq!(
            said(written(0, &settings.pools[0])),
            [format!(
                "/pools/0/drives: `{drives}` is not below /mnt or /srv/minio: mount the drives \
                 there"
            )]
        );
    }
}

#[test]
fn addresses_that_peers_cannot_use_are_refused() {
    let members = [
        ("m1", "127.0.0.1"),
        ("m2", "10.0.0.2"),
        ("m3", "10.0.0.2"),
        ("m4", "s3.example"),
    ];
    let members = members.map(|(name, address)| (name.to_owned(), address.to_owned()));
    assert_eq!(
        said(addresses(&members)),
        [
            ": m1 has the address 127.0.0.1, where the other members cannot reach it",
            ": m3 has the address 10.0.0.2 of another member",
            ": m4 has the address `s3.example`: members know each other by names of their own, for \
             which an IP address is needed",
        ]
    );
}

#[test]
fn a_root_user_that_everybody_knows_or_that_is_too_short_is_refused() {
    for (name, words) in [
        (
            "minioadmin",
            "is the one that everybody knows: choose another",
        ),
        ("ab", "has fewer than 3 characters, which MinIO refuses"),
        (
            "a=b",
            "has a `=`, a `,` or what is no character, which MinIO refuses",
        ),
    ] {
        assert_eq!(said(root_user(name)), [format!("/root-user: {words}")]);
    }
    assert_eq!(said(root_user("cell")), [""; 0]);
}

#[test]
fn variables_that_the_module_sets_and_ports_that_clash_are_refused() {
    let more = r#", "port": 9001, "options":
        {"MINIO_VOLUMES": "/x", "PATH": "/x", "MINIO_BROWSER": "off"}"#;
    assert_eq!(
        said(options(&settings("", more))),
        [
            "/console-port: 9001 is taken by `port`",
            "/options/MINIO_VOLUMES: is decided by this module or by a setting of its own",
            "/options/PATH: is no variable of MinIO",
        ]
    );
}
