use std::time::Duration;

/// Why a store could not be asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// This program was built without what speaks to stores.
    #[error("this cellhost was built without the feature `remote-state`, and cannot use `{url}`")]
    NotBuilt {
        /// The store.
        url: String,
    },
    /// The store cannot be used as the plan and the environment describe it.
    #[error("the store `{url}` cannot be used: {reason}")]
    Unusable {
        /// The store.
        url: String,
        /// Why not.
        reason: String,
    },
    /// It did not answer, for as long as was waited.
    #[error("the store `{url}` has not answered for {}: {reason}", seconds(*waited))]
    Away {
        /// The store.
        url: String,
        /// How long it was tried.
        waited: Duration,
        /// What came of the last attempt.
        reason: String,
    },
    /// It says no, and would say so again.
    #[error("the store `{url}` refuses: {reason}")]
    Refused {
        /// The store.
        url: String,
        /// What it says.
        reason: String,
    },
    /// It replaces what it should only create.
    #[error(
        "the store `{url}` replaces objects that it is asked to create only where there are none, so it cannot keep a lock"
    )]
    Replaces {
        /// The store.
        url: String,
    },
    /// An object is there that another has to have written.
    #[error("somebody else wrote `{object}` in the store `{url}`")]
    Overtaken {
        /// The store.
        url: String,
        /// The object.
        object: String,
    },
    /// What was read is not what was written, or has no place to go.
    #[error("`{object}` in the store `{url}` {reason}")]
    Broken {
        /// The store.
        url: String,
        /// The object.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs().max(1))
}
