//! How things stand: one script for the whole list.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Misread, Sections};
use super::ask::{refused, terms};
use super::courier::{Errand, Memory};
use super::part::Part;
use super::script::{Refusal, Script};
use crate::resources::container::ContainerFacts;
use crate::resources::kernel_module::KernelModuleFacts;
use crate::resources::memory::{Changes, Debts, TakenUp};
use crate::resources::path::PathFacts;
use crate::resources::{
    Facts, Identity, container, creation, group, kernel_module, path, service, software, user,
};
use crate::{FileKind, Reply};

/// How many paths are looked at by one call: far below the longest list of arguments.
const CHUNK: usize = 128;

/// How much of an answer one file's content may be.
const CONTENT: usize = (1 << 20) + 1;
const _: () = assert!(CONTENT as u64 == path::CONTENT_LIMIT + 1);

/// Everything asked for, once each and by kind.
#[derive(Debug, Default)]
struct Questions {
    paths: BTreeMap<String, bool>,
    /// Those that are asked about for a service that watches them: nobody is told more of them than
    /// whether they changed, and they may lead anywhere.
    watched: BTreeSet<String>,
    contents: BTreeSet<String>,
    marks: BTreeSet<String>,
    packages: BTreeSet<String>,
    modules: BTreeSet<String>,
    containers: BTreeSet<String>,
    groups: BTreeSet<String>,
    users: BTreeSet<String>,
    /// The paths that services watch, by service.
    services: BTreeMap<String, BTreeSet<String>>,
}

/// The answers to them.
#[derive(Debug, Default)]
struct Answers {
    paths: BTreeMap<String, PathFacts>,
    contents: BTreeMap<String, path::Content>,
    begun: BTreeMap<String, bool>,
    packages: software::SoftwareFacts,
    modules: BTreeMap<String, KernelModuleFacts>,
    containers: BTreeMap<String, ContainerFacts>,
    groups: BTreeMap<String, group::GroupFacts>,
    users: BTreeMap<String, user::UserFacts>,
    services: BTreeMap<String, service::ServiceFacts>,
    changed: BTreeMap<String, Changes>,
    taken_up: BTreeMap<String, TakenUp>,
}

/// Puts the questions into a script.
pub(super) fn errand(list: Vec<Identity>, memory: &Memory) -> Result<Errand, Refusal> {
    let questions = Questions::of(&list, memory);
    let mut script = Script::default();
    questions.ask(&mut script, memory)?;
    script.text("ch_close\n");
    let contents = questions.contents.len().saturating_mul(CONTENT);
    let most = (1 << 20) + 16 * (list.len() << 10) + contents;
    let memory = memory.clone();
    let read = move |output: Sections, mut errors: Sections| {
        let mut output = output;
        match questions.read(&mut output, &memory)? {
            Some(answers) => answers.align(&list, &memory).map(Reply::Facts),
            None => refused("end refused", &mut errors),
        }
    };
    Ok(Errand {
        script,
        terms: terms(most),
        changes: false,
        reading: Box::new(read),
    })
}

impl Questions {
    fn of(list: &[Identity], memory: &Memory) -> Self {
        let mut questions = Self::default();
        for identity in list {
            match identity {
                Identity::Path { path, hash } => {
                    *questions.paths.entry(path.clone()).or_default() |= hash;
                }
                Identity::Content(path) => {
                    questions.paths.entry(path.clone()).or_default();
                    questions.contents.insert(path.clone());
                }
                Identity::Creation(path) => {
                    questions.paths.entry(path.clone()).or_default();
                    questions.marks.insert(creation::mark(&memory.0, path));
                }
                Identity::Software(names) => questions.packages.extend(names.iter().cloned()),
                Identity::KernelModule(name) => drop(questions.modules.insert(name.clone())),
                Identity::Container(name) => drop(questions.containers.insert(name.clone())),
                Identity::Group(name) => drop(questions.groups.insert(name.clone())),
                Identity::User(name) => drop(questions.users.insert(name.clone())),
                Identity::Service(watch) => {
                    let watched = questions.services.entry(watch.name.clone()).or_default();
                    for path in watch.paths() {
                        watched.insert(path.to_owned());
                        // What is owed is told by what stands there.
                        questions.watched.insert(path.to_owned());
                    }
                }
            }
        }
        for (path, hash) in &mut questions.paths {
            *hash |= questions.watched.remove(path);
        }
        questions
    }

