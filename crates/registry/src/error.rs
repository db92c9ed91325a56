//! Why a registry could not be asked, in terms its caller can act on.

use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::image::Repository;

/// Why a registry request failed.
///
/// Every variant names the registry or repository it is about, and none carries a secret, a header or
/// a body. It is `Clone`, because one answer serves every container that asked for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry's name has no address.
    #[error("the registry `{registry}` cannot be found: its name does not resolve")]
    Dns {
        /// Host, with its port where one is given.
        registry: String,
    },
    /// No connection, or one that broke.
    #[error("no connection to the registry `{registry}`: {reason}")]
    Connect {
        /// Host, with its port where one is given.
        registry: String,
        /// What the network said, without addresses beyond the host.
        reason: String,
    },
    /// The certificate was not accepted, or the other side does not speak TLS.
    #[error("no secure connection to the registry `{registry}`: {reason}")]
    Tls {
        /// Host, with its port where one is given.
        registry: String,
        /// What TLS said.
        reason: String,
    },
    /// No whole answer within the deadline.
    #[error("the registry `{registry}` did not answer within {} s", after.as_secs())]
    Timeout {
        /// Host, with its port where one is given.
        registry: String,
        /// The deadline that passed.
        after: Duration,
    },
    /// 401 with everything we have to offer.
    #[error("the registry refuses access to `{repository}`: {}", if *with_credential {
        "it does not accept the configured credential"
    } else {
        "it asks for a credential and none is configured, or there is no such repository"
    })]
    Unauthorized {
        /// What was asked for.
        repository: Repository,
        /// Whether a credential of ours was offered.
        with_credential: bool,
    },
    /// 403.
    #[error("the registry forbids access to `{repository}`")]
    Forbidden {
        /// What was asked for.
        repository: Repository,
    },
    /// 404: no such repository, tag, manifest or blob.
    #[error("the registry does not have {what} of `{repository}`")]
    NotFound {
        /// What was asked for.
        repository: Repository,
        /// The part that is missing, such as ``tag `1.27` ``.
        what: String,
    },
    /// 429, or still waiting after one.
    #[error("the registry `{registry}` asks us to wait{}", until_text(*until))]
    RateLimited {
        /// Host, with its port where one is given.
        registry: String,
        /// When it may be asked again, where known.
        until: Option<Timestamp>,
    },
    /// Our own reserve: the registry would still answer, but the rest is kept for pulls.
    #[error("the remaining requests to `{registry}` are kept in reserve{}", until_text(*until))]
    QuotaReserved {
        /// Host, with its port where one is given.
        registry: String,
        /// When the quota starts afresh, where known.
        until: Option<Timestamp>,
    },
    /// Not asked, because it failed a moment ago.
    #[error("the registry `{registry}` was not asked again after it failed ({cause})")]
    CircuitOpen {
        /// Host, with its port where one is given.
        registry: String,
        /// Category of the failure that opened the circuit.
        cause: &'static str,
        /// When it will be asked again.
        until: Timestamp,
    },
    /// 5xx.
    #[error("the registry `{registry}` failed with status {status}")]
    Server {
        /// Host, with its port where one is given.
        registry: String,
        /// HTTP status.
        status: u16,
    },
    /// Any other status that is no answer to the question.
    #[error("the registry `{registry}` answered with the unexpected status {status}")]
    Unexpected {
        /// Host, with its port where one is given.
        registry: String,
        /// HTTP status.
        status: u16,
    },
    /// The answer is not what the API promises.
    #[error("the registry `{registry}` sent a malformed answer: {what}")]
    Malformed {
        /// Host, with its port where one is given.
        registry: String,
        /// Which part of the answer, and what is wrong with it.
        what: String,
    },
    /// The answer is longer than we read.
    #[error("the registry `{registry}` sent more than {limit_bytes} bytes for {what}")]
    TooLarge {
        /// Host, with its port where one is given.
        registry: String,
        /// Which answer.
        what: &'static str,
        /// How much is read at most.
        limit_bytes: usize,
    },
    /// The registry sends us where our credentials or requests must not go.
    #[error("the registry `{registry}` refers us to `{target}`, which is refused: {reason}")]
    ReferralRefused {
        /// Host, with its port where one is given.
        registry: String,
        /// Host of the redirect or of the token service.
        target: String,
        /// The rule that forbids it, and the setting that allows it where there is one.
        reason: &'static str,
    },
    /// A credential is configured but could not be read.
    #[error("the credential for the registry `{registry}` cannot be read: {reason}")]
    Credential {
        /// Host, with its port where one is given.
        registry: String,
        /// Which source failed, and how.
        reason: String,
    },
}

fn until_text(until: Option<Timestamp>) -> String {
    until.map(|at| format!(" until {at:.0}")).unwrap_or_default()
}

impl RegistryError {
    /// The kind of failure, for metrics, logs and the API; a closed set.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaReserved { .. } => "quota_reserved",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Server { .. } => "server",
            Self::Unexpected { .. } => "unexpected",
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::ReferralRefused { .. } => "referral_refused",
            Self::Credential { .. } => "credential",
        }
    }

    /// The host it is about, with its port where one is given: the registry, or the host that the
    /// registry referred us to when that could not be reached.
    #[must_use]
    pub fn registry(&self) -> &str {
        match self {
            Self::Unauthorized { repository, .. }
            | Self::Forbidden { repository }
            | Self::NotFound { repository, .. } => &repository.registry,
            Self::Dns { registry }
            | Self::Connect { registry, .. }
            | Self::Tls { registry, .. }
            | Self::Timeout { registry, .. }
            | Self::RateLimited { registry, .. }
            | Self::QuotaReserved { registry, .. }
            | Self::CircuitOpen { registry, .. }
            | Self::Server { registry, .. }
            | Self::Unexpected { registry, .. }
            | Self::Malformed { registry, .. }
            | Self::TooLarge { registry, .. }
            | Self::ReferralRefused { registry, .. }
            | Self::Credential { registry, .. } => registry,
        }
    }

    /// Whether the registry itself could not be reached, so that asking it for something else now
    /// would fail the same way.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Dns { .. } | Self::Connect { .. } | Self::Tls { .. } | Self::Timeout { .. })
    }

    /// When asking again makes sense, where the registry or our own budget said so.
    #[must_use]
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { until, .. } | Self::QuotaReserved { until, .. } => *until,
            Self::CircuitOpen { until, .. } => Some(*until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_registry_says_until_when() {
        let error = RegistryError::RateLimited {
            registry: "docker.io".into(),
            until: Some(Timestamp::from_second(1_700_000_000).unwrap()),
        };
        assert_eq!(error.to_string(), "the registry `docker.io` asks us to wait until 2023-11-14T22:13:20Z");
        assert_eq!(error.category(), "rate_limited");
        assert_eq!(error.retry_at(), Timestamp::from_second(1_700_000_000).ok());
        assert!(!error.is_unreachable());
    }
}
