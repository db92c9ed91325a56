//! Accounts in memory, and each [`AccountWrite`] upon them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use super::tables::conflict;
use crate::{AccountStore, AccountWrite, ApiTokenRecord, RoleRecord, SessionRecord, StoreError, UserRecord};

#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    users: Vec<UserRecord>,
    roles: BTreeMap<String, RoleRecord>,
    sessions: Vec<SessionRecord>,
    tokens: Vec<ApiTokenRecord>,
}

impl Accounts {
    fn user(&self, id: Uuid) -> Option<&UserRecord> {
        self.users.iter().find(|u| u.id == id)
    }

    fn user_mut(&mut self, id: Uuid) -> Result<&mut UserRecord, StoreError> {
        let found = self.users.iter_mut().find(|u| u.id == id);
        found.ok_or(StoreError::Conflict { what: "user" })
    }

    fn with_user<T: Clone>(&self, found: Option<&T>, user: impl Fn(&T) -> Uuid) -> Option<(T, UserRecord)> {
        let found = found?;
        Some((found.clone(), self.user(user(found))?.clone()))
    }

    /// Whether an enabled account but `id` has `role`.
    fn another_has(&self, id: Uuid, role: &str) -> bool {
        self.users.iter().any(|u| u.id != id && u.enabled && u.role == role)
    }

    pub(super) fn apply(&mut self, write: AccountWrite) -> Result<(), StoreError> {
        match write {
            AccountWrite::PutRole(mut role) => {
                if let Some(known) = self.roles.get(&role.id) {
                    role.created_at = known.created_at;
                }
                self.roles.insert(role.id.clone(), role);
            }
            AccountWrite::DropRole(id) => {
                self.roles.remove(&id);
            }
            AccountWrite::InsertFirstUser(_) if !self.users.is_empty() => return conflict("first user"),
            AccountWrite::InsertUser(user) | AccountWrite::InsertFirstUser(user) => {
                if self.users.iter().any(|u| u.name == user.name || u.id == user.id) {
                    return conflict("user");
                }
                self.users.push(user);
            }
            AccountWrite::DropUser { user, last_of } => {
                let was = self.user_mut(user)?.clone();
                if was.enabled && was.role == last_of && !self.another_has(user, &last_of) {
                    return conflict("last of role");
                }
                self.users.retain(|u| u.id != user);
                self.sessions.retain(|s| s.user != user);
                self.tokens.retain(|t| t.user != user);
            }
            AccountWrite::SetAccess { user, role, enabled, last_of } => {
                let alone = !self.another_has(user, &last_of);
                let account = self.user_mut(user)?;
                let stays = enabled && role == last_of;
                if account.enabled && account.role == last_of && !stays && alone {
                    return conflict("last of role");
                }
                account.role = role;
                account.enabled = enabled;
            }
            AccountWrite::SetPassword { user, hash, expect, changed_at } => match self.user_mut(user) {
                Ok(account) if account.password_hash == expect.0 => {
                    account.password_hash = hash.0;
                    account.password_changed_at = changed_at.or(account.password_changed_at);
                }
                _ => return conflict("password"),
            },
            AccountWrite::RecordFailure { user, lock_after, lock_until } => {
                if let Ok(account) = self.user_mut(user) {
                    account.failed_attempts = account.failed_attempts.saturating_add(1);
                    if account.failed_attempts >= lock_after {
                        account.locked_until = Some(lock_until);
                    }
                }
            }
            AccountWrite::RecordSignIn { user, at } => {
                let account = self.user_mut(user)?;
                account.failed_attempts = 0;
                account.locked_until = None;
                account.last_login_at = Some(at);
            }
            other => self.apply_credential(other)?,
        }
        Ok(())
    }

