//! The module `galera` on simulated machines: what it does to them, and what it refuses.

mod world;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use cellhost_engine::Status;
use cellhost_transport::{Request, SimulatedMachine};

use crate::stage::{Mode, NAMES, Stage, Told, deploy};
use world::{DATA, GRASTATE, World};

const MODULE: &str = "galera";
/// With everything that a file, a statement or a shell could take for something else.
const PASSWORD: &str = r#"a:b'c"d\e#f $g"#;
const NOTE: &str = "/etc/mysql/cell/cluster";
const CONFIGURATION: &str = "/etc/mysql/mariadb.conf.d/99-cell.cnf";

fn plan(settings: &str) -> String {
    format!(
        "[secrets]\nsst = {{ env = \"SST\" }}\n\n[modules.galera]\non = \"all\"\n\
         settings = {{ sst-password = {{ secret = \"sst\" }}{settings} }}\n"
    )
}

fn stage() -> Result<(Stage, World)> {
    let stage = Stage::knowing(&[("sst", PASSWORD)])?;
    let world = World::on(&stage);
    Ok((stage, world))
}

async fn run(stage: &Stage, settings: &str, mode: Mode) -> Result<Told> {
    stage.run(&deploy(&plan(settings)).await?, mode).await
}

/// A cluster that was founded; nothing of that is remembered here.
async fn founded() -> Result<(Stage, World)> {
    let (stage, world) = stage()?;
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    world.servers().starts.clear();
    world.servers().fewest = None;
    Ok((stage, world))
}

fn machine<'a>(stage: &'a Stage, name: &str) -> &'a SimulatedMachine {
    stage.fleet.machine(name).expect("a machine of the stage")
}

fn counts(told: &Told) -> BTreeMap<String, usize> {
    let lines = told.changes().into_iter();
    lines
        .map(|(machine, lines)| (machine, lines.len()))
        .collect()
}

