//! A caller whose credential was found good.

use std::fmt;

use uuid::Uuid;

use crate::csrf::CsrfToken;
use crate::permission::Permission;
use crate::permission_set::PermissionSet;

/// Whose account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserId {
    /// A stored account.
    Stored(Uuid),
    /// Nobody's: authentication is switched off.
    System,
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored(id) => id.fmt(f),
            Self::System => f.pad("system"),
        }
    }
}

/// The account of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalUser {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
}

/// What a caller showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// An API token.
    Bearer {
        /// The token's id; not a secret.
        token_id: String,
    },
    /// A session's cookie.
    Session {
        /// The session's public handle; not a secret.
        handle: String,
    },
    /// Nothing: authentication is switched off.
    Nothing,
}

/// Who asks, and what they may do at this moment.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account.
    pub user: PrincipalUser,
    /// Id of the account's role; empty when authentication is switched off.
    pub role: String,
    /// What the caller may do: what the role holds, and of that only what the token was given.
    pub permissions: PermissionSet,
    /// What the caller showed.
    pub via: Via,
    /// What must come with a request that changes something; only a session has one.
    pub csrf: Option<CsrfToken>,
}

impl Principal {
    /// Everybody, when authentication is switched off (sentinel contract, section 1.9).
    #[must_use]
    pub fn system() -> Self {
        Self {
            user: PrincipalUser { id: UserId::System, name: "admin".to_owned() },
            role: String::new(),
            permissions: PermissionSet::all(),
            via: Via::Nothing,
            csrf: None,
        }
    }

    /// Whether the caller may do this.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Whether this is everybody, since authentication is switched off.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.user.id == UserId::System
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coarse::{Coarse, coarse_permissions};

    #[test]
    fn without_authentication_everybody_is_system_and_may_do_everything() {
        let everybody = Principal::system();
        assert!(everybody.is_system());
        assert_eq!((everybody.user.id.to_string().as_str(), everybody.role.as_str()), ("system", ""));
        assert_eq!(coarse_permissions(&everybody).len(), Coarse::ALL.len());
        assert!(everybody.csrf.is_none() && everybody.may(Permission::RoleWrite));
    }
}
