//! What a machine remembers of contents that were replaced, and of services that took them up.
//!
//! Before what stands at a path is replaced, a line goes into the path's record: the fingerprint
//! of what will stand there, and a token that no other change has. When a service was started,
//! restarted or reloaded, its record takes the tokens of what then stood at the paths it watches.
//! So a restart is owed where a path's record has a line for what stands there now and the
//! service's record does not have that line's token: whoever dies in between, the next look sees
//! it. A file that was not replaced after all has another fingerprint than its newest line, so
//! nothing is owed for it, and neither is anything on a machine that nobody has changed yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::path::PathFacts;
use super::service::Watch;
use crate::FileKind;

/// How many changes a path's record has at most, here and on machines.
pub(crate) const CHANGES: usize = 16;
/// The longest name of a record; file systems take 255 bytes, and a temporary one is longer.
const NAME: usize = 200;

/// How a service took up a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It started with it.
    Restart,
    /// It read it again.
    Reload,
}

/// The contents that a path has had, the newest first, each with the token of its change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes(Vec<(String, String)>);

/// What a service has taken up, by the names of the paths' records.
#[derive(Debug, Clone, Default)]
pub(crate) struct TakenUp(BTreeMap<String, (Manner, String)>);

/// What a service owes to the paths it watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Debts {
    /// The paths that it has to restart for.
    pub(crate) restart: BTreeSet<String>,
    /// The paths that it has to reload for.
    pub(crate) reload: BTreeSet<String>,
    /// The tokens of what stands at the paths.
    pub(crate) tokens: BTreeMap<String, String>,
}

impl Manner {
    /// The word for it in records.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }
}

impl Changes {
    /// Takes the next older line; one that is none was torn, and its change never happened.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some((fingerprint, token)) = line.split_once(' ') {
            self.0.push((fingerprint.to_owned(), token.to_owned()));
        }
    }

    /// Notes what will stand at the path.
    pub(crate) fn note(&mut self, fingerprint: String, token: String) {
        self.0.retain(|(other, _)| *other != fingerprint);
        self.0.insert(0, (fingerprint, token));
        self.0.truncate(CHANGES);
    }

    fn token(&self, facts: &PathFacts) -> Option<&str> {
        let stands = fingerprint(facts)?;
        let line = self.0.iter().find(|(other, _)| *other == stands);
        line.map(|(_, token)| token.as_str())
    }
}

impl TakenUp {
    /// Takes a line.
    pub(crate) fn read(&mut self, line: &str) {
        let mut words = line.split(' ');
        let manner = match words.next() {
            Some("restart") => Manner::Restart,
            Some("reload") => Manner::Reload,
            _ => return,
        };
        if let (Some(token), Some(name), None) = (words.next(), words.next(), words.next()) {
            self.0.insert(name.to_owned(), (manner, token.to_owned()));
        }
    }

    /// Notes that the service took up what stands at a path.
    pub(crate) fn note(&mut self, manner: Manner, path: &str, token: String) {
        self.0.insert(record(path), (manner, token));
    }

    fn has(&self, path: &str, token: &str, least: Manner) -> bool {
        self.0.get(&record(path)).is_some_and(|(manner, taken)| {
            taken == token && (*manner == Manner::Restart || least == Manner::Reload)
        })
    }
}

impl Debts {
    /// What a service owes, given what is remembered and what stands.
    pub(crate) fn of<'a>(
        watch: &Watch,
        taken: &TakenUp,
        mut stands: impl FnMut(&str) -> Option<(&'a Changes, PathFacts)>,
    ) -> Self {
        let mut debts = Self::default();
        for path in watch.paths() {
            let Some((changes, facts)) = stands(path) else {
                continue;
            };
            let Some(token) = changes.token(&facts) else {
                continue;
            };
            debts.tokens.insert(path.to_owned(), token.to_owned());
            if watch.restart_for.contains(path) && !taken.has(path, token, Manner::Restart) {
                debts.restart.insert(path.to_owned());
            }
            if watch.reload_for.contains(path) && !taken.has(path, token, Manner::Reload) {
                debts.reload.insert(path.to_owned());
            }
        }
        debts
    }
}

