//! The value that a page must send along with a request that changes something.

use std::fmt;

use hkdf::Hkdf;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// What it is derived for, so that it serves nothing else.
const PURPOSE: &[u8] = b"lodeman cross-site request token 1";

/// The cross-site request token of one session, 64 hex digits. It is derived from the session's own token,
/// so it is bound to the session without being stored, and whoever knows it cannot tell the session's.
#[derive(Clone)]
pub struct CsrfToken(SecretString);

impl CsrfToken {
    /// The token of the session with this token.
    #[must_use]
    pub fn of_session(session_token: &str) -> Self {
        let mut bytes = [0; 32];
        let derived = Hkdf::<Sha256>::new(None, session_token.as_bytes()).expand(PURPOSE, &mut bytes);
        // Only a length beyond 8,160 bytes can be refused.
        debug_assert!(derived.is_ok());
        Self(crate::secret::hex(&bytes).into())
    }

    /// The text, for the cookie that the page reads.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether `presented` is this token, in a time that tells nothing of where it differs.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.expose().as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_belongs_to_one_session_and_is_not_that_sessions_token() {
        let token = CsrfToken::of_session(&"a".repeat(64));
        assert_eq!(token.expose().len(), 64);
        assert!(token.expose().bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(token.matches(CsrfToken::of_session(&"a".repeat(64)).expose()));
        for other in ["", &"a".repeat(64), CsrfToken::of_session(&"b".repeat(64)).expose()] {
            assert!(!token.matches(other));
        }
    }

    #[test]
    fn it_is_not_shown_to_those_who_debug() {
        let token = CsrfToken::of_session("canary");
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
