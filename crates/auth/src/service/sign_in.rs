//! Signing in with a password, and out.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_store::{AccountWrite, SecretHash, SessionRecord, StoreError, UserRecord};
use secrecy::{ExposeSecret as _, SecretString};

use super::authenticate::principal;
use super::{AuthService, is_local, told};
use crate::csrf::CsrfToken;
use crate::entropy::draw;
use crate::error::AuthError;
use crate::limit::Who;
use crate::password::Fit;
use crate::principal::{Principal, Via};
use crate::role::BuiltInRole;
use crate::secret::{hex, stored_form};

/// The longest user agent that is kept, in characters.
const AGENT_KEPT: usize = 256;

/// Somebody at the door.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// From where; none on a Unix socket.
    pub peer: Option<IpAddr>,
    /// With what.
    pub user_agent: String,
    /// As whom.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What the session's cookie holds, 64 hex digits. It is stored nowhere.
    pub token: SecretString,
    /// What goes with requests of the session that change something.
    pub csrf: CsrfToken,
    /// When the session ends in any case, and its cookie with it.
    pub expires_at: Timestamp,
    /// Who that is.
    pub principal: Principal,
}

/// A session that is to be stored.
pub(super) struct Issued {
    pub(super) token: SecretString,
    pub(super) record: SessionRecord,
}

impl Issued {
    pub(super) fn write(&self, keep: u32) -> AccountWrite {
        AccountWrite::InsertSession { session: Box::new(self.record.clone()), keep }
    }
}

fn after(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}

impl AuthService {
    /// Signs somebody in who knows the password. Each sign-in is a session of its own.
    ///
    /// # Errors
    /// [`AuthError::SignInFieldsRequired`], [`AuthError::TooManyFailures`], [`AuthError::TooManyRequests`],
    /// [`AuthError::Locked`], [`AuthError::BadCredentials`], [`AuthError::Busy`], or that the store failed.
    pub async fn sign_in(&self, asked: SignIn) -> Result<SignedIn, AuthError> {
        let SignIn { peer, user_agent, username, password } = asked;
        if username.is_empty() || password.expose_secret().is_empty() {
            return Err(AuthError::SignInFieldsRequired);
        }
        let (who, now) = (Who::at(peer), self.now());
        self.may_try(&who)?;
        if let Some(knocks) = &self.knocks_by_name {
            let admitted = knocks.admit(Who::named(&username), now);
            admitted.map_err(|retry_after| AuthError::TooManyRequests { retry_after })?;
        }
        let user = self.store.find_user(&username).await?;
        let locked = match &user {
            Some(user) => self.lock_left(user, peer, now).await?,
            None => None,
        };
        if let Some(retry_after) = locked.filter(|_| self.config.locks.is_told) {
            return Err(AuthError::Locked { retry_after });
        }
        // What is not let in in any case takes as long as what might be.
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let fit = self.hasher.fits(password.clone(), stored).await?;
        match user {
            Some(user) if user.enabled && locked.is_none() => match fit {
                Fit::Yes | Fit::YesButWeak => {
                    let signed = self.let_in(user, password, fit, peer, &user_agent).await?;
                    self.failures.forget(&who);
                    Ok(signed)
                }
                Fit::No | Fit::Unreadable => {
                    self.failures.record(who, now);
                    self.count_wrong(&user, peer).await?;
                    Err(AuthError::BadCredentials)
                }
            },
            _ => {
                tracing::info!(peer = told(peer), "a sign-in was refused");
                self.failures.record(who, now);
                Err(AuthError::BadCredentials)
            }
        }
    }

    /// Ends the session with this token, if there is one.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails.
    pub async fn sign_out(&self, session: &SecretString) -> Result<(), AuthError> {
        let token_hash = stored_form(session.expose_secret());
        // Anybody may ask; a commit is for who had a session.
        if self.store.find_session(&token_hash).await?.is_some() {
            self.store.commit(vec![AccountWrite::DropSession { token_hash }.into()]).await?;
        }
        Ok(())
    }

