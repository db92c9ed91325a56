//! What is stored beside the types of `domain`.

pub(crate) mod account;
pub(crate) mod activity;

use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, HistoryRow};
use lodeman_domain::image::{Repository, Tag};
use lodeman_domain::update::OperationId;
use lodeman_domain::workload::WorkloadKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which of an operation's sealed documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpecKind {
    /// The old container's complete create request.
    Old,
    /// The replacement's.
    New,
    /// What the replacement last said, before it was taken away: [`LastWords`].
    LastWords,
    /// How the hook before the update went: a [`HookReport`](lodeman_domain::hook::HookReport).
    PreHook,
    /// How the hook after the update went.
    PostHook,
}

/// A create request or what a container last said, plain here; the adapter seals it before it touches the
/// medium.
#[derive(Clone, PartialEq)]
pub struct SealedSpec {
    /// The operation it belongs to.
    pub op: OperationId,
    /// Which one.
    pub kind: SpecKind,
    /// It as JSON.
    pub json: serde_json::Value,
}

impl std::fmt::Debug for SealedSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedSpec").field("op", &self.op).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a replacement said before it was taken away. It may carry secrets, so it is stored sealed, as
/// [`SpecKind::LastWords`], and shown to nobody who may not read the container's logs.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LastWords {
    /// When it was read.
    pub at: Timestamp,
    /// The last lines of its log; `None` where they could not be read in time.
    pub log: Option<String>,
    /// Its last health check, as the engine tells it; `None` where there was none.
    pub health: Option<serde_json::Value>,
    /// Its exit code, 0 while it ran.
    pub exit_code: i64,
    /// Why the engine could not start it, in the engine's words.
    pub error: String,
    /// Whether the kernel ended it for want of memory.
    pub oom_killed: bool,
}

impl std::fmt::Debug for LastWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastWords").field("at", &self.at).finish_non_exhaustive()
    }
}

/// A digest that was rolled back: not applied by itself again, on any host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadDigest {
    /// Where the image comes from.
    pub repository: Repository,
    /// The platform's manifest: a rebuilt index does not make it good.
    pub manifest: Digest,
    /// The index it was reached by.
    pub index: Option<Digest>,
    /// The tag it was reached by, for people.
    pub tag: Option<Tag>,
    /// Why.
    pub reason: String,
    /// The operation that found out.
    pub operation: Option<OperationId>,
    /// When.
    pub at: Timestamp,
}

/// When a digest was first seen by us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSeen {
    /// Where the image comes from.
    pub repository: Repository,
    /// The platform's manifest.
    pub manifest: Digest,
    /// When.
    pub at: Timestamp,
}

/// A digest or version that a person never wants to be offered for one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredTarget {
    /// The container.
    pub workload: WorkloadKey,
    /// The version, for updates to another tag.
    pub version: Option<Tag>,
    /// The manifest, for updates of the same tag.
    pub manifest: Option<Digest>,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a person set for one container, by name, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The container.
    pub workload: WorkloadKey,
    /// `auto`, `manual` or `pinned`.
    pub policy: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a manual rollback can go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackPoint {
    /// The operation that left the state it keeps; its old spec is the state.
    pub op: OperationId,
    /// The container.
    pub workload: WorkloadKey,
    /// The image id to go back to.
    pub image_id: Digest,
    /// Platform manifest of that image, where known.
    pub manifest: Option<Digest>,
    /// `repository@digest` names it can be pulled by again.
    pub repo_digests: Vec<String>,
    /// The reference the container was made with.
    pub reference: String,
    /// The name of ours that keeps the image: `lodeman.local/pin:<op8>` in the engine's spelling.
    pub pin: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the janitor may drop it.
    pub expires_at: Timestamp,
}

/// How the last check of a container went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The container.
    pub workload: WorkloadKey,
    /// When.
    pub at: Timestamp,
    /// The explanation it led to, as JSON of `domain::explain::Explanation`.
    pub explanation: serde_json::Value,
}

/// One scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// Its id.
    pub id: Uuid,
    /// What set it off: `start`, `schedule`, `request`, `event`.
    pub trigger: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Containers looked at.
    pub total: u32,
    /// Of these: asked the registry about.
    pub checked: u32,
    /// An update exists.
    pub available: u32,
    /// Set to be applied.
    pub to_apply: u32,
    /// Queued for a person.
    pub queued: u32,
    /// Not looked at, by policy, scope or filter.
    pub skipped: u32,
    /// The check failed.
    pub failed: u32,
}

/// An event with its sequence number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// Position in the outbox, growing without reuse.
    pub seq: i64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// A history row with its sequence number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredHistory {
    /// Position in history, growing without reuse.
    pub seq: i64,
    /// The row.
    #[serde(flatten)]
    pub row: HistoryRow,
}

impl RollbackPoint {
    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &ContainerName {
        &self.workload.name
    }
}
