use std::io;
use std::path::PathBuf;

use cellhost_manifest::ExtractError;
use cellhost_plan::LoadError;
use thiserror::Error;

/// Why a guest cannot be made a module file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackError {
    /// The file is no WebAssembly.
    #[error("the guest is no WebAssembly file")]
    NotWasm {
        /// What the parser stumbled over.
        source: wasmparser::BinaryReaderError,
    },
    /// The file is WebAssembly, and cannot be made a component.
    #[error("the guest cannot be made a component: {reason}")]
    Guest {
        /// What the encoder says.
        reason: String,
    },
    /// The guest cannot be asked for the schema of its settings.
    #[error("the guest cannot be asked for its settings' schema: {reason}")]
    Description {
        /// What went wrong.
        reason: String,
    },
    /// A schema is no JSON.
    #[error("{origin} is no JSON")]
    Schema {
        /// Where it comes from.
        origin: String,
        /// What the JSON parser says.
        source: serde_json::Error,
    },
    /// The manifest is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] LoadError),
    /// A file of the module's folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The parts do not make a module.
    #[error(transparent)]
    Embed(#[from] ExtractError),
}
