use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A checkout of this repository and where it keeps what is built.
pub(crate) struct Workshop {
    root: PathBuf,
}

impl Workshop {
    /// Opens the checkout that this program was built from.
    pub(crate) fn here() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the workspace has no root")?;
        Ok(Self::at(root))
    }

    /// Opens a checkout.
    pub(super) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Returns the checkout's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns where finished module files go.
    pub(super) fn shelf(&self) -> PathBuf {
        self.root.join("target/guests")
    }

    /// Returns where compilers leave what is half done.
    pub(super) fn bench(&self) -> PathBuf {
        self.root.join("target/guest-build")
    }

    /// Returns where compilers from a package index are kept.
    pub(super) fn tools(&self) -> PathBuf {
        self.root.join("target/guest-tools")
    }
}
