//! Who asks, and what they may do.
//!
//! [`Permission`] is the registry of fine permission ids; a [`Role`] is a named set of them; [`Coarse`] are
//! the ten names that Docker Sentinel's clients know. A [`Principal`] is a caller whose credential was
//! found good. Everything here denies what it cannot tell: an unknown id, role or session gives nothing.

mod coarse;
mod csrf;
mod permission;
mod permission_set;
mod principal;
mod role;
mod secret;

pub use coarse::{Coarse, coarse_permissions};
pub use csrf::CsrfToken;
pub use permission::{Permission, UnknownPermission};
pub use permission_set::PermissionSet;
pub use principal::{Principal, PrincipalUser, UserId, Via};
pub use role::{BuiltInRole, Role};
