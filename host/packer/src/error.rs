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
}
