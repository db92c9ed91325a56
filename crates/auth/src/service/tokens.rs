//! The caller's own API tokens (sentinel contract, sections 2.18 and 7.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use lodeman_store::{AccountWrite, ApiTokenRecord, StoreError};
use secrecy::SecretString;
use uuid::Uuid;

use super::AuthService;
use crate::entropy::draw;
use crate::error::AuthError;
use crate::permission_set::PermissionSet;
use crate::principal::{Principal, UserId};
use crate::secret::{hex, stored_form};
use crate::touch::Used;

/// What every token begins with.
const PREFIX: &str = "stk_";
/// The longest name of a token, in characters.
const NAME_LONGEST: usize = 128;

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Its id, 16 hex digits.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Ids of the permissions it was given; nothing: all that its owner has.
    pub permissions: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Where it was last used from.
    pub last_used_from: Option<String>,
}

/// A new token, as asked for.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// What it is to be given of what its owner has; nothing: all, as it is at each use.
    pub permissions: Option<PermissionSet>,
    /// When it is to end; nothing: as the profile says.
    pub expires_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Debug, Clone)]
pub struct CreatedToken {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The token. It is stored nowhere and told this once.
    pub token: SecretString,
}

/// Whose tokens.
fn owner(caller: &Principal) -> Result<Uuid, AuthError> {
    match caller.user.id {
        UserId::Stored(id) => Ok(id),
        UserId::System => Err(AuthError::Disabled),
    }
}

impl AuthService {
    /// Makes a token for the caller. A token that was given less than its owner has makes none.
    ///
    /// # Errors
    /// [`AuthError::Disabled`], [`AuthError::TokenNameRequired`], [`AuthError::Invalid`],
    /// [`AuthError::Forbidden`].
    pub async fn create_token(&self, caller: &Principal, asked: NewToken) -> Result<CreatedToken, AuthError> {
        let user = owner(caller)?;
        let name = asked.name.trim().to_owned();
        if name.is_empty() {
            return Err(AuthError::TokenNameRequired);
        }
        if name.chars().count() > NAME_LONGEST || name.chars().any(char::is_control) {
            return Err(AuthError::Invalid("token name must be at most 128 characters on one line"));
        }
        let held = self.permissions_of(&caller.role).await?;
        let given_all = caller.permissions.contains_all(held);
        let given = asked.permissions.unwrap_or(caller.permissions);
        if !given_all || !caller.permissions.contains_all(given) {
            return Err(AuthError::Forbidden);
        }
        let now = self.now();
        if asked.expires_at.is_some_and(|end| end <= now) {
            return Err(AuthError::Invalid("expires_at must lie in the future"));
        }
        let life = self.config.token_life.and_then(|life| SignedDuration::try_from(life).ok());
        let by_profile = life.and_then(|life| now.saturating_add(life).ok());
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(draw::<32>(&*self.entropy)?));
        let record = ApiTokenRecord {
            id: hex(&draw::<8>(&*self.entropy)?),
            token_hash: stored_form(&token),
            user,
            name: name.clone(),
            permissions: asked.permissions.map(|set| set.ids().into_iter().map(str::to_owned).collect()),
            created_at: now,
            expires_at: asked.expires_at.or(by_profile),
            last_used_at: None,
            last_used_from: None,
        };
        let created = CreatedToken { id: record.id.clone(), name: name.clone(), token: token.into() };
        let message = format!("API token {name} created by {}", caller.user.name);
        let writes =
            vec![AccountWrite::InsertToken(Box::new(record)).into(), self.entry(Some(caller), message)];
        match self.store.commit(writes).await {
            Ok(()) => Ok(created),
            // The account was deleted in between.
            Err(StoreError::Conflict { what: "user" }) => Err(AuthError::Unauthenticated),
            Err(error) => Err(error.into()),
        }
    }

    /// The caller's tokens, the oldest first.
    ///
    /// # Errors
    /// [`AuthError::Disabled`], or that the store failed.
    pub async fn list_tokens(&self, caller: &Principal) -> Result<Vec<TokenView>, AuthError> {
        let stored = self.store.list_tokens(owner(caller)?).await?;
        let view = |record: ApiTokenRecord| {
            let touched = self.touches.find(&Used::Token(record.id.clone()));
            let (last_used_at, last_used_from) = match touched {
                Some(touch) => (Some(touch.at), Some(touch.from)),
                None => (record.last_used_at, record.last_used_from),
            };
            TokenView {
                id: record.id,
                name: record.name,
                permissions: record.permissions,
                created_at: record.created_at,
                expires_at: record.expires_at,
                last_used_at,
                last_used_from,
            }
        };
        Ok(stored.into_iter().map(view).collect())
    }

    /// Deletes one of the caller's tokens; it is refused from then on.
    ///
    /// # Errors
    /// [`AuthError::Disabled`], [`AuthError::NoSuchToken`].
    pub async fn delete_token(&self, caller: &Principal, id: &str) -> Result<(), AuthError> {
        let drop = AccountWrite::DropToken { user: owner(caller)?, id: id.to_owned() };
        match self.store.commit(vec![drop.into()]).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict { .. }) => Err(AuthError::NoSuchToken),
            Err(error) => Err(error.into()),
        }
    }
}
