//! Whose a request is.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use lodeman_store::{SessionRecord, UserRecord};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::{AuthService, told};
use crate::csrf::CsrfToken;
use crate::error::AuthError;
use crate::permission_set::PermissionSet;
use crate::principal::{Principal, PrincipalUser, UserId, Via};
use crate::secret::stored_form;
use crate::touch::{Touch, Used};

/// What a request showed.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// What stood behind `Bearer`.
    pub bearer: Option<SecretString>,
    /// What the session's cookie held.
    pub session: Option<SecretString>,
}

/// Whether a request keeps its session alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A person did something.
    Active,
    /// A stream, or polling in the background: it is looked at and changes nothing.
    Background,
}

impl AuthService {
    /// Whose a request is. A bearer token is looked at first and is final; when authentication is off,
    /// everybody is [`Principal::system`].
    ///
    /// Nothing is remembered between two calls, so that what was revoked is refused at once. Streams ask again
    /// every ten seconds.
    ///
    /// # Errors
    /// [`AuthError::BadToken`] or [`AuthError::Unauthenticated`]; the latter with a session at hand means that
    /// its cookie is to be cleared.
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
        peer: Option<IpAddr>,
        usage: Use,
    ) -> Result<Principal, AuthError> {
        if !self.is_enabled() {
            return Ok(Principal::system());
        }
        if let Some(bearer) = &credentials.bearer {
            return self.by_token(bearer, peer).await;
        }
        match &credentials.session {
            Some(session) => self.by_session(session, peer, usage).await,
            None => Err(AuthError::Unauthenticated),
        }
    }

    /// Whose a bearer token is, also when authentication is off: the feed asks for one of its own.
    ///
    /// # Errors
    /// [`AuthError::BadToken`].
    pub async fn by_token(&self, token: &SecretString, peer: Option<IpAddr>) -> Result<Principal, AuthError> {
        let hash = stored_form(token.expose_secret());
        let Some((record, user)) = self.store.find_token(&hash).await? else {
            return Err(AuthError::BadToken);
        };
        let now = self.now();
        let over = record.expires_at.is_some_and(|end| now >= end);
        if !is_same(&record.token_hash, &hash) || over || !user.enabled {
            return Err(AuthError::BadToken);
        }
        let mut permissions = self.permissions_of(&user.role).await?;
        if let Some(given) = &record.permissions {
            let given = PermissionSet::parse_known(given.iter().map(String::as_str));
            permissions = permissions.intersection(given);
        }
        self.touches.note(Used::Token(record.id.clone()), Touch { at: now, from: told(peer) });
        Ok(principal(&user, permissions, Via::Bearer { token_id: record.id }, None))
    }

    async fn by_session(
        &self,
        token: &SecretString,
        peer: Option<IpAddr>,
        usage: Use,
    ) -> Result<Principal, AuthError> {
        let hash = stored_form(token.expose_secret());
        let Some((record, user)) = self.store.find_session(&hash).await? else {
            return Err(AuthError::Unauthenticated);
        };
        let now = self.now();
        let same = is_same(&record.token_hash, &hash);
        let key = Used::Session(hash);
        let touched = self.touches.find(&key).map(|touch| touch.at);
        let last_used = touched.map_or(record.last_used_at, |at| at.max(record.last_used_at));
        if !same || is_over(&record, last_used, now) || !user.enabled {
            return Err(AuthError::Unauthenticated);
        }
        let permissions = self.permissions_of(&user.role).await?;
        if usage == Use::Active {
            self.touches.note(key, Touch { at: now, from: told(peer) });
        }
        let csrf = CsrfToken::of_session(token.expose_secret());
        Ok(principal(&user, permissions, Via::Session { handle: record.handle }, Some(csrf)))
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn is_over(record: &SessionRecord, last_used: Timestamp, now: Timestamp) -> bool {
    let unused: Duration = now.duration_since(last_used).try_into().unwrap_or(Duration::ZERO);
    now >= record.expires_at || unused >= record.idle_limit
}

pub(super) fn principal(
    user: &UserRecord,
    permissions: PermissionSet,
    via: Via,
    csrf: Option<CsrfToken>,
) -> Principal {
    Principal {
        user: PrincipalUser { id: UserId::Stored(user.id), name: user.name.clone() },
        role: user.role.clone(),
        permissions,
        via,
        csrf,
    }
}
