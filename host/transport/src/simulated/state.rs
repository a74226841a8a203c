use std::collections::{BTreeMap, BTreeSet};

use super::Package;
use crate::FileKind;
use crate::digest::digest;
use crate::lease::Owner;
use crate::resources::container::ContainerFacts;
use crate::resources::memory::{Changes, Debts, TakenUp};
use crate::resources::mount;
use crate::resources::path::{self, PathFacts};
use crate::resources::service::{SUPERVISED, ServiceFacts, Watch};
use crate::resources::user::UserFacts;

/// What stands at a path of a simulated machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Content of a file, target of a link.
    pub content: Vec<u8>,
}

/// A service of a simulated machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimulatedService {
    /// Whether it starts when the machine does.
    pub enabled: bool,
    /// Whether it runs.
    pub running: bool,
    /// How often it was started, restarts included.
    pub starts: u32,
    /// How often it was restarted while it ran.
    pub restarts: u32,
    /// How often it was reloaded.
    pub reloads: u32,
}

/// Everything a simulated machine is and remembers. Tests look at it and change it as they like.
#[derive(Debug, Clone)]
pub struct State {
    /// What stands where.
    pub nodes: BTreeMap<String, Node>,
    /// Groups.
    pub groups: BTreeSet<String>,
    /// Users.
    pub users: BTreeMap<String, UserFacts>,
    /// Packages that can be installed.
    pub catalogue: BTreeMap<String, Package>,
    /// Versions of those that are.
    pub installed: BTreeMap<String, String>,
    /// Services.
    pub services: BTreeMap<String, SimulatedService>,
    /// Ports where something listens. Where no dial was told what to say, it says nothing.
    pub ports: BTreeSet<u16>,
    /// Facts about the machine.
    pub facts: BTreeMap<String, String>,
    /// What was put at paths.
    pub(super) changed: BTreeMap<String, Changes>,
    /// What services took up of it.
    pub(super) taken_up: BTreeMap<String, TakenUp>,
    /// How many changes of contents there were, which makes their tokens.
    pub(super) changes: u64,
    /// Containers.
    pub containers: BTreeMap<String, ContainerFacts>,
    /// Modules of the kernel that are loaded.
    pub kernel_modules: BTreeSet<String>,
    /// Which run may change the machine.
    pub lease: Option<Owner>,
    /// What URLs lead to.
    pub web: BTreeMap<String, Vec<u8>>,
    /// Whether the disk is full: nothing new can be written, but things can go.
    pub full: bool,
}

/// Directories that every machine has.
const DIRECTORIES: [&str; 22] = [
    "/",
    "/etc",
    "/etc/default",
    "/etc/systemd",
    "/etc/systemd/system",
    "/home",
    "/lib",
    "/lib/systemd",
    "/lib/systemd/system",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
];

impl State {
    /// A freshly installed Debian, as far as this goes.
    pub(super) fn new(name: &str) -> Self {
        let facts = [
            ("os.id", "debian"),
            ("os.version", "12"),
            ("architecture", "x86_64"),
            ("kernel", "6.1.0"),
            ("host.name", name),
            ("init", "systemd"),
            ("memory.bytes", "4294967296"),
            ("processors", "2"),
            ("boot.id", "00000000-0000-4000-8000-000000000000"),
            ("uid", "0"),
        ];
        let mut state = Self {
            nodes: BTreeMap::new(),
            groups: BTreeSet::new(),
            users: BTreeMap::new(),
            catalogue: BTreeMap::new(),
            installed: BTreeMap::new(),
            services: BTreeMap::new(),
            ports: BTreeSet::new(),
            facts: facts
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            changed: BTreeMap::new(),
            taken_up: BTreeMap::new(),
            changes: 0,
            containers: BTreeMap::new(),
            kernel_modules: BTreeSet::new(),
            lease: None,
            web: BTreeMap::new(),
            full: false,
        };
        for directory in DIRECTORIES {
            state.nodes.insert(directory.to_owned(), Node::directory());
        }
        state.write(mount::TABLE, "1 0 0:1 / / rw - ext4 /dev/vda1 rw\n");
        state.add_user("root", "/root", "/bin/bash");
        state.add_user("nobody", "/nonexistent", "/usr/sbin/nologin");
        state
    }

    /// Offers a package for installation.
    pub fn offer(&mut self, name: &str, package: Package) {
        self.catalogue.insert(name.to_owned(), package);
    }

    /// Writes a file, with the directories it stands in.
    pub fn write(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.make_parents(path);
        self.nodes
            .insert(path.to_owned(), Node::file(content.into()));
    }

