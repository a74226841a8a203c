//! The same wishes under every manager of packages.

use std::collections::{BTreeMap, BTreeSet};

use cellhost_transport::resources::software::{NoSoftware, Software};
use cellhost_transport::{Facts, Wish};

use crate::island::Island;

/// A manager, and how its packages are made.
struct Manager {
    name: &'static str,
    /// Defines `only`, which leaves this manager alone on the island; `make NAME VERSION [PROVIDES
    /// [DEPENDS]]`; and `publish`, after which the manager can fetch what was made.
    script: &'static str,
    /// How it ends a version.
    revision: &'static str,
}

const APT: Manager = Manager {
    name: "apt",
    script: include_str!("apt.sh"),
    revision: "-1",
};
/// Alpine's own program cannot be had from where this is built, so that its place is taken by a
/// stand-in that answers as it does; where `CELLHOST_TEST_APK` names the real one, that runs.
const APK: Manager = Manager {
    name: "apk",
    script: include_str!("apk.sh"),
    revision: "-r1",
};
const DNF: Manager = Manager {
    name: "dnf",
    script: include_str!("dnf.sh"),
    revision: "-1",
};
const PACMAN: Manager = Manager {
    name: "pacman",
    script: include_str!("pacman.sh"),
    revision: "-1",
};

/// A place where a manager can install `trial`, and `postman`, which needs it and provides
/// `mail-agent`.
struct Shop {
    island: Island,
    manager: Manager,
}

impl Shop {
    async fn new(manager: Manager, shell: &[&str]) -> Self {
        let island = Island::new(shell).await;
        let shop = Self { island, manager };
        if let Some(apk) = std::env::var_os("CELLHOST_TEST_APK") {
            let apk = apk.into_string().unwrap();
            shop.run(&format!("ln -s {apk} /usr/bin/apk.real"));
        }
        shop.run("only");
        shop.offer("1.0", "make postman \"$v\" mail-agent trial");
        shop
    }

    /// Runs a script with the manager's functions at hand.
    fn run(&self, script: &str) -> String {
        let stand_in = include_str!("apk-stand-in.sh");
        let text = format!(
            "stand_in() {{ cat >\"$1\" <<'END OF STAND-IN'\n{stand_in}END OF STAND-IN\n}}\n{}\n{script}",
            self.manager.script
        );
        self.island.run(&text)
    }

    /// Offers a version of `trial`, and whatever else a script makes.
    fn offer(&self, version: &str, more: &str) {
        let version = self.version(version);
        self.run(&format!("v={version}\nmake trial \"$v\"\n{more}\npublish"));
    }

    fn version(&self, version: &str) -> String {
        format!("{version}{}", self.manager.revision)
    }

    fn exactly(&self, name: &str, version: &str) -> Wish {
        let version = self.version(version);
        Wish::Software(Software {
            names: BTreeSet::from([name.to_owned()]),
            versions: BTreeMap::from([(name.to_owned(), version)]),
            start: false,
        })
    }

    /// The version of what is installed by this name.
    async fn installed(&self, name: &str) -> Option<String> {
        match self.island.look(&some(&[name])).await {
            Facts::Software(facts) => facts.installed.get(name).cloned(),
            other => panic!("{other:?}"),
        }
    }

    async fn same(&self, wish: &Wish) {
        let differs = self.island.differs(wish).await;
        assert_eq!(differs, BTreeSet::new(), "{} {wish:?}", self.manager.name);
    }
}

fn some(names: &[&str]) -> Wish {
    Wish::Software(Software {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Software::default()
    })
}

fn none(names: &[&str]) -> Wish {
    Wish::NoSoftware(NoSoftware {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    })
}

