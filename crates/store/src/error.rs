//! Why the store did not do what was asked.

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a read or a commit failed. A failed commit wrote nothing, but for what [`StoreError::Failed`] says.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A guard of a write did not hold: another writer was first, or a unique key is taken.
    #[error("{what} was changed or taken by another writer")]
    Conflict {
        /// What the guard was on: `operation`, `queue entry`, `lock of record`, …
        what: &'static str,
    },
    /// Another writer kept the database busy beyond the timeout.
    #[error("the database is busy")]
    Busy(#[source] BoxError),
    /// No space is left.
    #[error("there is no space left for the database")]
    Full(#[source] BoxError),
    /// A stored value cannot be read back.
    #[error("a stored {what} cannot be read: {message}")]
    Corrupt {
        /// What kind of value.
        what: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A sealed value cannot be opened: the key is missing or another one.
    #[error("a sealed {what} cannot be opened with this key")]
    Sealed {
        /// What kind of value.
        what: &'static str,
    },
    /// Anything else: the medium failed. Whether a commit took effect is not known then.
    #[error("the database failed")]
    Failed(#[source] BoxError),
}
