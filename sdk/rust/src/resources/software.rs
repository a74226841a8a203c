use super::Resource;
use crate::bindings::cellhost::state::state::{self, Item};

/// Packages of the machine's own distribution, installed.
#[derive(Clone, Debug)]
pub struct Software(state::Software);

impl Software {
    /// Wishes for these packages, in whatever version, or in an exact one by `name=version`. They
    /// may not start their services: a distribution's stock configuration is rarely the wanted
    /// one.
    pub fn named<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(state::Software {
            names: names.into_iter().map(Into::into).collect(),
            start: false,
        })
    }

    /// Lets them start their services when installed.
    pub fn started(mut self) -> Self {
        self.0.start = true;
        self
    }
}

impl From<Software> for Resource {
    fn from(software: Software) -> Self {
        Self(Item::Software(software.0))
    }
}

/// Packages removed, their configuration kept.
#[derive(Clone, Debug)]
pub struct NoSoftware(Vec<String>);

impl NoSoftware {
    /// Wishes these packages away.
    pub fn named<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl From<NoSoftware> for Resource {
    fn from(software: NoSoftware) -> Self {
        Self(Item::NoSoftware(software.0))
    }
}