async fn installs_and_removes(manager: Manager, shell: &[&str]) {
    let name = manager.name;
    let shop = Shop::new(manager, shell).await;
    let island = &shop.island;
    let wish = some(&["trial"]);
    assert!(
        island.differs(&wish).await.contains("install trial"),
        "{name}"
    );
    island.settled(&wish).await;
    shop.same(&wish).await;
    assert_eq!(
        shop.installed("trial").await,
        Some(shop.version("1.0")),
        "{name}"
    );
    island.run("grep -q trial /opt/trial");

    // A name that only another package provides is met, and stays so.
    let virtual_name = some(&["mail-agent", "trial"]);
    island.settled(&virtual_name).await;
    shop.same(&virtual_name).await;
    shop.same(&some(&["postman"])).await;
    shop.same(&none(&["mail-agent", "never-was"])).await;
    island.settled(&virtual_name).await;

    // What was published after the lists were fetched is found, and only a wanted version counts.
    shop.offer("1.1", "make late \"$v\"");
    island.settled(&some(&["late"])).await;
    shop.same(&wish).await;
    let newer = shop.exactly("trial", "1.1");
    let step = format!("trial {} -> {}", shop.version("1.0"), shop.version("1.1"));
    assert!(island.differs(&newer).await.contains(&step), "{name}");
    island.settled(&newer).await;
    shop.same(&newer).await;
    shop.same(&wish).await;
    island.failed(&shop.exactly("trial", "9.9")).await;
    assert_eq!(
        shop.installed("trial").await,
        Some(shop.version("1.1")),
        "{name}"
    );
    assert!(
        island
            .failed(&some(&["no-such-package"]))
            .await
            .contains("no-such-package"),
        "{name}"
    );

    // Nothing else goes along.
    let words = island.failed(&none(&["trial"])).await;
    assert!(
        words.contains("needs it") || words.contains("need it") || words.contains("required by"),
        "{words}"
    );
    shop.same(&some(&["trial", "postman"])).await;
    // apk remembers that `mail-agent` was wished for, and keeps what provides it until told so.
    let all = none(&["trial", "postman", "mail-agent", "never-was"]);
    island.settled(&all).await;
    shop.same(&all).await;
    assert!(!island.differs(&virtual_name).await.is_empty(), "{name}");
    island.settled(&all).await;
    shop.island.close().await;
}

#[tokio::test]
async fn apt_installs_and_removes() {
    installs_and_removes(APT, &["dash"]).await;
}

#[tokio::test]
async fn apk_installs_and_removes() {
    installs_and_removes(APK, &["busybox", "sh"]).await;
}

#[tokio::test]
async fn dnf_installs_and_removes() {
    installs_and_removes(DNF, &["bash", "--posix"]).await;
}

#[tokio::test]
async fn pacman_installs_and_removes() {
    installs_and_removes(PACMAN, &["bash", "--posix"]).await;
}

#[tokio::test]
async fn apt_brings_an_interrupted_dpkg_to_its_end() {
    let shop = Shop::new(APT, &["dash"]).await;
    let island = &shop.island;
    let torn = "script='[ -e /opt/once ] || { touch /opt/once; kill -9 $PPID; }'\nmake torn \"$v\"";
    shop.offer("1.0", torn);
    island.run("! dpkg --install /shop/torn_1.0-1.deb && [ -e /var/lib/dpkg/updates/0000 ]");
    let wish = some(&["torn"]);
    assert!(island.differs(&wish).await.contains("install torn"));
    island.settled(&some(&["trial"])).await;
    shop.same(&wish).await;

    // One that is interrupted on the way is brought to its end at once.
    let again =
        "script='[ -e /opt/twice ] || { touch /opt/twice; kill -9 $PPID; }'\nmake again \"$v\"";
    shop.offer("1.0", again);
    island.settled(&some(&["again"])).await;

    shop.offer(
        "1.0",
        "script='echo my own words; exit 3'\nmake failing \"$v\"",
    );
    let words = island.failed(&some(&["failing"])).await;
    assert!(
        words.contains("my own words") && words.contains("dpkg --audit"),
        "{words}"
    );
    assert!(
        island
            .differs(&some(&["failing"]))
            .await
            .contains("install failing")
    );
    island.run("rm /var/lib/dpkg/info/failing.postinst");
    island.settled(&some(&["failing"])).await;
    shop.same(&some(&["failing", "again", "torn", "trial"]))
        .await;
    shop.island.close().await;
}

#[tokio::test]
async fn apt_takes_no_name_for_a_pattern() {
    let shop = Shop::new(APT, &["busybox", "sh"]).await;
    let words = shop.island.failed(&some(&["t.ial"])).await;
    assert!(words.contains("Unable to locate package t.ial"), "{words}");
    assert_eq!(shop.installed("trial").await, None);
    shop.offer("1.0", "make t.ial \"$v\"");
    shop.island.settled(&some(&["t.ial"])).await;
    assert_eq!(shop.installed("trial").await, None);
    shop.same(&some(&["t.ial"])).await;
    shop.island.close().await;
}

#[tokio::test]
async fn a_machine_without_a_manager_says_which_are_known() {
    let island = Island::new(&["sh"]).await;
    island.run("rm /usr/bin/apt-get /usr/bin/dnf /usr/bin/pacman");
    let words = island.failed(&some(&["trial"])).await;
    assert!(
        words.contains("none of apt, apk, dnf and pacman"),
        "{words}"
    );
    island.close().await;
}
