//! The persistence ports over SQLite.
//!
//! One writer task owns the one writing connection (`BEGIN IMMEDIATE`, write-ahead log,
//! `synchronous=FULL`); a commit is acknowledged only after it returned. Two read-only connections
//! serve the reads. The data directory is locked for as long as the store lives. Create requests are
//! sealed before they reach the medium, since they carry secrets.

#[cfg(feature = "adapter")]
mod adapter;

#[cfg(feature = "adapter")]
pub use adapter::{DATABASE_FILE, KeySource, OpenError, Sealing, SqliteStore, SqliteStoreConfig};

/// The schema, as migrations that are final once they are merged.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
