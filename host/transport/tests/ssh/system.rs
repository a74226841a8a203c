//! What a system has and does beside files.

use cellhost_transport::resources::cron::Cron;
use cellhost_transport::resources::kernel_module::KernelModule;
use cellhost_transport::resources::mount::Mount;
use cellhost_transport::resources::sysctl::Sysctl;
use cellhost_transport::resources::{path, unit};

use super::*;

/// Settles a wish that differs in these words, and looks whether it is met.
async fn meet(courier: &dyn Courier, wish: Wish, words: &[&str]) {
    assert_eq!(
        differences(courier, std::slice::from_ref(&wish)).await,
        words
    );
    settled(courier, vec![wish.clone()]).await;
    let left = differences(courier, std::slice::from_ref(&wish)).await;
    assert!(left.is_empty(), "{wish:?}: {left:?}");
}

async fn refused(courier: &dyn Courier, wish: Wish, words: &str) {
    let failure = settle(courier, vec![wish]).await.failure().unwrap();
    assert!(failure.contains(words), "{failure}");
}

fn sysctl(key: &str, value: &str) -> Wish {
    Wish::Sysctl(Sysctl {
        key: key.to_owned(),
        value: value.to_owned(),
        live: true,
    })
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn sets_keys_of_the_kernel_and_says_which_cannot_be() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let key = "net.ipv4.ip_local_port_range";
    // The kernel's keys belong to the computer that the machine runs on.
    let words = "Read-only file system";
    refused(courier, sysctl("vm.swappiness", "17"), words).await;
    refused(courier, sysctl(key, "20001 60001"), words).await;
    // Those of its network are the machine's own.
    let remount = |how| ["mount", "-o", how, "/proc/sys"];
    assert_eq!(run(courier, &remount("remount,bind,rw")).await.0, 0);
    settled(courier, vec![sysctl(key, "30000 40000")]).await;
    let words = ["30000 40000 -> 20000 60000"];
    meet(courier, sysctl(key, " 20000   60000"), &words).await;
    let told = run(courier, &["cat", "/proc/sys/net/ipv4/ip_local_port_range"]).await;
    assert_eq!(told.1, "20000\t60000");
    refused(
        courier,
        sysctl(key, "no numbers"),
        "the kernel does not take",
    )
    .await;
    assert_eq!(run(courier, &remount("remount,bind,ro")).await.0, 0);
    let words = "this kernel has no key vm.nothing_of_the_kind";
    refused(courier, sysctl("vm.nothing_of_the_kind", "1"), words).await;
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn mounts_remounts_and_unmounts() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let place = "/srv/a place";
    run(courier, &["mkdir", "-p", place, "/srv/source"]).await;
    let mount = |source: &str, kind: &str, options: &[&str]| Mount {
        path: place.to_owned(),
        source: source.to_owned(),
        kind: kind.to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        mounted: true,
    };
    let memory = |options: &[&str]| Wish::Mount(mount("tmpfs", "tmpfs", options));
    meet(courier, memory(&["nosuid", "size=1m"]), &["mount tmpfs"]).await;
    let read_only = memory(&["ro", "nosuid", "size=1m"]);
    meet(courier, read_only, &["remount nosuid as ro,nosuid"]).await;
    let touched = run(courier, &["touch", "/srv/a place/x"]).await;
    assert_ne!(touched.0, 0);
    let other = Wish::Mount(mount("other", "ramfs", &[]));
    refused(courier, other, "tmpfs is mounted at /srv/a place").await;
    let none = Wish::Mount(Mount::none(place));
    meet(courier, none.clone(), &["unmount"]).await;
    let bind = Wish::Mount(mount("/srv/source", "none", &["bind"]));
    meet(courier, bind, &["mount /srv/source"]).await;
    run(courier, &["touch", "/srv/source/seen"]).await;
    assert_eq!(run(courier, &["ls", place]).await.1, "seen");
    meet(courier, none, &["unmount"]).await;
    let vital = Wish::Mount(Mount::none("/usr"));
    let facts = cellhost_transport::Facts::Path(path::PathFacts::nothing());
    let request = Request::Settle(Task::pair([vital], [facts]));
    let reply = courier.exchange(request).await.unwrap();
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn tells_modules_of_the_kernel_and_says_why_none_can_be_loaded() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let module = |name: &str, loaded| {
        Wish::KernelModule(KernelModule {
            name: name.to_owned(),
            options: Vec::new(),
            loaded,
        })
    };
    let told = run(courier, &["ls", "/sys/module"]).await.1;
    let there = told.lines().next().unwrap();
    assert!(
        differences(courier, &[module(there, true)])
            .await
            .is_empty()
    );
    let none = module("never-was", false);
    assert!(differences(courier, &[none]).await.is_empty());
    let missing = module("never-was", true);
    assert_eq!(
        differences(courier, std::slice::from_ref(&missing)).await,
        ["load"]
    );
    // Machines of a lab have no way to load any.
    refused(courier, missing, "there is no modprobe on this machine").await;
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn removes_users_and_groups_and_leaves_their_homes() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let name = "gone-soon".to_owned();
    let user = Wish::User(user::User {
        name: name.clone(),
        group: name.clone(),
        home: "/srv/gone-soon".to_owned(),
        shell: "/bin/sh".to_owned(),
        groups: BTreeSet::new(),
    });
    let no_user = Wish::NoUser(user::NoUser { name: name.clone() });
    let no_group = Wish::NoGroup(group::NoGroup { name: name.clone() });
    settled(courier, vec![user]).await;
    run(courier, &["mkdir", "-p", "/srv/gone-soon"]).await;
    meet(courier, no_user, &["remove"]).await;
    let words = differences(courier, std::slice::from_ref(&no_group)).await;
    if !words.is_empty() {
        meet(courier, no_group, &["remove"]).await;
    }
    assert_eq!(run(courier, &["test", "-d", "/srv/gone-soon"]).await.0, 0);
    assert_ne!(run(courier, &["getent", "passwd", &name]).await.0, 0);
    assert_ne!(run(courier, &["getent", "group", &name]).await.0, 0);
    let root = Wish::NoUser(user::NoUser {
        name: "root".to_owned(),
    });
    let facts = cellhost_transport::Facts::User(user::UserFacts::default());
    let request = Request::Settle(Task::pair([root], [facts]));
    let reply = courier.exchange(request).await.unwrap();
    assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn a_unit_that_is_written_runs_and_one_that_is_removed_is_forgotten() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let path = unit::path("fleeting.service").unwrap();
    let text = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n";
    let unit = file(&path, text);
    meet(courier, unit, &["create, mode 0644"]).await;
    settled(courier, vec![service("fleeting", true, true)]).await;
    let active = run(courier, &["systemctl", "is-active", "fleeting"]).await;
    assert_eq!(active.1, "active");
    let gone = vec![
        service("fleeting", false, false),
        Wish::Absent(path::Absent { path }),
    ];
    settled(courier, gone).await;
    let known = run(courier, &["systemctl", "cat", "fleeting"]).await;
    assert_ne!(known.0, 0, "{}", known.1);
    fleet.close().await;
}