    fn apply_credential(&mut self, write: AccountWrite) -> Result<(), StoreError> {
        match write {
            AccountWrite::InsertSession { session, keep } => {
                self.user_mut(session.user)?;
                let same =
                    |s: &SessionRecord| s.token_hash == session.token_hash || s.handle == session.handle;
                if self.sessions.iter().any(same) {
                    return conflict("session");
                }
                let user = session.user;
                let mut others: Vec<_> = self.sessions.iter().filter(|s| s.user == user).collect();
                others.sort_by_key(|s| std::cmp::Reverse((s.last_used_at, s.created_at)));
                let stay = (keep as usize).saturating_sub(1);
                let over: Vec<_> = others.into_iter().skip(stay).map(|s| s.token_hash.clone()).collect();
                self.sessions.retain(|s| !over.contains(&s.token_hash));
                self.sessions.push(*session);
            }
            AccountWrite::TouchSession { token_hash, at } => {
                for session in self.sessions.iter_mut().filter(|s| s.token_hash == token_hash) {
                    session.last_used_at = session.last_used_at.max(at);
                }
            }
            AccountWrite::DropSession { token_hash } => {
                self.sessions.retain(|s| s.token_hash != token_hash);
            }
            AccountWrite::DropSessions { user, except } => {
                self.sessions.retain(|s| s.user != user || except.as_ref() == Some(&s.token_hash));
            }
            AccountWrite::DropExpiredSessions(now) => {
                let idle = |s: &SessionRecord| now.duration_since(s.last_used_at).unsigned_abs();
                let used = |s: &SessionRecord| now < s.last_used_at || idle(s) < s.idle_limit;
                self.sessions.retain(|s| now < s.expires_at && used(s));
            }
            AccountWrite::InsertToken(token) => {
                self.user_mut(token.user)?;
                if self.tokens.iter().any(|t| t.id == token.id || t.token_hash == token.token_hash) {
                    return conflict("token");
                }
                self.tokens.push(*token);
            }
            AccountWrite::TouchToken { id, at, from } => {
                let earlier =
                    |t: &&mut ApiTokenRecord| t.id == id && t.last_used_at.is_none_or(|was| was < at);
                if let Some(token) = self.tokens.iter_mut().find(earlier) {
                    token.last_used_at = Some(at);
                    token.last_used_from = Some(from);
                }
            }
            AccountWrite::DropToken { user, id } => {
                let was = self.tokens.len();
                self.tokens.retain(|t| t.user != user || t.id != id);
                if self.tokens.len() == was {
                    return conflict("token");
                }
            }
            // The rest is applied by `apply`.
            _ => {}
        }
        Ok(())
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn find_user(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.read(|t| t.accounts.users.iter().find(|u| u.name == name).cloned())
    }

    async fn find_user_by_id(&self, id: Uuid) -> Result<Option<UserRecord>, StoreError> {
        self.read(|t| t.accounts.user(id).cloned())
    }

    async fn list_users(&self) -> Result<Vec<UserRecord>, StoreError> {
        self.read(|t| {
            let mut users = t.accounts.users.clone();
            users.sort_by(|a, b| a.name.cmp(&b.name));
            users
        })
    }

    async fn count_users(&self) -> Result<u64, StoreError> {
        self.read(|t| t.accounts.users.len() as u64)
    }

    async fn find_role(&self, id: &str) -> Result<Option<RoleRecord>, StoreError> {
        self.read(|t| t.accounts.roles.get(id).cloned())
    }

    async fn list_roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        self.read(|t| t.accounts.roles.values().cloned().collect())
    }

    async fn find_session(
        &self,
        token_hash: &str,
    ) -> Result<Option<(SessionRecord, UserRecord)>, StoreError> {
        self.read(|t| {
            let found = t.accounts.sessions.iter().find(|s| s.token_hash == token_hash);
            t.accounts.with_user(found, |s| s.user)
        })
    }

    async fn list_sessions(&self, user: Uuid) -> Result<Vec<SessionRecord>, StoreError> {
        self.read(|t| {
            let mut of: Vec<_> = t.accounts.sessions.iter().filter(|s| s.user == user).cloned().collect();
            of.sort_by_key(|s| std::cmp::Reverse((s.last_used_at, s.created_at)));
            of
        })
    }

    async fn find_token(&self, token_hash: &str) -> Result<Option<(ApiTokenRecord, UserRecord)>, StoreError> {
        self.read(|t| {
            let found = t.accounts.tokens.iter().find(|t| t.token_hash == token_hash);
            t.accounts.with_user(found, |t| t.user)
        })
    }

    async fn list_tokens(&self, user: Uuid) -> Result<Vec<ApiTokenRecord>, StoreError> {
        self.read(|t| {
            let mut of: Vec<_> = t.accounts.tokens.iter().filter(|t| t.user == user).cloned().collect();
            of.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
            of
        })
    }
}