    fn bound(&self) -> Vec<Vec<(&str, bool)>> {
        let paths = self.paths.iter();
        held(paths.map(|(path, hash)| (path.as_str(), *hash)).collect())
    }

    fn free(&self) -> Vec<Vec<(&str, bool)>> {
        let paths = self.watched.iter();
        held(paths.map(|path| (path.as_str(), true)).collect())
    }

    fn ask(&self, script: &mut Script, memory: &Memory) -> Result<(), Refusal> {
        for chunk in self.bound() {
            path::ask(script, &chunk)?;
        }
        let free = self.free();
        if !free.is_empty() {
            script.text("ch_freed=$ch_bound ch_bound=\n");
            for chunk in free {
                path::ask(script, &chunk)?;
            }
            script.text("ch_bound=$ch_freed\n");
        }
        for chunk in chunks(&self.contents) {
            path::ask_content(script, &chunk)?;
        }
        for chunk in chunks(&self.marks) {
            creation::ask(script, &chunk)?;
        }
        if !self.packages.is_empty() {
            software::ask(script, &self.packages)?;
        }
        for name in &self.modules {
            kernel_module::ask(script, name)?;
        }
        for name in &self.containers {
            container::ask(script, name)?;
        }
        for name in &self.groups {
            group::ask(script, name)?;
        }
        for name in &self.users {
            user::ask(script, name)?;
        }
        if !self.services.is_empty() {
            service::ask(script, self.services.keys())?;
        }
        for chunk in self.records(memory).chunks(CHUNK) {
            script.need(&[Part::Memory]);
            script.call("ch_ask ch_records", chunk.iter().map(|(record, _)| record))?;
        }
        Ok(())
    }

    /// The records of services that watch anything and of what they watch.
    fn records(&self, memory: &Memory) -> Vec<(String, Record<'_>)> {
        let mut records = BTreeMap::new();
        for (service, paths) in self.services.iter().filter(|(_, paths)| !paths.is_empty()) {
            records.insert(memory.taken_up(service), Record::TakenUp(service));
            for path in paths {
                records.insert(memory.changes(path), Record::Changes(path));
            }
        }
        records.into_iter().collect()
    }

    /// Reads the answers; none where the machine refused one.
    fn read(&self, output: &mut Sections, memory: &Memory) -> Result<Option<Answers>, Misread> {
        let mut answers = Answers::default();
        for chunk in self.bound().into_iter().chain(self.free()) {
            for ((path, _), facts) in chunk.iter().zip(path::read(output, &chunk)?) {
                answers.paths.insert((*path).to_owned(), facts);
            }
        }
        for chunk in chunks(&self.contents) {
            let Some(contents) = path::read_content(output, chunk.len())? else {
                return Ok(None);
            };
            let named = chunk.iter().map(|path| (*path).to_owned());
            answers.contents.extend(named.zip(contents));
        }
        for chunk in chunks(&self.marks) {
            let named = chunk.iter().map(|mark| (*mark).to_owned());
            answers
                .begun
                .extend(named.zip(creation::read(output, chunk.len())?));
        }
        if !self.packages.is_empty() {
            match software::read(output)? {
                Some(packages) => answers.packages = packages,
                None => return Ok(None),
            }
        }
        for name in &self.modules {
            let facts = kernel_module::read(output)?;
            answers.modules.insert(name.clone(), facts);
        }
        for name in &self.containers {
            let facts = container::read(output)?;
            answers.containers.insert(name.clone(), facts);
        }
        for name in &self.groups {
            answers.groups.insert(name.clone(), group::read(output)?);
        }
        for name in &self.users {
            answers.users.insert(name.clone(), user::read(output)?);
        }
        if !self.services.is_empty() {
            match service::read(output, self.services.keys())? {
                Some(services) => answers.services = services,
                None => return Ok(None),
            }
        }
        for chunk in self.records(memory).chunks(CHUNK) {
            answers.remember(&output.take("records")?, chunk);
        }
        output.take("end ok")?;
        Ok(Some(answers))
    }
}

