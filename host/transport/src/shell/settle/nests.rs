//! Directories of our own in others, in which files come to be that go into the same directory: one
//! program puts them all in their places.
//!
//! Only where nobody but root can put anything into a directory, nor another one in its place: whoever
//! could, could make a nest lead elsewhere, and what is there would be moved. That is for the machine to
//! tell; where it is not so, each file is written beside its place under a name of its own.

use std::collections::BTreeSet;

use super::Settling;
use crate::shell::Refusal;

/// How many programs it takes to have nests at all: to look at the directories, to make them and to take
/// them away.
const PRICE: usize = 3;

/// The nests of files that are written in one go.
#[derive(Debug, Default)]
pub(super) struct Nests(Vec<Nest>);

#[derive(Debug)]
struct Nest {
    directory: String,
    at: String,
    names: Vec<String>,
}

impl Nests {
    /// Nests for files at these paths, where they are worth it.
    pub(super) fn of(paths: &[String], settling: &mut Settling) -> Self {
        let mut nests: Vec<Nest> = Vec::new();
        for (directory, name) in paths.iter().filter_map(|path| split(path)) {
            match nests.iter_mut().find(|nest| nest.directory == directory) {
                Some(nest) => nest.names.push(name.to_owned()),
                None => nests.push(Nest {
                    directory: directory.to_owned(),
                    at: String::new(),
                    names: vec![name.to_owned()],
                }),
            }
        }
        nests.retain(|nest| nest.names.len() > 1);
        let fewer: usize = nests.iter().map(|nest| nest.names.len() - 1).sum();
        if fewer <= PRICE {
            return Self::default();
        }
        for nest in &mut nests {
            nest.at = settling.beside(&format!("{}/", nest.directory));
        }
        Self(nests)
    }

    /// The number of the nest for a path, where it has one, and its name there.
    pub(super) fn place(&self, path: &str) -> Option<[String; 2]> {
        let (directory, name) = split(path)?;
        let here = |nest: &&Nest| nest.directory == directory && nest.has(name);
        let (number, nest) = self.numbered().find(|(_, nest)| here(nest))?;
        Some([number, format!("{}/{name}", nest.at)])
    }

    /// What takes them away again, as the shell takes it.
    pub(super) fn away(&self) -> Vec<String> {
        let nests = self.numbered();
        nests
            .flat_map(|(number, nest)| [number, nest.at.clone()])
            .collect()
    }

    /// Writes how they are made.
    pub(super) fn build(&self, settling: &mut Settling) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut ways = BTreeSet::from(["/"]);
        for nest in &self.0 {
            let ends = nest.directory.match_indices('/').map(|(end, _)| end);
            let ends = ends.skip(1).chain([nest.directory.len()]);
            ways.extend(ends.filter_map(|end| nest.directory.get(..end)));
        }
        settling.script.call("ch_ways", ways)?;
        let nests = self.numbered();
        let words =
            nests.flat_map(|(number, nest)| [number, nest.directory.clone(), nest.at.clone()]);
        settling.script.call("ch_nests", words)
    }

    /// Writes how all that is in each of them is put in its place, as a step.
    pub(super) fn empty(&self, lasting: usize, settling: &mut Settling) -> Result<(), Refusal> {
        for (number, nest) in self.numbered() {
            let names = nest.names.iter().map(|name| format!("{}/{name}", nest.at));
            let words = [number, nest.directory.clone()].into_iter().chain(names);
            settling.step(&[lasting]);
            settling.script.call("ch_do ch_together", words)?;
            settling.script.text("ch_done\n");
            settling.steps.push(super::Step::Together);
        }
        Ok(())
    }

    fn numbered(&self) -> impl Iterator<Item = (String, &Nest)> {
        let nests = self.0.iter().enumerate();
        nests.map(|(number, nest)| (number.to_string(), nest))
    }
}

impl Nest {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other == name)
    }
}

/// Directory and name of a path that is plainly written from the root on, and not in that itself.
fn split(path: &str) -> Option<(&str, &str)> {
    let mut names = path.strip_prefix('/')?.split('/');
    let plain = names.all(|name| !matches!(name, "" | "." | "..")) && !path.contains(['\n', '\r']);
    let (directory, name) = path.rsplit_once('/').filter(|_| plain)?;
    (!directory.is_empty()).then_some((directory, name))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn knows_paths_that_are_plainly_written() {
        assert_eq!(split("/etc/a b/c"), Some(("/etc/a b", "c")));
        for path in [
            "a",
            "./a",
            "/a",
            "/etc//a",
            "/etc/../a",
            "/etc/a/",
            "/etc/a\nb/c",
        ] {
            assert_eq!(split(path), None, "{path:?}");
        }
    }
}
