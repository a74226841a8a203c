//! The real shell code against this computer, inside a temporary directory, under each shell.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_plan::MachineName;
use cellhost_transport::resources::service::{Service, ServiceFacts, Watch};
use cellhost_transport::resources::{creation, directory, file, group, link, path, user};
use cellhost_transport::{
    Answer, Command, Courier, CourierError, Dial, DialOutcome, Echo, Facts, Fate, FileKind, Fleet,
    Identity, LocalFleet, Reply, Request, Settled, Stream, Task, Wish,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A shell under test and a place for it to work in.
struct Bench {
    fleet: LocalFleet,
    courier: Arc<dyn Courier>,
    place: TempDir,
    shell: &'static str,
}

const SHELLS: [&str; 4] = ["dash", "bash --posix", "busybox sh", "applets"];

impl Bench {
    async fn new(shell: &'static str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), shell).await
    }

    /// A bench in this place; programs in its `tools` go before others.
    async fn within(place: TempDir, shell: &'static str) -> Self {
        let mut path = std::env::var("PATH").unwrap();
        let mut fleet = LocalFleet::new().with_memory(text(&place.path().join("memory")));
        if shell == "applets" {
            let applets = place.path().join("applets");
            std::fs::create_dir(&applets).unwrap();
            let installed = Process::new("busybox")
                .args(["--install", "-s"])
                .arg(&applets)
                .status()
                .unwrap();
            assert!(installed.success());
            fleet = fleet.with_shell(["/bin/busybox", "sh"]);
            path = text(&applets);
        } else {
            fleet = fleet.with_shell(shell.split(' '));
        }
        let tools = text(&place.path().join("tools"));
        fleet = fleet.with_variable("PATH", format!("{tools}:{path}"));
        let name = MachineName::new("here").unwrap();
        let courier = fleet.courier(&name).await.unwrap();
        Self {
            fleet,
            courier,
            place,
            shell,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        text(&self.path(name))
    }

    async fn ask(&self, request: Request) -> Reply {
        let asked = format!("{request:.200?}");
        match self.courier.exchange(request).await {
            Ok(reply) => reply,
            Err(error) => panic!(
                "{} under {}: {error}",
                &asked[..asked.len().min(200)],
                self.shell
            ),
        }
    }

    async fn look(&self, list: Vec<Identity>) -> Vec<Facts> {
        match self.ask(Request::Look(list)).await {
            Reply::Facts(facts) => facts,
            other => panic!("{}: {other:?}", self.shell),
        }
    }

    async fn settle(&self, wishes: Vec<Wish>) -> Settled {
        let list = wishes.iter().map(Wish::identity).collect();
        let facts = match self.ask(Request::Look(list)).await {
            Reply::Facts(facts) => facts,
            other => panic!("{}: {other:?}", self.shell),
        };
        let tasks = Task::pair(wishes, facts);
        match self.ask(Request::Settle(tasks)).await {
            Reply::Settled(settled) => settled,
            other => panic!("{}: {other:?}", self.shell),
        }
    }

    async fn settled(&self, wishes: Vec<Wish>) {
        let count = wishes.len();
        let settled = self.settle(wishes).await;
        assert_eq!(
            (settled.done(), settled.failure()),
            (count, None),
            "{}",
            self.shell
        );
    }

    async fn run(&self, command: Command) -> Answer {
        match self.ask(Request::Command(command)).await {
            Reply::Answer(answer) => answer,
            other => panic!("{}: {other:?}", self.shell),
        }
    }

    async fn read(&self, name: &str) -> Vec<u8> {
        let path = self.at(name);
        match self
            .ask(Request::Read {
                path,
                limit: 1 << 30,
            })
            .await
        {
            Reply::Bytes(bytes) => bytes,
            other => panic!("{}: {other:?}", self.shell),
        }
    }

    fn creation(&self, name: &str, program: &str, seconds: u64) -> Wish {
        Wish::Creation(creation::Creation {
            path: self.at(name),
            argv: ["sh", "-c", program].map(str::to_owned).into(),
            user: None,
            deadline: Duration::from_secs(seconds),
        })
    }

    fn file(&self, name: &str, content: &[u8]) -> file::File {
        file::File {
            path: self.at(name),
            content: content.to_vec(),
            hash: hash(content),
            mode: None,
            owner: None,
            group: None,
            before: None,
            backup: false,
        }
    }
}

impl Bench {
    fn record(&self, name: &str) -> Option<String> {
        let name = self.at(name).replace('/', "%2f").replace(' ', "%20");
        std::fs::read_to_string(self.path("memory/changed").join(name)).ok()
    }

    /// The fingerprints in the record of a path.
    fn noted(&self, name: &str) -> Option<Vec<String>> {
        let record = self.record(name)?;
        let words = record.lines().map(|line| line.split_once(' ').unwrap().0);
        Some(words.map(str::to_owned).collect())
    }

    fn tokens(&self, name: &str) -> Vec<String> {
        let record = self.record(name).unwrap();
        let words = record.lines().map(|line| line.split_once(' ').unwrap().1);
        words.map(str::to_owned).collect()
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn hash(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

fn command<const N: usize>(argv: [&str; N]) -> Command {
    Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        input: Vec::new(),
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_secs(20),
        limit: 1 << 20,
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path)
        .unwrap()
        .permissions()
        .mode()
        & 0o7777
}

/// The processes with this mark among their arguments.
fn marked(mark: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let with_mark = |path: &Path| {
        std::fs::read(path.join("cmdline"))
            .is_ok_and(|line| line.windows(mark.len()).any(|part| part == mark.as_bytes()))
    };
    entries
        .filter(|entry| with_mark(&entry.path()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn alive(mark: &str) -> bool {
    !marked(mark).is_empty()
}

fn end(mark: &str) {
    for process in marked(mark) {
        let process = rustix::process::Pid::from_raw(process).unwrap();
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
}

async fn gone(mark: &str) -> bool {
    for _ in 0..60 {
        if !alive(mark) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// A number that no other process has among its arguments.
fn mark(salt: u32) -> String {
    format!(
        "{}.{:06}{salt}",
        1000 + salt,
        std::process::id() % 1_000_000
    )
}

macro_rules! under_every_shell {
    ($($(#[$meta:meta])* async fn $name:ident($bench:ident) $body:block)*) => {$(
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for shell in SHELLS {
                let $bench = Bench::new(shell).await;
                $body
                $bench.fleet.close().await;
            }
        }
    )*};
}

under_every_shell! {
    async fn tells_how_paths_with_strange_names_stand(bench) {
        let names = ["plain", "with space", "-dash", "line\nend", "quo'te", "back\\slash", "ünï", "*", "$(x)`y`"];
        let mut list = Vec::new();
        for name in names {
            std::fs::write(bench.path(name), name).unwrap();
            std::fs::set_permissions(bench.path(name), PermissionsExt::from_mode(0o640)).unwrap();
            list.push(Identity::Path { path: bench.at(name), hash: true });
            list.push(Identity::Path { path: bench.at(&format!("no {name}")), hash: true });
        }
        symlink("to\nnowhere ", bench.path("link")).unwrap();
        std::fs::create_dir(bench.path("directory")).unwrap();
        list.push(Identity::Path { path: bench.at("link"), hash: true });
        list.push(Identity::Path { path: bench.at("directory"), hash: false });
        list.push(Identity::Path { path: bench.at("plain"), hash: false });
        let facts = bench.look(list).await;
        for (name, pair) in names.iter().zip(facts.chunks(2)) {
            let Facts::Path(facts) = &pair[0] else { panic!() };
            assert_eq!(facts.kind, Some(FileKind::File), "{name:?} {}", bench.shell);
            assert_eq!(facts.hash, Some(hash(name.as_bytes())), "{name:?}");
            assert_eq!((facts.mode, facts.size), (0o640, name.len() as u64));
            assert_eq!(pair[1], Facts::Path(path::PathFacts::nothing()));
        }
        let Facts::Path(link) = &facts[18] else { panic!() };
        assert_eq!((link.kind, link.target.as_deref()), (Some(FileKind::Link), Some("to\nnowhere ")));
        let Facts::Path(directory) = &facts[19] else { panic!() };
        assert_eq!(directory.kind, Some(FileKind::Directory));
        let Facts::Path(plain) = &facts[20] else { panic!() };
        assert_eq!(plain.hash, None);
    }

    async fn tells_what_files_hold_and_follows_no_link(bench) {
        let long = vec![b'x'; usize::try_from(path::CONTENT_LIMIT).unwrap()];
        let held: [(&str, &[u8]); 4] = [("empty", b""), ("-odd name", b"a\r\n\xff\nb"), ("long", &long), ("large", b"y")];
        for (name, content) in held {
            std::fs::write(bench.path(name), content).unwrap();
        }
        std::fs::write(bench.path("large"), [long.as_slice(), b"x"].concat()).unwrap();
        symlink("long", bench.path("link")).unwrap();
        let names = ["empty", "-odd name", "long", "large", "link", "nothing"];
        let facts = bench.look(names.map(|name| Identity::Content(bench.at(name))).into()).await;
        let contents: Vec<Option<Vec<u8>>> = facts
            .into_iter()
            .map(|facts| match facts {
                Facts::Path(facts) => facts.content.map(|content| content.0),
                other => panic!("{other:?}"),
            })
            .collect();
        let wanted = [Some(held[0].1.to_vec()), Some(held[1].1.to_vec()), Some(long), None, None, None];
        assert!(contents == wanted, "{}", bench.shell);
    }

    async fn replaces_only_what_it_was_told_to_replace(bench) {
        let guarded = |name: &str, before| Wish::File(file::File { before: Some(before), ..bench.file(name, b"new") });
        bench.settled(vec![guarded("fresh", file::Before::Nothing)]).await;
        bench.settled(vec![guarded("fresh", file::Before::Hash(hash(b"new")))]).await;
        std::fs::write(bench.path("other"), "theirs").unwrap();
        symlink("other", bench.path("link")).unwrap();
        for (name, before) in [
            ("other", file::Before::Nothing),
            ("other", file::Before::Hash(hash(b"old"))),
            ("link", file::Before::Hash(hash(b"theirs"))),
            ("link", file::Before::Nothing),
            ("missing", file::Before::Hash(hash(b"old"))),
        ] {
            let settled = bench.settle(vec![guarded(name, before)]).await;
            let words = settled.failure().unwrap();
            assert!(words.contains("has changed since"), "{words}");
        }
        assert_eq!(std::fs::read(bench.path("other")).unwrap(), b"theirs");
        assert_eq!(std::fs::read_dir(bench.place.path()).unwrap().flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(".cellhost")).count(), 0);
    }

    async fn keeps_the_newest_of_what_it_replaces(bench) {
        let replace = async |content: &str| {
            let file = file::File { backup: true, mode: Some(0o640), ..bench.file("a*file", content.as_bytes()) };
            bench.settled(vec![Wish::File(file)]).await;
        };
        std::fs::write(bench.path("a*file.cellhost-of-others"), "theirs").unwrap();
        std::fs::write(bench.path("a-file.cellhost-0123456789ab"), "another's").unwrap();
        let kept = |content: &str| format!("a*file.cellhost-{}", &hash(content.as_bytes())[..12]);
        for version in 0..8 {
            replace(&version.to_string()).await;
            let time = std::time::SystemTime::now() - Duration::from_secs(1000 - version * 10);
            let replaced = std::fs::File::options().write(true).open(bench.path("a*file")).unwrap();
            replaced.set_modified(time).unwrap();
        }
        for (version, there) in [("0", false), ("1", false), ("2", true), ("6", true), ("7", false)] {
            assert_eq!(bench.path(&kept(version)).exists(), there, "{version} {}", bench.shell);
        }
        let old = bench.path(&kept("6"));
        assert_eq!((std::fs::read(&old).unwrap(), mode(&old)), (b"6".to_vec(), 0o640));
        assert_eq!(std::fs::metadata(&old).unwrap().nlink(), 1);
        assert!(bench.path("a*file.cellhost-of-others").exists());
        assert!(bench.path("a-file.cellhost-0123456789ab").exists());
        // One that is there already is not written again.
        std::fs::write(bench.path(&kept("7")), "7, kept before").unwrap();
        replace("8").await;
        assert_eq!(std::fs::read(bench.path(&kept("7"))).unwrap(), b"7, kept before");
    }

    async fn looks_at_more_paths_than_one_call_takes(bench) {
        std::fs::write(bench.path("199"), "x").unwrap();
        let list = (0..300).map(|name| Identity::Path { path: bench.at(&name.to_string()), hash: name % 3 == 0 });
        let facts = bench.look(list.collect()).await;
        assert_eq!(facts.len(), 300);
        let there: Vec<usize> = facts.iter().enumerate()
            .filter(|(_, facts)| matches!(facts, Facts::Path(facts) if facts.kind.is_some()))
            .map(|(at, _)| at).collect();
        assert_eq!(there, [199]);
    }

    async fn tells_of_users_and_groups(bench) {
        let list = vec![
            Identity::User("root".into()),
            Identity::User("nobody-here".into()),
            Identity::Group("root".into()),
            Identity::Group("nobody-here".into()),
        ];
        let facts = bench.look(list).await;
        let Facts::User(root) = &facts[0] else { panic!() };
        assert_eq!((root.exists, root.group.as_str(), root.home.as_str()), (true, "root", "/root"));
        assert!(root.groups.contains("root"));
        assert_eq!(facts[1], Facts::User(user::UserFacts::default()));
        assert_eq!(facts[2], Facts::Group(group::GroupFacts { exists: true }));
        assert_eq!(facts[3], Facts::Group(group::GroupFacts { exists: false }));
    }

    async fn refuses_services_where_no_manager_is_known(bench) {
        if !Path::new("/run/systemd/system").exists() {
            let watch = Watch::none("x");
            let reply = bench.ask(Request::Look(vec![Identity::Service(watch.clone())])).await;
            assert!(matches!(&reply, Reply::Refused(words) if words.contains("neither systemd")), "{reply:?}");
            let wish = Wish::Service(Service { watch, enabled: true, running: true });
            let facts = Facts::Service(ServiceFacts::default());
            let Reply::Settled(settled) = bench.ask(Request::Settle(vec![Task { wish, facts }])).await
            else { panic!("{}", bench.shell) };
            assert_eq!(settled.done(), 0);
            assert!(settled.failure().unwrap().contains("neither systemd"));
        }
    }

    async fn writes_files_whole_with_mode_and_content(bench) {
        let every: Vec<u8> = (0..=255).collect();
        let long = every.repeat(3 << 12);
        let mut secret = bench.file("secret", b"");
        secret.mode = Some(0o600);
        let strange = bench.file("a 'strange'\nname", &every);
        bench.settled(vec![
            Wish::File(bench.file("every", &every)),
            Wish::File(secret),
            Wish::File(strange),
            Wish::File(bench.file("long", &long)),
            Wish::File(bench.file("packed", &b"the same line\n".repeat(5000))),
        ]).await;
        assert_eq!(std::fs::read(bench.path("every")).unwrap(), every);
        assert_eq!(std::fs::read(bench.path("a 'strange'\nname")).unwrap(), every);
        assert!(std::fs::read(bench.path("long")).unwrap() == long);
        assert!(bench.read("long").await == long);
        assert_eq!(mode(&bench.path("every")), 0o644);
        assert_eq!(mode(&bench.path("secret")), 0o600);
        let left: Vec<_> = std::fs::read_dir(bench.place.path()).unwrap().flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains("cellhost")).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    async fn keeps_mode_and_owner_of_a_file_that_is_replaced(bench) {
        std::fs::write(bench.path("kept"), "old").unwrap();
        std::fs::set_permissions(bench.path("kept"), PermissionsExt::from_mode(0o4751)).unwrap();
        let root = rustix::process::geteuid().is_root();
        if root {
            std::os::unix::fs::chown(bench.path("kept"), Some(12345), Some(54321)).unwrap();
            std::fs::set_permissions(bench.path("kept"), PermissionsExt::from_mode(0o4751)).unwrap();
        }
        bench.settled(vec![Wish::File(bench.file("kept", b"new"))]).await;
        assert_eq!(std::fs::read(bench.path("kept")).unwrap(), b"new");
        assert_eq!(mode(&bench.path("kept")), 0o4751);
        if root {
            let outside = std::fs::metadata(bench.path("kept")).unwrap();
            assert_eq!((outside.uid(), outside.gid()), (12345, 54321));
        }
    }

    async fn replaces_a_link_and_never_what_it_leads_to(bench) {
        std::fs::create_dir(bench.path("target")).unwrap();
        symlink("target", bench.path("link")).unwrap();
        bench.settled(vec![Wish::File(bench.file("link", b"file"))]).await;
        assert!(std::fs::symlink_metadata(bench.path("link")).unwrap().is_file());
        assert_eq!(std::fs::read_dir(bench.path("target")).unwrap().count(), 0);
    }

    async fn goes_on_with_what_does_not_need_what_failed(bench) {
        let absent = path::Absent { path: bench.at("first") };
        let settled = bench.settle(vec![
            Wish::File(bench.file("first", b"1")),
            Wish::File(bench.file("no/where", b"2")),
            Wish::File(bench.file("third", &b"3".repeat(2000))),
            Wish::File(bench.file("no/where/below", &b"4".repeat(500_000))),
            Wish::File(bench.file("fifth", b"5")),
            Wish::Absent(absent),
        ]).await;
        let Fate::Failed(trouble) = &settled.fates[1] else { panic!("{settled:?}") };
        assert!(trouble.message.contains("there is no directory"), "{}", bench.shell);
        for done in [0, 2, 4] {
            assert_eq!(settled.fates[done], Fate::Done(None), "{}", bench.shell);
        }
        assert_eq!(settled.fates[3], Fate::Stopped(1), "{}", bench.shell);
        assert_eq!(settled.fates[5], Fate::Stopped(1), "{}", bench.shell);
        assert!(bench.path("first").exists() && bench.path("third").exists());
        assert_eq!(std::fs::read(bench.path("fifth")).unwrap(), b"5");
        bench.settled(vec![Wish::File(bench.file("first", b"next"))]).await;
    }

    async fn brings_back_what_it_replaced(bench) {
        let every: Vec<u8> = (0..=255).collect();
        std::fs::write(bench.path("text"), "old\n").unwrap();
        std::fs::write(bench.path("bytes"), &every).unwrap();
        std::fs::write(bench.path("long"), b"x".repeat(300 << 10)).unwrap();
        let settled = bench.settle(["text", "bytes", "long", "new"].map(|name| Wish::File(bench.file(name, b"new"))).to_vec()).await;
        let replaced: Vec<Option<Vec<u8>>> = settled.fates.into_iter().map(|fate| match fate {
            Fate::Done(replaced) => replaced.map(|content| content.0),
            other => panic!("{}: {other:?}", bench.shell),
        }).collect();
        assert_eq!(replaced, [Some(b"old\n".to_vec()), Some(every), None, None], "{}", bench.shell);
        let mut outside = bench.file("text", b"new");
        outside.mode = Some(0o600);
        let noted = bench.noted("text");
        let settled = bench.settle(vec![Wish::File(outside)]).await;
        assert_eq!(settled.fates, [Fate::Done(None)], "{}", bench.shell);
        assert_eq!(mode(&bench.path("text")), 0o600);
        assert_eq!(bench.noted("text"), noted, "nothing restarts for a mode");
    }

    async fn writes_files_together_and_leaves_nothing_of_one_that_fails(bench) {
        std::fs::create_dir(bench.path("there")).unwrap();
        std::fs::create_dir(bench.path("there/taken")).unwrap();
        let long = vec![b'l'; 100_000];
        let files = [
            bench.file("there/first", b"1\n"),
            bench.file("missing/second", b"2\n"),
            bench.file("there/taken", b"3\n"),
            bench.file("there/fourth", b"\0 4"),
            bench.file("there/fifth", &long),
        ];
        let settled = bench.settle(files.map(Wish::File).into()).await;
        let done: Vec<bool> = settled.fates.iter().map(|fate| matches!(fate, Fate::Done(_))).collect();
        assert_eq!(done, [true, false, false, true, true], "{}: {settled:?}", bench.shell);
        let Fate::Failed(trouble) = &settled.fates[2] else { panic!("{settled:?}") };
        assert!(trouble.message.contains("is a directory"), "{trouble:?}");
        let mut names: Vec<_> = std::fs::read_dir(bench.path("there")).unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["fifth", "first", "fourth", "taken"], "{}", bench.shell);
        assert_eq!(bench.read("there/fifth").await, long);
        assert_eq!(bench.read("there/fourth").await, b"\0 4");
        assert_eq!(mode(&bench.path("there/first")), 0o644);
    }

    async fn refuses_content_that_did_not_arrive_whole(bench) {
        let mut wrong = bench.file("wrong", b"content");
        wrong.hash = hash(b"other content");
        let settled = bench.settle(vec![Wish::File(wrong)]).await;
        assert!(settled.failure().unwrap().contains("did not arrive whole"));
        assert!(!bench.path("wrong").exists());
    }

    async fn makes_directories_and_links_and_removes_them(bench) {
        let directory = |name: &str, mode| Wish::Directory(directory::Directory {
            path: bench.at(name), mode, owner: None, group: None,
        });
        let link = |name: &str, target: &str| Wish::Link(link::Link {
            path: bench.at(name), target: target.to_owned(),
        });
        let absent = |name: &str| Wish::Absent(path::Absent { path: bench.at(name) });
        bench.settled(vec![
            directory("a/b c/d", Some(0o1770)),
            directory("plain", None),
            link("link", "-x y\nz"),
            link("link", "second"),
        ]).await;
        assert_eq!(mode(&bench.path("a/b c/d")), 0o1770);
        assert_eq!(mode(&bench.path("a/b c")), 0o755);
        assert_eq!(mode(&bench.path("plain")), 0o755);
        assert_eq!(std::fs::read_link(bench.path("link")).unwrap(), Path::new("second"));
        let settled = bench.settle(vec![link("plain", "x")]).await;
        assert!(settled.failure().unwrap().contains("is a directory"));
        let settled = bench.settle(vec![directory("link", None)]).await;
        assert!(settled.failure().unwrap().contains("in the way"));
        symlink("plain", bench.path("to-directory")).unwrap();
        bench.settled(vec![link("to-directory", "a")]).await;
        assert_eq!(std::fs::read_link(bench.path("to-directory")).unwrap(), Path::new("a"));
        assert_eq!(std::fs::read_dir(bench.path("plain")).unwrap().count(), 0);
        bench.settled(vec![absent("a"), absent("link"), absent("to-directory"), absent("never")]).await;
        assert!(!bench.path("a").exists() && bench.path("plain").exists());
        let wish = Wish::Absent(path::Absent { path: "/usr/".into() });
        let facts = Facts::Path(path::PathFacts::nothing());
        let reply = bench.ask(Request::Settle(vec![Task { wish, facts }])).await;
        assert!(matches!(reply, Reply::Refused(_)));
    }

    async fn notes_each_content_before_it_stands_there(bench) {
        bench.settle(vec![Wish::File(bench.file("no directory/config", b"x"))]).await;
        assert_eq!(bench.noted("no directory/config"), None);
        let file = |content: &[u8]| Wish::File(bench.file("config", content));
        bench.settled(vec![file(b"first")]).await;
        bench.settled(vec![file(b"second")]).await;
        bench.settled(vec![file(b"first")]).await;
        assert_eq!(bench.noted("config"), Some(vec![hash(b"first"), hash(b"second")]));
        let link = link::Link { path: bench.at("config"), target: "x".into() };
        bench.settled(vec![Wish::Link(link)]).await;
        bench.settled(vec![Wish::Absent(path::Absent { path: bench.at("config") })]).await;
        let noted = bench.noted("config").unwrap();
        assert_eq!(noted.first().map(String::as_str), Some("absent"));
        assert_eq!(noted.get(1), Some(&format!("link-{}", hash(b"x"))));
        assert_eq!(noted.len(), 4);
        for number in 0..20 {
            bench.settled(vec![file(format!("{number}").as_bytes())]).await;
        }
        let noted = bench.noted("config").unwrap();
        assert_eq!((noted.first(), noted.len()), (Some(&hash(b"19")), 16));
        let tokens: BTreeSet<String> = bench.tokens("config").into_iter().collect();
        assert_eq!(tokens.len(), 16);
    }

    async fn replaces_nothing_that_it_cannot_note(bench) {
        std::fs::write(bench.path("config"), "old").unwrap();
        std::fs::create_dir(bench.path("memory")).unwrap();
        std::fs::write(bench.path("memory/changed"), "in the way").unwrap();
        let link = link::Link { path: bench.at("config"), target: "x".into() };
        let absent = path::Absent { path: bench.at("config") };
        let file = bench.file("config", b"new");
        for wish in [Wish::File(file), Wish::Link(link), Wish::Absent(absent)] {
            let settled = bench.settle(vec![wish]).await;
            assert_eq!(settled.done(), 0, "{}", bench.shell);
            assert!(settled.failure().is_some());
            assert_eq!(std::fs::read(bench.path("config")).unwrap(), b"old");
        }
    }

    async fn makes_what_is_not_there_by_a_program(bench) {
        let made = bench.at("made");
        let wish = bench.creation("made", &format!("echo working; echo done >'{made}'"), 20);
        let facts = bench.look(vec![wish.identity()]).await;
        assert!(wish.compare(&facts[0]).is_some());
        bench.settled(vec![wish.clone()]).await;
        assert_eq!(bench.read("made").await, b"done\n");
        let facts = bench.look(vec![wish.identity()]).await;
        assert_eq!(wish.compare(&facts[0]), None);
    }

    async fn takes_nothing_half_made_for_the_whole(bench) {
        let made = bench.at("made");
        let wish = bench.creation("made", &format!("echo half >'{made}'; exit 3"), 20);
        let settled = bench.settle(vec![wish.clone()]).await;
        assert!(settled.failure().unwrap().contains("status 3"), "{}", bench.shell);
        let facts = bench.look(vec![wish.identity()]).await;
        let difference = wish.compare(&facts[0]).unwrap();
        assert!(difference.lines[0].starts_with("run again"), "{difference:?}");
        let better = bench.creation("made", &format!("echo whole >'{made}'"), 20);
        bench.settled(vec![better]).await;
        let facts = bench.look(vec![wish.identity()]).await;
        assert_eq!(wish.compare(&facts[0]), None);
        let makes_nothing = bench.creation("nothing", "true", 20);
        let settled = bench.settle(vec![makes_nothing]).await;
        assert!(settled.failure().unwrap().contains("nothing stands at"), "{}", bench.shell);
    }

    async fn ends_a_program_that_makes_nothing_in_time(bench) {
        let mark = mark(7);
        let sleeps = bench.creation("never", &format!("sleep {mark} & sleep {mark}"), 1);
        let settled = bench.settle(vec![sleeps]).await;
        let failure = settled.failure().unwrap();
        assert!(failure.contains("no end within 1 s"), "{}: {failure}", bench.shell);
        assert!(gone(&mark).await, "{}", bench.shell);
    }

    async fn runs_a_program_without_a_shell_in_between(bench) {
        let answer = bench.run(command(["printf", "%s|", "a b", "$HOME", "`id`", "*", "", "'", "x\ny"])).await;
        assert_eq!(answer.output, b"a b|$HOME|`id`|*||'|x\ny|", "{}", bench.shell);
        assert_eq!(answer.status, 0);
        let answer = bench.run(command(["no-such-program"])).await;
        assert_eq!(answer.status, 127, "{} {}", bench.shell, String::from_utf8_lossy(&answer.errors));
        let answer = bench.run(command(["sh", "-c", "echo out; echo err >&2; exit 7"])).await;
        assert_eq!(answer, Answer { status: 7, output: b"out\n".to_vec(), errors: b"err\n".to_vec() }, "{}", bench.shell);
        let answer = bench.run(command(["sh", "-c", "kill -9 $$"])).await;
        assert_eq!((answer.status, answer.errors), (137, Vec::new()), "{}", bench.shell);
    }

    async fn gives_a_program_its_input_and_its_variables(bench) {
        let every: Vec<u8> = (0..=255_u8).collect::<Vec<_>>().repeat(1500);
        let mut cat = command(["cat"]);
        cat.input.clone_from(&every);
        let answer = bench.run(cat).await;
        assert!(answer.output == every, "{} {}", bench.shell, answer.output.len());
        let mut show = command(["sh", "-c", "printf '%s|%s|%s|%s' \"$LANG\" \"${LC_ALL-unset}\" \"$GREETING\" \"$(cat)\""]);
        show.environment = vec![("GREETING".into(), "it's\n$me".into())];
        let answer = bench.run(show).await;
        assert_eq!(String::from_utf8_lossy(&answer.output), "C.UTF-8|unset|it's\n$me|", "{}", bench.shell);
        let after = bench.run(command(["sh", "-c", "echo ${GREETING-unset}"])).await;
        assert_eq!(after.output, b"unset\n");
        let mut wrong = command(["true"]);
        wrong.environment = vec![("A;id".into(), String::new())];
        assert!(matches!(bench.ask(Request::Command(wrong)).await, Reply::Refused(_)));
        assert!(matches!(bench.ask(Request::Command(command(["a\0b"]))).await, Reply::Refused(_)));
    }

    async fn runs_a_program_as_another_user(bench) {
        if rustix::process::geteuid().is_root() {
            let mut id = command(["id", "-un"]);
            id.user = Some("nobody".into());
            let answer = bench.run(id.clone()).await;
            assert_eq!(String::from_utf8_lossy(&answer.output), "nobody\n", "{} {answer:?}", bench.shell);
            let mut home = command(["sh", "-c", "echo $HOME $USER"]);
            home.user = Some("nobody".into());
            let answer = bench.run(home.clone()).await;
            assert_eq!(String::from_utf8_lossy(&answer.output), "/nonexistent nobody\n", "{}", bench.shell);
            home.environment = vec![("GREETING".into(), "hello".into())];
            home.argv[2] = "echo $GREETING $USER".into();
            let answer = bench.run(home).await;
            assert_eq!(String::from_utf8_lossy(&answer.output), "hello nobody\n", "{}", bench.shell);
            id.user = Some("no-such-user".into());
            assert!(matches!(bench.ask(Request::Command(id)).await, Reply::Refused(_)));
            assert_eq!(bench.run(command(["echo", "still"])).await.output, b"still\n");
        }
    }

    async fn keeps_only_so_much_of_what_a_program_writes(bench) {
        let mut flood = command(["sh", "-c", "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3"]);
        flood.limit = 1000;
        let answer = bench.run(flood).await;
        assert_eq!((answer.status, answer.output.len(), answer.errors.len()), (3, 1000, 1000), "{}", bench.shell);
    }

    async fn ends_everything_a_program_started_at_its_deadline(bench) {
        let mark = mark(1);
        let mut slow = command(["sh", "-c", "", "x"]);
        slow.argv[2] = format!("(trap '' TERM; sleep {mark}) & sleep {mark} & sleep {mark}");
        slow.deadline = Duration::from_millis(300);
        let started = Instant::now();
        let error = bench.courier.exchange(Request::Command(slow)).await.unwrap_err();
        assert!(matches!(error, CourierError::Deadline { deadline_ms: 300, .. }), "{error}");
        assert!(error.in_doubt());
        assert!(started.elapsed() < Duration::from_secs(5), "{}", bench.shell);
        assert!(gone(&mark).await, "{}", bench.shell);
        assert_eq!(bench.run(command(["echo", "again"])).await.output, b"again\n");
    }

    async fn ends_what_runs_when_it_is_closed(bench) {
        let mark = mark(2);
        let courier = Arc::clone(&bench.courier);
        let sleep = Request::Command(command(["sleep", &mark]));
        let running = tokio::spawn(async move { courier.exchange(sleep).await });
        while !alive(&mark) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bench.courier.close().await;
        assert!(running.await.unwrap().is_err());
        assert!(gone(&mark).await, "{}", bench.shell);
    }

    async fn ends_what_runs_when_nobody_waits_any_more(bench) {
        let mark = mark(3);
        let sleep = Request::Command(command(["sleep", &mark]));
        let waited = tokio::time::timeout(Duration::from_millis(500), bench.courier.exchange(sleep)).await;
        assert!(waited.is_err());
        assert!(gone(&mark).await, "{}", bench.shell);
        assert_eq!(bench.run(command(["echo", "again"])).await.output, b"again\n");
    }

    async fn leaves_only_when_what_was_given_up_has_ended(bench) {
        let mark = mark(6);
        // A program that does not end when it is asked to.
        let deaf = format!("trap '' TERM; while :; do sleep {mark}; done");
        let stays = Request::Command(command(["sh", "-c", &deaf]));
        {
            let mut running = std::pin::pin!(bench.courier.exchange(stays));
            while !alive(&mark) {
                let waited = tokio::time::timeout(Duration::from_millis(50), &mut running).await;
                assert!(waited.is_err(), "{}", bench.shell);
            }
        }
        bench.courier.close().await;
        // It is killed two seconds after it was asked to end; whoever was killed may still have to
        // be given a processor to die.
        let closed = Instant::now();
        while alive(&mark) {
            assert!(closed.elapsed() < Duration::from_secs(1), "{}", bench.shell);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn is_heard_before_it_ends(bench) {
        let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let echo = Echo::new(move |stream, bytes| {
            let _ = heard.send((stream, bytes.to_vec()));
        });
        let go = bench.at("go");
        let waits = format!("echo first; echo aside >&2; while [ ! -e '{go}' ]; do sleep 0.1; done; echo last");
        let courier = Arc::clone(&bench.courier);
        let running = tokio::spawn(async move {
            courier.exchange_aloud(Request::Command(command(["sh", "-c", &waits])), echo).await
        });
        let mut first = vec![hears.recv().await.unwrap(), hears.recv().await.unwrap()];
        first.sort_by_key(|(stream, _)| *stream == Stream::Errors);
        assert_eq!(first, [(Stream::Output, b"first\n".to_vec()), (Stream::Errors, b"aside\n".to_vec())]);
        std::fs::write(&go, "").unwrap();
        let Reply::Answer(answer) = running.await.unwrap().unwrap() else { panic!() };
        assert_eq!(answer.output, b"first\nlast\n");
        assert_eq!(hears.recv().await.unwrap(), (Stream::Output, b"last\n".to_vec()));
    }

    async fn ends_what_runs_when_the_controller_is_killed(bench) {
        let mark = mark(5);
        let mut controller = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "sleeps_where_another_test_asks_for_it"])
            .env("CELLHOST_TEST_SLEEP", &mark)
            .env("CELLHOST_TEST_SHELL", bench.shell)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while marked(&mark).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        controller.kill().unwrap();
        controller.wait().unwrap();
        assert!(gone(&mark).await, "{}", bench.shell);
    }

    async fn waits_for_a_program_and_not_for_what_it_left_behind(bench) {
        let mark = mark(4);
        let mut leaves = command(["sh", "-c", ""]);
        leaves.argv[2] = format!("echo before; sleep {mark} & echo after; exit 5");
        let started = Instant::now();
        let answer = bench.run(leaves).await;
        assert_eq!((answer.status, answer.output.as_slice()), (5, b"before\nafter\n".as_slice()), "{}", bench.shell);
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(alive(&mark), "{}", bench.shell);
        end(&mark);
        assert_eq!(bench.run(command(["echo", "next"])).await.output, b"next\n");
    }

    async fn reads_no_more_than_it_may(bench) {
        std::fs::write(bench.path("ten"), "0123456789").unwrap();
        let read = |name: &str, limit| Request::Read { path: bench.at(name), limit };
        assert!(matches!(bench.ask(read("ten", 10)).await, Reply::Bytes(bytes) if bytes == b"0123456789"));
        assert!(matches!(bench.ask(read("ten", 9)).await, Reply::TooLarge(10)));
        assert!(matches!(bench.ask(read("none", 9)).await, Reply::NotFound));
        assert!(matches!(bench.ask(read("", 9)).await, Reply::NotFound));
        let stat = Request::Read { path: "/proc/self/stat".into(), limit: 4096 };
        assert!(matches!(bench.ask(stat).await, Reply::Bytes(bytes) if !bytes.is_empty()));
    }

    async fn tells_the_outside_of_a_file(bench) {
        std::fs::write(bench.path("a\nb"), "123").unwrap();
        let reply = bench.ask(Request::Status { path: bench.at("a\nb") }).await;
        let Reply::Status(Some(status)) = reply else { panic!("{reply:?}") };
        assert_eq!((status.kind, status.size, status.mode), (FileKind::File, 3, 0o644));
        assert!(matches!(bench.ask(Request::Status { path: bench.at("none") }).await, Reply::Status(None)));
    }

    async fn lists_a_directory_in_order(bench) {
        std::fs::create_dir(bench.path("*")).unwrap();
        for name in ["b", "a\nc", ".hidden", "..two", "sp ace", "-n"] {
            std::fs::write(bench.path("*").join(name), "").unwrap();
        }
        let reply = bench.ask(Request::Entries { path: bench.at("*") }).await;
        let Reply::Entries(Some(names)) = reply else { panic!("{reply:?}") };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names, ["-n", "..two", ".hidden", "a\nc", "b", "sp ace"]);
        assert!(matches!(bench.ask(Request::Entries { path: bench.at("none") }).await, Reply::Entries(None)));
    }

    async fn says_what_the_machine_is(bench) {
        let Reply::Machine(facts) = bench.ask(Request::Machine).await else { panic!() };
        let names: BTreeSet<&str> = facts.keys().map(String::as_str).collect();
        for name in ["architecture", "kernel", "host.name", "init", "memory.bytes", "processors", "boot.id", "uid", "os.id"] {
            assert!(names.contains(name), "{name} {names:?} {}", bench.shell);
        }
        assert_eq!(facts["architecture"], std::env::consts::ARCH);
    }

    async fn talks_to_a_port_and_tells_the_outcomes_apart(bench) {
        let port = serve();
        let dial = |port, send: &[u8], limit| Request::Dial(Dial {
            address: "127.0.0.1".into(), port, send: send.to_vec(), limit, deadline: Duration::from_millis(1500),
        });
        let every: Vec<u8> = (0..=255).collect();
        for (asked, limit, wanted) in [(every.as_slice(), 256, every.as_slice()), (b"silence", 10, b""), (b"", 0, b"")] {
            let started = Instant::now();
            let reply = bench.ask(dial(port, asked, limit)).await;
            let Reply::Dialed(outcome) = reply else { panic!("{reply:?}") };
            if asked == b"silence" {
                assert_eq!(outcome, DialOutcome::Deadline, "{}", bench.shell);
            } else {
                assert_eq!(outcome, DialOutcome::Bytes(wanted.to_vec()), "{}", bench.shell);
                assert!(started.elapsed() < Duration::from_secs(1), "{} {:?}", bench.shell, started.elapsed());
            }
        }
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let reply = bench.ask(dial(closed, b"x", 10)).await;
        assert!(matches!(reply, Reply::Dialed(DialOutcome::Refused)), "{} {reply:?}", bench.shell);
        let odd = Dial { address: "-e/bin/sh".into(), port, send: vec![], limit: 1, deadline: Duration::from_secs(1) };
        assert!(matches!(bench.ask(Request::Dial(odd)).await, Reply::Refused(_)));
        assert_eq!(bench.run(command(["echo", "next"])).await.output, b"next\n");
    }
}

#[tokio::test]
async fn sleeps_where_another_test_asks_for_it() {
    let variable = |name| std::env::var(name);
    if let (Ok(mark), Ok(shell)) = (
        variable("CELLHOST_TEST_SLEEP"),
        variable("CELLHOST_TEST_SHELL"),
    ) {
        let shell = SHELLS.into_iter().find(|known| *known == shell).unwrap();
        let bench = Bench::new(shell).await;
        bench
            .run(command([
                "sh",
                "-c",
                &format!("sleep {mark} & sleep {mark}"),
            ]))
            .await;
    }
}

/// A port that echoes, except for `silence`.
fn serve() -> u16 {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut bytes) {
                    if &bytes[..length] != b"silence" {
                        let _ = stream.write_all(&bytes[..length]);
                    }
                }
                std::thread::sleep(Duration::from_secs(3));
            });
        }
    });
    port
}

#[tokio::test]
async fn names_the_tools_that_are_missing() {
    let nothing = tempfile::tempdir().unwrap();
    let fleet = LocalFleet::new()
        .with_shell(["/bin/dash"])
        .with_variable("PATH", text(nothing.path()));
    let courier = fleet
        .courier(&MachineName::new("here").unwrap())
        .await
        .unwrap();
    let error = courier.exchange(Request::Machine).await.unwrap_err();
    assert!(
        matches!(&error, CourierError::Unfit { missing, .. } if missing.contains("sha256sum")),
        "{error}"
    );
    assert!(!error.in_doubt());
}

#[tokio::test]
async fn tells_that_no_shell_can_be_started() {
    let fleet = LocalFleet::new().with_shell(["/no/such/shell"]);
    let courier = fleet
        .courier(&MachineName::new("here").unwrap())
        .await
        .unwrap();
    let error = courier.exchange(Request::Machine).await.unwrap_err();
    assert!(matches!(
        error,
        CourierError::Unreachable {
            in_doubt: false,
            ..
        }
    ));
}

#[tokio::test]
async fn hostile_output_is_not_taken_for_an_answer() {
    for shell in ["yes", "cat /dev/urandom"] {
        let fleet = LocalFleet::new().with_shell(shell.split(' '));
        let courier = fleet
            .courier(&MachineName::new("here").unwrap())
            .await
            .unwrap();
        let error = courier.exchange(Request::Machine).await.unwrap_err();
        assert!(
            matches!(error, CourierError::Garbled { .. }),
            "{shell}: {error}"
        );
    }
}

#[path = "local/fetching.rs"]
mod fetching;

#[path = "local/together.rs"]
mod together;

#[path = "local/within.rs"]
mod within;
