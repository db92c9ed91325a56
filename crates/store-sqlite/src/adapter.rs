//! The store itself.

mod columns;
mod error;
mod files;
mod key;
mod open;
mod port;
mod read;
mod schema;
mod seal;
mod write;
mod writer;

use std::sync::Arc;

use sqlx::SqlitePool;

pub use files::DATABASE as DATABASE_FILE;
pub use key::KeySource;
pub use open::{OpenError, SqliteStoreConfig};
pub use seal::Sealing;

use seal::Sealer;
use writer::WriterHandle;

/// Persistence in one SQLite database of a data directory that no other process uses.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: WriterHandle,
    sealer: Arc<Sealer>,
}

impl SqliteStore {
    /// Whether create requests can be sealed and opened.
    #[must_use]
    pub fn sealing(&self) -> &Sealing {
        self.sealer.sealing()
    }

    /// Ends all connections, then lets go of the data directory. What was committed stays; what is asked
    /// of the store afterwards fails.
    pub async fn close(&self) {
        self.readers.close().await;
        // The writer may have ended already; there is nothing more to end then.
        let _ = self.writer.close().await;
    }
}
