//! Why an engine call failed, in terms its caller can act on.

use lodeman_domain::container::ContainerId;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an engine call failed.
///
/// The distinction that matters to the journal is between a call that had no effect
/// ([`Unreachable`](Self::Unreachable), [`Refused`](Self::Refused)) and one whose effect is not
/// known ([`Unknown`](Self::Unknown)). Even a refusal is believed only after an inspect.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// An inspect said the container or image is not there. Only an inspect answers this way.
    #[error("`{what}` does not exist")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The engine answered, and said no.
    #[error("the container engine refused to {action}: {message} (status {status})")]
    Refused {
        /// What was asked, as a verb phrase.
        action: &'static str,
        /// HTTP status of the answer.
        status: u16,
        /// The engine's own words, clipped and without control characters.
        message: String,
    },
    /// The request was never sent.
    #[error("the container engine is unreachable")]
    Unreachable(#[source] BoxError),
    /// The request was sent and no answer came: it may or may not have happened.
    #[error("the container engine did not answer the request to {action}")]
    Unknown {
        /// What was asked, as a verb phrase.
        action: &'static str,
        /// What went wrong while waiting.
        #[source]
        source: BoxError,
    },
    /// The engine answered something that is not what the API promises.
    #[error("the container engine's answer to {action} is malformed: {message}")]
    Malformed {
        /// What was asked, as a verb phrase.
        action: &'static str,
        /// What is wrong with it.
        message: String,
    },
}

impl EngineError {
    /// The container `id` does not exist.
    #[must_use]
    pub fn no_container(id: &ContainerId) -> Self {
        Self::NotFound { what: id.to_string() }
    }

    /// The HTTP status of a refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether this is an inspect's "not there".
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the engine may have acted although no success was seen.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Refused { .. } | Self::Malformed { .. })
    }
}
