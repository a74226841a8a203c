//! What a simulated machine says of itself.

use std::collections::BTreeSet;

use super::state::State;
use crate::resources::container::ContainerFacts;
use crate::resources::creation::CreationFacts;
use crate::resources::group::GroupFacts;
use crate::resources::kernel_module::KernelModuleFacts;
use crate::resources::software::SoftwareFacts;
use crate::resources::{Facts, Identity};
use crate::{FileKind, FileStatus, Reply};

impl State {
    /// How a thing stands.
    pub(super) fn look(&self, identity: &Identity) -> Facts {
        match identity {
            Identity::Path { path, hash } => Facts::Path(self.path_facts(path, *hash)),
            Identity::Content(path) => Facts::Path(self.content_facts(path)),
            Identity::Creation(path) => Facts::Creation(CreationFacts {
                at: self.path_facts(path, false),
                begun: false,
            }),
            Identity::Software(names) => Facts::Software(self.software_facts(names)),
            Identity::KernelModule(name) => {
                Facts::KernelModule(if self.kernel_modules.contains(name) {
                    KernelModuleFacts::Loaded
                } else {
                    KernelModuleFacts::Absent
                })
            }
            Identity::Container(name) => {
                let found = self.containers.get(name).cloned();
                Facts::Container(found.unwrap_or(ContainerFacts::Absent))
            }
            Identity::Group(name) => Facts::Group(GroupFacts {
                exists: self.groups.contains(name),
            }),
            Identity::User(name) => Facts::User(self.users.get(name).cloned().unwrap_or_default()),
            Identity::Service(watch) => Facts::Service(self.service_facts(watch)),
        }
    }

    fn software_facts(&self, names: &BTreeSet<String>) -> SoftwareFacts {
        let mut facts = SoftwareFacts::default();
        for name in names {
            if let Some(version) = self.installed.get(name) {
                facts.installed.insert(name.clone(), version.clone());
            } else if let Some(by) = self.provider(name) {
                facts.provided.insert(name.clone(), by);
            }
        }
        facts
    }

    /// An installed package that provides a name.
    fn provider(&self, name: &str) -> Option<String> {
        let mut installed = self.installed.keys();
        let provides = |package: &&String| {
            let known = self.catalogue.get(*package);
            known.is_some_and(|package| package.provides.iter().any(|other| other == name))
        };
        installed.find(provides).cloned()
    }

    /// A file's content.
    pub(super) fn content(&self, path: &str, limit: u64) -> Reply {
        match self.read(path) {
            None => Reply::NotFound,
            Some(bytes) if bytes.len() as u64 > limit => Reply::TooLarge(bytes.len() as u64),
            Some(bytes) => Reply::Bytes(bytes.to_vec()),
        }
    }

    /// A file's outside.
    pub(super) fn status(&self, path: &str) -> Reply {
        let facts = self.path_facts(path, false);
        Reply::Status(facts.kind.map(|kind| FileStatus {
            kind,
            size: facts.size,
            mode: facts.mode,
            owner: facts.owner,
            group: facts.group,
        }))
    }

    /// A directory's entries.
    pub(super) fn entries(&self, path: &str) -> Reply {
        match self.followed(path) {
            Some(node) if node.kind == FileKind::Directory => {}
            _ => return Reply::Entries(None),
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let names = self.nodes.keys().filter_map(|at| {
            let name = at.strip_prefix(&below)?;
            (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
        });
        Reply::Entries(Some(names.collect()))
    }
}
