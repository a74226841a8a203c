//! Containers under a real docker, out of a real registry, on a root of their own.

use std::process::Command as Process;
use std::time::Duration;

use cellhost_transport::Wish;
use cellhost_transport::resources::container::{Container, NoContainer, Volume};

use crate::island::Island;

const SECRET: &str = "it's $HOME # a \"secret\" 4711";

/// An island with an engine.
struct Engine {
    island: Island,
    /// What is there by digest.
    image: String,
    /// Goes after what runs on the island.
    _cgroup: Cgroup,
}

/// A cgroup of this computer that has those of containers.
struct Cgroup(String);

impl Drop for Cgroup {
    fn drop(&mut self) {
        let place = tempfile::tempdir().unwrap();
        let script = "mount -t cgroup2 cgroup \"$1\" || exit
left=100
while [ -d \"$1/$2\" ] && [ \"$left\" -gt 0 ]; do
find \"$1/$2\" -xdev -depth -type d -exec rmdir {} + 2>/dev/null && break
left=$((left - 1))
sleep 0.1
done";
        let _ = Process::new("unshare")
            .args(["--mount", "--", "sh", "-c", script, "cgroup"])
            .arg(place.path())
            .arg(&self.0)
            .status();
    }
}

impl Engine {
    async fn new() -> Self {
        let island = Island::new(&["dash"]).await;
        let cgroup = Cgroup(format!("cellhost-trial-{}", std::process::id()));
        island.unpack("docker");
        let script = format!("set -- {}\n{}", cgroup.0, include_str!("docker.sh"));
        let image = island.run(&script).trim().to_owned();
        Self {
            island,
            image,
            _cgroup: cgroup,
        }
    }

    fn wish(&self, name: &str, round: &str) -> Container {
        // As the first process there it hears nothing that it does not listen to.
        let script = format!("trap 'exit 0' TERM; while : {round}; do sleep 1 & wait $!; done");
        Container {
            name: name.to_owned(),
            image: self.image.clone(),
            command: vec!["/bin/sh".to_owned(), "-c".to_owned(), script],
            environment: vec![
                ("SECRET".to_owned(), SECRET.to_owned()),
                ("EMPTY".to_owned(), String::new()),
            ],
            ports: Vec::new(),
            volumes: vec![Volume {
                source: "/srv/image".to_owned(),
                target: "/seen".to_owned(),
                read_only: true,
            }],
            network: Some("none".to_owned()),
            restart: true,
        }
    }

    fn docker(&self, words: &str) -> String {
        self.island.run(&format!("/usr/bin/docker {words}"))
    }

    /// Which container of a name there is.
    fn id(&self, name: &str) -> String {
        self.docker(&format!("inspect --format '{{{{.Id}}}}' {name}"))
    }

    async fn differs(&self, wish: &Wish, by: &str) {
        let differs = self.island.differs(wish).await;
        let differs: Vec<&str> = differs.iter().map(String::as_str).collect();
        assert_eq!(differs, [by], "{wish:?}");
    }

    /// Differs by this, is settled, and does not differ any more.
    async fn meets(&self, wish: &Wish, by: &str) {
        self.differs(wish, by).await;
        self.island.settled(wish).await;
        let differs = self.island.differs(wish).await;
        assert!(differs.is_empty(), "{wish:?}: {differs:?}");
    }

    async fn starts_and_keeps_its_secret(&self) {
        let wish = Wish::Container(self.wish("trial.one", "1"));
        self.meets(&wish, &format!("run {}", self.image)).await;
        let inside = |script: &str| self.docker(&format!("exec trial.one /bin/sh -c '{script}'"));
        assert_eq!(
            inside("echo \"$SECRET|${EMPTY-unset}\"").trim(),
            format!("{SECRET}|")
        );
        assert_eq!(inside("(: <>/seen/new) 2>/dev/null || echo kept"), "kept\n");
        let hash =
            self.docker("inspect --format '{{index .Config.Labels \"cellhost.spec\"}}' trial.one");
        let arguments = self.island.run("cat /tmp/arguments; rm /tmp/arguments");
        assert!(arguments.contains("--env-file\n") && hash.trim().len() == 64);
        for hidden in ["4711", hash.trim()] {
            assert!(!arguments.contains(hidden), "{arguments}");
        }
        assert_eq!(self.island.run("find /var/lib/cellhost -type f"), "");
    }

