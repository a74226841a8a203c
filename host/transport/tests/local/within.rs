//! Paths that lead elsewhere, by links that stand there and by links that come and go meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use cellhost_transport::Realm;
use cellhost_transport::resources::archive::{Archive, Source};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

/// Whose directories are not root's.
const SOMEBODY: u32 = 12345;

impl Bench {
    async fn in_root(shell: &'static str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        Some(Self::within(tempfile::tempdir_in("/root").unwrap(), shell).await)
    }

    async fn bound(&self, realm: &[&str], request: Request) -> Reply {
        let realm = Realm::new(realm.iter().map(|name| self.at(name)));
        let request = Box::new(request);
        self.ask(Request::Within { realm, request }).await
    }

    /// Settles one wish within a realm, as it would be for one who has just seen nothing there.
    async fn try_within(&self, realm: &[&str], wish: Wish) -> Reply {
        let list = vec![wish.identity()];
        let facts = match self.bound(realm, Request::Look(list)).await {
            Reply::Facts(facts) => facts,
            other => return other,
        };
        let tasks = Task::pair([wish], facts);
        self.bound(realm, Request::Settle(tasks)).await
    }

    fn wishes(&self, place: &str) -> Vec<Wish> {
        let at = |name: &str| self.at(&format!("{place}/{name}"));
        vec![
            Wish::File(self.file(&format!("{place}/kept"), b"new")),
            Wish::File(self.file(&format!("{place}/made"), b"new")),
            Wish::File(file::File {
                mode: Some(0o666),
                owner: Some("daemon".to_owned()),
                ..self.file(&format!("{place}/kept"), b"kept")
            }),
            Wish::Directory(directory::Directory {
                path: at("sub"),
                mode: Some(0o777),
                owner: Some("daemon".to_owned()),
                group: None,
            }),
            Wish::Directory(directory::Directory {
                path: at("new/below"),
                mode: None,
                owner: None,
                group: None,
            }),
            Wish::Link(link::Link {
                path: at("kept"),
                target: "elsewhere".to_owned(),
            }),
            Wish::Absent(path::Absent { path: at("kept") }),
            Wish::Absent(path::Absent { path: at("sub") }),
            Wish::Archive(Archive {
                directory: self.at(place),
                version: "1.0".to_owned(),
                source: Source::Path(self.at("archive.tar")),
                hash: hash(&std::fs::read(self.path("archive.tar")).unwrap()),
                strip: 0,
                owner: None,
                group: None,
            }),
        ]
    }

    /// A directory with something in it; and what is to be unpacked.
    fn furnish(&self, name: &str) {
        std::fs::create_dir_all(self.path(name).join("sub")).unwrap();
        std::fs::write(self.path(name).join("kept"), "kept").unwrap();
        std::fs::write(self.path(name).join("sub/deep"), "deep").unwrap();
        let packed = Process::new("tar")
            .arg("-cf")
            .arg(self.path("archive.tar"))
            .args(["-C", "/etc", "hostname"])
            .status();
        assert!(packed.unwrap().success());
    }
}

