//! The port, by the writer and the readers.

mod accounts;

use async_trait::async_trait;
use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::hook::{HookKey, StoredHook};
use lodeman_domain::image::Repository;
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::update::{Operation, OperationId, StepRecord};
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_store::{
    BadDigest, CheckRecord, FirstSeen, IgnoredTarget, Override, RollbackPoint, ScanRecord, SealedSpec,
    SpecKind, Store, StoreError, StoredActivity, StoredEvent, StoredHistory, Write,
};

use tokio::sync::watch;

use super::read::{activity, hooks, journal, ledger, queue, rest};
use super::writer::Job;
use super::{Sealing, SqliteStore};

#[async_trait]
impl Store for SqliteStore {
    #[tracing::instrument(name = "store.commit", level = "debug", skip_all, fields(writes = writes.len()))]
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        self.writer.ask(Job::Commit(writes)).await.map(|_| ())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.writer.changes()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        rest::ping(&self.readers).await
    }

    fn sealing_problem(&self) -> Option<String> {
        match self.sealing() {
            Sealing::Ready => None,
            Sealing::Unavailable { reason } => Some(reason.clone()),
        }
    }

    async fn find_operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        journal::find(&self.readers, id).await
    }

    async fn list_open_operations(&self) -> Result<Vec<Operation>, StoreError> {
        journal::list_open(&self.readers).await
    }

    async fn find_open_operation(&self, key: &WorkloadKey) -> Result<Option<Operation>, StoreError> {
        journal::find_open(&self.readers, key).await
    }

    async fn find_operation_by_op8(&self, host: &HostId, op8: &str) -> Result<Option<Operation>, StoreError> {
        journal::find_by_op8(&self.readers, host, op8).await
    }

    async fn list_steps(&self, op: OperationId) -> Result<Vec<StepRecord>, StoreError> {
        journal::list_steps(&self.readers, op).await
    }

    async fn find_spec(&self, op: OperationId, kind: SpecKind) -> Result<Option<SealedSpec>, StoreError> {
        journal::find_spec(&self.readers, &self.sealer, op, kind).await
    }

    async fn find_queue_entry(&self, key: &WorkloadKey) -> Result<Option<QueueEntry>, StoreError> {
        queue::find(&self.readers, key).await
    }

    async fn list_queue(&self) -> Result<Vec<QueueEntry>, StoreError> {
        queue::list(&self.readers).await
    }

    async fn list_history(
        &self,
        of: Option<&WorkloadKey>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, StoreError> {
        ledger::history(&self.readers, of, before_seq, limit).await
    }

    async fn count_history(&self) -> Result<u64, StoreError> {
        ledger::count_history(&self.readers).await
    }

    async fn list_events(&self, after_seq: i64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        ledger::events(&self.readers, after_seq, limit).await
    }

    async fn find_bad_digest(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<BadDigest>, StoreError> {
        ledger::find_bad(&self.readers, repository, manifest).await
    }

    async fn list_bad_digests(&self) -> Result<Vec<BadDigest>, StoreError> {
        ledger::list_bad(&self.readers).await
    }

    async fn find_first_seen(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<FirstSeen>, StoreError> {
        ledger::find_first_seen(&self.readers, repository, manifest).await
    }

    async fn list_ignored(&self, key: &WorkloadKey) -> Result<Vec<IgnoredTarget>, StoreError> {
        rest::list_ignored(&self.readers, key).await
    }

    async fn list_overrides(&self) -> Result<Vec<Override>, StoreError> {
        rest::list_overrides(&self.readers).await
    }

    async fn list_hooks(&self, key: &HookKey) -> Result<Vec<StoredHook>, StoreError> {
        hooks::list(&self.readers, key).await
    }

    async fn find_rollback_point(&self, key: &WorkloadKey) -> Result<Option<RollbackPoint>, StoreError> {
        ledger::find_point(&self.readers, key).await
    }

    async fn list_rollback_points(&self) -> Result<Vec<RollbackPoint>, StoreError> {
        ledger::list_points(&self.readers).await
    }

    async fn find_check(&self, key: &WorkloadKey) -> Result<Option<CheckRecord>, StoreError> {
        rest::find_check(&self.readers, key).await
    }

    async fn list_checks(&self) -> Result<Vec<CheckRecord>, StoreError> {
        rest::list_checks(&self.readers).await
    }

    async fn find_last_scan(&self) -> Result<Option<ScanRecord>, StoreError> {
        rest::find_last_scan(&self.readers).await
    }

    async fn list_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        rest::list_settings(&self.readers).await
    }

    async fn list_activity(
        &self,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredActivity>, StoreError> {
        activity::list(&self.readers, before_seq, limit).await
    }

    #[tracing::instrument(name = "store.sweep", skip_all)]
    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.writer.ask(Job::Sweep(before)).await
    }
}
