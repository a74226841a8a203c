//! The same wishes under every manager of services that runs without a machine of its own. systemd
//! has its tests with those of couriers over ssh.

use cellhost_transport::Wish;
use cellhost_transport::resources::file::File;
use cellhost_transport::resources::service::{Service, Watch};
use sha2::{Digest as _, Sha256};

use crate::island::Island;

/// A service called `trial`, as one manager has it.
struct Trial {
    island: Island,
    /// What wishes call it.
    name: &'static str,
    /// The file that configures it.
    path: &'static str,
    /// Its content, for a number of seconds to sleep, and whether it starts by itself.
    content: fn(u32, bool) -> String,
    /// Whether it can reload without a restart.
    reloads: bool,
    /// Whether it notices that a process is gone.
    notices: bool,
    /// Whether the wish makes it start by itself, or that file.
    enables: bool,
}

impl Trial {
    fn service(&self, enabled: bool, running: bool) -> Wish {
        Wish::Service(Service {
            watch: Watch {
                name: self.name.to_owned(),
                restart_for: [self.path.to_owned()].into(),
                reload_for: ["/etc/trial.reload".to_owned()].into(),
            },
            enabled,
            running,
        })
    }

    fn configured(&self, seconds: u32, enabled: bool) -> Wish {
        file(self.path, &(self.content)(seconds, enabled), 0o755)
    }

    /// The process that runs, which changes with every start.
    fn process(&self, seconds: u32) -> String {
        let script = format!(
            "for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in \
             \"sleep {seconds} \" | \"/bin/sleep {seconds} \") echo ${{p#/proc/}} ;; esac; done"
        );
        self.island.run(&script).trim().to_owned()
    }

    async fn same(&self, wish: &Wish) {
        let differs = self.island.differs(wish).await;
        assert!(differs.is_empty(), "{} {wish:?}: {differs:?}", self.name);
    }

    async fn differs(&self, wish: &Wish, by: &[&str]) {
        let differs = self.island.differs(wish).await;
        let differs: Vec<&str> = differs.iter().map(String::as_str).collect();
        assert_eq!(differs, by, "{} {wish:?}", self.name);
    }

    /// Settles a list as one.
    async fn settled(&self, list: Vec<Wish>) {
        let count = list.len();
        let settled = self.island.settle(list).await;
        assert_eq!(
            (settled.done(), settled.failure()),
            (count, None),
            "{}",
            self.name
        );
    }
}

fn file(path: &str, content: &str, mode: u32) -> Wish {
    Wish::File(File {
        path: path.to_owned(),
        content: content.into(),
        hash: format!("{:x}", Sha256::digest(content)),
        mode: Some(mode),
        owner: None,
        group: None,
        before: None,
        backup: false,
    })
}

async fn keeps_a_service(trial: Trial) {
    let island = &trial.island;
    let on = trial.service(true, true);
    assert!(
        island.failed(&on).await.contains("there is no"),
        "{}",
        trial.name
    );
    trial
        .settled(vec![trial.configured(7201, true), on.clone()])
        .await;
    trial.same(&on).await;
    let first = trial.process(7201);
    assert!(!first.is_empty(), "{}", trial.name);
    trial.settled(vec![on.clone()]).await;
    assert_eq!(trial.process(7201), first, "{}", trial.name);

    // A restart outlives whoever replaced the file, and happens once.
    trial.settled(vec![trial.configured(7202, true)]).await;
    trial.differs(&on, &["restart"]).await;
    trial.settled(vec![on.clone()]).await;
    trial.same(&on).await;
    assert_eq!(trial.process(7201), "", "{}", trial.name);
    let second = trial.process(7202);
    assert_eq!(second.lines().count(), 1, "{} {second}", trial.name);

    trial
        .settled(vec![file("/etc/trial.reload", "new", 0o644)])
        .await;
    trial.differs(&on, &["reload"]).await;
    trial.settled(vec![on.clone()]).await;
    trial.same(&on).await;

    if trial.reloads {
        assert_eq!(trial.process(7202), second, "{}", trial.name);
    }

    // One that died differs, and starts again.
    if trial.notices {
        island.run(&format!("kill -9 {}; sleep 0.5", trial.process(7202)));
        trial.differs(&on, &["start"]).await;
        trial.settled(vec![on.clone()]).await;
        trial.same(&on).await;
        assert_eq!(trial.process(7202).lines().count(), 1, "{}", trial.name);
    }

    let off = trial.service(false, false);
    if trial.enables {
        trial.differs(&off, &["disable", "stop"]).await;
        trial.settled(vec![off.clone()]).await;
    } else {
        let words = island.failed(&off).await;
        assert!(words.contains("set autostart=false"), "{words}");
        trial
            .settled(vec![trial.configured(7202, false), off.clone()])
            .await;
    }
    trial.same(&off).await;
    assert_eq!(trial.process(7202), "", "{}", trial.name);
    if !trial.enables {
        // One whose configuration goes is off when it was told so, whatever ran.
        trial.settled(vec![trial.configured(7203, true), on]).await;
        trial.island.run(&format!("rm {}", trial.path));
        trial.settled(vec![off.clone()]).await;
        trial.same(&off).await;
        assert_eq!(trial.process(7203), "", "{}", trial.name);
    }
    trial.island.close().await;
}

async fn under_supervisor(shell: &[&str]) -> Trial {
    let island = Island::new(shell).await;
    island.unpack("supervisor");
    island.run(
        "rm -f /etc/supervisor/conf.d/*.conf; supervisord -c /etc/supervisor/supervisord.conf",
    );
    Trial {
        island,
        name: "supervisor:trial",
        path: "/etc/supervisor/conf.d/trial.conf",
        content: |seconds, enabled| {
            format!(
                "[program:trial]\ncommand=nohup sleep {seconds}\nautostart={enabled}\nstartsecs=0\nautorestart=false\n"
            )
        },
        reloads: true,
        notices: true,
        enables: false,
    }
}

async fn under_openrc(shell: &[&str]) -> Trial {
    let island = Island::new(shell).await;
    island.unpack("openrc");
    island.run(include_str!("openrc.sh"));
    Trial {
        island,
        name: "trial",
        path: "/etc/init.d/trial",
        content: |seconds, _| {
            format!(
                "#!/sbin/openrc-run\ncommand=/bin/sleep\ncommand_args={seconds}\n\
                 command_background=yes\npidfile=/run/trial.pid\n"
            )
        },
        reloads: false,
        // Debian leaves out the part of OpenRC that does, its own start-stop-daemon.
        notices: false,
        enables: true,
    }
}

#[tokio::test]
async fn openrc_keeps_a_service() {
    keeps_a_service(under_openrc(&["busybox", "sh"]).await).await;
}

#[tokio::test]
async fn supervisor_keeps_a_service() {
    keeps_a_service(under_supervisor(&["dash"]).await).await;
}
