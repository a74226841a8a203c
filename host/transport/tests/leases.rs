//! Leases with the real shell code on this computer, under each shell: what one machine would do
//! for controllers that all come at once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cellhost_plan::MachineName;
use cellhost_transport::{
    Answer, Claim, Command, Courier, Fleet, Lease, LocalFleet, Owner, Reply, Request, Tenure,
    Withheld,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

const SHELLS: [&str; 4] = ["dash", "bash --posix", "busybox sh", "applets"];
const TAKERS: usize = 20;

/// One place that shells of one kind remember in.
struct Machine {
    place: TempDir,
    shell: &'static str,
}

impl Machine {
    fn new(shell: &'static str) -> Self {
        let place = tempfile::tempdir().unwrap();
        if shell == "applets" {
            let applets = place.path().join("applets");
            std::fs::create_dir(&applets).unwrap();
            let mut busybox = Process::new("busybox");
            let installed = busybox.args(["--install", "-s"]).arg(&applets).status();
            assert!(installed.unwrap().success());
        }
        Self { place, shell }
    }

    fn memory(&self) -> PathBuf {
        self.place.path().join("memory")
    }

    /// A controller's way there: a shell of its own.
    async fn courier(&self) -> Arc<dyn Courier> {
        let memory = self.memory().to_str().unwrap().to_owned();
        let mut fleet = LocalFleet::new().with_memory(memory);
        if self.shell == "applets" {
            let applets = self.place.path().join("applets");
            fleet = fleet
                .with_shell(["/bin/busybox", "sh"])
                .with_variable("PATH", applets.to_str().unwrap());
        } else {
            fleet = fleet.with_shell(self.shell.split(' '));
        }
        fleet
            .courier(&MachineName::new("here").unwrap())
            .await
            .unwrap()
    }

    /// What lies in its memory of one lease, by name: the name under which its file came to be is told
    /// without its number.
    fn standing(&self) -> Vec<String> {
        let mut names = self.left();
        for name in &mut names {
            let cut = name
                .trim_end_matches(|sign: char| sign.is_ascii_digit())
                .len();
            if name.get(..cut).is_some_and(|rest| rest.ends_with('.')) {
                name.truncate(cut);
            }
        }
        names
    }

    /// The files that lie in its memory, by name.
    fn left(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.memory())
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn owner(controller: &str, token: &str) -> Arc<Owner> {
    Arc::new(Owner {
        token: token.to_owned(),
        controller: controller.to_owned(),
        cell: "web".to_owned(),
        user: "an'n é".to_owned(),
        host: controller.to_owned(),
        run: format!("run-{token}"),
    })
}

fn leased(owner: &Arc<Owner>, take: bool, script: &str) -> Request {
    let command = Command {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        input: Vec::new(),
        environment: Vec::new(),
        user: None,
        deadline: Duration::from_mins(1),
        limit: 1 << 16,
    };
    let owner = owner.clone();
    Request::Leased {
        claim: Claim { owner, take },
        request: Box::new(Request::Command(command)),
    }
}

/// Changes something under a lease: appends a word to a file.
async fn change(
    courier: &dyn Courier,
    owner: &Arc<Owner>,
    take: bool,
    file: &Path,
) -> Result<Answer, Withheld> {
    let script = format!("echo {} >>{}", owner.token, file.display());
    match courier.exchange(leased(owner, take, &script)).await {
        Ok(Reply::Answer(answer)) => Ok(answer),
        Ok(Reply::Withheld(why)) => Err(why),
        other => panic!("{other:?}"),
    }
}

async fn ask(courier: &dyn Courier, tenure: Tenure) -> Option<Lease> {
    match courier.exchange(Request::Lease(tenure)).await {
        Ok(Reply::Lease(lease)) => lease.map(|lease| *lease),
        other => panic!("{other:?}"),
    }
}

fn written(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

#[tokio::test]
async fn of_twenty_who_come_at_once_exactly_one_changes_the_machine() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        let mut takers = JoinSet::new();
        let gate = Arc::new(tokio::sync::Barrier::new(TAKERS));
        for taker in 0..TAKERS {
            let courier = machine.courier().await;
            let (gate, file) = (gate.clone(), file.clone());
            takers.spawn(async move {
                // All shells stand before the first of them is told anything.
                courier.exchange(Request::Machine).await.unwrap();
                gate.wait().await;
                let own = owner(&format!("c{taker}"), &format!("t{taker}"));
                let result = change(courier.as_ref(), &own, true, &file).await;
                (own, courier, result)
            });
        }
        let mut winners = Vec::new();
        let mut losers = Vec::new();
        for (own, courier, result) in takers.join_all().await {
            match result {
                Ok(_) => winners.push((own, courier)),
                Err(why) => losers.push(why),
            }
        }
        assert_eq!(winners.len(), 1, "{shell}");
        let (winner, courier) = winners.pop().unwrap();
        for why in losers {
            let Withheld::Another(Some(lease)) = why else {
                panic!("{shell}: {why:?}");
            };
            assert_eq!(lease.owner.as_ref(), Some(winner.as_ref()), "{shell}");
        }
        assert_eq!(written(&file), format!("{}\n", winner.token), "{shell}");
        let token = &winner.token;
        let names = [
            "lease".to_owned(),
            format!("lease.{token}"),
            format!("lease.{token}."),
        ];
        assert_eq!(machine.standing(), names, "{shell}");
        let left = ask(courier.as_ref(), Tenure::Release(winner)).await;
        assert_eq!(left, None, "{shell}");
        assert!(machine.left().is_empty(), "{shell}: {:?}", machine.left());
    }
}

#[tokio::test]
async fn says_whose_it_is_how_old_and_whether_its_shell_is_there() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        let (ann, bob) = (machine.courier().await, machine.courier().await);
        assert_eq!(ask(bob.as_ref(), Tenure::Show).await, None, "{shell}");
        let own = owner("alpha", "t1");
        change(ann.as_ref(), &own, true, &file).await.unwrap();
        let lease = ask(bob.as_ref(), Tenure::Show).await.unwrap();
        assert_eq!(lease.owner.as_ref(), Some(own.as_ref()), "{shell}");
        assert!(lease.at_work, "{shell}: {lease:?}");
        assert!(lease.taken.unwrap() < Duration::from_mins(1), "{shell}");
        let old = Process::new("touch")
            .args(["-d", "2001-01-01"])
            .arg(machine.memory().join("lease.t1"))
            .status();
        assert!(old.unwrap().success());
        let lease = ask(bob.as_ref(), Tenure::Show).await.unwrap();
        assert!(lease.sign.unwrap() > Duration::from_hours(1000), "{shell}");
        let lease = ask(ann.as_ref(), Tenure::Renew(own)).await.unwrap();
        assert!(lease.sign.unwrap() < Duration::from_mins(1), "{shell}");
        ann.close().await;
        let gone = ask(bob.as_ref(), Tenure::Show).await.unwrap();
        assert!(!gone.at_work, "{shell}: {gone:?}");
    }
}

