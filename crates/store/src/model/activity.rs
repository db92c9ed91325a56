//! The activity log: what people did, in one line each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One entry (sentinel contract, sections 1.14 and 2.14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityEntry {
    /// When.
    pub at: Timestamp,
    /// What it is about: `auth`, `approve`, `policy_set`, …
    #[serde(rename = "type")]
    pub entry_type: String,
    /// One sentence for a person.
    pub message: String,
    /// The container, where there is one.
    pub container: Option<String>,
    /// The container's host, where it is not the local one.
    pub host: Option<String>,
    /// Who did it, where that is known.
    pub user: Option<String>,
    /// `service`, where the container is one.
    pub kind: Option<String>,
}

/// An entry with its sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredActivity {
    /// Position in the log, growing without reuse.
    pub seq: i64,
    /// The entry.
    #[serde(flatten)]
    pub entry: ActivityEntry,
}
