//! Kernel keys and modules, mounts, and accounts that go, through all layers.

use anyhow::Result;
use cellhost_effects::{Act, EffectError, Found, Hook, Item, Settlement};
use cellhost_transport::resources::group::NoGroup;
use cellhost_transport::resources::kernel_module::KernelModule;
use cellhost_transport::resources::mount::Mount;
use cellhost_transport::resources::sysctl::Sysctl;
use cellhost_transport::resources::user::NoUser;

use crate::asking::Asker;
use crate::stage::{Mode, Stage};

const ASKS: &str = r#"
[[asks]]
why = "its own things"
paths = ["/srv/mine"]
sysctl = ["vm.*", "net.ipv4.conf.eth0*"]
kernel-modules = ["dummy"]
mounts = ["/srv/mine"]
users = ["mine"]
groups = ["mine"]
"#;

fn sysctl(key: &str, value: &str, live: bool) -> Item {
    Item::Sysctl(Sysctl {
        key: key.to_owned(),
        value: value.to_owned(),
        live,
    })
}

fn module(name: &str, options: &[&str], loaded: bool) -> Item {
    Item::KernelModule(KernelModule {
        name: name.to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        loaded,
    })
}

fn mount(path: &str, source: &str, options: &[&str]) -> Item {
    Item::Mount(Mount {
        path: path.to_owned(),
        source: source.to_owned(),
        kind: "ext4".to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        mounted: true,
    })
}

fn no_mount(path: &str) -> Item {
    Item::Mount(Mount::none(path))
}

fn no_user(name: &str) -> Item {
    let name = name.to_owned();
    Item::NoUser(NoUser { name })
}

fn no_group(name: &str) -> Item {
    let name = name.to_owned();
    Item::NoGroup(NoGroup { name })
}

fn there() -> Vec<Item> {
    vec![
        sysctl("vm.swappiness", "10", true),
        sysctl("vm.max_map_count", "262144", false),
        module("dummy", &["numdummies=2"], true),
        mount("/srv/mine/data", "/dev/vdb1", &["noatime"]),
        mount("/srv/mine/later", "UUID=1-2", &["noauto"]),
    ]
}

fn gone() -> Vec<Item> {
    vec![
        Item::NoSysctl("vm.swappiness".to_owned()),
        Item::NoSysctl("vm.max_map_count".to_owned()),
        module("dummy", &[], false),
        no_mount("/srv/mine/data"),
        no_mount("/srv/mine/later"),
        no_user("mine"),
        no_group("mine"),
    ]
}

async fn settled(asker: &Asker, list: Vec<Item>) -> Result<Vec<Settlement>, EffectError> {
    match asker.ask(Act::Ensure(list)).await?.found {
        Found::Settled(settlements) => Ok(settlements),
        other => panic!("{other:?}"),
    }
}

fn stage() -> Result<Stage> {
    let stage = Stage::new()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    let mut state = m1.state();
    state.write("/proc/sys/vm/swappiness", "60\n");
    state.write("/proc/sys/vm/max_map_count", "65530\n");
    state.write("/etc/fstab", "# theirs\nUUID=0-0 / ext4 defaults 0 1\n");
    state.add_user("mine", "/srv/mine", "/bin/sh");
    for directory in ["/etc/sysctl.d", "/etc/modules-load.d", "/etc/modprobe.d"] {
        state.write(&format!("{directory}/README"), "");
    }
    drop(state);
    Ok(stage)
}

