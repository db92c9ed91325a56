//! Who asks, and what they may do.
//!
//! [`Permission`] is the registry of fine permission ids; a [`Role`] is a named set of them; [`Coarse`] are
//! the ten names that Docker Sentinel's clients know. A [`Principal`] is a caller whose credential was
//! found good. [`AuthService`] lets people and programs in and keeps their accounts: passwords as Argon2id,
//! tokens of sessions and programs as SHA-256 only. Everything here denies what it cannot tell: an unknown
//! id, role or session gives nothing.

mod coarse;
mod config;
mod csrf;
mod entropy;
mod error;
mod limit;
mod password;
mod permission;
mod permission_set;
mod principal;
mod role;
mod secret;
mod service;
mod touch;

pub use coarse::{Coarse, coarse_permissions};
pub use config::{AuthConfig, LockRules};
pub use csrf::CsrfToken;
#[cfg(feature = "fake")]
pub use entropy::CountingEntropy;
pub use entropy::{Entropy, SystemEntropy};
pub use error::AuthError;
pub use limit::Rate;
pub use password::{HashCost, PasswordProblem, PasswordRules, hash_password};
pub use permission::{Permission, UnknownPermission};
pub use permission_set::PermissionSet;
pub use principal::{Principal, PrincipalUser, UserId, Via};
pub use role::{BuiltInRole, Role};
pub use service::{
    AuthDeps, AuthService, CreatedToken, Credentials, NewToken, NewUser, SetUp, SetupState, SignIn, SignedIn,
    TokenView, Use, UserView, is_local,
};