/// What stands at a path, in one word; none where it is nothing that a service could read.
pub(crate) fn fingerprint(facts: &PathFacts) -> Option<String> {
    match facts.kind {
        None => Some(absent()),
        Some(FileKind::File) => facts.hash.clone(),
        Some(FileKind::Link) => facts.target.as_deref().map(link),
        Some(FileKind::Directory | FileKind::Other) => None,
    }
}

/// The fingerprint of nothing.
pub(crate) fn absent() -> String {
    "absent".to_owned()
}

/// The fingerprint of a link.
pub(crate) fn link(target: &str) -> String {
    format!("link-{}", digest(target))
}

/// The name of the record of a path or a service: readable where it can be.
pub(crate) fn record(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte);
    let mut escaped = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        if plain(byte) && !(at == 0 && byte == b'.') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    if escaped.len() <= NAME {
        escaped
    } else {
        // No escaped name has this beginning.
        format!("%sha256-{}", digest(name))
    }
}

fn digest(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(hash: &str) -> PathFacts {
        PathFacts {
            kind: Some(FileKind::File),
            hash: Some(hash.to_owned()),
            ..PathFacts::nothing()
        }
    }

    fn watch(restart_for: &[&str], reload_for: &[&str]) -> Watch {
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        Watch {
            name: "s".to_owned(),
            restart_for: paths(restart_for),
            reload_for: paths(reload_for),
        }
    }

    fn restarts(changes: &Changes, taken: &TakenUp, stands: &str) -> bool {
        let watch = watch(&["/p"], &[]);
        let debts = Debts::of(&watch, taken, |_| Some((changes, file(stands))));
        debts.restart.contains("/p")
    }

    #[test]
    fn owes_nothing_until_the_noted_content_stands_there() {
        let mut changes = Changes::default();
        let mut taken = TakenUp::default();
        assert!(!restarts(&changes, &taken, "old"));
        changes.note("new".to_owned(), "t1".to_owned());
        assert!(!restarts(&changes, &taken, "old"));
        assert!(restarts(&changes, &taken, "new"));
        taken.note(Manner::Restart, "/p", "t1".to_owned());
        assert!(!restarts(&changes, &taken, "new"));
    }

    #[test]
    fn a_change_that_did_not_happen_loses_no_restart_of_the_one_before() {
        let mut changes = Changes::default();
        changes.note("first".to_owned(), "t1".to_owned());
        changes.note("second".to_owned(), "t2".to_owned());
        assert!(restarts(&changes, &TakenUp::default(), "first"));
    }

    #[test]
    fn a_content_that_comes_back_is_another_change() {
        let mut changes = Changes::default();
        let mut taken = TakenUp::default();
        changes.note("first".to_owned(), "t1".to_owned());
        taken.note(Manner::Restart, "/p", "t1".to_owned());
        changes.note("second".to_owned(), "t2".to_owned());
        changes.note("first".to_owned(), "t3".to_owned());
        assert!(restarts(&changes, &taken, "first"));
    }

    #[test]
    fn a_restart_takes_the_place_of_a_reload_and_not_the_other_way() {
        let mut changes = Changes::default();
        changes.note("new".to_owned(), "t1".to_owned());
        let watch = watch(&["/a"], &["/b"]);
        let mut taken = TakenUp::default();
        taken.note(Manner::Restart, "/b", "t1".to_owned());
        taken.note(Manner::Reload, "/a", "t1".to_owned());
        let debts = Debts::of(&watch, &taken, |_| Some((&changes, file("new"))));
        assert!(
            debts.restart.contains("/a") && debts.reload.is_empty(),
            "{debts:?}"
        );
    }

    #[test]
    fn a_name_of_any_length_fits_into_a_directory() {
        let long = format!("/{}", "x".repeat(4000));
        assert!(record(&long).len() < 100);
        assert_ne!(record(&long), record(&format!("{long}y")));
        assert_eq!(record("/etc/x.conf"), "%2fetc%2fx.conf");
        assert_eq!(record(".."), "%2e.");
    }

    proptest! {
        #[test]
        fn survives_whatever_a_machine_remembers(line in "\\PC{0,60}") {
            Changes::default().read(&line);
            TakenUp::default().read(&line);
        }
    }
}
