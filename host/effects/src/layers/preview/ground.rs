//! What has to be there for a wish to be met, and that a look at the thing itself does not tell.

use std::collections::BTreeSet;

use cellhost_transport::resources::{Facts, Identity, Wish};

use crate::judgement::Differing;

/// What wishes stand on: directories, users and groups.
pub(super) fn of(wishes: impl Iterator<Item = Wish>) -> Vec<Identity> {
    let all: BTreeSet<Identity> = wishes.flat_map(|wish| needed(&wish)).collect();
    all.into_iter().collect()
}

/// Why the machine could not do it, where that can be told beforehand. `stands` tells how things
/// would stand by then.
pub(super) fn missing(
    found: &Differing,
    stands: impl Fn(&Identity) -> Option<Facts>,
) -> Option<String> {
    let makes = found.path().is_some_and(|facts| facts.kind.is_none());
    let needed = needed(&found.task.wish);
    needed
        .into_iter()
        .find_map(|identity| match (&identity, stands(&identity)?) {
            (Identity::Path { path, .. }, Facts::Path(facts)) if makes => {
                let path = if path.is_empty() { "/" } else { path };
                facts
                    .kind
                    .is_none()
                    .then(|| format!("there is no directory {path}"))
            }
            (Identity::User(name), Facts::User(facts)) => {
                (!facts.exists).then(|| format!("there is no user `{name}`"))
            }
            (Identity::Group(name), Facts::Group(facts)) => {
                (!facts.exists).then(|| format!("there is no group `{name}`"))
            }
            _ => None,
        })
}

fn needed(wish: &Wish) -> Vec<Identity> {
    let (path, owner, group) = match wish {
        Wish::File(wish) => (Some(&wish.path), &wish.owner, &wish.group),
        Wish::Download(wish) => (Some(&wish.path), &wish.owner, &wish.group),
        Wish::Directory(wish) => (None, &wish.owner, &wish.group),
        Wish::Archive(wish) => (None, &wish.owner, &wish.group),
        Wish::Link(wish) => (Some(&wish.path), &None, &None),
        _ => return Vec::new(),
    };
    let named = |name: &&String| !name.chars().all(|c| c.is_ascii_digit());
    let parent = path
        .and_then(|path| path.rsplit_once('/'))
        .map(|(parent, _)| Identity::Path {
            path: if parent.is_empty() { "/" } else { parent }.to_owned(),
            hash: false,
        });
    let owner = owner.iter().filter(named).cloned().map(Identity::User);
    let group = group.iter().filter(named).cloned().map(Identity::Group);
    parent.into_iter().chain(owner).chain(group).collect()
}
