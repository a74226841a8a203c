//! Items as wishes.

use cellhost_manifest::digest;
use cellhost_transport::resources::file::{Before, File};
use cellhost_transport::resources::{self, Facts, Identity, Wish};

use crate::{Content, Edit, EffectError, Item, Service};

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
    /// The files that it is restarted for.
    pub(super) watched: Watched,
}

/// What is wanted.
pub(super) enum What {
    /// A wish as it is.
    Wish(Wish),
    /// A change to a file, which becomes a wish once its content is known.
    Edit { edit: Edit, owed: Owed },
}

/// The files that services restart and reload for.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) restart: Vec<String>,
    pub(super) reload: Vec<String>,
}

/// The services that a file's change restarts and reloads.
#[derive(Clone)]
pub(super) struct Owed {
    restarts: Vec<String>,
    reloads: Vec<String>,
}

impl Wanted {
    /// Translates the items of a list.
    pub(super) fn all(items: &[Item]) -> Result<Vec<Self>, EffectError> {
        let mut all = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            all.push(Self {
                item: place,
                what: what(item, items)?,
                label: None,
                shown: shown(item),
                watched: watched(item),
            });
        }
        Ok(all)
    }

    /// Which thing it is about.
    pub(super) fn identity(&self) -> Identity {
        match &self.what {
            What::Wish(wish) => wish.identity(),
            What::Edit { edit, .. } => Identity::Content(edit.path.clone()),
        }
    }

    /// The path it is about, where it is about one.
    pub(super) fn path(&self) -> Option<String> {
        match self.identity() {
            Identity::Path { path, .. } | Identity::Content(path) => Some(path),
            _ => None,
        }
    }

    /// The wish, given how things stand. None where an edit has nothing to change; an error is
    /// why it cannot be made.
    pub(super) fn wish(&self, facts: &Facts) -> Result<Option<Wish>, String> {
        let (edit, owed) = match &self.what {
            What::Wish(wish) => return Ok(Some(wish.clone())),
            What::Edit { edit, owed } => (edit, owed),
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
            ..owed.file(&edit.path, content)
        };
        Ok(Some(Wish::File(file)))
    }
}

impl Owed {
    /// The services of a list that watch a path.
    fn of(path: &str, items: &[Item]) -> Self {
        let watching = |paths: fn(&Service) -> &Vec<String>| {
            items
                .iter()
                .filter_map(|item| match item {
                    Item::Service(service) if paths(service).iter().any(|own| own == path) => {
                        Some(service.name.clone())
                    }
                    _ => None,
                })
                .collect()
        };
        Self {
            restarts: watching(|service| &service.restart_for),
            reloads: watching(|service| &service.reload_for),
        }
    }

    /// A file with this content, its outside left alone.
    fn file(&self, path: &str, content: Vec<u8>) -> File {
        File {
            path: path.to_owned(),
            hash: digest(&content),
            content,
            mode: None,
            owner: None,
            group: None,
            before: None,
            restarts: self.restarts.clone(),
            reloads: self.reloads.clone(),
        }
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

fn watched(item: &Item) -> Watched {
    match item {
        Item::Service(service) => Watched {
            restart: service.restart_for.clone(),
            reload: service.reload_for.clone(),
        },
        _ => Watched::default(),
    }
}

fn what(item: &Item, items: &[Item]) -> Result<What, EffectError> {
    Ok(What::Wish(match item {
        Item::File(file) => {
            let Content::Bytes { bytes, .. } = &file.content else {
                return Err(EffectError::other(format!(
                    "the template of {} was not rendered",
                    file.path
                )));
            };
            Wish::File(File {
                mode: file.mode,
                owner: file.owner.clone(),
                group: file.group.clone(),
                ..Owed::of(&file.path, items).file(&file.path, bytes.clone())
            })
        }
        Item::Edit(edit) => {
            edit.check().map_err(EffectError::invalid)?;
            return Ok(What::Edit {
                edit: edit.clone(),
                owed: Owed::of(&edit.path, items),
            });
        }
        Item::Directory(directory) => Wish::Directory(directory.clone()),
        Item::Link(link) => Wish::Link(link.clone()),
        Item::Creation(creation) => Wish::Creation(creation.clone()),
        Item::Absent(absent) => Wish::Absent(absent.clone()),
        Item::Software(software) => Wish::Software(software.clone()),
        Item::NoSoftware(software) => Wish::NoSoftware(software.clone()),
        Item::Group(group) => Wish::Group(group.clone()),
        Item::User(user) => Wish::User(user.clone()),
        Item::Service(service) => Wish::Service(resources::service::Service {
            name: service.name.clone(),
            enabled: service.enabled,
            running: service.running,
            restart_coming: false,
            reload_coming: false,
        }),
    }))
}
