use std::collections::BTreeSet;

use super::wanted::Watched;

/// What a run remembers of one machine: files whose content it has replaced, and the services
/// that have restarted or reloaded for them since. A service may stand in a later list than its
/// files.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    replaced: BTreeSet<String>,
    paid: BTreeSet<(String, String)>,
}

impl Memory {
    pub(super) fn replace(&mut self, path: &str) {
        self.paid.retain(|(_, paid)| paid != path);
        self.replaced.insert(path.to_owned());
    }

    pub(super) fn owes(&self, service: &str, paths: &[String]) -> bool {
        paths.iter().any(|path| {
            self.replaced.contains(path) && !self.paid.contains(&(service.to_owned(), path.clone()))
        })
    }

    pub(super) fn pay(&mut self, service: &str, watched: &Watched) {
        let paths = watched.restart.iter().chain(&watched.reload);
        let paid = paths.map(|path| (service.to_owned(), path.clone()));
        self.paid.extend(paid);
    }
}
