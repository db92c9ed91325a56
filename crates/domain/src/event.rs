//! What the server tells about itself as it happens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::update::{OperationId, Outcome, Phase, words};
use crate::workload::WorkloadKey;

words! {
    /// What an event is about.
    EventKind {
        /// A scan began.
        ScanStarted = "scan_started",
        /// A scan ended.
        ScanCompleted = "scan_completed",
        /// An update of a container exists.
        UpdateAvailable = "update_available",
        /// A queue entry changed.
        QueueChanged = "queue_changed",
        /// An operation reached a phase.
        OperationPhase = "operation_phase",
        /// An operation ended.
        OperationEnded = "operation_ended",
        /// A person changed a setting.
        SettingsChanged = "settings_changed",
        /// A person set a container's policy, or took it back.
        PolicyChanged = "policy_changed",
        /// What a person began did not come to an operation.
        ActionFailed = "action_failed",
        /// A hook ran, or could not be run.
        HookEnded = "hook_ended",
        /// A person had a container started, stopped or restarted, or tried to.
        ContainerState = "container_state",
        /// Someone should look.
        Alert = "alert",
    }
}

/// One event, as the outbox stores it. The sequence number is the store's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What it is about.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The container it is about.
    pub workload: Option<WorkloadKey>,
    /// The operation it is about.
    pub operation: Option<OperationId>,
    /// One sentence for a person.
    pub message: String,
    /// The facts, by kind.
    #[serde(default)]
    pub data: serde_json::Value,
}

/// One row of history: how an operation, or a check, ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The container.
    pub workload: WorkloadKey,
    /// When it ended.
    pub at: Timestamp,
    /// The operation, where there was one.
    pub operation: Option<OperationId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Reference before.
    pub old_reference: String,
    /// Image id before.
    pub old_image: String,
    /// Reference after, or what it would have been.
    pub new_reference: String,
    /// Digest after, or what it would have been.
    pub new_digest: Option<String>,
    /// How long it took in all, milliseconds.
    pub duration_ms: u64,
    /// How long the container was down, milliseconds.
    pub dark_ms: Option<u64>,
    /// Why, for everything but plain success.
    pub reason: Option<String>,
    /// Who asked: a user's name, or `schedule`.
    pub actor: String,
    /// Whether the replacement ran with a writable mount before it was taken back.
    pub data_may_have_changed: bool,
}

/// A live note on an operation, for those who watch; not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Progress {
    /// An operation reached a phase.
    Phase {
        /// The operation.
        operation: OperationId,
        /// The container.
        name: String,
        /// The phase.
        phase: Phase,
        /// One sentence for a person.
        message: String,
    },
    /// A layer of a pull moved.
    Pull {
        /// The operation.
        operation: OperationId,
        /// The container.
        name: String,
        /// The layer's short id.
        layer: Option<String>,
        /// The engine's word for what it does.
        status: String,
        /// Bytes done.
        current_bytes: Option<u64>,
        /// Bytes in all.
        total_bytes: Option<u64>,
    },
    /// The replacement is being judged.
    Verdict {
        /// The operation.
        operation: OperationId,
        /// The container.
        name: String,
        /// What is being waited for.
        message: String,
    },
    /// An operation ended.
    Ended {
        /// The operation.
        operation: OperationId,
        /// The container.
        name: String,
        /// How.
        outcome: Outcome,
        /// How long the container was down, milliseconds.
        dark_ms: Option<u64>,
        /// Why, for everything but plain success.
        reason: Option<String>,
    },
    /// A scan moved on.
    Scan {
        /// Containers checked.
        checked: usize,
        /// Containers in all.
        total: usize,
        /// The one that was checked last.
        name: String,
    },
}
