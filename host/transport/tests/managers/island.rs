//! A root of its own for a test: this computer's, under a layer that goes with the test.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;

use cellhost_plan::MachineName;
use cellhost_transport::resources::group;
use cellhost_transport::{Courier, Facts, Fleet, LocalFleet, Reply, Request, Settled, Task, Wish};
use tempfile::TempDir;

/// Lays a root over `/` at `$1`, in namespaces of its own that end with it. As the first process
/// there it buries those that nobody waits for.
const KEEPER: &str = "set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 island \"$1\"
cd \"$1\"
mkdir up work root
mount -t overlay -o lowerdir=/,upperdir=up,workdir=work island root
mount -t proc proc root/proc
mount -t tmpfs -o mode=755 dev root/dev
for device in null zero full random urandom tty; do
: >root/dev/$device
mount --bind /dev/$device root/dev/$device
done
ln -s /proc/self/fd root/dev/fd
mount -t tmpfs -o mode=755 run root/run
mount -t tmpfs tmp root/tmp
echo ready
while sleep 1; do :; done";

/// Such a root, and a courier into it.
pub(crate) struct Island {
    pub(crate) courier: Arc<dyn Courier>,
    fleet: LocalFleet,
    enter: Vec<String>,
    keeper: Child,
    _place: TempDir,
}

impl Island {
    /// Makes one, and a shell there that the courier speaks to.
    pub(crate) async fn new(shell: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut keeper = Process::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--"])
            .args(["sh", "-c", KEEPER, "island"])
            .arg(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        let output = keeper.stdout.as_mut().unwrap();
        output.read_exact(&mut ready).expect("root may make mounts");
        let root = format!("{}/root", place.path().display());
        let first = format!("/proc/{0}/task/{0}/children", keeper.id());
        let first = std::fs::read_to_string(first).unwrap();
        let mount = format!("--mount=/proc/{}/ns/mnt", first.trim());
        let pid = format!("--pid=/proc/{}/ns/pid", first.trim());
        let enter = ["nsenter", &mount, &pid, "--", "chroot", &root];
        let enter: Vec<String> = enter.map(str::to_owned).into();
        let (fleet, courier) = reached(&enter, shell).await;
        Self {
            courier,
            fleet,
            enter,
            keeper,
            _place: place,
        }
    }

    /// Has another shell there that the courier speaks to.
    pub(crate) async fn speak(&mut self, shell: &[&str]) {
        self.fleet.close().await;
        (self.fleet, self.courier) = reached(&self.enter, shell).await;
    }

    /// Unpacks Debian's packages of a tool there. `cargo xtask test` fetched them: installed, they
    /// would change this computer.
    pub(crate) fn unpack(&self, tool: &str) {
        let tools = concat!(env!("CARGO_TARGET_TMPDIR"), "/../tools");
        self.run(&format!(
            "cd /tmp; mkdir unpacked; for p in {tools}/{tool}/*.deb; do dpkg-deb -x \"$p\" unpacked; done\n\
             cd unpacked; for d in *; do cp -a \"$d/.\" \"/$d/\"; done; rm -rf /tmp/unpacked"
        ));
    }

    /// Runs a script there, which has to succeed, and returns what it wrote.
    pub(crate) fn run(&self, script: &str) -> String {
        let (program, words) = self.enter.split_first().unwrap();
        let output = Process::new(program)
            .args(words)
            .args(["sh", "-e", "-c", script])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{script}\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    pub(crate) async fn settle(&self, wishes: Vec<Wish>) -> Settled {
        let list = wishes.iter().map(Wish::identity).collect();
        let look = self.courier.exchange(Request::Look(list)).await;
        let facts = match look.unwrap() {
            Reply::Facts(facts) => facts,
            // What cannot be looked at cannot be settled either, which is for the machine to say.
            _ => vec![Facts::Group(group::GroupFacts { exists: false }); wishes.len()],
        };
        let settle = Request::Settle(Task::pair(wishes, facts));
        match self.courier.exchange(settle).await.unwrap() {
            Reply::Settled(settled) => settled,
            other => panic!("{other:?}"),
        }
    }

    /// Settles what has to succeed.
    pub(crate) async fn settled(&self, wish: &Wish) {
        let settled = self.settle(vec![wish.clone()]).await;
        assert_eq!((settled.done(), settled.failure()), (1, None), "{wish:?}");
    }

    /// Settles what has to fail, and returns the words.
    pub(crate) async fn failed(&self, wish: &Wish) -> String {
        let settled = self.settle(vec![wish.clone()]).await;
        settled.failure().unwrap_or_else(|| panic!("{wish:?}"))
    }

    pub(crate) async fn look(&self, wish: &Wish) -> Facts {
        let look = Request::Look(vec![wish.identity()]);
        match self.courier.exchange(look).await.unwrap() {
            Reply::Facts(facts) => facts.into_iter().next().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What differs, in words.
    pub(crate) async fn differs(&self, wish: &Wish) -> BTreeSet<String> {
        let difference = wish.compare(&self.look(wish).await);
        let lines = difference.map(|difference| difference.lines);
        lines.into_iter().flatten().collect()
    }

    pub(crate) async fn close(self) {
        self.fleet.close().await;
    }
}

async fn reached(enter: &[String], shell: &[&str]) -> (LocalFleet, Arc<dyn Courier>) {
    let words = enter.iter().map(String::as_str);
    let fleet = LocalFleet::new().with_shell(words.chain(shell.iter().copied()));
    let name = MachineName::new("island").unwrap();
    let courier = fleet.courier(&name).await.unwrap();
    (fleet, courier)
}

impl Drop for Island {
    fn drop(&mut self) {
        // Everything that still runs there goes too.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
