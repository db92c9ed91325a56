//! Accounts, as far as the command line makes them.

use async_trait::async_trait;
use lodeman_updater::control::{ControlError, ErrorKind};

/// Makes accounts. The password itself stays with who asks; its hash is handed over.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes an account that may do everything.
    ///
    /// # Errors
    /// [`ControlError`] of kind `Conflict` when the name is taken.
    async fn create_admin(&self, name: &str, password_hash: &str) -> Result<(), ControlError>;
}

/// Refuses what can be no account.
pub(super) fn check(name: &str, password_hash: &str) -> Result<(), ControlError> {
    let invalid = |message: &str| Err(ControlError::new(ErrorKind::Invalid, message));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
        return invalid("name: allowed is 1 to 64 letters, digits, `.`, `_` or `-`");
    }
    if !password_hash.starts_with("$argon2id$") || password_hash.len() > 512 {
        return invalid("password_hash: allowed is Argon2id as a PHC string");
    }
    Ok(())
}
