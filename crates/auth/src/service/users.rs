//! Accounts of others (sentinel contract, section 2.18).

use jiff::Timestamp;
use lodeman_store::{AccountWrite, StoreError, UserRecord};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::AuthService;
use crate::error::AuthError;
use crate::principal::{Principal, UserId};
use crate::role::BuiltInRole;

/// The longest name of an account, in characters.
const NAME_LONGEST: usize = 128;

/// An account, without what signs it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub username: String,
    /// Id of its role.
    pub role_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it is locked at this moment.
    pub locked: bool,
    /// Whether it may sign in.
    pub enabled: bool,
    /// When it last signed in.
    pub last_login_at: Option<Timestamp>,
}

/// A new account, as asked for.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its name.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Id of its role.
    pub role_id: String,
}

/// Holds that there are a name and a password, and that the name can be shown on one line.
pub(super) fn check_name(name: &str, password: &SecretString) -> Result<(), AuthError> {
    if name.is_empty() || password.expose_secret().is_empty() {
        return Err(AuthError::FieldsRequired);
    }
    if name.chars().count() > NAME_LONGEST {
        return Err(AuthError::Invalid("username must be at most 128 characters"));
    }
    if name.chars().any(char::is_control) {
        return Err(AuthError::Invalid("username must not contain control characters"));
    }
    Ok(())
}

impl AuthService {
    /// All accounts, by name.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails.
    pub async fn list_users(&self) -> Result<Vec<UserView>, AuthError> {
        let now = self.now();
        let view = |user: UserRecord| UserView {
            id: user.id,
            username: user.name,
            role_id: user.role,
            created_at: user.created_at,
            locked: user.locked_until.is_some_and(|until| until > now),
            enabled: user.enabled,
            last_login_at: user.last_login_at,
        };
        Ok(self.store.list_users().await?.into_iter().map(view).collect())
    }

    /// Makes an account. Nobody gives what they do not have.
    ///
    /// # Errors
    /// [`AuthError::FieldsRequired`], [`AuthError::Invalid`], [`AuthError::InvalidRole`],
    /// [`AuthError::Forbidden`], [`AuthError::Password`], [`AuthError::NameTaken`], [`AuthError::Busy`].
    pub async fn create_user(&self, by: &Principal, asked: NewUser) -> Result<UserView, AuthError> {
        let NewUser { username, password, role_id } = asked;
        check_name(&username, &password)?;
        let role = self.find_role(&role_id).await?.ok_or(AuthError::InvalidRole)?;
        if !by.permissions.contains_all(role.permissions) {
            return Err(AuthError::Forbidden);
        }
        self.config.passwords.check(&password, &username).map_err(AuthError::Password)?;
        let hash = self.hasher.hash(password).await?;
        let now = self.now();
        let mut user = UserRecord::new(self.ids.next(), &username, hash, &role_id, now);
        user.password_changed_at = Some(now);
        let message = format!("User {username} created by {} (role: {role_id})", by.user.name);
        let view = UserView {
            id: user.id,
            username,
            role_id,
            created_at: now,
            locked: false,
            enabled: true,
            last_login_at: None,
        };
        let writes = vec![AccountWrite::InsertUser(user).into(), self.entry(Some(by), message)];
        match self.store.commit(writes).await {
            Ok(()) => Ok(view),
            Err(StoreError::Conflict { what: "user" }) => Err(AuthError::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes an account; its sessions and tokens go with it, at once. Nobody deletes themselves, and
    /// somebody stays administrator.
    ///
    /// # Errors
    /// [`AuthError::OwnAccount`], [`AuthError::NoSuchUser`], [`AuthError::LastAdmin`].
    pub async fn delete_user(&self, by: &Principal, id: &str) -> Result<(), AuthError> {
        let id: Uuid = id.parse().map_err(|_| AuthError::NoSuchUser)?;
        if by.user.id == UserId::Stored(id) {
            return Err(AuthError::OwnAccount);
        }
        let user = self.store.find_user_by_id(id).await?.ok_or(AuthError::NoSuchUser)?;
        let last_of = BuiltInRole::Admin.id().to_owned();
        let message = format!("User {} deleted by {}", user.name, by.user.name);
        let writes = vec![AccountWrite::DropUser { user: id, last_of }.into(), self.entry(Some(by), message)];
        match self.store.commit(writes).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict { what: "user" }) => Err(AuthError::NoSuchUser),
            Err(StoreError::Conflict { .. }) => Err(AuthError::LastAdmin),
            Err(error) => Err(error.into()),
        }
    }
}