    /// Returns a file's content, followed through links.
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        let node = self.followed(path)?;
        (node.kind == FileKind::File).then_some(node.content.as_slice())
    }

    /// Returns a file's content as text.
    pub fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.read(path)?).ok()
    }

    /// Adds a user with a group of its name.
    pub fn add_user(&mut self, name: &str, home: &str, shell: &str) {
        self.groups.insert(name.to_owned());
        let user = UserFacts {
            exists: true,
            group: name.to_owned(),
            home: home.to_owned(),
            shell: shell.to_owned(),
            groups: BTreeSet::from([name.to_owned()]),
        };
        self.users.insert(name.to_owned(), user);
    }

    /// Starts the machine anew: services that are enabled run, others do not, and what only lives
    /// in the kernel is gone.
    pub fn reboot(&mut self) {
        for service in self.services.values_mut() {
            service.running = service.enabled;
            service.starts += u32::from(service.enabled);
        }
        self.kernel_modules.clear();
        let boots = self.facts.get("boot.id").cloned().unwrap_or_default();
        self.facts.insert("boot.id".to_owned(), following(&boots));
    }

    /// Returns a service, if the machine knows it.
    pub fn service(&self, name: &str) -> Option<SimulatedService> {
        let name = name.strip_suffix(".service").unwrap_or(name);
        if let Some(service) = self.services.get(name) {
            return Some(service.clone());
        }
        if let Some(program) = name.strip_prefix(SUPERVISED) {
            return self.configures(program).then(SimulatedService::default);
        }
        let template = name
            .split_once('@')
            .map(|(template, _)| format!("{template}@"));
        let places = ["/etc/systemd/system", "/lib/systemd/system"];
        let unit = |name: &str| {
            let mut at = places.iter().map(|place| format!("{place}/{name}.service"));
            at.any(|path| self.nodes.contains_key(&path))
        };
        let known = unit(name)
            || template.is_some_and(|name| unit(&name) || self.services.contains_key(&name));
        known.then(SimulatedService::default)
    }

    /// Whether there is a program of supervisord by this name.
    fn configures(&self, program: &str) -> bool {
        let head = format!("[program:{program}]");
        let below = |path: &String| path.starts_with("/etc/supervisor/conf.d/");
        let mut files = self.nodes.iter().filter(|(path, _)| below(path));
        files.any(|(_, node)| String::from_utf8_lossy(&node.content).contains(&head))
    }

    pub(super) fn make_parents(&mut self, path: &str) {
        let mut at = path;
        while let Some((parent, _)) = at.rsplit_once('/') {
            let name = if parent.is_empty() { "/" } else { parent };
            self.nodes
                .entry(name.to_owned())
                .or_insert_with(Node::directory);
            at = parent;
        }
    }

    pub(super) fn followed(&self, path: &str) -> Option<&Node> {
        let mut at = path.to_owned();
        for _ in 0..16 {
            let node = self.nodes.get(&at)?;
            if node.kind != FileKind::Link {
                return Some(node);
            }
            let target = String::from_utf8_lossy(&node.content).into_owned();
            at = if target.starts_with('/') {
                target
            } else {
                format!("{}/{target}", at.rsplit_once('/')?.0)
            };
        }
        None
    }

    pub(super) fn path_facts(&self, path: &str, hash: bool) -> PathFacts {
        let Some(node) = self.nodes.get(path) else {
            return PathFacts::nothing();
        };
        let is = |kind| node.kind == kind;
        PathFacts {
            kind: Some(node.kind),
            mode: node.mode,
            owner: node.owner.clone(),
            group: node.group.clone(),
            size: node.content.len() as u64,
            hash: (hash && is(FileKind::File)).then(|| digest(&node.content)),
            target: is(FileKind::Link).then(|| String::from_utf8_lossy(&node.content).into_owned()),
            content: None,
        }
    }

    pub(super) fn content_facts(&self, path: &str) -> PathFacts {
        let file = self.nodes.get(path).filter(|node| {
            node.kind == FileKind::File && node.content.len() as u64 <= path::CONTENT_LIMIT
        });
        PathFacts {
            content: file.map(|node| path::Content(node.content.clone())),
            ..self.path_facts(path, false)
        }
    }

    pub(super) fn service_facts(&self, watch: &Watch) -> ServiceFacts {
        let found = self.service(&watch.name);
        let debts = self.debts(watch);
        let known = found.is_some();
        let service = found.unwrap_or_default();
        ServiceFacts {
            known,
            enabled: service.enabled,
            running: service.running,
            state: if service.running {
                "active"
            } else {
                "inactive"
            }
            .to_owned(),
            restart_owed: debts.restart,
            reload_owed: debts.reload,
            tokens: debts.tokens,
        }
    }

    /// What a service owes to the files it watches.
    pub(super) fn debts(&self, watch: &Watch) -> Debts {
        let nothing = TakenUp::default();
        let taken_up = self.taken_up.get(&watch.name).unwrap_or(&nothing);
        Debts::of(watch, taken_up, |path| {
            Some((self.changed.get(path)?, self.path_facts(path, true)))
        })
    }

    /// Notes what will stand at a path before it does.
    pub(super) fn note(&mut self, path: &str, fingerprint: String) {
        self.changes += 1;
        let changed = self.changed.entry(path.to_owned()).or_default();
        changed.note(fingerprint, self.changes.to_string());
    }
}

/// Another identity of a boot than this one.
fn following(boot: &str) -> String {
    let (head, count) = boot.rsplit_once('-').unwrap_or((boot, ""));
    let count = u64::from_str_radix(count, 16).unwrap_or(0);
    format!("{head}-{:012x}", count.wrapping_add(1))
}

impl Node {
    /// A directory of root's.
    pub fn directory() -> Self {
        Self::new(FileKind::Directory, 0o755, Vec::new())
    }

    /// A file of root's.
    pub fn file(content: Vec<u8>) -> Self {
        Self::new(FileKind::File, 0o644, content)
    }

    /// A link of root's.
    pub fn link(target: &str) -> Self {
        Self::new(FileKind::Link, 0o777, target.into())
    }

    fn new(kind: FileKind, mode: u32, content: Vec<u8>) -> Self {
        Self {
            kind,
            mode,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            content,
        }
    }
}