#[tokio::test]
#[ignore = "needs a lab"]
async fn a_job_that_cron_reads_runs_with_the_words_that_were_meant() {
    let (fleet, courier) = to("m1").await;
    let courier = courier.as_ref();
    let job = Cron {
        name: "trial-job".to_owned(),
        schedule: "@reboot".to_owned(),
        user: "root".to_owned(),
        command: [
            "sh",
            "-c",
            "printf '%s|' \"$0\" \"$@\" \"$GREETING\" >/srv/cron-was-here",
            "100%",
            "it's $HOME",
            "a;b",
        ]
        .map(str::to_owned)
        .into(),
        environment: vec![("GREETING".to_owned(), "good day".to_owned())],
    };
    let file = file("/etc/cron.d/trial-job", &job.text().unwrap());
    settled(courier, vec![packages(&["cron"], false), file]).await;
    // It runs such jobs when it is first started after a boot.
    run(
        courier,
        &["rm", "-f", "/run/crond.reboot", "/srv/cron-was-here"],
    )
    .await;
    settled(courier, vec![service("cron", false, true)]).await;
    let mut told = String::new();
    for _ in 0..50 {
        told = run(courier, &["cat", "/srv/cron-was-here"]).await.1;
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(told, "100%|it's $HOME|a;b|good day|");
    fleet.close().await;
}
