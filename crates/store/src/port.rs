//! The port itself.

pub(crate) mod account;

use async_trait::async_trait;
use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, HistoryRow};
use lodeman_domain::hook::{HookKey, HookPhase, StoredHook};
use lodeman_domain::image::Repository;
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::update::{Operation, OperationId, StepOutcome, StepRecord};
use lodeman_domain::workload::{HostId, WorkloadKey};
use tokio::sync::watch;

use crate::StoreError;
use crate::model::activity::{ActivityEntry, StoredActivity};
use crate::model::{
    BadDigest, CheckRecord, FirstSeen, IgnoredTarget, Override, RollbackPoint, ScanRecord, SealedSpec,
    SpecKind, StoredEvent, StoredHistory,
};

use account::{AccountStore, AccountWrite};

/// How many entries of the activity log are kept (sentinel contract, section 9).
pub const ACTIVITY_KEPT: u32 = 5_000;

/// One change. A list of them is one transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new operation. Conflict (`lock of record`) when a non-terminal one has its host and name.
    InsertOperation(Box<Operation>),
    /// An operation's row. Guard: its `version` in the store is the one given; the store adds one.
    SaveOperation(Box<Operation>),
    /// One of an operation's specs, sealed by the adapter; replaces an earlier one of that kind. Like a step
    /// and a rollback point, it needs its operation: conflict (`operation`) when there is none at the end.
    PutSpec(SealedSpec),
    /// Drops an operation's specs.
    DropSpecs(OperationId),
    /// A step's intent.
    InsertIntent(StepRecord),
    /// A step's outcome. Guard: the step exists and has no settled outcome.
    RecordOutcome {
        /// The operation.
        op: OperationId,
        /// The step's position.
        seq: u32,
        /// When.
        at: Timestamp,
        /// The outcome.
        outcome: StepOutcome,
        /// The facts that proved it.
        observed: serde_json::Value,
    },
    /// A new queue entry. Conflict when the workload has a current one.
    InsertQueueEntry(Box<QueueEntry>),
    /// A queue entry's row. Guard: its revision and state in the store are these.
    SaveQueueEntry {
        /// The row as it shall be.
        entry: Box<QueueEntry>,
        /// Revision it must have now.
        expect_revision: u64,
        /// State it must have now.
        expect_state: lodeman_domain::queue::QueueState,
    },
    /// One more row of history.
    AppendHistory(HistoryRow),
    /// One more event for the outbox.
    AppendEvent(Event),
    /// A digest that was rolled back; the first reason stays.
    PutBadDigest(BadDigest),
    /// Lifts the block on a manifest.
    DropBadDigest {
        /// Where the image comes from.
        repository: Repository,
        /// The platform's manifest.
        manifest: Digest,
    },
    /// When a digest was first seen; an earlier time stays.
    PutFirstSeen(FirstSeen),
    /// A digest or version not to be offered.
    PutIgnored(IgnoredTarget),
    /// Offers everything to a container again.
    DropIgnored(WorkloadKey),
    /// What a person set for a container.
    PutOverride(Override),
    /// Takes that back.
    DropOverride(WorkloadKey),
    /// A hook that a person set; one for each container and phase.
    PutHook(StoredHook),
    /// Takes it back.
    DropHook(HookKey, HookPhase),
    /// What a rollback can go back to.
    PutRollbackPoint(RollbackPoint),
    /// No longer.
    DropRollbackPoint(OperationId),
    /// How the last check of a container went; one per container.
    PutCheck(CheckRecord),
    /// Forgets the check of a container that is gone.
    DropCheck(WorkloadKey),
    /// A scan; one row per id.
    PutScan(ScanRecord),
    /// A stored setting.
    PutSetting {
        /// Its key.
        key: String,
        /// Its value as text.
        value: String,
    },
    /// Drops a stored setting.
    DropSetting(String),
    /// One more entry of the activity log, of which the newest [`ACTIVITY_KEPT`] are kept.
    AppendActivity(ActivityEntry),
    /// A change of accounts, sessions, tokens or roles.
    Account(AccountWrite),
}

/// Persistence. `commit` returns only after the change would survive a power cut.
#[async_trait]
pub trait Store: AccountStore {
    /// Makes all writes durable together, or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a guard does not hold; nothing was written then, nor after any
    /// other error but [`StoreError::Failed`], after which it is not known.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// As for every read.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Changes before and after each change of what is stored, by whomever in this process: what is read
    /// while it stays the same is still so. Read it first, then what it is to vouch for.
    fn generation(&self) -> u64 {
        *self.changes().borrow()
    }

    /// The generation, for whoever waits for another one.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Why create requests can be neither sealed nor opened, where they cannot: the key is missing or is
    /// another one. No update can be recorded then, and so none begins. `None`: they can.
    fn sealing_problem(&self) -> Option<String> {
        None
    }