/// Paths in the order that the shell expects: those whose hash is wanted first, and those of one
/// directory next to each other; as many at a time as it can take.
fn held(mut paths: Vec<(&str, bool)>) -> Vec<Vec<(&str, bool)>> {
    let directory = |path: &str| {
        path.rsplit_once('/')
            .map_or(0, |(directory, _)| directory.len())
    };
    let split = |path: &str| path.get(..directory(path)).unwrap_or_default().to_owned();
    paths.sort_by_cached_key(|(path, hash)| (!hash, split(path)));
    let mut chunks: Vec<Vec<(&str, bool)>> = Vec::new();
    let mut last = None;
    let mut directories = path::HELD;
    for (path, hash) in paths {
        let here = Some(split(path));
        directories += usize::from(here != last);
        last = here;
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK && directories <= path::HELD => {
                chunk.push((path, hash));
            }
            _ => {
                directories = 1;
                chunks.push(vec![(path, hash)]);
            }
        }
    }
    chunks
}

fn chunks(names: &BTreeSet<String>) -> Vec<Vec<&str>> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.chunks(CHUNK).map(<[_]>::to_vec).collect()
}

/// Whose record it is.
#[derive(Clone, Copy)]
enum Record<'a> {
    Changes(&'a str),
    TakenUp(&'a str),
}

impl Answers {
    /// Takes the lines of records, each behind its record's path; others are nobody's.
    fn remember(&mut self, lines: &[u8], records: &[(String, Record<'_>)]) {
        for line in String::from_utf8_lossy(lines).lines() {
            // The words of a line have no colon.
            let Some((file, line)) = line.rsplit_once(':') else {
                continue;
            };
            let found = records.binary_search_by(|(record, _)| record.as_str().cmp(file));
            match found.ok().and_then(|at| records.get(at)) {
                Some((_, Record::Changes(path))) => {
                    let changes = self.changed.entry((*path).to_owned());
                    changes.or_default().read(line);
                }
                Some((_, Record::TakenUp(service))) => {
                    let taken_up = self.taken_up.entry((*service).to_owned());
                    taken_up.or_default().read(line);
                }
                None => {}
            }
        }
    }

    fn service(&self, watch: &service::Watch) -> Option<service::ServiceFacts> {
        let mut facts = self.services.get(&watch.name)?.clone();
        let nothing = TakenUp::default();
        let taken_up = self.taken_up.get(&watch.name).unwrap_or(&nothing);
        let debts = Debts::of(watch, taken_up, |path| {
            Some((self.changed.get(path)?, self.paths.get(path)?.clone()))
        });
        facts.restart_owed = debts.restart;
        facts.reload_owed = debts.reload;
        facts.tokens = debts.tokens;
        Some(facts)
    }

    fn align(&self, list: &[Identity], memory: &Memory) -> Result<Vec<Facts>, Misread> {
        list.iter()
            .map(|identity| {
                self.fact(identity, memory)
                    .ok_or_else(|| Misread::new("fewer answers than questions"))
            })
            .collect()
    }

    fn fact(&self, identity: &Identity, memory: &Memory) -> Option<Facts> {
        Some(match identity {
            Identity::Path { path, hash } => {
                let mut facts = self.paths.get(path)?.clone();
                facts.hash = facts.hash.filter(|_| *hash);
                Facts::Path(facts)
            }
            Identity::Content(path) => {
                let mut facts = self.paths.get(path)?.clone();
                let content = self.contents.get(path)?.clone();
                let whole = facts.kind == Some(FileKind::File)
                    && facts.size.max(content.0.len() as u64) <= path::CONTENT_LIMIT;
                (facts.hash, facts.content) = (None, whole.then_some(content));
                Facts::Path(facts)
            }
            Identity::Creation(path) => Facts::Creation(creation::CreationFacts {
                at: PathFacts {
                    hash: None,
                    ..self.paths.get(path)?.clone()
                },
                begun: *self.begun.get(&creation::mark(&memory.0, path))?,
            }),
            Identity::Software(names) => Facts::Software(self.packages.about(names)),
            Identity::KernelModule(name) => Facts::KernelModule(*self.modules.get(name)?),
            Identity::Container(name) => Facts::Container(self.containers.get(name)?.clone()),
            Identity::Group(name) => Facts::Group(self.groups.get(name)?.clone()),
            Identity::User(name) => Facts::User(self.users.get(name)?.clone()),
            Identity::Service(watch) => Facts::Service(self.service(watch)?),
        })
    }
}
