//! Who is let in.

use std::sync::Arc;
use std::time::Duration;

use lodeman_auth::{AuthConfig, AuthDeps, AuthError, AuthService, SetupState, SystemEntropy};
use lodeman_config::{Config, Profile};
use lodeman_domain::clock::{SystemClock, SystemIds};
use lodeman_http::sentinel::Cookies;
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

/// The numbers of the profile, with what is configured besides.
#[must_use]
pub fn numbers(config: &Config) -> AuthConfig {
    let security = &config.security;
    let profile = match security.profile {
        Profile::Home => AuthConfig::home(),
        Profile::Strict => AuthConfig::strict(),
    };
    let session_life = security.session_life.unwrap_or(profile.session_life);
    AuthConfig { session_life, enabled: security.authentication, ..profile }
}

/// How cookies are written: this server speaks no TLS itself, so only where they are told to be, they travel
/// over TLS alone.
pub fn cookies(config: &Config) -> Cookies {
    Cookies { secure: config.security.cookie_secure.unwrap_or(false) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_config::Sources;

    fn config(env: &[(&str, &str)]) -> Config {
        let sources = Sources {
            file: None,
            env: env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            flags: Vec::new(),
            system_time_zone: None,
            read_secret: &|_| Err(std::io::ErrorKind::NotFound.into()),
        };
        Config::load(&sources).unwrap()
    }

    #[test]
    fn sign_ins_last_as_configured_or_as_the_profile_says() {
        let home = numbers(&config(&[]));
        assert_eq!((home.session_life, home.enabled), (Duration::from_hours(720), None));
        let strict = numbers(&config(&[("LODEMAN_SECURITY_PROFILE", "strict")]));
        assert_eq!(strict.session_life, Duration::from_hours(12));
        let set = [("SENTINEL_SESSION_EXPIRY", "24h"), ("SENTINEL_AUTH_ENABLED", "false")];
        let set = numbers(&config(&set));
        assert_eq!((set.session_life, set.enabled), (Duration::from_hours(24), Some(false)));
    }

    #[test]
    fn cookies_travel_over_tls_only_where_they_are_told_to() {
        assert!(!cookies(&config(&[])).secure);
        assert!(cookies(&config(&[("SENTINEL_COOKIE_SECURE", "true")])).secure);
    }
}
