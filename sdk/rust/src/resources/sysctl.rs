use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A key of the kernel.
#[derive(Clone, Debug)]
pub struct Sysctl(state::Sysctl);

impl Sysctl {
    /// Wishes for a value of a key such as `vm.swappiness`, now and after every start.
    pub fn set(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self(state::Sysctl {
            key: key.into(),
            value: value.into(),
            live: true,
        })
    }

    /// Leaves the value alone until the next start.
    pub fn at_boot_only(mut self) -> Self {
        self.0.live = false;
        self
    }
}

impl From<Sysctl> for Resource {
    fn from(sysctl: Sysctl) -> Self {
        Self(Item::Sysctl(sysctl.0))
    }
}

/// Nothing of ours that sets a key of the kernel when the machine starts. Its value now stays.
#[derive(Clone, Debug)]
pub struct NoSysctl(String);

impl NoSysctl {
    /// Wishes it away.
    pub fn of(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl From<NoSysctl> for Resource {
    fn from(wish: NoSysctl) -> Self {
        Self(Item::NoSysctl(wish.0))
    }
}
