//! A machine that has a busybox and nothing else.

use std::collections::BTreeSet;

use cellhost_transport::resources::archive::{Archive, Source};
use cellhost_transport::resources::directory::Directory;
use cellhost_transport::resources::file::File;
use cellhost_transport::resources::group::{Group, NoGroup};
use cellhost_transport::resources::link::Link;
use cellhost_transport::resources::path::Absent;
use cellhost_transport::resources::service::{Service, Watch};
use cellhost_transport::resources::user::{NoUser, User};
use cellhost_transport::{Reply, Request, Wish};
use sha2::{Digest as _, Sha256};

use crate::island::Island;

async fn bare() -> Island {
    let island = Island::new(&["chroot", "/bare", "/bin/busybox", "sh"]).await;
    let real = std::env::var("CELLHOST_TEST_BUSYBOX").unwrap_or_default();
    island.run(&format!("real={real}\n{}", include_str!("bare.sh")));
    island
}

fn user(shell: &str, groups: &[&str]) -> Wish {
    Wish::User(User {
        name: "app".into(),
        group: "crew".into(),
        home: "/srv/app".into(),
        shell: shell.into(),
        groups: groups.iter().map(|name| (*name).to_owned()).collect(),
    })
}

fn file(path: &str, content: &[u8], owner: &str, mode: u32) -> Wish {
    Wish::File(File {
        path: path.into(),
        content: content.to_vec(),
        hash: format!("{:x}", Sha256::digest(content)),
        mode: Some(mode),
        owner: Some(owner.into()),
        group: Some("crew".into()),
        before: None,
        backup: false,
    })
}

/// Settles wishes one after the other; each has to change something, and then nothing more.
async fn settled(island: &Island, wishes: &[Wish]) {
    for wish in wishes {
        assert!(!island.differs(wish).await.is_empty(), "{wish:?}");
        island.settled(wish).await;
        assert_eq!(island.differs(wish).await, BTreeSet::new(), "{wish:?}");
    }
}

#[tokio::test]
async fn a_busybox_is_enough_for_files_and_users() {
    let island = bare().await;
    let named = |name: &str| Wish::Group(Group { name: name.into() });
    settled(
        &island,
        &[named("crew"), named("others"), user("/bin/sh", &[])],
    )
    .await;
    // Groups can be joined without usermod, and no more.
    settled(&island, &[user("/bin/sh", &["others"])]).await;
    let words = island.failed(&user("/bin/false", &[])).await;
    assert!(words.contains("without usermod"), "{words}");

    let every: Vec<u8> = (0..=255_u8).collect::<Vec<_>>().repeat(200);
    let directory = Wish::Directory(Directory {
        path: "/srv/app/data".into(),
        mode: Some(0o2750),
        owner: Some("app".into()),
        group: Some("crew".into()),
    });
    let link = |target: &str| {
        Wish::Link(Link {
            path: "/srv/app/current".into(),
            target: target.into(),
        })
    };
    let absent = |path: &str| Wish::Absent(Absent { path: path.into() });
    let long = "/srv/app/data/a 'long' one";
    settled(
        &island,
        &[
            directory,
            file(long, &every, "app", 0o640),
            file("/srv/app/short", b"1\n", "app", 0o600),
            file("/srv/app/short", b"2\n", "root", 0o4755),
            link("data"),
            link("elsewhere"),
            absent("/srv/app/data"),
            absent("/srv/app/current"),
        ],
    )
    .await;
    assert_eq!(island.run("cat /bare/srv/app/short"), "2\n");
    let left = island.run("find /bare -name '.cellhost*' -o -name '*.new'");
    assert_eq!(left, "");

    let gone = |name: &str| Wish::NoUser(NoUser { name: name.into() });
    let no_group = |name: &str| Wish::NoGroup(NoGroup { name: name.into() });
    settled(&island, &[gone("app"), no_group("others")]).await;
    island.close().await;
}

#[tokio::test]
async fn a_busybox_unpacks_an_archive_and_says_what_it_has_no_manager_for() {
    let island = bare().await;
    let make = "mkdir -p /bare/in/top/sub && echo x >/bare/in/top/sub/file && cd /bare/in && \
                tar -czf ../in.tar.gz top && sha256sum <../in.tar.gz";
    let hash = island.run(make);
    let archive = Wish::Archive(Archive {
        directory: "/opt/app".into(),
        version: "1.0".into(),
        source: Source::Path("/in.tar.gz".into()),
        hash: hash.split(' ').next().unwrap().to_owned(),
        strip: 1,
        owner: None,
        group: None,
    });
    island.run("mkdir -p /bare/opt/app");
    settled(&island, &[archive]).await;
    assert_eq!(island.run("cat /bare/opt/app/1.0/sub/file"), "x\n");
    let service = Wish::Service(Service {
        watch: Watch::none("app"),
        enabled: true,
        running: true,
    });
    let look = Request::Look(vec![service.identity()]);
    let reply = island.courier.exchange(look).await.unwrap();
    let refused = |words: &str| words.contains("neither systemd") && words.contains("nor OpenRC");
    assert!(
        matches!(&reply, Reply::Refused(words) if refused(words)),
        "{reply:?}"
    );
    island.close().await;
}
