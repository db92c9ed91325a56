//! Accounts in the database.

use std::sync::Arc;

use async_trait::async_trait;
use lodeman_auth::BuiltInRole;
use lodeman_config::{Config, Profile};
use lodeman_domain::clock::{Clock, IdSource, SystemClock, SystemIds};
use lodeman_http::Accounts;
use lodeman_store::{AccountWrite, Store, StoreError, UserRecord};
use lodeman_updater::control::{ControlError, ErrorKind};
use secrecy::SecretString;

use crate::exit::{Exit, Failure, chain};
use crate::password;

/// Makes accounts in a database.
pub struct StoredAccounts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl StoredAccounts {
    /// Accounts in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }

    fn admin(&self, name: &str, password_hash: &str) -> UserRecord {
        UserRecord::new(
            self.ids.next(),
            name,
            password_hash.to_owned(),
            BuiltInRole::Admin.id(),
            self.clock.now(),
        )
    }

    /// Makes the first administrator, as configured, where there is no account yet.
    ///
    /// # Errors
    /// [`Failure`] when the password is not allowed, or the database fails.
    pub async fn make_first(&self, config: &Config) -> Result<(), Failure> {
        let Some(password) = config.security.admin_password.clone() else { return Ok(()) };
        let failed = |error: StoreError| Failure::because("the first administrator cannot be made", &error);
        if self.store.count_users().await.map_err(failed)? > 0 {
            return Ok(());
        }
        let name = &config.security.admin_username;
        let hash = hashed(password, name, config.security.profile).await.map_err(|failure| {
            Failure::new(failure.exit, format!("security.admin_password: {}", failure.message))
        })?;
        match self.store.commit(vec![AccountWrite::InsertFirstUser(self.admin(name, &hash)).into()]).await {
            Ok(()) => {
                tracing::info!("made the first administrator, `{name}`");
                Ok(())
            }
            // Somebody made one meanwhile.
            Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

#[async_trait]
impl Accounts for StoredAccounts {
    async fn create_admin(&self, name: &str, password_hash: &str) -> Result<(), ControlError> {
        let user = self.admin(name, password_hash);
        match self.store.commit(vec![AccountWrite::InsertUser(user).into()]).await {
            Ok(()) => {
                tracing::info!("made the administrator `{name}`");
                Ok(())
            }
            Err(StoreError::Conflict { .. }) => Err(ControlError::new(
                ErrorKind::Conflict,
                format!("name: there is an account `{name}` already"),
            )),
            Err(error) => Err(ControlError::new(ErrorKind::Unavailable, chain(&error))),
        }
    }
}

/// What is stored of a password that is allowed.
///
/// # Errors
/// [`Failure`] when it is not.
pub async fn hashed(password: SecretString, name: &str, profile: Profile) -> Result<String, Failure> {
    password::check(&password, name, profile)?;
    match tokio::task::spawn_blocking(move || password::hash(&password)).await {
        Ok(hash) => hash,
        Err(error) => Err(Failure::new(Exit::Failed, format!("the password cannot be hashed: {error}"))),
    }
}