#[tokio::test]
async fn what_holds_now_holds_after_the_next_start_too_and_goes_again() -> Result<()> {
    let stage = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    let told = settled(&asker, there()).await?;
    assert!(told.iter().all(Settlement::changed), "{told:?}");
    assert_eq!(
        told[0].lines,
        ["at boot: create, mode 0644", "now: 60 -> 10"]
    );
    assert_eq!(
        told[3].lines,
        [
            "directory: create, mode 0755",
            "at boot: content",
            "now: mount /dev/vdb1"
        ]
    );
    let text = |path: &str| stage.text("m1", path);
    assert_eq!(
        text("/etc/sysctl.d/60-vm.swappiness.conf"),
        "vm.swappiness = 10\n"
    );
    assert_eq!(text("/proc/sys/vm/swappiness"), "10\n");
    assert_eq!(text("/proc/sys/vm/max_map_count"), "65530\n");
    assert_eq!(text("/etc/modules-load.d/cellhost-dummy.conf"), "dummy\n");
    assert_eq!(
        text("/etc/modprobe.d/cellhost-dummy.conf"),
        "options dummy numdummies=2\n"
    );
    let table = "# theirs\nUUID=0-0 / ext4 defaults 0 1\n";
    assert_eq!(
        text("/etc/fstab"),
        format!(
            "{table}/dev/vdb1 /srv/mine/data ext4 noatime 0 0\n\
             UUID=1-2 /srv/mine/later ext4 noauto 0 0\n"
        )
    );
    m1.forget_requests();
    assert!(
        !settled(&asker, there())
            .await?
            .iter()
            .any(Settlement::changed)
    );
    assert_eq!(m1.requests().len(), 1);
    let told = settled(&asker, gone()).await?;
    assert!(told.iter().all(Settlement::changed), "{told:?}");
    assert_eq!(text("/etc/fstab"), table);
    assert!(!m1.state().users.contains_key("mine"));
    assert!(m1.state().kernel_modules.is_empty());
    assert!(
        !settled(&asker, gone())
            .await?
            .iter()
            .any(Settlement::changed)
    );
    Ok(())
}

#[tokio::test]
async fn a_dry_run_sees_what_it_would_have_done() -> Result<()> {
    let stage = stage()?;
    let before = stage.state();
    let dry = Asker::new(&stage, Mode::Dry, Hook::Apply, ASKS)?;
    let shown = settled(&dry, there()).await?;
    assert!(
        !settled(&dry, there())
            .await?
            .iter()
            .any(Settlement::changed)
    );
    assert!(settled(&dry, gone()).await?.iter().all(Settlement::changed));
    assert!(!settled(&dry, gone()).await?.iter().any(Settlement::changed));
    assert_eq!(stage.state(), before);
    let real = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    assert_eq!(settled(&real, there()).await?, shown);
    Ok(())
}

#[tokio::test]
async fn denies_what_was_not_asked_for_and_what_makes_no_sense() -> Result<()> {
    let stage = stage()?;
    let m1 = stage.fleet.machine("m1").expect("m1");
    let asker = Asker::new(&stage, Mode::Real, Hook::Apply, ASKS)?;
    for (item, words) in [
        (
            sysctl("kernel.core_pattern", "|/srv/mine/x", true),
            "`sysctl`",
        ),
        (
            sysctl("net/ipv4/conf/eth1/rp_filter", "1", true),
            "`sysctl`",
        ),
        (Item::NoSysctl("kernel.x".to_owned()), "`sysctl`"),
        (module("other", &[], true), "`kernel-modules`"),
        (module("other", &[], false), "`kernel-modules`"),
        (mount("/srv", "/dev/vdb1", &[]), "mounting at `/srv`"),
        (no_mount("/usr"), "mounting at `/usr`"),
        (
            mount("/srv/mine/x", "/etc", &["bind"]),
            "mounting `/etc` is not in `paths`",
        ),
        (
            mount("/srv/mine/x", "overlay", &["lowerdir=/srv/mine/a:/etc"]),
            "mounting `/etc`",
        ),
        (no_user("root"), "the user `root`"),
        (no_group("sudo"), "the group `sudo`"),
    ] {
        let error = settled(&asker, vec![item]).await.expect_err(words);
        assert!(matches!(error, EffectError::Denied { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
    for item in [
        sysctl("vm.x", "1\nkernel.y = 2", true),
        sysctl("vm..x", "1", true),
        module("dummy", &["a b"], true),
        mount("/srv/mine/x", "-x", &[]),
        mount("/srv/mine/x", "/dev/vdb1", &["a,b"]),
    ] {
        let error = settled(&asker, vec![item]).await.expect_err("nonsense");
        assert!(matches!(error, EffectError::Invalid { .. }), "{error:?}");
    }
    assert!(m1.requests().is_empty());
    Ok(())
}