    /// An operation.
    ///
    /// # Errors
    /// As for every read.
    async fn find_operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError>;

    /// All operations that are not terminal, oldest first.
    ///
    /// # Errors
    /// As for every read.
    async fn list_open_operations(&self) -> Result<Vec<Operation>, StoreError>;

    /// The operation that holds the lock of record of a container.
    ///
    /// # Errors
    /// As for every read.
    async fn find_open_operation(&self, key: &WorkloadKey) -> Result<Option<Operation>, StoreError>;

    /// The latest operations of a host whose names end in this `op8`, terminal or not.
    ///
    /// # Errors
    /// As for every read.
    async fn find_operation_by_op8(&self, host: &HostId, op8: &str) -> Result<Option<Operation>, StoreError>;

    /// The steps of an operation, in order.
    ///
    /// # Errors
    /// As for every read.
    async fn list_steps(&self, op: OperationId) -> Result<Vec<StepRecord>, StoreError>;

    /// One of an operation's specs, opened.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] when the key is not the one it was sealed with.
    async fn find_spec(&self, op: OperationId, kind: SpecKind) -> Result<Option<SealedSpec>, StoreError>;

    /// The current queue entry of a container.
    ///
    /// # Errors
    /// As for every read.
    async fn find_queue_entry(&self, key: &WorkloadKey) -> Result<Option<QueueEntry>, StoreError>;

    /// All current queue entries, by detection time, then name.
    ///
    /// # Errors
    /// As for every read.
    async fn list_queue(&self) -> Result<Vec<QueueEntry>, StoreError>;

    /// History, newest first: at most `limit` rows before `before_seq`, of one container or of all.
    ///
    /// # Errors
    /// As for every read.
    async fn list_history(
        &self,
        of: Option<&WorkloadKey>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, StoreError>;

    /// How many rows of history there are.
    ///
    /// # Errors
    /// As for every read.
    async fn count_history(&self) -> Result<u64, StoreError>;

    /// Events after `after_seq`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// As for every read.
    async fn list_events(&self, after_seq: i64, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// Whether a manifest of a repository is blocked.
    ///
    /// # Errors
    /// As for every read.
    async fn find_bad_digest(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<BadDigest>, StoreError>;

    /// All blocked manifests.
    ///
    /// # Errors
    /// As for every read.
    async fn list_bad_digests(&self) -> Result<Vec<BadDigest>, StoreError>;

    /// When a manifest was first seen.
    ///
    /// # Errors
    /// As for every read.
    async fn find_first_seen(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<FirstSeen>, StoreError>;

    /// What a container is never to be offered.
    ///
    /// # Errors
    /// As for every read.
    async fn list_ignored(&self, key: &WorkloadKey) -> Result<Vec<IgnoredTarget>, StoreError>;

    /// What people set for containers.
    ///
    /// # Errors
    /// As for every read.
    async fn list_overrides(&self) -> Result<Vec<Override>, StoreError>;

    /// The hooks that people set for a container, by phase.
    ///
    /// # Errors
    /// As for every read.
    async fn list_hooks(&self, key: &HookKey) -> Result<Vec<StoredHook>, StoreError>;

    /// The newest rollback point of a container.
    ///
    /// # Errors
    /// As for every read.
    async fn find_rollback_point(&self, key: &WorkloadKey) -> Result<Option<RollbackPoint>, StoreError>;

    /// All rollback points.
    ///
    /// # Errors
    /// As for every read.
    async fn list_rollback_points(&self) -> Result<Vec<RollbackPoint>, StoreError>;

    /// The last check of a container.
    ///
    /// # Errors
    /// As for every read.
    async fn find_check(&self, key: &WorkloadKey) -> Result<Option<CheckRecord>, StoreError>;

    /// The last checks of all containers.
    ///
    /// # Errors
    /// As for every read.
    async fn list_checks(&self) -> Result<Vec<CheckRecord>, StoreError>;

    /// The latest scan.
    ///
    /// # Errors
    /// As for every read.
    async fn find_last_scan(&self) -> Result<Option<ScanRecord>, StoreError>;

    /// All stored settings.
    ///
    /// # Errors
    /// As for every read.
    async fn list_settings(&self) -> Result<Vec<(String, String)>, StoreError>;

    /// The activity log, newest first: at most `limit` entries before `before_seq`.
    ///
    /// # Errors
    /// As for every read.
    async fn list_activity(
        &self,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredActivity>, StoreError>;

    /// Drops what is older than `before` and has outlived its use: terminal operations that no rollback
    /// needs, with all that belongs to them, queue entries that are over, scans but the last, history and
    /// events. Tells how many rows that were, not counting what belongs to an operation.
    ///
    /// # Errors
    /// As for every commit.
    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError>;
}
