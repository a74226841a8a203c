use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// A module of the kernel, loaded now and after every start.
#[derive(Clone, Debug)]
pub struct KernelModule(state::KernelModule);

impl KernelModule {
    /// Wishes for the module of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self(state::KernelModule {
            name: name.into(),
            options: Vec::new(),
        })
    }

    /// Adds what it is loaded with, such as `hashsize=65536`.
    pub fn options<O: Into<String>>(mut self, options: impl IntoIterator<Item = O>) -> Self {
        self.0.options.extend(options.into_iter().map(Into::into));
        self
    }
}

impl From<KernelModule> for Resource {
    fn from(module: KernelModule) -> Self {
        Self(Item::KernelModule(module.0))
    }
}

/// No module of the kernel by a name, neither now nor, by us, after the next start.
#[derive(Clone, Debug)]
pub struct NoKernelModule(String);

impl NoKernelModule {
    /// Wishes it away.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl From<NoKernelModule> for Resource {
    fn from(wish: NoKernelModule) -> Self {
        Self(Item::NoKernelModule(wish.0))
    }
}
