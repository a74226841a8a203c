//! What wishes do to a simulated machine.

use super::state::State;
use super::{Node, Package};
use crate::FileKind;
use crate::digest::digest;
use crate::resources::archive::{Archive, Source};
use crate::resources::directory::Directory;
use crate::resources::download::Download;
use crate::resources::file::{Before, File};
use crate::resources::link::Link;
use crate::resources::memory::{self, Manner};
use crate::resources::path::PathFacts;
use crate::resources::service::Service;
use crate::resources::software::Software;
use crate::resources::user::User;
use crate::resources::{Facts, Wish, mount, path};
use crate::{Fate, Task, Trouble};

/// What a service does when it is started; a refusal is its words.
pub(super) type Starter<'a> = dyn FnMut(&str, &mut State) -> Result<(), String> + 'a;

impl State {
    /// Settles one wish and tells what became of it.
    pub(super) fn fate(&mut self, task: &Task, start: &mut Starter<'_>) -> Fate {
        let before = match &task.wish {
            Wish::File(file) if task.wish.replaces(&task.facts).is_some() => self.read(&file.path),
            _ => None,
        };
        let before = before.map(|bytes| path::Content(bytes.to_vec()));
        match self.settle(task, start) {
            Ok(()) => Fate::Done(before),
            Err(words) => Fate::Failed(Trouble::new(words)),
        }
    }

    /// Settles one wish, or says why not.
    fn settle(&mut self, task: &Task, start: &mut Starter<'_>) -> Result<(), String> {
        if self.full && writes(&task.wish) {
            return Err("No space left on device".to_owned());
        }
        match &task.wish {
            Wish::File(wish) => self.settle_file(wish),
            Wish::Download(wish) => self.settle_download(wish),
            Wish::Archive(wish) => self.settle_archive(wish),
            Wish::Directory(wish) => self.settle_directory(wish),
            Wish::Link(wish) => self.settle_link(wish),
            Wish::Absent(path::Absent { path }) => {
                self.note(path, memory::absent());
                let below = format!("{path}/");
                self.nodes
                    .retain(|at, _| at != path && !at.starts_with(&below));
                Ok(())
            }
            // What a real program would make, nobody knows here; that it is there is all that
            // the wish is about.
            Wish::Creation(wish) => {
                self.place(&wish.path)?;
                self.nodes
                    .entry(wish.path.clone())
                    .or_insert_with(|| Node::file(Vec::new()));
                Ok(())
            }
            Wish::Software(wish) => self.install(wish, start),
            Wish::NoSoftware(wish) => {
                for name in &wish.names {
                    self.uninstall(name);
                }
                Ok(())
            }
            Wish::Sysctl(wish) => self.settle_kernel(&wish.place(), &wish.met()),
            Wish::KernelModule(wish) => {
                if wish.loaded {
                    self.kernel_modules.insert(wish.name.clone());
                } else {
                    self.kernel_modules.remove(&wish.name);
                }
                Ok(())
            }
            Wish::Mount(wish) => {
                let table = self.content_facts(mount::TABLE);
                self.settle_kernel(mount::TABLE, &wish.met(&table))
            }
            Wish::NoGroup(wish) => {
                self.groups.remove(&wish.name);
                Ok(())
            }
            Wish::NoUser(wish) => {
                self.users.remove(&wish.name);
                Ok(())
            }
            Wish::Container(wish) => {
                self.containers.insert(wish.name.clone(), wish.met());
                Ok(())
            }
            Wish::NoContainer(wish) => {
                self.containers.remove(&wish.name);
                Ok(())
            }
            Wish::Group(wish) => {
                self.groups.insert(wish.name.clone());
                Ok(())
            }
            Wish::User(wish) => self.settle_user(wish),
            Wish::Service(wish) => self.settle_service(wish, &task.facts, start),
        }
    }

    fn place(&self, path: &str) -> Result<Option<Node>, String> {
        let parent = match path.rsplit_once('/') {
            Some(("", _)) => "/",
            Some((parent, _)) => parent,
            None => return Err(format!("{path} does not begin at the root")),
        };
        match self.followed(parent) {
            Some(node) if node.kind == FileKind::Directory => Ok(self.nodes.get(path).cloned()),
            _ => Err(format!("there is no directory {parent}")),
        }
    }