#[tokio::test]
async fn what_was_taken_away_is_missed_and_what_is_anothers_stays() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        let (ann, bob) = (machine.courier().await, machine.courier().await);
        let (anns, bobs) = (owner("alpha", "t1"), owner("beta", "t2"));
        change(ann.as_ref(), &anns, true, &file).await.unwrap();
        // A token that was shown before is no reason to take away what stands there now.
        let left = ask(bob.as_ref(), Tenure::Remove("t0".to_owned())).await;
        assert_eq!(left.unwrap().token, "t1", "{shell}");
        let left = ask(bob.as_ref(), Tenure::Remove("t1".to_owned())).await;
        assert_eq!(left, None, "{shell}");
        let lost = change(ann.as_ref(), &anns, false, &file).await.unwrap_err();
        assert_eq!(lost, Withheld::Lost(None), "{shell}");
        change(bob.as_ref(), &bobs, true, &file).await.unwrap();
        let lost = change(ann.as_ref(), &anns, false, &file).await.unwrap_err();
        let Withheld::Lost(Some(lease)) = lost else {
            panic!("{shell}: {lost:?}");
        };
        assert_eq!(lease.token, "t2", "{shell}");
        let left = ask(ann.as_ref(), Tenure::Release(anns)).await;
        assert_eq!(left.unwrap().token, "t2", "{shell}");
        assert_eq!(written(&file), "t1\nt2\n", "{shell}");
    }
}

#[tokio::test]
async fn the_next_run_ends_what_a_dead_one_left_and_follows_it() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        let (dead, next) = (machine.courier().await, machine.courier().await);
        let first = owner("alpha", "t1");
        // Its controller is not there any more, which its shell has not noticed yet.
        change(dead.as_ref(), &first, true, &file).await.unwrap();
        let second = owner("alpha", "t2");
        let begun = Instant::now();
        change(next.as_ref(), &second, true, &file).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(8), "{shell}");
        let lost = change(dead.as_ref(), &first, false, &file).await;
        assert!(matches!(lost, Err(Withheld::Lost(Some(_)))), "{shell}");
        assert_eq!(written(&file), "t1\nt2\n", "{shell}");
        let names = ["lease", "lease.t2", "lease.t2."];
        assert_eq!(machine.standing(), names, "{shell}");
    }
}

