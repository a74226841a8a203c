use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A user of the system.
#[derive(Clone, Debug)]
pub struct User(state::User);

impl User {
    /// Wishes for a user of this name with a group of the same name, no home of its own and no
    /// way to log in.
    pub fn named(name: impl Into<String>) -> Self {
        let name = name.into();
        Self(state::User {
            group: name.clone(),
            name,
            home: "/nonexistent".to_owned(),
            shell: "/usr/sbin/nologin".to_owned(),
            groups: Vec::new(),
        })
    }

    /// Sets its own group.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.0.group = group.into();
        self
    }

    /// Sets its home.
    pub fn home(mut self, home: impl Into<String>) -> Self {
        self.0.home = home.into();
        self
    }

    /// Sets its shell.
    pub fn shell(mut self, shell: impl Into<String>) -> Self {
        self.0.shell = shell.into();
        self
    }

    /// Puts it into groups beside its own.
    pub fn member_of<G: Into<String>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.0.groups.extend(groups.into_iter().map(Into::into));
        self
    }
}

impl From<User> for Resource {
    fn from(user: User) -> Self {
        Self(Item::User(user.0))
    }
}

/// No user by a name. Its home, and whatever else it owns, stays.
#[derive(Clone, Debug)]
pub struct NoUser(String);

impl NoUser {
    /// Wishes it away.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<NoUser> for Resource {
    fn from(wish: NoUser) -> Self {
        Self(Item::NoUser(wish.0))
    }
}
