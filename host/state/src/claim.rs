use serde::{Deserialize, Serialize};

use crate::succession::{Last, Succession};
use crate::{Store, StoreError};

/// The folder of the lock.
const FOLDER: &str = "lock";

/// Who holds the lock of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    /// A word that no other holder has.
    pub token: String,
    /// The computer and state directory that it is held from.
    pub controller: String,
    /// The user there.
    pub user: String,
    /// The name of the computer.
    pub host: String,
    /// The process there.
    pub process: u32,
    /// What it does, such as `run`.
    pub command: String,
    /// The run it is held for, once that has a name.
    pub run: Option<String>,
    /// Since when, by its own clock.
    pub since: String,
}

/// What an object of the lock says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "lock", rename_all = "kebab-case")]
pub(crate) enum Claim {
    /// Somebody has it.
    Held {
        /// Who.
        #[serde(flatten)]
        holder: Holder,
        /// When it last gave a sign of life, by its own clock.
        sign: String,
    },
    /// Nobody has it any longer.
    Free {
        /// Whose it was.
        was: Option<String>,
        /// Who says so.
        by: String,
        /// When, by their clock.
        at: String,
    },
}

/// How the lock of a cell stands.
#[derive(Debug, Clone)]
pub enum Standing {
    /// Nobody has it.
    Free,
    /// Somebody has it.
    Held {
        /// Who.
        holder: Holder,
        /// When it last gave a sign of life, by its own clock.
        sign: String,
    },
    /// Somebody has it whose words cannot be read, such as a later cellhost's.
    Unreadable {
        /// The number of what it wrote.
        number: u64,
    },
}

impl Claim {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Nothing in it can fail to be written; if it did, nobody could read it.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

impl Standing {
    pub(crate) fn of((number, bytes): &Last) -> Self {
        if *number == 0 {
            return Self::Free;
        }
        match serde_json::from_slice(bytes) {
            Ok(Claim::Held { holder, sign }) => Self::Held { holder, sign },
            Ok(Claim::Free { .. }) => Self::Free,
            Err(_) => Self::Unreadable { number: *number },
        }
    }

    fn is_that_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Held { holder, .. }, Self::Held { holder: other, .. }) => {
                holder.token == other.token
            }
            (Self::Unreadable { number }, Self::Unreadable { number: other }) => number == other,
            _ => false,
        }
    }
}

impl Store {
    pub(crate) fn claims(&self) -> Succession {
        Succession::of(self.clone(), FOLDER)
    }

    /// How the cell's lock stands.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        Ok(Standing::of(&self.claims().last().await?))
    }

    /// Takes the lock away from whoever was seen to have it. Where it has changed hands since, it
    /// stays as it is and this tells how it stands. A holder that gave a sign of life meanwhile is
    /// still the same one.
    pub async fn unlock(&self, seen: &Standing, by: &str) -> Result<Standing, StoreError> {
        let claims = self.claims();
        loop {
            let last = claims.last().await?;
            let stands = Standing::of(&last);
            if !stands.is_that_of(seen) {
                return Ok(stands);
            }
            let was = match &stands {
                Standing::Held { holder, .. } => Some(holder.token.clone()),
                _ => None,
            };
            let free = Claim::Free {
                was,
                by: by.to_owned(),
                at: jiff::Timestamp::now().to_string(),
            };
            let said = claims.follow(last.0, &free.bytes()).await?;
            if let crate::succession::Followed::With(_) = said {
                claims.discard(last.0).await;
                return Ok(Standing::Free);
            }
        }
    }
}
