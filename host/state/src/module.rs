//! Modules by the hash of their bytes, and who has which number.

use cellhost_manifest::digest;

use crate::store::Created;
use crate::succession::{Followed, Succession};
use crate::{Store, StoreError};

impl Store {
    /// Keeps the bytes of a module.
    pub async fn keep_module(&self, sha256: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let name = module(sha256);
        if self.has(&name).await? {
            return Ok(());
        }
        match self.create(&name, bytes).await? {
            Created::Ours => Ok(()),
            Created::Taken(_) => Err(self.broken(&name, "is not the module of that hash")),
        }
    }

    /// The bytes of a module, where it was kept.
    pub async fn module(&self, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = module(sha256);
        match self.read(&name).await? {
            Some(bytes) if digest(&bytes) != sha256 => {
                Err(self.broken(&name, "is not the module of that hash"))
            }
            found => Ok(found),
        }
    }

    /// Who has which number, as it was last written down, with the number of that writing.
    pub async fn roster(&self) -> Result<(u64, Option<String>), StoreError> {
        let (number, bytes) = self.rosters().last().await?;
        if number == 0 {
            return Ok((0, None));
        }
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| self.broken("roster", "is no text"))?;
        Ok((number, Some(text)))
    }

    /// Writes down who has which number, after the writing with a number. Gives the new one.
    /// Earlier ones stay.
    pub async fn write_roster(&self, after: u64, text: &str) -> Result<u64, StoreError> {
        match self.rosters().follow(after, text.as_bytes()).await? {
            Followed::With(number) => Ok(number),
            Followed::Taken(_) => Err(self.overtaken("roster")),
        }
    }

    fn rosters(&self) -> Succession {
        Succession::of(self.clone(), "roster")
    }
}

fn module(sha256: &str) -> String {
    format!("modules/{sha256}.wasm")
}