    /// Whether an address may try, after what it failed at.
    pub(super) fn may_try(&self, who: &Who) -> Result<(), AuthError> {
        let checked = self.failures.check(who, self.now());
        checked.map_err(|retry_after| AuthError::TooManyFailures { retry_after })
    }

    /// How long an account stays locked for this peer, if it is.
    async fn lock_left(
        &self,
        user: &UserRecord,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Duration>, AuthError> {
        let Some(until) = user.locked_until.filter(|until| *until > now) else { return Ok(None) };
        let admin = BuiltInRole::Admin.id();
        if self.config.locks.spares_last_admin && is_local(peer) && user.role == admin {
            let users = self.store.list_users().await?;
            let another = |other: &UserRecord| other.id != user.id && other.enabled && other.role == admin;
            if !users.iter().any(another) {
                return Ok(None);
            }
        }
        Ok(Some(until.duration_since(now).unsigned_abs()))
    }

    async fn count_wrong(&self, user: &UserRecord, peer: Option<IpAddr>) -> Result<(), AuthError> {
        let locks = self.config.locks;
        let count = user.failed_attempts.saturating_add(1);
        let lock_until = after(self.now(), locks.span(count));
        let failure = AccountWrite::RecordFailure { user: user.id, lock_after: locks.after, lock_until };
        let mut writes = vec![failure.into()];
        if count >= locks.after {
            let message = format!("User {} was locked after {count} wrong passwords", user.name);
            writes.push(self.entry(None, message));
        }
        tracing::info!(peer = told(peer), user.name = user.name, "a sign-in was refused");
        Ok(self.store.commit(writes).await?)
    }

    async fn let_in(
        &self,
        user: UserRecord,
        password: SecretString,
        fit: Fit,
        peer: Option<IpAddr>,
        user_agent: &str,
    ) -> Result<SignedIn, AuthError> {
        let expect = user.password_hash.clone();
        let hash = match fit {
            Fit::YesButWeak => self.hasher.hash(password).await?,
            _ => expect.clone(),
        };
        let issued = self.issue(&user, "password", peer, user_agent)?;
        // The password is set to itself at least: had it been changed meanwhile, nobody would be let in.
        let (hash, expect) = (SecretHash(hash), SecretHash(expect));
        let writes = vec![
            AccountWrite::SetPassword { user: user.id, hash, expect, changed_at: None }.into(),
            AccountWrite::RecordSignIn { user: user.id, at: self.now() }.into(),
            issued.write(self.config.sessions_kept).into(),
            self.entry(None, format!("User {} logged in from {}", user.name, told(peer))),
        ];
        match self.store.commit(writes).await {
            Ok(()) => self.signed_in(&user, issued).await,
            Err(StoreError::Conflict { what: "password" | "user" }) => Err(AuthError::BadCredentials),
            Err(error) => Err(error.into()),
        }
    }

    /// A new session for `user`, not stored yet.
    pub(super) fn issue(
        &self,
        user: &UserRecord,
        method: &str,
        peer: Option<IpAddr>,
        user_agent: &str,
    ) -> Result<Issued, AuthError> {
        let token = hex(&draw::<32>(&*self.entropy)?);
        let now = self.now();
        let record = SessionRecord {
            token_hash: stored_form(&token),
            handle: hex(&draw::<32>(&*self.entropy)?),
            user: user.id,
            method: method.to_owned(),
            created_at: now,
            last_used_at: now,
            authenticated_at: now,
            expires_at: after(now, self.config.session_life),
            idle_limit: self.config.session_idle,
            ip: told(peer),
            user_agent: user_agent.chars().filter(|c| !c.is_control()).take(AGENT_KEPT).collect(),
        };
        Ok(Issued { token: token.into(), record })
    }

    pub(super) async fn signed_in(&self, user: &UserRecord, issued: Issued) -> Result<SignedIn, AuthError> {
        let Issued { token, record } = issued;
        let csrf = CsrfToken::of_session(token.expose_secret());
        let permissions = self.permissions_of(&user.role).await?;
        let via = Via::Session { handle: record.handle };
        let principal = principal(user, permissions, via, Some(csrf.clone()));
        Ok(SignedIn { token, csrf, expires_at: record.expires_at, principal })
    }
}
