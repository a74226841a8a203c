//! Items as wishes.

mod several;

use cellhost_manifest::digest;
use cellhost_transport::resources::container::ContainerFacts;
use cellhost_transport::resources::file::{Before, File};
use cellhost_transport::resources::path::Absent;
use cellhost_transport::resources::service::Watch;
use cellhost_transport::resources::{self, Facts, Identity, Wish, cron, sysctl};

use crate::{Content, Edit, EffectError, Item, Text};

/// One thing that an item wants of the machine.
pub(super) struct Wanted {
    /// The item's place in its list.
    pub(super) item: usize,
    /// What is wanted.
    pub(super) what: What,
    /// What this is about, where the item wants several things.
    pub(super) label: Option<String>,
    /// Its content as it may be shown, where secrets are in it.
    pub(super) shown: Option<String>,
}

/// What is wanted.
pub(super) enum What {
    /// A wish as it is.
    Wish(Wish),
    /// A change to a file, which becomes a wish once its content is known.
    Edit(Edit),
}

impl Wanted {
    /// Translates the items of a list.
    pub(super) fn all(items: &[Item]) -> Result<Vec<Self>, EffectError> {
        let mut all = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let parts = parts(item)?;
            let several = parts.len() > 1;
            for (label, what) in parts {
                all.push(Self {
                    item: place,
                    what,
                    label: several.then(|| label.to_owned()),
                    shown: shown(item),
                });
            }
        }
        Ok(all)
    }

    /// Which thing it is about.
    pub(super) fn identity(&self) -> Identity {
        match &self.what {
            What::Wish(wish) => wish.identity(),
            What::Edit(edit) => Identity::Content(edit.path.clone()),
        }
    }

    /// The path it is about, where it is about one.
    pub(super) fn path(&self) -> Option<String> {
        match self.identity() {
            Identity::Path { path, .. } | Identity::Content(path) => Some(path),
            _ => None,
        }
    }

    /// Stands for everything that is wished for: two wishes that differ have two of them.
    pub(super) fn fingerprint(&self) -> String {
        let text = match &self.what {
            What::Edit(edit) => format!("{edit:?}"),
            What::Wish(Wish::File(file)) => format!(
                "{} {:?} {:?} {:?} {}",
                file.hash, file.mode, file.owner, file.group, file.backup
            ),
            // What is shown of it leaves out what may be secret; what it would be does not.
            What::Wish(wish @ Wish::Container(_)) => {
                let before = Facts::Container(ContainerFacts::Absent);
                format!("{:?}", wish.met(&before))
            }
            What::Wish(wish) => format!("{wish:?}"),
        };
        digest(text.as_bytes())
    }

    /// Whether the values of secrets are, or may be, in what is wished for.
    pub(super) fn has_secrets(&self) -> bool {
        self.shown.is_some() || matches!(&self.what, What::Wish(Wish::Container(_)))
    }

    /// A wish about the same thing, for what needs it.
    pub(super) fn promise(&self) -> Wish {
        match &self.what {
            What::Wish(wish) => wish.clone(),
            What::Edit(edit) => Wish::File(file(&edit.path, Vec::new())),
        }
    }

    /// The wish, given how things stand. None where an edit has nothing to change; an error is
    /// why it cannot be made.
    pub(super) fn wish(&self, facts: &Facts) -> Result<Option<Wish>, String> {
        let edit = match &self.what {
            What::Wish(wish) => return Ok(Some(wish.clone())),
            What::Edit(edit) => edit,
        };
        let Facts::Path(facts) = facts else {
            return Err("the machine told something else than how the file stands".to_owned());
        };
        let Some(content) = edit.applied(facts)? else {
            return Ok(None);
        };
        let before = facts.content.as_ref().map(|content| digest(&content.0));
        let file = File {
            before: Some(before.map_or(Before::Nothing, Before::Hash)),
            ..file(&edit.path, content)
        };
        Ok(Some(Wish::File(file)))
    }
}

/// A file with this content, its outside left alone.
fn file(path: &str, content: Vec<u8>) -> File {
    File {
        path: path.to_owned(),
        hash: digest(&content),
        content,
        mode: None,
        owner: None,
        group: None,
        before: None,
        backup: false,
    }
}

