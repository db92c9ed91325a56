//! Who is let in.

use std::sync::Arc;
use std::time::Duration;

use lodeman_auth::{AuthConfig, AuthDeps, AuthError, AuthService, SetupState, SystemEntropy};
use lodeman_config::{Config, Profile};
use lodeman_domain::clock::{SystemClock, SystemIds};
use lodeman_store::Store;
use secrecy::ExposeSecret as _;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;

/// How often it is written down when sessions and tokens were last used.
const MAINTENANCE: Duration = Duration::from_mins(1);

/// The accounts of `store`, by the numbers of the configured profile.
///
/// # Errors
/// [`Failure`] when the store fails, or the machine has no random bytes.
pub async fn identity(config: &Config, store: Arc<dyn Store>) -> Result<Arc<AuthService>, Failure> {
    let numbers = numbers(config);
    let deps = AuthDeps {
        store,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        entropy: Arc::new(SystemEntropy),
    };
    let failed = |error: AuthError| Failure::because("who may sign in is not known", &error);
    let service = AuthService::start(numbers, deps).await.map_err(failed)?;
    if let SetupState::Open { until } = service.setup_state().await.map_err(failed)? {
        tracing::info!(
            "nobody can sign in yet: `POST /setup` makes the first administrator until {until}; from another \
             machine with the set-up code {}",
            service.setup_code().expose_secret()
        );
    }
    Ok(Arc::new(service))
}

/// The numbers of the configured profile.
#[must_use]
pub fn numbers(config: &Config) -> AuthConfig {
    match config.security.profile {
        Profile::Home => AuthConfig::home(),
        Profile::Strict => AuthConfig::strict(),
    }
}

/// Keeps accounts in order until `stopping`, and once more then.
pub async fn maintain(service: &AuthService, stopping: &CancellationToken) {
    let mut turns = interval(MAINTENANCE);
    loop {
        let goes_on = stopping.run_until_cancelled(turns.tick()).await.is_some();
        if let Err(error) = service.maintain().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "when accounts were last used cannot be written down; it is tried again");
        }
        if !goes_on {
            return;
        }
    }
}