#[tokio::test]
async fn a_lease_that_a_loss_of_power_left_empty_is_nobodys() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        std::fs::create_dir(machine.memory()).unwrap();
        std::fs::write(machine.memory().join("lease"), "").unwrap();
        let ann = machine.courier().await;
        let own = owner("alpha", "t1");
        change(ann.as_ref(), &own, true, &file).await.unwrap();
        let names = ["lease", "lease.t1", "lease.t1."];
        assert_eq!(machine.standing(), names, "{shell}");
    }
}

#[tokio::test]
async fn a_line_of_a_later_cellhost_is_somebodys() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        std::fs::create_dir(machine.memory()).unwrap();
        std::fs::write(machine.memory().join("lease"), "2 t9 alpha web more\n").unwrap();
        let ann = machine.courier().await;
        let refused = change(ann.as_ref(), &owner("alpha", "t1"), true, &file).await;
        let Err(Withheld::Another(Some(lease))) = refused else {
            panic!("{shell}: {refused:?}");
        };
        assert_eq!((lease.owner, lease.token.as_str()), (None, "t9"), "{shell}");
        let left = ask(ann.as_ref(), Tenure::Remove(lease.token)).await;
        assert_eq!(left, None, "{shell}");
        assert_eq!(written(&file), "", "{shell}");
    }
}

#[tokio::test]
async fn without_a_lease_that_can_be_kept_nothing_is_changed() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        std::fs::write(machine.memory(), "no directory").unwrap();
        let ann = machine.courier().await;
        let refused = change(ann.as_ref(), &owner("alpha", "t1"), true, &file).await;
        let Err(Withheld::Unable(words)) = refused else {
            panic!("{shell}: {refused:?}");
        };
        assert!(!words.is_empty(), "{shell}");
        assert_eq!(written(&file), "", "{shell}");
        // The courier is as good as before.
        assert!(ann.exchange(Request::Machine).await.is_ok(), "{shell}");
        std::fs::remove_file(machine.memory()).unwrap();
        change(ann.as_ref(), &owner("alpha", "t1"), true, &file)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_same_run_needs_no_other_shell_to_be_gone() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let file = machine.place.path().join("changed");
        let own = owner("alpha", "t1");
        let (one, other) = (machine.courier().await, machine.courier().await);
        change(one.as_ref(), &own, true, &file).await.unwrap();
        change(other.as_ref(), &own, true, &file).await.unwrap();
        change(one.as_ref(), &own, false, &file).await.unwrap();
        // The other shell might have more to do; only the last at work gives it back.
        let kept = ask(other.as_ref(), Tenure::Release(own.clone())).await;
        assert!(kept.is_some_and(|lease| lease.at_work), "{shell}");
        assert_eq!(
            ask(one.as_ref(), Tenure::Release(own)).await,
            None,
            "{shell}"
        );
        assert_eq!(written(&file), "t1\nt1\nt1\n", "{shell}");
    }
}

/// A command that ends what it began, whoever wants it to end.
const STUBBORN: &str = "trap '' HUP INT TERM; : >begun; sleep 1; echo done >>log";

#[tokio::test]
async fn an_heir_is_told_nothing_before_what_was_left_at_work_has_ended() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let place = machine.place.path().to_str().unwrap().to_owned();
        let dead = machine.courier().await;
        assert_eq!(dead.greeted_by(), None, "{shell}");
        let script = format!("cd {place}; {STUBBORN}");
        let request = leased(&owner("alpha", "t1"), true, &script);
        let working = tokio::spawn(async move { dead.exchange(request).await });
        while !machine.place.path().join("begun").exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Nobody waits for it any more.
        working.abort();
        let stranger = machine.courier().await;
        let other = Tenure::Inherit(owner("beta", "t3"));
        ask(stranger.as_ref(), other).await.unwrap();
        assert!(!machine.place.path().join("log").exists(), "{shell}");
        let found = stranger.greeted_by().unwrap().owner.unwrap();
        assert_eq!(
            (found.controller.as_str(), found.token.as_str()),
            ("alpha", "t1")
        );
        let heir = Tenure::Inherit(owner("alpha", "t2"));
        let lease = ask(stranger.as_ref(), heir).await.unwrap();
        assert_eq!(
            (lease.token.as_str(), lease.at_work),
            ("t1", false),
            "{shell}"
        );
        assert_eq!(
            written(&machine.place.path().join("log")),
            "done\n",
            "{shell}"
        );
    }
}