/// A file of the system's own settings.
fn settings(path: &str, text: String) -> File {
    File {
        mode: Some(0o644),
        owner: Some("root".to_owned()),
        group: Some("root".to_owned()),
        ..file(path, text.into_bytes())
    }
}

fn shown(item: &Item) -> Option<String> {
    match item {
        Item::File(file) => match &file.content {
            Content::Bytes { shown, .. } => shown.clone(),
            Content::Rendered { .. } => None,
        },
        _ => None,
    }
}

/// All that an item wants, each with what it is about.
fn parts(item: &Item) -> Result<Vec<(&'static str, What)>, EffectError> {
    Ok(match item {
        Item::Archive(wish) => {
            wish.check().map_err(EffectError::invalid)?;
            several::archive(wish)
        }
        Item::Sysctl(wish) => several::sysctl(wish).map_err(EffectError::invalid)?,
        Item::KernelModule(wish) => {
            wish.check().map_err(EffectError::invalid)?;
            several::kernel_module(wish)
        }
        Item::Mount(wish) => {
            wish.check().map_err(EffectError::invalid)?;
            several::mount(wish)
        }
        _ => vec![("", what(item)?)],
    })
}

/// What an item wants that wants one thing.
fn what(item: &Item) -> Result<What, EffectError> {
    Ok(What::Wish(match item {
        Item::File(wish) => {
            let Content::Bytes { bytes, .. } = &wish.content else {
                return Err(EffectError::other(format!(
                    "the template of {} was not rendered",
                    wish.path
                )));
            };
            Wish::File(File {
                mode: wish.mode,
                owner: wish.owner.clone(),
                group: wish.group.clone(),
                backup: wish.backup,
                ..file(&wish.path, bytes.clone())
            })
        }
        Item::Edit(edit) => {
            edit.check().map_err(EffectError::invalid)?;
            return Ok(What::Edit(edit.clone()));
        }
        Item::Archive(archive) => Wish::Archive(archive.clone()),
        Item::Sysctl(sysctl) => Wish::Sysctl(sysctl.clone()),
        Item::NoSysctl(key) => Wish::Absent(Absent {
            path: sysctl::file(key).map_err(EffectError::invalid)?,
        }),
        Item::KernelModule(module) => Wish::KernelModule(module.clone()),
        Item::Mount(mount) => Wish::Mount(mount.clone()),
        Item::Container(wish) => {
            let mut container = wish.base.clone();
            for (name, text) in &wish.environment {
                let Text::Plain(value) = text else {
                    return Err(EffectError::other(
                        "a secret of the container was not filled in",
                    ));
                };
                container.environment.push((name.clone(), value.clone()));
            }
            container.check().map_err(EffectError::invalid)?;
            Wish::Container(container)
        }
        Item::NoContainer(container) => Wish::NoContainer(container.clone()),
        Item::NoGroup(group) => Wish::NoGroup(group.clone()),
        Item::NoUser(user) => Wish::NoUser(user.clone()),
        Item::Download(download) => Wish::Download(download.clone()),
        Item::Cron(cron) => {
            let path = cron::path(&cron.name).map_err(EffectError::invalid)?;
            let text = cron.text().map_err(EffectError::invalid)?;
            Wish::File(settings(&path, text))
        }
        Item::NoCron(name) => Wish::Absent(Absent {
            path: cron::path(name).map_err(EffectError::invalid)?,
        }),
        Item::Directory(directory) => Wish::Directory(directory.clone()),
        Item::Link(link) => Wish::Link(link.clone()),
        Item::Creation(creation) => Wish::Creation(creation.clone()),
        Item::Absent(absent) => Wish::Absent(absent.clone()),
        Item::Software(software) => Wish::Software(software.clone()),
        Item::NoSoftware(software) => Wish::NoSoftware(software.clone()),
        Item::Group(group) => Wish::Group(group.clone()),
        Item::User(user) => Wish::User(user.clone()),
        Item::Service(service) => Wish::Service(resources::service::Service {
            watch: Watch {
                name: service.name.clone(),
                restart_for: service.restart_for.iter().cloned().collect(),
                reload_for: service.reload_for.iter().cloned().collect(),
            },
            enabled: service.enabled,
            running: service.running,
        }),
    }))
}
