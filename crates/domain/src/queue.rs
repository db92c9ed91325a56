//! What waits to be applied.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::digest::Digest;
use crate::image::{ImageReference, Tag};
use crate::update::{OperationId, words};
use crate::workload::WorkloadKey;

/// What an update would install: decided once, carried unchanged to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The reference the replacement is made with, spelled as the user spells it.
    pub reference: ImageReference,
    /// What that reference resolved to at the registry: the index, or the manifest where there is none.
    pub digest: Digest,
    /// The manifest for the container's platform.
    pub manifest: Digest,
    /// Digest of that manifest's config, which is the image id on the classic store.
    pub config: Option<Digest>,
    /// The newer version, where the update is to another tag.
    pub version: Option<Tag>,
    /// Whether the host has the image already, so that only the container must be replaced.
    pub already_pulled: bool,
}

words! {
    /// Where a queue entry stands. No entry leaves the table before its outcome is recorded.
    QueueState {
        /// Waits for a person.
        Pending = "pending",
        /// Will be applied by itself once what holds it is over: a window, a minimum age.
        Waiting = "waiting",
        /// May be applied at once.
        Approved = "approved",
        /// Being applied.
        Running = "running",
        /// Applied.
        Done = "done",
        /// Tried and not applied; tried again after `retry_at`, if at all.
        Failed = "failed",
        /// Replaced by something newer.
        Superseded = "superseded",
        /// A person said no; stays so until something newer appears.
        Rejected = "rejected",
        /// A person said never to this digest or version.
        Ignored = "ignored",
        /// No longer needed: the container runs it, or is gone.
        Retired = "retired",
    }
}

impl QueueState {
    /// Whether the entry is the one a workload has now.
    #[must_use]
    pub fn is_current(self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Waiting | Self::Approved | Self::Running | Self::Failed | Self::Rejected
        )
    }
}

/// One entry of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Its id.
    pub id: Uuid,
    /// Whose update it is.
    pub workload: WorkloadKey,
    /// Grows with every change of what would be installed; an approval names it.
    pub revision: u64,
    /// Where it stands.
    pub state: QueueState,
    /// The reference the container runs by now.
    pub current_reference: String,
    /// Id of the image it runs now.
    pub current_image: Digest,
    /// What would be installed.
    pub target: Target,
    /// All newer versions that were found, newest first.
    pub newer_versions: Vec<Tag>,
    /// When this target was first found.
    pub detected_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
    /// Who approved or rejected it.
    pub decided_by: Option<String>,
    /// The operation that applies it.
    pub operation: Option<OperationId>,
    /// Why it failed or waits.
    pub note: Option<String>,
    /// When it may be tried again, or its waiting ends.
    pub retry_at: Option<Timestamp>,
}

impl QueueEntry {
    /// Whether it waits: for a person, for its time, or to be tried again. One that a person approved does
    /// where something put it off: the container's hook, or another container that it needs.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self.state {
            QueueState::Pending | QueueState::Waiting | QueueState::Failed => true,
            QueueState::Approved => self.retry_at.is_some() || self.note.is_some(),
            _ => false,
        }
    }
}