    fn own(
        &self,
        node: &mut Node,
        mode: Option<u32>,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<(), String> {
        let number = |name: &str| name.chars().all(|c| c.is_ascii_digit());
        if let Some(owner) = owner {
            if !self.users.contains_key(owner) && !number(owner) {
                return Err(format!("chown: invalid user: '{owner}'"));
            }
            owner.clone_into(&mut node.owner);
        }
        if let Some(group) = group {
            if !self.groups.contains(group) && !number(group) {
                return Err(format!("chown: invalid group: '{group}'"));
            }
            group.clone_into(&mut node.group);
        }
        node.mode = mode.unwrap_or(node.mode);
        Ok(())
    }

    fn settle_file(&mut self, wish: &File) -> Result<(), String> {
        let before = self.place(&wish.path)?;
        let mut node = Node::file(wish.content.clone());
        let is = match &before {
            None => Some(Before::Nothing),
            Some(before) if before.kind == FileKind::File => {
                Some(Before::Hash(digest(&before.content)))
            }
            Some(_) => None,
        };
        if wish.before.is_some() && wish.before != is {
            return Err(format!("{} has changed since it was looked at", wish.path));
        }
        if let Some(name) = wish.kept(&self.path_facts(&wish.path, true))
            && let Some(before) = before.clone()
        {
            self.nodes.insert(name, before);
        }
        match before {
            Some(before) if before.kind == FileKind::Directory => {
                return Err(format!("{} is a directory", wish.path));
            }
            Some(before) if before.kind == FileKind::File => {
                node = Node {
                    content: node.content,
                    ..before
                };
            }
            _ => {}
        }
        self.own(
            &mut node,
            wish.mode,
            wish.owner.as_deref(),
            wish.group.as_deref(),
        )?;
        self.note(&wish.path, digest(&wish.content));
        self.nodes.insert(wish.path.clone(), node);
        Ok(())
    }

    /// Writes what the kernel tells in a file of its own.
    fn settle_kernel(&mut self, path: &str, facts: &PathFacts) -> Result<(), String> {
        match (self.nodes.get_mut(path), &facts.content) {
            (Some(node), Some(content)) => {
                node.content.clone_from(&content.0);
                Ok(())
            }
            _ => Err(format!("this kernel has no {path}")),
        }
    }

    fn fetch(&self, url: &str, hash: &str) -> Result<Vec<u8>, String> {
        let found = self.web.get(url);
        let content = found.ok_or_else(|| format!("curl: (22) nothing at {url}"))?;
        checked(url, content, hash)
    }

    fn settle_download(&mut self, wish: &Download) -> Result<(), String> {
        let content = self.fetch(&wish.url, &wish.hash)?;
        self.settle_file(&File {
            path: wish.path.clone(),
            content,
            hash: wish.hash.clone(),
            mode: wish.mode,
            owner: wish.owner.clone(),
            group: wish.group.clone(),
            before: None,
            backup: false,
        })
    }

    /// Leaves the archive's bytes where its members would be.
    fn settle_archive(&mut self, wish: &Archive) -> Result<(), String> {
        wish.check()?;
        let content = match &wish.source {
            Source::Url(url) => self.fetch(url, &wish.hash)?,
            Source::Path(path) => {
                let found = self.read(path);
                let content = found.ok_or_else(|| format!("cp: cannot stat '{path}'"))?;
                checked(path, content, &wish.hash)?
            }
        };
        self.write(&format!("{}/archive", wish.place()), content);
        self.write(&wish.marker(), wish.mark());
        Ok(())
    }

    fn settle_directory(&mut self, wish: &Directory) -> Result<(), String> {
        self.make_parents(&wish.path);
        let mut node = self
            .nodes
            .get(&wish.path)
            .cloned()
            .unwrap_or_else(Node::directory);
        if node.kind != FileKind::Directory {
            return Err(format!("{} is in the way and no directory", wish.path));
        }
        self.own(
            &mut node,
            wish.mode,
            wish.owner.as_deref(),
            wish.group.as_deref(),
        )?;
        self.nodes.insert(wish.path.clone(), node);
        Ok(())
    }

    fn settle_link(&mut self, wish: &Link) -> Result<(), String> {
        match self.place(&wish.path)? {
            Some(before) if before.kind == FileKind::Directory => {
                Err(format!("{} is a directory", wish.path))
            }
            _ => {
                self.note(&wish.path, memory::link(&wish.target));
                self.nodes
                    .insert(wish.path.clone(), Node::link(&wish.target));
                Ok(())
            }
        }
    }

    fn install(&mut self, wish: &Software, start: &mut Starter<'_>) -> Result<(), String> {
        for name in &wish.names {
            let Some(package) = self.catalogue.get(name).cloned() else {
                return Err(format!("E: Unable to locate package {name}"));
            };
            let wanted = wish.versions.get(name).unwrap_or(&package.version);
            if *wanted != package.version {
                return Err(format!("E: Version '{wanted}' for '{name}' was not found"));
            }
            if self.installed.get(name) == Some(wanted)
                || (self.installed.contains_key(name) && !wish.versions.contains_key(name))
            {
                continue;
            }
            self.unpack(&package);
            self.installed.insert(name.clone(), package.version);
            for service in package.services {
                let known = self.services.entry(service.clone()).or_default();
                known.enabled = true;
                if wish.start && !service.ends_with('@') {
                    self.start(&service, start)?;
                }
            }
        }
        Ok(())
    }

    fn unpack(&mut self, package: &Package) {
        for user in &package.users {
            let home = format!("/var/lib/{user}");
            self.add_user(user, &home, "/usr/sbin/nologin");
        }
        for (path, content) in &package.files {
            // As dpkg does with the old one kept: what is there stays.
            if !self.nodes.contains_key(path) {
                self.write(path, content.clone());
            }
        }
    }

    fn uninstall(&mut self, name: &str) {
        self.installed.remove(name);
        let services = self
            .catalogue
            .get(name)
            .map(|package| package.services.clone());
        for service in services.unwrap_or_default() {
            self.services.remove(&service);
        }
    }

    fn settle_user(&mut self, wish: &User) -> Result<(), String> {
        self.groups.insert(wish.group.clone());
        if let Some(missing) = wish.groups.iter().find(|name| !self.groups.contains(*name)) {
            return Err(format!("useradd: group '{missing}' does not exist"));
        }
        let before = self.users.get(&wish.name).cloned().unwrap_or_default();
        self.users.insert(wish.name.clone(), wish.met(&before));
        Ok(())
    }

    fn settle_service(
        &mut self,
        wish: &Service,
        facts: &Facts,
        start: &mut Starter<'_>,
    ) -> Result<(), String> {
        let name = &wish.watch.name;
        let Some(mut service) = self.service(name) else {
            return Err(format!("there is no service {name}"));
        };
        service.enabled = wish.enabled;
        let ran = service.running;
        service.running = ran && wish.running;
        let name = name.strip_suffix(".service").unwrap_or(name);
        self.services.insert(name.to_owned(), service);
        let manner = match facts {
            Facts::Service(facts) => wish.manner(facts),
            _ => None,
        };
        let restart = manner == Some(Manner::Restart);
        let reload = manner == Some(Manner::Reload);
        if wish.running && (!ran || restart) {
            self.start(name, start)?;
        }
        if let Some(service) = self.services.get_mut(name)
            && wish.running
            && ran
        {
            service.restarts += u32::from(restart);
            service.reloads += u32::from(reload);
        }
        if let Facts::Service(facts) = facts {
            let stands = self.debts(&wish.watch).tokens;
            let taken_up = self.taken_up.entry(wish.watch.name.clone()).or_default();
            for (path, manner) in wish.takes(facts) {
                if let Some(token) = stands.get(path) {
                    taken_up.note(manner, path, token.clone());
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, name: &str, start: &mut Starter<'_>) -> Result<(), String> {
        let outcome = start(name, self);
        if let Some(service) = self.services.get_mut(name) {
            service.running = outcome.is_ok();
            service.starts += 1;
        }
        outcome
    }
}

/// Whether meeting a wish puts something on the disk.
fn writes(wish: &Wish) -> bool {
    match wish {
        Wish::File(_)
        | Wish::Download(_)
        | Wish::Archive(_)
        | Wish::Directory(_)
        | Wish::Link(_)
        | Wish::Creation(_)
        | Wish::Software(_)
        | Wish::Container(_)
        | Wish::Group(_)
        | Wish::User(_) => true,
        Wish::Absent(_)
        | Wish::NoSoftware(_)
        | Wish::Sysctl(_)
        | Wish::KernelModule(_)
        | Wish::Mount(_)
        | Wish::NoContainer(_)
        | Wish::NoGroup(_)
        | Wish::NoUser(_)
        | Wish::Service(_) => false,
    }
}

fn checked(from: &str, content: &[u8], hash: &str) -> Result<Vec<u8>, String> {
    let is = digest(content);
    if is == hash {
        Ok(content.to_vec())
    } else {
        Err(format!("{from} has the sha256 {is}, and {hash} is wanted"))
    }
}
