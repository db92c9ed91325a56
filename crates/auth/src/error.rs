//! Why somebody is not let in, or not allowed to do something.

use std::time::Duration;

use lodeman_store::StoreError;

use crate::password::PasswordProblem;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request about identity was refused. Where the wire contract has words for it, they are what this
/// displays; the status beside each variant is the contract's.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// 401: no credential, or a session that is none or over.
    #[error("authentication required")]
    Unauthenticated,
    /// 401: a bearer token that is none or over. Final, whatever else came along.
    #[error("invalid or expired token")]
    BadToken,
    /// 401: unknown user, wrong password or disabled account, which nobody can tell apart.
    #[error("Invalid username or password")]
    BadCredentials,
    /// 403: the account is locked for a while.
    #[error("Account is temporarily locked")]
    Locked {
        /// How long it stays so.
        retry_after: Duration,
    },
    /// 403: the caller is known and may not do this.
    #[error("insufficient permissions")]
    Forbidden,
    /// 429: this address failed too often.
    #[error("Too many login attempts, try again later")]
    TooManyFailures {
        /// How long it stays so.
        retry_after: Duration,
    },
    /// 429: too many requests at the doors.
    #[error("too many requests, try again later")]
    TooManyRequests {
        /// When the next one is let in.
        retry_after: Duration,
    },
    /// 503: too many passwords are being hashed.
    #[error("the server is busy, try again later")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// 400: a sign-in without name or password.
    #[error("Username and password required")]
    SignInFieldsRequired,
    /// 400: a new account without name or password.
    #[error("username and password required")]
    FieldsRequired,
    /// 400: the password is not allowed.
    #[error("{0}")]
    Password(PasswordProblem),
    /// 400: something else is not allowed; the text says what.
    #[error("{0}")]
    Invalid(&'static str),
    /// 400: there is no such role.
    #[error("invalid role")]
    InvalidRole,
    /// 400: a token without a name.
    #[error("token name required")]
    TokenNameRequired,
    /// 400: nobody deletes themselves.
    #[error("cannot delete your own account")]
    OwnAccount,
    /// 403: set-up was not done in time.
    #[error("setup window has expired — restart the container to try again")]
    SetupExpired,
    /// 403: set-up needs a code, and none or another one came.
    #[error("setup code required: see the server's log")]
    SetupCodeRequired,
    /// 404: there is no such account.
    #[error("user not found")]
    NoSuchUser,
    /// 404: the caller has no such token.
    #[error("token not found")]
    NoSuchToken,
    /// 409: there is an account already.
    #[error("setup already complete")]
    SetupComplete,
    /// 409: the name is taken.
    #[error("username already exists")]
    NameTaken,
    /// 409: somebody must be able to manage accounts.
    #[error("cannot delete the last administrator")]
    LastAdmin,
    /// 409: while authentication is switched off nobody has an account of their own.
    #[error("authentication is disabled")]
    Disabled,
    /// 500: the machine cannot hash.
    #[error("a password cannot be hashed")]
    Hashing(#[source] BoxError),
    /// 500: the machine has no random bytes to give.
    #[error("there are no random bytes")]
    Entropy,
    /// 503: another writer kept the store busy.
    #[error("the store is busy")]
    StoreBusy(#[source] BoxError),
    /// 500: the store failed.
    #[error("the store failed")]
    Store(#[source] BoxError),
}

impl AuthError {
    /// What the answer says in `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Locked { retry_after }
            | Self::TooManyFailures { retry_after }
            | Self::TooManyRequests { retry_after }
            | Self::Busy { retry_after } => Some(*retry_after),
            Self::StoreBusy(_) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy(_) => Self::StoreBusy(error.into()),
            _ => Self::Store(error.into()),
        }
    }
}