/// All that is below a directory, and how it is.
fn print(place: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![place.to_owned()];
    while let Some(here) = left.pop() {
        let found = std::fs::symlink_metadata(&here).unwrap();
        let held = found.is_file().then(|| std::fs::read(&here).unwrap());
        let outside = (found.mode(), found.uid(), found.gid());
        lines.push(format!("{} {outside:?} {held:?}", here.display()));
        if found.is_dir() {
            left.extend(
                std::fs::read_dir(&here)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    lines.sort();
    lines
}

fn astray(reply: &Reply, to: &Path, what: &str) {
    let Reply::Astray(words) = reply else {
        panic!("{what}: {reply:?}");
    };
    let to = to.to_str().unwrap();
    assert!(
        words.contains(to) && words.contains("leads to"),
        "{what}: {words}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_link_on_the_way_leads_out() {
    for shell in SHELLS {
        let Some(bench) = Bench::in_root(shell).await else {
            return;
        };
        bench.furnish("outside");
        std::fs::create_dir(bench.path("mine")).unwrap();
        symlink("../outside", bench.path("mine/out")).unwrap();
        symlink(bench.path("outside/kept"), bench.path("mine/last")).unwrap();
        let (outside, realm) = (bench.path("outside"), ["mine"]);
        let before = print(&outside);
        for wish in bench.wishes("mine/out") {
            let reply = bench.try_within(&realm, wish.clone()).await;
            astray(&reply, &outside, &format!("{shell} {wish:?}"));
            // A link that came only after the look.
            let tasks = Task::pair([wish.clone()], [Facts::Path(path::PathFacts::nothing())]);
            if !matches!(wish, Wish::File(_)) || tasks[0].difference().is_some() {
                let reply = bench.bound(&realm, Request::Settle(tasks)).await;
                astray(&reply, &outside, &format!("{shell} {wish:?}"));
            }
        }
        // Many at once go other ways.
        let files = ["a", "b", "c", "d", "e", "f"].map(|name| {
            let file = bench.file(&format!("mine/out/{name}"), b"new");
            (Wish::File(file), Facts::Path(path::PathFacts::nothing()))
        });
        let directories = ["g", "h"].map(|name| {
            let wish = directory::Directory {
                path: bench.at(&format!("mine/out/{name}")),
                mode: None,
                owner: None,
                group: None,
            };
            (
                Wish::Directory(wish),
                Facts::Path(path::PathFacts::nothing()),
            )
        });
        for many in [files.to_vec(), directories.to_vec()] {
            let (wishes, facts): (Vec<_>, Vec<_>) = many.into_iter().unzip();
            let request = Request::Settle(Task::pair(wishes, facts));
            astray(&bench.bound(&realm, request).await, &outside, shell);
        }
        let at = |name: &str| bench.at(name);
        let questions = [
            Request::Look(vec![Identity::Content(at("mine/out/kept"))]),
            Request::Status {
                path: at("mine/out/kept"),
            },
            Request::Entries {
                path: at("mine/out"),
            },
            Request::Entries {
                path: at("mine/out/sub"),
            },
            Request::Read {
                path: at("mine/out/kept"),
                limit: 100,
            },
            Request::Read {
                path: at("mine/last"),
                limit: 100,
            },
        ];
        for question in questions {
            let asked = format!("{shell} {question:?}");
            astray(&bench.bound(&realm, question).await, &outside, &asked);
        }
        // A link itself can be looked at, and gives way to what is put in its place.
        let status = Request::Status {
            path: at("mine/last"),
        };
        let Reply::Status(Some(status)) = bench.bound(&realm, status).await else {
            panic!("{shell}");
        };
        assert_eq!(status.kind, FileKind::Link);
        for name in ["mine/last", "mine/out"] {
            let file = Wish::File(bench.file(name, b"new"));
            let reply = bench.try_within(&realm, file).await;
            assert!(
                matches!(&reply, Reply::Settled(settled) if settled.done() == 1),
                "{reply:?}"
            );
            assert!(!bench.path(name).is_symlink(), "{shell}");
        }
        assert_eq!(print(&outside), before, "{shell}");
        // Where nothing of it is told, links are followed: this is what would have come of it.
        std::fs::remove_file(bench.path("mine/out")).unwrap();
        symlink("../outside", bench.path("mine/out")).unwrap();
        bench
            .settled(vec![Wish::File(bench.file("mine/out/made", b"new"))])
            .await;
        assert_ne!(print(&outside), before, "{shell}");
        bench.fleet.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_within_and_those_of_the_system_above_are_followed() {
    for shell in SHELLS {
        let Some(bench) = Bench::in_root(shell).await else {
            return;
        };
        let tree = ["usr/lib/mine/real", "data", "home/else", "home/mine"];
        for name in tree {
            std::fs::create_dir_all(bench.path(name)).unwrap();
        }
        // As `/lib` is, by way of another one.
        symlink("usr", bench.path("way")).unwrap();
        symlink("way/lib", bench.path("lib")).unwrap();
        symlink("real", bench.path("usr/lib/mine/within")).unwrap();
        symlink("../../../data", bench.path("usr/lib/mine/through")).unwrap();
        std::os::unix::fs::chown(bench.path("home"), Some(SOMEBODY), None).unwrap();
        symlink("else", bench.path("home/link")).unwrap();
        symlink("../home/link", bench.path("usr/lent")).unwrap();
        let wish = |name: &str| Wish::File(bench.file(name, b"new"));
        let fine = [
            (vec!["lib/mine"], "lib/mine/a"),
            (vec!["lib/mine"], "lib/mine/within/b"),
            (vec!["usr/lib/mine"], "usr/lib/mine/within/c"),
            (vec!["lib/mine", "data"], "lib/mine/through/d"),
            (vec!["lib/mine/through/e"], "lib/mine/through/e"),
            (vec!["home/mine"], "home/mine/f"),
        ];
        for (realm, name) in fine {
            let reply = bench.try_within(&realm, wish(name)).await;
            let done = matches!(&reply, Reply::Settled(settled) if settled.done() == 1);
            assert!(done, "{shell} {realm:?} {name}: {reply:?}");
            assert_eq!(bench.read(name).await, b"new");
        }
        let refused = [
            (vec!["lib/mine"], "lib/mine/through/x"),
            // What leads out at the place itself, or above it by somebody's hand.
            (vec!["lib/mine/through"], "lib/mine/through/x"),
            (vec!["home/link/mine"], "home/link/mine"),
            (vec!["usr/lent/mine"], "usr/lent/mine"),
            (vec![], "data/x"),
        ];
        for (realm, name) in refused {
            let reply = bench.try_within(&realm, wish(name)).await;
            assert!(
                matches!(reply, Reply::Astray(_)),
                "{shell} {realm:?} {name}: {reply:?}"
            );
        }
        bench.fleet.close().await;
    }
}

/// Swaps two directories, and what stands at one name, for as long as it lives.
struct Swapper {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Swapper {
    fn new((one, other): (PathBuf, PathBuf), name: PathBuf, targets: [PathBuf; 2]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let heard = over.clone();
        let swap = move || {
            for round in 0.. {
                if heard.load(Ordering::Relaxed) {
                    break;
                }
                let _ = renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE);
                let next = name.with_extension("next");
                match round % 4 {
                    0 => symlink(&targets[0], &next).unwrap(),
                    2 => symlink(&targets[1], &next).unwrap(),
                    _ => std::fs::write(&next, "new").unwrap(),
                }
                std::fs::rename(&next, &name).unwrap();
                // Now between two words of a shell, now between two programs.
                std::thread::sleep(Duration::from_micros(round % 7 * 50));
            }
        };
        let thread = Some(std::thread::spawn(swap));
        Self { over, thread }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_link_that_comes_and_goes_leads_out() {
    for shell in SHELLS {
        let Some(bench) = Bench::in_root(shell).await else {
            return;
        };
        bench.furnish("outside");
        for name in ["secret", "only-outside"] {
            std::fs::write(bench.path("outside").join(name), "secret").unwrap();
        }
        let before = print(&bench.path("outside"));
        bench.furnish("mine/d");
        std::os::unix::fs::chown(bench.path("mine"), Some(SOMEBODY), None).unwrap();
        std::os::unix::fs::chown(bench.path("mine/d"), Some(SOMEBODY), None).unwrap();
        symlink(bench.path("outside"), bench.path("mine/d.link")).unwrap();
        std::fs::write(bench.path("mine/d/secret"), "mine").unwrap();
        let at = |name: &str| bench.path(name);
        let swapper = Swapper::new(
            (at("mine/d"), at("mine/d.link")),
            at("mine/f"),
            [at("outside/secret"), at("outside")],
        );
        let (end, realm) = (Instant::now() + Duration::from_millis(2500), ["mine"]);
        let (mut done, mut refused) = (0, 0);
        while Instant::now() < end {
            let mut wishes = bench.wishes("mine/d");
            let many = ["a", "b", "c", "d", "e", "f"];
            wishes.extend(many.map(|name| Wish::File(bench.file(&format!("mine/d/{name}"), b"x"))));
            wishes.push(Wish::File(bench.file("mine/f", b"new")));
            wishes.push(Wish::File(file::File {
                mode: Some(0o666),
                ..bench.file("mine/f", b"new")
            }));
            wishes.push(Wish::File(file::File {
                mode: Some(0o600),
                ..bench.file("mine/f", b"new")
            }));
            for wish in wishes {
                let request = Request::Look(vec![wish.identity()]);
                let facts = match bench.bound(&realm, request).await {
                    Reply::Facts(facts) => facts,
                    _ => vec![Facts::Path(path::PathFacts::nothing())],
                };
                let request = Request::Settle(Task::pair([wish], facts));
                match bench.bound(&realm, request).await {
                    Reply::Settled(settled) => done += settled.done(),
                    Reply::Astray(_) => refused += 1,
                    other => panic!("{shell}: {other:?}"),
                }
            }
            for name in ["mine/d/secret", "mine/f"] {
                let read = Request::Read {
                    path: bench.at(name),
                    limit: 100,
                };
                if let Reply::Bytes(bytes) = bench.bound(&realm, read).await {
                    assert_ne!(bytes, b"secret", "{shell} {name}");
                }
                let look = Request::Look(vec![Identity::Content(bench.at(name))]);
                if let Reply::Facts(facts) = bench.bound(&realm, look).await {
                    let secret = format!("{facts:?}");
                    let Facts::Path(facts) = &facts[0] else {
                        panic!("{secret}")
                    };
                    let held = facts.content.as_ref().map(|content| content.0.as_slice());
                    assert_ne!(held, Some(b"secret".as_slice()), "{shell} {name}");
                }
            }
            let path = bench.at("mine/d");
            if let Reply::Entries(Some(names)) =
                bench.bound(&realm, Request::Entries { path }).await
            {
                assert!(!names.contains(&"only-outside".to_owned()), "{shell}");
            }
        }
        drop(swapper);
        assert_eq!(print(&bench.path("outside")), before, "{shell}");
        assert!(done > 5 && refused > 5, "{shell}: {done} {refused}");
        bench.fleet.close().await;
    }
}
