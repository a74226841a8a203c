//! The word that is waited for before a list of wishes is settled.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Certainty;

/// Judges what is about to be settled, once it is known, and before anything is sent.
///
/// A layer that wants a say gives one to the effects that it passes on. Whoever settles lists asks
/// it about each part of a list right after the look at that part.
#[async_trait]
pub trait Overseer: Send + Sync {
    /// Lets all of this be settled, or says why none of it is.
    async fn judge(&self, about: Vec<Prospect>) -> Result<(), String>;
}

/// The word that is waited for before a list of wishes is settled; none is needed by default.
#[derive(Clone, Default)]
pub struct Consent(Option<Arc<dyn Overseer>>);

impl Consent {
    /// A consent that this one gives.
    pub fn of(overseer: Arc<dyn Overseer>) -> Self {
        Self(Some(overseer))
    }

    /// Whether anybody wants to be asked.
    pub(crate) fn is_needed(&self) -> bool {
        self.0.is_some()
    }

    /// Asks, where somebody wants to be asked.
    pub(crate) async fn ask(&self, about: Vec<Prospect>) -> Result<(), String> {
        match &self.0 {
            Some(overseer) if !about.is_empty() => overseer.judge(about).await,
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Consent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Consent")
    }
}

/// One wish that is about to be settled, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prospect {
    /// Its place among the wishes of its list; an item can be several of them.
    pub place: usize,
    /// What its item is about.
    pub subject: String,
    /// A fingerprint of all that is wished for, content included.
    pub wished: String,
    /// What is to change; empty where nothing is, as far as that can be told.
    pub lines: Vec<String>,
    /// The content that is replaced and the one that replaces it, where content is.
    pub content: Option<Replaced>,
    /// Whether there are secrets in what is wished for, so that not even its hash is to be kept.
    pub secret: bool,
    /// How sure all of this is.
    pub certainty: Certainty,
}

/// The content of a file before and after, as SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Before; none where there was no file.
    pub before: Option<String>,
    /// After.
    pub after: String,
}
