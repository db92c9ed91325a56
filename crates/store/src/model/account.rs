//! Accounts, and what signs them in.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRecord {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Ids of the permissions it holds, in canonical order.
    pub permissions: Vec<String>,
    /// Whether it comes with the program.
    pub built_in: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account that may sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Its id.
    pub id: Uuid,
    /// Its name, as typed at sign-in.
    pub name: String,
    /// Argon2id as a PHC string, or bcrypt for one that was imported. Empty: no password signs it in.
    pub password_hash: String,
    /// Id of its role; one that is unknown gives nothing.
    pub role: String,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Wrong passwords since the last right one.
    pub failed_attempts: u32,
    /// Until when no password signs it in.
    pub locked_until: Option<Timestamp>,
    /// When it last signed in.
    pub last_login_at: Option<Timestamp>,
    /// When its password was last changed.
    pub password_changed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl UserRecord {
    /// An account that may sign in and never did.
    #[must_use]
    pub fn new(id: Uuid, name: &str, password_hash: String, role: &str, created_at: Timestamp) -> Self {
        Self {
            id,
            name: name.to_owned(),
            password_hash,
            role: role.to_owned(),
            enabled: true,
            failed_attempts: 0,
            locked_until: None,
            last_login_at: None,
            password_changed_at: None,
            created_at,
        }
    }
}

impl fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Somebody who signed in with a browser.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the token in the cookie, as hex digits. The token itself is stored nowhere.
    pub token_hash: String,
    /// What the session is called towards its owner; opens nothing.
    pub handle: String,
    /// The account.
    pub user: Uuid,
    /// How its owner signed in: `password`, `setup`, …
    pub method: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a request of its owner last came with it.
    pub last_used_at: Timestamp,
    /// When its owner last proved who they are.
    pub authenticated_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// After how long without a request it ends; to the millisecond.
    pub idle_limit: Duration,
    /// Where it was made from.
    pub ip: String,
    /// By what it was made.
    pub user_agent: String,
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("handle", &self.handle)
            .field("user", &self.user)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A token for programs.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiTokenRecord {
    /// Its id; not a secret.
    pub id: String,
    /// SHA-256 of the token, as hex digits. The token itself is stored nowhere.
    pub token_hash: String,
    /// The account it acts for.
    pub user: Uuid,
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

impl fmt::Debug for ApiTokenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiTokenRecord")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
