//! The first administrator (sentinel contract, section 1.10; security requirement AU-3).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_store::{AccountWrite, StoreError, UserRecord, Write};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::users::check_name;
use super::{AuthService, is_local};
use crate::config::AuthConfig;
use crate::entropy::{Entropy, draw};
use crate::error::AuthError;
use crate::limit::Who;
use crate::role::BuiltInRole;
use crate::service::SignedIn;

/// What a set-up code is written with: no digit or letter that is taken for another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Its groups of five characters: 100 bits.
const GROUPS: usize = 4;

/// When set-up began, and its code.
pub(super) struct Setup {
    opened_at: Timestamp,
    window: Duration,
    code: SecretString,
    /// There was an account once; there always is from then on.
    complete: AtomicBool,
}

impl Setup {
    pub(super) fn open(
        now: Timestamp,
        config: &AuthConfig,
        entropy: &dyn Entropy,
    ) -> Result<Self, AuthError> {
        let bytes = draw::<{ GROUPS * 5 }>(entropy)?;
        let characters: Vec<char> =
            bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
        let groups: Vec<String> = characters.chunks(5).map(|group| group.iter().collect()).collect();
        let code = groups.join("-").into();
        Ok(Self { opened_at: now, window: config.setup_window, code, complete: AtomicBool::new(false) })
    }

    pub(super) fn code(&self) -> &SecretString {
        &self.code
    }

    fn until(&self) -> Timestamp {
        let window = SignedDuration::try_from(self.window).unwrap_or(SignedDuration::MAX);
        self.opened_at.saturating_add(window).unwrap_or(Timestamp::MAX)
    }

    /// Whether this is the code, without regard to case, dashes and blanks.
    fn is_code(&self, presented: &SecretString) -> bool {
        let plain = |text: &str| -> String {
            let kept = text.chars().filter(char::is_ascii_alphanumeric);
            kept.map(|c| c.to_ascii_uppercase()).collect()
        };
        let (code, presented) = (plain(self.code.expose_secret()), plain(presented.expose_secret()));
        code.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

/// How far set-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupState {
    /// There is an account.
    Complete,
    /// There is none, and one can be made until then.
    Open {
        /// When the window closes.
        until: Timestamp,
    },
    /// There is none, and the window is over until the next start.
    Expired,
}

/// The first administrator, as asked for.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// From where; none on a Unix socket.
    pub peer: Option<IpAddr>,
    /// With what.
    pub user_agent: String,
    /// The administrator's name.
    pub username: String,
    /// The administrator's password.
    pub password: SecretString,
    /// The code from the log.
    pub setup_code: Option<SecretString>,
    /// Settings that are stored along with it.
    pub settings: Vec<(String, String)>,
}

impl AuthService {
    /// How far set-up is. Costs nothing once there is an account.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails.
    pub async fn setup_state(&self) -> Result<SetupState, AuthError> {
        if self.setup.complete.load(Ordering::Acquire) {
            return Ok(SetupState::Complete);
        }
        if self.store.count_users().await? > 0 {
            self.setup.complete.store(true, Ordering::Release);
            return Ok(SetupState::Complete);
        }
        let (now, until) = (self.now(), self.setup.until());
        // A clock that was set back does not open the window again.
        let open = now >= self.setup.opened_at && now < until;
        Ok(if open { SetupState::Open { until } } else { SetupState::Expired })
    }

    /// Whether set-up is open. To be asked before the body is looked at.
    ///
    /// # Errors
    /// [`AuthError::SetupComplete`], [`AuthError::SetupExpired`], or that the store failed.
    pub async fn check_setup(&self) -> Result<(), AuthError> {
        match self.setup_state().await? {
            SetupState::Complete => Err(AuthError::SetupComplete),
            SetupState::Open { .. } => Ok(()),
            SetupState::Expired => Err(AuthError::SetupExpired),
        }
    }

    /// The code of this start, for the server's own log and nothing else. It is void once there is an account.
    #[must_use]
    pub fn setup_code(&self) -> &SecretString {
        self.setup.code()
    }

    /// Whether set-up from there needs the code.
    #[must_use]
    pub fn needs_setup_code(&self, peer: Option<IpAddr>) -> bool {
        self.config.setup_code_from_loopback || !is_local(peer)
    }

    /// Makes the first administrator and signs them in. Of two who ask at once, one is told that it is done.
    ///
    /// # Errors
    /// As [`AuthService::check_setup`]; then [`AuthError::TooManyFailures`], [`AuthError::SetupCodeRequired`],
    /// [`AuthError::FieldsRequired`], [`AuthError::Invalid`], [`AuthError::Password`], [`AuthError::Busy`].
    pub async fn set_up(&self, asked: SetUp) -> Result<SignedIn, AuthError> {
        self.check_setup().await?;
        self.check_code(asked.peer, asked.setup_code.as_ref())?;
        check_name(&asked.username, &asked.password)?;
        let checked = self.config.passwords.check(&asked.password, &asked.username);
        checked.map_err(AuthError::Password)?;
        let hash = self.hasher.hash(asked.password).await?;
        let now = self.now();
        let mut user = UserRecord::new(self.ids.next(), &asked.username, hash, BuiltInRole::Admin.id(), now);
        user.last_login_at = Some(now);
        user.password_changed_at = Some(now);
        let issued = self.issue(&user, "setup", asked.peer, &asked.user_agent)?;
        let message = format!("Initial admin user {} created via setup wizard", user.name);
        let mut writes = vec![
            AccountWrite::InsertFirstUser(user.clone()).into(),
            issued.write(self.config.sessions_kept).into(),
            self.entry(None, message),
        ];
        let done = ("auth_setup_complete".to_owned(), "true".to_owned());
        let settings = asked.settings.into_iter().chain([done]);
        writes.extend(settings.map(|(key, value)| Write::PutSetting { key, value }));
        match self.store.commit(writes).await {
            Ok(()) => {}
            Err(StoreError::Conflict { what: "first user" }) => return Err(AuthError::SetupComplete),
            Err(error) => return Err(error.into()),
        }
        self.setup.complete.store(true, Ordering::Release);
        self.failures.forget(&Who::at(asked.peer));
        self.signed_in(&user, issued).await
    }

    fn check_code(&self, peer: Option<IpAddr>, code: Option<&SecretString>) -> Result<(), AuthError> {
        if !self.needs_setup_code(peer) {
            return Ok(());
        }
        let who = Who::at(peer);
        self.may_try(&who)?;
        match code {
            Some(code) if self.setup.is_code(code) => Ok(()),
            Some(code) => {
                if !code.expose_secret().is_empty() {
                    self.failures.record(who, self.now());
                }
                Err(AuthError::SetupCodeRequired)
            }
            None => Err(AuthError::SetupCodeRequired),
        }
    }
}
