//! A cell's state in a directory that several computers see.

#![cfg(feature = "stores")]
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cellhost_effects::record::{FORMAT, Journal, Record};
use cellhost_plan::{CellName, State, StoreKind};
use cellhost_state::{Hold, Holder, LockError, Standing, Store};
use serde_json::json;
use tempfile::TempDir;

const RUN: &str = "01JDZ0000000000000000000AA";

/// A shared directory, and one of a computer's own.
struct Place {
    shared: TempDir,
    own: TempDir,
}

impl Place {
    fn new() -> Self {
        let shared = tempfile::tempdir().unwrap();
        let closed = std::fs::Permissions::from_mode(0o770);
        std::fs::set_permissions(shared.path(), closed).unwrap();
        Self {
            shared,
            own: tempfile::tempdir().unwrap(),
        }
    }

    fn store(&self) -> Store {
        let state = State {
            kind: StoreKind::Directory,
            bucket: String::new(),
            prefix: self.shared.path().display().to_string(),
            endpoint: None,
            region: None,
            patience: Duration::from_secs(3),
        };
        Store::open(&state, &CellName::new("web").unwrap()).unwrap()
    }

    fn record(&self) -> PathBuf {
        self.own.path().join(format!("{RUN}.jsonl"))
    }

    fn segments(&self) -> Vec<PathBuf> {
        let folder = self.shared.path().join("web/runs").join(RUN);
        let files = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    /// A record of four lines, of which two went out together.
    async fn written(&self) -> Hold {
        let (store, hold) = (self.store(), lock(&self.store(), "ann").await.unwrap());
        let journal = Journal::over(store.begin(&self.record(), &hold).unwrap());
        journal
            .keep("run", &json!({"format": FORMAT}))
            .await
            .unwrap();
        journal.append("turn", &json!(1), false).unwrap();
        journal.keep("intent", &json!(2)).await.unwrap();
        journal.keep("outcome", &json!(3)).await.unwrap();
        hold
    }
}

async fn lock(store: &Store, controller: &str) -> Result<Hold, LockError> {
    let holder = Holder {
        token: ulid::Ulid::new().to_string(),
        controller: controller.to_owned(),
        user: controller.to_owned(),
        host: "jump".to_owned(),
        process: 1,
        command: "run".to_owned(),
        run: None,
        since: "2026-11-21T12:00:00Z".to_owned(),
    };
    store.lock(holder).await
}

fn lines(path: &Path) -> usize {
    Record::read(path).unwrap().lines.len()
}

#[tokio::test]
async fn a_lock_is_one_holders_until_it_is_released_or_its_controller_comes_again() {
    let place = Place::new();
    let store = place.store();
    let ann = lock(&store, "ann").await.unwrap();
    ann.held_for("01J").await.unwrap();
    let Err(LockError::Taken(standing)) = lock(&store, "bob").await else {
        panic!("two have the lock");
    };
    let Standing::Held { holder, .. } = *standing else {
        panic!("nobody has it");
    };
    assert_eq!(
        (holder.user.as_str(), holder.run.as_deref()),
        ("ann", Some("01J"))
    );
    // Dead without a word.
    drop(ann);
    assert!(lock(&store, "bob").await.is_err());
    let again = lock(&store, "ann").await.unwrap();
    again.release().await.unwrap();
    let bob = lock(&store, "bob").await.unwrap();
    bob.release().await.unwrap();
    assert!(matches!(store.standing().await.unwrap(), Standing::Free));
}

#[tokio::test]
async fn who_is_unlocked_learns_it_and_writes_nothing_more() {
    let place = Place::new();
    let store = place.store();
    let ann = lock(&store, "ann").await.unwrap();
    let journal = Journal::over(store.begin(&place.record(), &ann).unwrap());
    journal
        .keep("run", &json!({"format": FORMAT}))
        .await
        .unwrap();
    let seen = store.standing().await.unwrap();
    // A sign of life in between makes it nobody else's.
    ann.held_for("01J").await.unwrap();
    let stands = store.unlock(&seen, "bob@jump").await.unwrap();
    assert!(matches!(stands, Standing::Free));
    let bob = lock(&store, "bob").await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(5), ann.loss().happened());
    let told = told.await.unwrap();
    assert!(told.contains("taken away"), "{told}");
    assert!(journal.keep("intent", &json!(1)).await.is_err());
    assert_eq!(place.segments().len(), 1);
    assert_eq!(lines(&place.record()), 2, "a line is lost here");
    // What was seen is not what is there by now: it stays.
    let stands = store.unlock(&seen, "eve@jump").await.unwrap();
    assert!(matches!(stands, Standing::Held { holder, .. } if holder.user == "bob"));
    assert!(bob.loss().reason().is_none());
}

#[tokio::test]
async fn a_lock_in_words_of_another_program_is_somebodys() {
    let place = Place::new();
    let store = place.store();
    lock(&store, "ann").await.unwrap().release().await.unwrap();
    let folder = place.shared.path().join("web/lock");
    std::fs::write(
        folder.join("000000000099"),
        "{\"lock\": \"of a later one\"}",
    )
    .unwrap();
    let Err(LockError::Taken(standing)) = lock(&store, "ann").await else {
        panic!("it was taken");
    };
    assert!(matches!(*standing, Standing::Unreadable { number: 99 }));
    let stands = store.unlock(&standing, "ann").await.unwrap();
    assert!(matches!(stands, Standing::Free));
}