/// Why a turn failed.
fn failed(told: &Told, place: &str) -> String {
    let rows = told.rows(MODULE);
    let status = rows.get(place).map(|row| &row.status);
    let Some(Status::Failed(why)) = status else {
        panic!("{place}: {rows:?}");
    };
    let own = why.split_once(": refused: ").map(|(_, own)| own);
    own.unwrap_or_else(|| panic!("{why}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_founded_by_one_and_the_next_run_changes_nothing() -> Result<()> {
    let (stage, world) = stage()?;
    let dry = run(&stage, "", Mode::Dry).await?;
    assert!(world.servers().starts.is_empty(), "a dry run started one");
    let real = run(&stage, "", Mode::Real).await?;
    for row in dry.summary.rows.iter().chain(&real.summary.rows) {
        assert!(row.status.is_good(), "{row:?}");
    }
    assert_eq!(
        counts(&dry),
        counts(&real),
        "{:?}\n{:?}",
        dry.changes(),
        real.changes()
    );
    let starts = [(1, true), (2, false), (3, false)];
    assert_eq!(world.servers().starts, starts);
    assert_eq!(
        stage.text("m2", "/etc/mysql/mariadb.conf.d/98-cell-members.cnf"),
        "# Where the members of stage are. Written by cellhost. It is read when a member starts, \
         and\n# by then at least one other has to be there: none of them begins a cluster by \
         itself.\n[mysqld]\nwsrep_cluster_address = \
         gcomm://10.0.0.1:4567,10.0.0.2:4567,10.0.0.3:4567\n"
    );
    let configuration = stage.text("m2", CONFIGURATION);
    for line in [
        "bind-address = 10.0.0.2\n",
        "wsrep_cluster_name = stage\n",
        "wsrep_sst_auth = \"sst:a:b'c\\\"d\\\\e#f $g\"\n",
    ] {
        assert!(configuration.contains(line), "{line}{configuration}");
    }
    for name in NAMES {
        let state = machine(&stage, name).state();
        for left in [
            "/run/mariadb-wsrep-new-cluster",
            "/etc/mysql/cell/account.sql",
        ] {
            assert!(!state.nodes.contains_key(left), "{name} has {left}");
        }
        assert_eq!(state.text(NOTE), Some("stage\n"));
        machine(&stage, name).forget_requests();
    }
    let again = run(&stage, "", Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    for name in NAMES {
        let kind = |request: &Request| match request {
            Request::Look(_) => "look",
            Request::Command(_) => "ask",
            _ => "something else",
        };
        let requests = machine(&stage, name).requests();
        let kinds: Vec<&str> = requests.iter().map(kind).collect();
        let usual: &[&str] = &["ask", "look", "ask"];
        // Whether there is an account, and tables that are not replicated.
        let once: &[&str] = if name == "m1" { &["ask", "ask"] } else { &[] };
        assert_eq!(kinds, [usual, once].concat(), "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_reaches_files_and_environments_only() -> Result<()> {
    let (stage, world) = stage()?;
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(world.servers().password("sst"), Some(PASSWORD));
    for name in NAMES {
        for words in machine(&stage, name).commands() {
            assert!(!words.concat().contains("a:b'"), "{words:?}");
        }
    }
    assert!(!told.journal.contains("a:b'"), "{}", told.journal);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lost_everything_joins_those_that_live() -> Result<()> {
    let (stage, world) = founded().await?;
    let m1 = machine(&stage, "m1");
    world.kill(1, &mut m1.state());
    m1.state().nodes.retain(|path, _| !path.starts_with(DATA));
    let dry = run(&stage, "", Mode::Dry).await?;
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(world.servers().starts, [(1, false)]);
    assert_eq!(counts(&dry), counts(&told));
    assert!(run(&stage, "", Mode::Real).await?.changes().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_killed_comes_back_from_the_member_that_is_furthest() -> Result<()> {
    let (stage, world) = founded().await?;
    for (number, (name, position)) in (1..).zip(NAMES.into_iter().zip([10, 12, 11])) {
        world.kill(number, &mut machine(&stage, name).state());
        world.servers().positions.insert(number, position);
    }
    let dry = run(&stage, "", Mode::Dry).await?;
    assert!(dry.summary.is_good(), "{:?}", dry.summary);
    assert!(world.servers().starts.is_empty(), "a dry run started one");
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(
        world.servers().starts,
        [(2, true), (1, false), (3, false)],
        "{:?}",
        told.changes()
    );
    let measured = |told: &Told| {
        let lines = told.changes().into_values().flatten();
        lines.filter(|line| line == "galera_recovery").count()
    };
    assert_eq!((measured(&dry), measured(&told)), (3, 3));
    assert!(run(&stage, "", Mode::Real).await?.changes().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_goes_through_the_members_one_at_a_time() -> Result<()> {
    let (stage, world) = founded().await?;
    let told = run(&stage, ", max-connections = 200", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(world.servers().starts.len(), 3);
    assert_eq!(world.servers().fewest, Some(2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_reaches_the_account() -> Result<()> {
    let (stage, world) = founded().await?;
    let older = ("sst".to_owned(), "older".to_owned());
    world.servers().accounts.extend([older]);
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(world.servers().password("sst"), Some(PASSWORD));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn telegraf_gets_an_account_of_its_own_where_the_plan_has_a_password_for_it() -> Result<()> {
    let (stage, world) = founded().await?;
    assert_eq!(world.servers().password("telegraf"), None);
    let settings = ", telegraf-password = { secret = \"sst\" }";
    let dry = run(&stage, settings, Mode::Dry).await?;
    assert_eq!(world.servers().password("telegraf"), None);
    let told = run(&stage, settings, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(counts(&dry), counts(&told));
    assert_eq!(world.servers().password("telegraf"), Some(PASSWORD));
    // Nobody restarts for it.
    assert!(world.servers().starts.is_empty());
    let again = run(&stage, settings, Mode::Real).await?;
    assert!(again.changes().is_empty(), "{:?}", again.changes());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_its_own_keep_a_machine_out() -> Result<()> {
    let why = "m2 has databases in /var/lib/mysql that are of no cluster: they would go when it \
               gets the cluster's. Save what is in them and move /var/lib/mysql away";
    let (stage, world) = stage()?;
    let orders = "/var/lib/mysql/orders/orders.ibd";
    machine(&stage, "m2").state().write(orders, "data");
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(failed(&told, "form"), why);
    assert!(world.servers().starts.is_empty());

    let (stage, world) = founded().await?;
    let m2 = machine(&stage, "m2");
    world.kill(2, &mut m2.state());
    let gone = |path: &str| path == NOTE || path.starts_with(DATA);
    m2.state().nodes.retain(|path, _| !gone(path));
    m2.state().write(orders, "data");
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(failed(&told, "m2"), why);
    assert!(world.servers().starts.is_empty());
    assert_eq!(stage.text("m2", orders), "data");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_has_no_room_for_the_data_is_not_given_it() -> Result<()> {
    let why = "m2 has room for 9999 KiB in /var/lib/mysql, and what it would be given takes 11 MiB \
               on m1: its disk would be full in the middle. Give it a larger one, or make room";
    let (stage, world) = stage()?;
    (world.servers().size, world.servers().free) = (12_000, 9_995);
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(failed(&told, "form"), why);
    assert_eq!(world.servers().starts, [(1, true)]);

    let (stage, world) = founded().await?;
    (world.servers().size, world.servers().free) = (12_000, 9_995);
    let m2 = machine(&stage, "m2");
    world.kill(2, &mut m2.state());
    m2.state().nodes.retain(|path, _| !path.starts_with(DATA));
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(failed(&told, "m2"), why);
    assert!(world.servers().starts.is_empty());
    world.servers().free = 12_000;
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_other_engines_are_warned_of() -> Result<()> {
    let (stage, world) = founded().await?;
    let strays = ["a.old (MyISAM)", "a.x (Aria)", "b.y (CSV)", "c.z (MyISAM)"];
    world.servers().strays = strays.to_vec();
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    let warnings = told.warnings();
    assert_eq!(
        warnings,
        [
            "only tables of InnoDB are the same on all members, and these are not: a.old (MyISAM), \
             a.x (Aria), b.y (CSV) and others. Turn them into such by `ALTER TABLE … ENGINE = \
             InnoDB`"
        ]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_different_versions_and_an_even_number_of_them_are_warned_of() -> Result<()> {
    let (stage, world) = founded().await?;
    world.servers().versions.insert(2, "11.4.3");
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(
        told.warnings(),
        [
            "members differ in their version, which is for upgrades only: m3 runs 10.11, m2 runs 11.4"
        ]
    );
    let (stage, _world) = self::stage()?;
    let two = plan(", fragile = true").replace("\"all\"", "\"m[1-2]\"");
    let told = stage.run(&deploy(&two).await?, Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(
        told.warnings(),
        ["2 members outlive the loss of no more than 1 would"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_disk_keeps_a_cluster_that_stopped_from_being_brought_back() -> Result<()> {
    let (stage, world) = founded().await?;
    for (number, name) in (1..).zip(NAMES) {
        world.kill(number, &mut machine(&stage, name).state());
    }
    let m3 = machine(&stage, "m3");
    m3.state().nodes.retain(|path, _| !path.starts_with(DATA));
    let told = run(&stage, "", Mode::Real).await?;
    let why = failed(&told, "form");
    assert!(
        why.starts_with("nobody serves, and m3 has no data any more in /var/lib/mysql"),
        "{why}"
    );
    assert!(world.servers().starts.is_empty());
    m3.state().nodes.remove(NOTE);
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_histories_are_refused() -> Result<()> {
    let (stage, world) = founded().await?;
    for (number, name) in (1..).zip(NAMES) {
        world.kill(number, &mut machine(&stage, name).state());
    }
    let other = world::grastate(7, 0).replace("8bcf4a34", "11111111");
    machine(&stage, "m3").state().write(GRASTATE, other);
    let told = run(&stage, "", Mode::Real).await?;
    let why = "m1 and m3 have data of two different histories, which cannot become one: move \
               /var/lib/mysql away on the one whose data may go";
    assert_eq!(failed(&told, "form"), why);
    assert!(world.servers().starts.is_empty());

    // Beside a cluster that serves, one with another history does not become its member.
    let (stage, world) = founded().await?;
    let m3 = machine(&stage, "m3");
    world.kill(3, &mut m3.state());
    let other = world::grastate(7, 0).replace("8bcf4a34", "11111111");
    m3.state().write(GRASTATE, other.as_str());
    let told = run(&stage, "", Mode::Real).await?;
    assert_eq!(failed(&told, "m3"), why);
    assert!(world.servers().starts.is_empty());
    assert_eq!(stage.text("m3", GRASTATE), other);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_begins_while_a_machine_is_out_of_reach() -> Result<()> {
    let (stage, world) = founded().await?;
    for (number, name) in (1..).zip(NAMES) {
        world.kill(number, &mut machine(&stage, name).state());
    }
    let m2 = machine(&stage, "m2");
    m2.cut(Some(cellhost_transport::Stage::Connect));
    let skipping = format!("[run]\nunreachable = \"skip\"\n\n{}", plan(""));
    let told = stage.run(&deploy(&skipping).await?, Mode::Real).await?;
    let why = failed(&told, "form");
    assert!(
        why.starts_with("nobody serves, and these cannot be looked at: m2 ("),
        "{why}"
    );
    assert!(world.servers().starts.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_its_name() -> Result<()> {
    let (stage, world) = founded().await?;
    let told = run(&stage, ", cluster-name = \"other\"", Mode::Real).await?;
    let why = failed(&told, "m1");
    assert!(
        why.starts_with("m1 is a member of the cluster `stage`, and the plan calls it `other`"),
        "{why}"
    );
    assert!(world.servers().starts.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn removal_leaves_the_data_and_a_later_run_brings_the_cluster_back() -> Result<()> {
    let (stage, world) = founded().await?;
    let deployment = deploy(&plan("")).await?;
    stage.remove_all(&deployment, false).await?;
    world.servers().living.clear();
    for (name, position) in NAMES.into_iter().zip([5, 5, 6]) {
        let mut state = machine(&stage, name).state();
        let service = state.services.get("mariadb").context("a service")?;
        assert!(!service.enabled && !service.running);
        for path in [NOTE, CONFIGURATION, "/etc/systemd/system/mariadb.service.d"] {
            assert!(!state.nodes.contains_key(path), "{name} has {path}");
        }
        state.write(GRASTATE, world::grastate(position, 0));
    }
    let told = run(&stage, "", Mode::Real).await?;
    assert!(told.summary.is_good(), "{:?}", told.summary);
    assert_eq!(world.servers().starts, [(3, true), (1, false), (2, false)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_gets_wrong_is_told_before_any_machine_is_touched() -> Result<()> {
    let cases = [
        (plan(", port = 4567"), "4567 is taken by `port`"),
        (
            plan(", options = { wsrep_on = \"OFF\" }"),
            "is decided by this module",
        ),
        (
            plan("").replace("\"all\"", "\"m[1-2]\""),
            "of two members neither is a majority",
        ),
        (
            plan("").replace("\"all\"", "\"m1\""),
            "one member is no cluster",
        ),
    ];
    for (text, why) in cases {
        let Err(wrong) = deploy(&text).await else {
            panic!("{text} is accepted");
        };
        assert!(wrong.to_string().contains(why), "{text}: {wrong}");
    }
    let deployment = deploy(&plan(", port = 3307")).await?;
    let key = (MODULE.to_owned(), "connect".to_owned());
    assert_eq!(
        deployment.outputs.get(&key).map(String::as_str),
        Some("10.0.0.1:3307,10.0.0.2:3307,10.0.0.3:3307")
    );
    Ok(())
}
