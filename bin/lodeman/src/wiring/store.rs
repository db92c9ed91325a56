//! The database of a data directory. Who has it open has the directory.

use std::sync::Arc;

use lodeman_config::Config;
use lodeman_store_sqlite::{KeySource, OpenError, SqliteStore, SqliteStoreConfig};

use crate::exit::{Exit, Failure, chain};

/// Why the database cannot be opened.
#[derive(Debug)]
pub enum OpenFailure {
    /// Another process has it; its id, where it is known.
    Busy(Option<u32>),
    /// It cannot be used.
    Unusable(Failure),
}

/// Takes the data directory, and opens and migrates its database.
///
/// # Errors
/// [`OpenFailure`] when another process has it, or it cannot be used.
pub async fn open(config: &Config) -> Result<Arc<SqliteStore>, OpenFailure> {
    let key = match (&config.security.secret_key, &config.security.secret_key_file) {
        (Some(key), _) => KeySource::Given(key.clone()),
        (None, Some(file)) => KeySource::File(file.clone()),
        (None, None) => KeySource::DataDir,
    };
    let config = SqliteStoreConfig { key, ..SqliteStoreConfig::new(&config.server.data_dir) };
    match SqliteStore::open(config).await {
        Ok(store) => Ok(Arc::new(store)),
        Err(OpenError::DataLocked { pid, .. }) => Err(OpenFailure::Busy(pid)),
        Err(error) => Err(OpenFailure::Unusable(Failure::new(Exit::Failed, chain(&error)))),
    }
}
