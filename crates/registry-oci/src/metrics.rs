//! What this crate counts. Labels come from closed sets.

use std::time::Duration;

use metrics::{counter, histogram};

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Resolve,
    Manifest,
    Config,
    Tags,
    Token,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Manifest => "manifest",
            Self::Config => "config",
            Self::Tags => "tags",
            Self::Token => "token",
        }
    }
}

/// Counts one request that was sent; `outcome` is `ok` or the category of the error.
pub(crate) fn request(kind: Kind, outcome: &'static str, took: Duration) {
    counter!("lodeman_registry_requests_total", "kind" => kind.label(), "outcome" => outcome).increment(1);
    histogram!("lodeman_registry_request_duration_seconds", "kind" => kind.label())
        .record(took.as_secs_f64());
}

/// Counts a question that was answered or refused without a request: `cache`, `quota_reserved`,
/// `rate_limited`, `circuit_open`.
pub(crate) fn not_sent(kind: Kind, why: &'static str) {
    counter!("lodeman_registry_requests_saved_total", "kind" => kind.label(), "reason" => why).increment(1);
}