#[tokio::test]
async fn a_record_is_here_and_there_and_others_bring_it_to_themselves() {
    let place = Place::new();
    let _hold = place.written().await;
    let names: Vec<_> = place
        .segments()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        names.first().map(String::as_str),
        Some("000000000000.jsonl")
    );
    assert_eq!(names.last().map(String::as_str), Some("000000000003.jsonl"));
    let own = std::fs::read(place.record()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let brought = place.store().bring(other.path()).await.unwrap();
    assert_eq!((brought.lines[RUN], brought.problems.len()), (4, 0));
    let copy = other.path().join(format!("{RUN}.jsonl"));
    assert_eq!(std::fs::read(&copy).unwrap(), own);
    // Wherever a copy ends, the rest is brought.
    for end in [0, 1, own.len() / 2, own.len() - 1] {
        std::fs::write(&copy, &own[..end]).unwrap();
        place.store().bring(other.path()).await.unwrap();
        assert_eq!(std::fs::read(&copy).unwrap(), own, "{end}");
    }
}

#[tokio::test]
async fn lines_that_were_not_sent_go_first_when_it_is_gone_on_with() {
    let place = Place::new();
    let hold = place.written().await;
    let (journal, _) = Journal::resume(&place.record()).unwrap();
    journal.append("outcome", &json!(4), true).unwrap();
    let brought = place.store().bring(place.own.path()).await.unwrap();
    assert_eq!(brought.lines[RUN], 4);
    assert_eq!(
        lines(&place.record()),
        5,
        "a line that is only here is gone"
    );
    let record = Record::read(&place.record()).unwrap();
    let sink = place
        .store()
        .resume(&place.record(), record.length, 4, &hold)
        .unwrap();
    let journal = Journal::after(&record, sink);
    journal.keep("resume", &json!({})).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let brought = place.store().bring(other.path()).await.unwrap();
    assert_eq!(brought.lines[RUN], 6);
}

#[tokio::test]
async fn two_programs_cannot_go_on_after_the_same_line() {
    let place = Place::new();
    let hold = place.written().await;
    let record = Record::read(&place.record()).unwrap();
    let begin = |path: &Path| {
        std::fs::copy(place.record(), path).unwrap();
        let sink = place.store().resume(path, record.length, 4, &hold).unwrap();
        Journal::after(&record, sink)
    };
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join(format!("{RUN}.jsonl"));
    let one = begin(&path);
    let two = begin(&place.own.path().join(format!("{RUN}.two")));
    one.keep("resume", &json!({})).await.unwrap();
    assert!(two.keep("resume", &json!({})).await.is_err());
    assert!(
        hold.loss()
            .reason()
            .unwrap()
            .contains("somebody else wrote")
    );
    // Whoever has the other end of it finds the store's, and keeps its own aside.
    let mine = place.own.path().join(format!("{RUN}.two"));
    std::fs::rename(&mine, place.record()).unwrap();
    place.store().bring(place.own.path()).await.unwrap();
    assert_eq!(
        std::fs::read(place.record()).unwrap(),
        std::fs::read(&path).unwrap()
    );
    let files = std::fs::read_dir(place.own.path()).unwrap();
    let aside = files.filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "aside");
    assert_eq!(aside.count(), 1);
}

#[tokio::test]
async fn a_part_that_is_missing_doubled_or_torn_is_told_and_replaces_nothing() {
    let place = Place::new();
    let _hold = place.written().await;
    let other = tempfile::tempdir().unwrap();
    place.store().bring(other.path()).await.unwrap();
    let copy = other.path().join(format!("{RUN}.jsonl"));
    let good = std::fs::read(&copy).unwrap();
    let segments = place.segments();
    let (first, last) = (&segments[0], segments.last().unwrap());
    let (beginning, end) = (std::fs::read(first).unwrap(), std::fs::read(last).unwrap());
    let double = last.with_file_name("000000000004.jsonl");
    let harms: [&dyn Fn(); 3] = [
        &|| std::fs::remove_file(first).unwrap(),
        &|| std::fs::write(&double, &end).unwrap(),
        &|| std::fs::write(last, &end[..end.len() / 2]).unwrap(),
    ];
    for (number, harm) in harms.iter().enumerate() {
        harm();
        let fresh = tempfile::tempdir().unwrap();
        let brought = place.store().bring(fresh.path()).await.unwrap();
        assert_eq!(brought.problems.len(), 1, "harm {number}");
        assert_eq!(std::fs::read_dir(fresh.path()).unwrap().count(), 0);
        place.store().bring(other.path()).await.unwrap();
        assert_eq!(std::fs::read(&copy).unwrap(), good, "harm {number}");
        std::fs::write(first, &beginning).unwrap();
        std::fs::write(last, &end).unwrap();
        let _ = std::fs::remove_file(&double);
    }
    assert!(
        place
            .store()
            .bring(other.path())
            .await
            .unwrap()
            .problems
            .is_empty()
    );
}

#[tokio::test]
async fn modules_and_numbers_come_back_as_they_were_kept() {
    let place = Place::new();
    let store = place.store();
    let digest = cellhost_manifest::digest(b"a module");
    assert_eq!(store.module(&digest).await.unwrap(), None);
    for _ in 0..2 {
        store.keep_module(&digest, b"a module").await.unwrap();
    }
    assert_eq!(
        store.module(&digest).await.unwrap().as_deref(),
        Some(&b"a module"[..])
    );
    let file = place
        .shared
        .path()
        .join(format!("web/modules/{digest}.wasm"));
    std::fs::write(file, "another").unwrap();
    assert!(store.module(&digest).await.is_err());
    assert_eq!(store.roster().await.unwrap(), (0, None));
    assert_eq!(store.write_roster(0, "one").await.unwrap(), 1);
    assert!(store.write_roster(0, "other").await.is_err());
    assert_eq!(store.roster().await.unwrap(), (1, Some("one".to_owned())));
}
