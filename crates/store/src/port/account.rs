//! The port's part on accounts: what changes them, and what reads them.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::Write;
use crate::StoreError;
use crate::model::account::{ApiTokenRecord, RoleRecord, SessionRecord, UserRecord};

/// A change of accounts, sessions, tokens or roles.
#[derive(Debug, Clone)]
pub enum AccountWrite {
    /// A role; replaces an earlier one of that id, but for when it was made.
    PutRole(RoleRecord),
    /// Drops a role.
    DropRole(String),
    /// A new account. Conflict (`user`) when the name is taken.
    InsertUser(UserRecord),
    /// A new account, only while there is none at all. Conflict (`first user`) otherwise.
    InsertFirstUser(UserRecord),
    /// Drops an account with its sessions and tokens. Conflict (`user`) when there is none, and (`last of
    /// role`) when no other enabled account would have the role `last_of`.
    DropUser {
        /// The account.
        user: Uuid,
        /// The role that somebody must keep.
        last_of: String,
    },
    /// What an account is and whether it may sign in. Conflicts as for dropping one.
    SetAccess {
        /// The account.
        user: Uuid,
        /// Its role from now on.
        role: String,
        /// Whether it may sign in.
        enabled: bool,
        /// The role that somebody must keep.
        last_of: String,
    },
    /// What is stored of an account's password. Conflict (`password`) when what is stored is not `expect`.
    SetPassword {
        /// The account.
        user: Uuid,
        /// What is stored from now on.
        hash: SecretHash,
        /// What must be stored now.
        expect: SecretHash,
        /// When the password was changed; nothing when only its stored form is.
        changed_at: Option<Timestamp>,
    },
    /// One more wrong password; from the `lock_after`th on the account is locked. No account, no effect.
    RecordFailure {
        /// The account.
        user: Uuid,
        /// How many wrong passwords lock it.
        lock_after: u32,
        /// Until when it is locked then.
        lock_until: Timestamp,
    },
    /// A right password: no wrong ones any more, and no lock. Conflict (`user`) when there is no account.
    RecordSignIn {
        /// The account.
        user: Uuid,
        /// When.
        at: Timestamp,
    },
    /// A new session; of its account's sessions the `keep` that were used last stay. Conflict (`user`) when
    /// there is no account.
    InsertSession {
        /// The session.
        session: Box<SessionRecord>,
        /// How many may be there.
        keep: u32,
    },
    /// A session was used; an earlier time than the stored one changes nothing.
    TouchSession {
        /// The session.
        token_hash: String,
        /// When.
        at: Timestamp,
    },
    /// Ends a session.
    DropSession {
        /// The session.
        token_hash: String,
    },
    /// Ends an account's sessions.
    DropSessions {
        /// The account.
        user: Uuid,
        /// The session that stays.
        except: Option<String>,
    },
    /// Drops the sessions that are over at this time, be it by their end or for want of use.
    DropExpiredSessions(Timestamp),
    /// A new token. Conflict (`user`) when there is no account, (`token`) when its id or secret is taken.
    InsertToken(Box<ApiTokenRecord>),
    /// A token was used; an earlier time than the stored one changes nothing.
    TouchToken {
        /// The token.
        id: String,
        /// When.
        at: Timestamp,
        /// From where.
        from: String,
    },
    /// Drops an account's token. Conflict (`token`) when the account has none with this id.
    DropToken {
        /// The account.
        user: Uuid,
        /// The token.
        id: String,
    },
}

/// What is stored of a password, kept out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(pub String);

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(hidden)")
    }
}

impl From<AccountWrite> for Write {
    fn from(write: AccountWrite) -> Self {
        Self::Account(write)
    }
}

/// Reads of accounts and of what signs them in.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// An account by name.
    ///
    /// # Errors
    /// As for every read.
    async fn find_user(&self, name: &str) -> Result<Option<UserRecord>, StoreError>;

    /// An account by id.
    ///
    /// # Errors
    /// As for every read.
    async fn find_user_by_id(&self, id: Uuid) -> Result<Option<UserRecord>, StoreError>;

    /// All accounts, by name.
    ///
    /// # Errors
    /// As for every read.
    async fn list_users(&self) -> Result<Vec<UserRecord>, StoreError>;

    /// How many accounts there are.
    ///
    /// # Errors
    /// As for every read.
    async fn count_users(&self) -> Result<u64, StoreError>;

    /// A role.
    ///
    /// # Errors
    /// As for every read.
    async fn find_role(&self, id: &str) -> Result<Option<RoleRecord>, StoreError>;

    /// All roles, by id.
    ///
    /// # Errors
    /// As for every read.
    async fn list_roles(&self) -> Result<Vec<RoleRecord>, StoreError>;

    /// A session, by the SHA-256 of its token, with its account. It may be over.
    ///
    /// # Errors
    /// As for every read.
    async fn find_session(&self, token_hash: &str)
    -> Result<Option<(SessionRecord, UserRecord)>, StoreError>;

    /// An account's sessions, the one used last first. They may be over.
    ///
    /// # Errors
    /// As for every read.
    async fn list_sessions(&self, user: Uuid) -> Result<Vec<SessionRecord>, StoreError>;

    /// A token, by its SHA-256, with its account. It may be over.
    ///
    /// # Errors
    /// As for every read.
    async fn find_token(&self, token_hash: &str) -> Result<Option<(ApiTokenRecord, UserRecord)>, StoreError>;

    /// An account's tokens, the oldest first. They may be over.
    ///
    /// # Errors
    /// As for every read.
    async fn list_tokens(&self, user: Uuid) -> Result<Vec<ApiTokenRecord>, StoreError>;
}