    async fn replaces_what_is_otherwise(&self) {
        let first = self.id("trial.one");
        let wish = self.wish("trial.one", "2");
        // What cannot be pulled stops nothing.
        let image = self.image.replace("trial@", "never@");
        let by = format!("replace by {image}");
        let never = Wish::Container(Container {
            image,
            ..wish.clone()
        });
        self.differs(&never, &by).await;
        let words = self.island.failed(&never).await;
        assert!(words.contains("never"), "{words}");
        assert_eq!(self.id("trial.one"), first);

        let wish = Wish::Container(wish);
        self.meets(&wish, &format!("replace by {}", self.image))
            .await;
        let second = self.id("trial.one");
        assert_ne!(second, first);
        assert!(
            self.docker("inspect --format '{{.Args}}' trial.one")
                .contains("while : 2;")
        );
        for ended in ["stop", "pause", "kill"] {
            self.docker(&format!("{ended} trial.one"));
            self.meets(&wish, "start anew").await;
        }
        let secret = Container {
            environment: vec![("SECRET".to_owned(), "another".to_owned())],
            ..self.wish("trial.one", "2")
        };
        self.meets(
            &Wish::Container(secret),
            &format!("replace by {}", self.image),
        )
        .await;
    }

    async fn leaves_those_of_others(&self) {
        self.docker(&format!(
            "run -d --name theirs --network none {} /bin/sleep 1000",
            self.image
        ));
        let theirs = self.id("theirs");
        let gone = Wish::NoContainer(NoContainer {
            name: "theirs".to_owned(),
        });
        for wish in [Wish::Container(self.wish("theirs", "1")), gone] {
            let words = self.island.failed(&wish).await;
            assert!(words.contains("was not made by cellhost"), "{words}");
        }
        assert_eq!(self.id("theirs"), theirs);
        self.docker("rm --force theirs");
    }

    async fn tells_what_ends_at_once(&self) {
        let mut wish = self.wish("trial.two", "1");
        wish.command = vec!["/bin/nothing".to_owned()];
        let words = self.island.failed(&Wish::Container(wish.clone())).await;
        assert!(words.contains("/bin/nothing"), "{words}");
        wish.command = ["/bin/sh", "-c", "exit 3"].map(str::to_owned).into();
        wish.restart = false;
        let wish = Wish::Container(wish);
        // It may still have been there when the engine was asked.
        let _ = self.island.settle(vec![wish.clone()]).await;
        let mut left = 100;
        while self.island.differs(&wish).await.is_empty() && left > 0 {
            left -= 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.differs(&wish, "start anew").await;
    }

    async fn removes_what_is_ours(&self) {
        for name in ["trial.one", "trial.two"] {
            let gone = Wish::NoContainer(NoContainer {
                name: name.to_owned(),
            });
            self.meets(&gone, "remove").await;
        }
        assert_eq!(self.docker("ps --all --quiet"), "");
        // The image stays until the next round.
        self.docker(&format!("rmi {}", self.image));
    }
}

#[tokio::test]
async fn docker_runs_replaces_and_removes_containers_and_leaves_those_of_others() {
    let mut engine = Engine::new().await;
    for shell in [["dash"].as_slice(), &["busybox", "sh"]] {
        engine.island.speak(shell).await;
        engine.starts_and_keeps_its_secret().await;
        engine.replaces_what_is_otherwise().await;
        engine.leaves_those_of_others().await;
        engine.tells_what_ends_at_once().await;
        engine.removes_what_is_ours().await;
    }
    // Whether there is one is not known where nothing answers.
    engine
        .island
        .run("kill $(cat /run/docker.pid); while [ -e /run/docker.pid ]; do sleep 0.1; done");
    let wish = Wish::Container(engine.wish("trial.one", "1"));
    engine
        .differs(&wish, &format!("run {}", engine.image))
        .await;
    let gone = Wish::NoContainer(NoContainer {
        name: "trial.one".to_owned(),
    });
    engine.differs(&gone, "remove").await;
    for wish in [wish, gone] {
        let words = engine.island.failed(&wish).await;
        assert!(words.contains("docker daemon"), "{words}");
    }
    engine.island.close().await;
}
