//! The port in memory: the same guards and the same all-or-nothing, and failures on demand.

mod accounts;
mod tables;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::hook::{HookKey, StoredHook};
use lodeman_domain::image::Repository;
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::update::{Operation, OperationId, StepRecord};
use lodeman_domain::workload::{HostId, WorkloadKey};

use tokio::sync::watch;

use tables::{Tables, key_of};

use crate::{
    BadDigest, CheckRecord, FirstSeen, IgnoredTarget, Override, RollbackPoint, ScanRecord, SealedSpec,
    SpecKind, Store, StoreError, StoredActivity, StoredEvent, StoredHistory, Write,
};

/// How a commit goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFault {
    /// Another writer is in the way.
    Busy,
    /// No space is left.
    Full,
    /// The medium fails before anything is written.
    FailedBefore,
    /// The medium fails after everything was written, so the answer is lost.
    FailedAfter,
    /// The process ends before anything is written: the answer never comes.
    KilledBefore,
    /// The process ends after everything was written: the answer never comes.
    KilledAfter,
}

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    commits: u64,
    /// How often the tables were changed; nobody sees them half changed.
    generation: watch::Sender<u64>,
    faults: BTreeMap<u64, CommitFault>,
    log: Vec<Write>,
}

/// Everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inner>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the `nth` commit, counted from 1, go wrong.
    pub fn fail_commit(&self, nth: u64, fault: CommitFault) {
        self.lock().faults.insert(nth, fault);
    }

    /// How many commits were asked for.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    /// Every write that was made, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Write> {
        self.lock().log.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the port's reads may fail, and these are its answers")]
    fn read<T>(&self, read: impl FnOnce(&Tables) -> T) -> Result<T, StoreError> {
        Ok(read(&self.lock().tables))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let fault = {
            let mut inner = self.lock();
            inner.commits += 1;
            let nth = inner.commits;
            let fault = inner.faults.remove(&nth);
            let before = matches!(
                fault,
                Some(
                    CommitFault::Busy
                        | CommitFault::Full
                        | CommitFault::FailedBefore
                        | CommitFault::KilledBefore
                )
            );
            if !before {
                let mut next = inner.tables.clone();
                next.apply_all(&writes)?;
                inner.tables = next;
                inner.generation.send_modify(|generation| *generation += 1);
                inner.log.extend(writes);
            }
            fault
        };
        match fault {
            None => Ok(()),
            Some(CommitFault::Busy) => Err(StoreError::Busy("a failure on demand".into())),
            Some(CommitFault::Full) => Err(StoreError::Full("a failure on demand".into())),
            Some(CommitFault::FailedBefore | CommitFault::FailedAfter) => {
                Err(StoreError::Failed("a failure on demand".into()))
            }
            Some(CommitFault::KilledBefore | CommitFault::KilledAfter) => std::future::pending().await,
        }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.lock().generation.subscribe()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn find_operation(&self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        self.read(|t| t.operations.get(&id).cloned())
    }

    async fn list_open_operations(&self) -> Result<Vec<Operation>, StoreError> {
        self.read(|t| {
            let mut open: Vec<_> =
                t.operations.values().filter(|o| !o.phase.is_terminal()).cloned().collect();
            open.sort_by_key(|o| (o.created_at, o.id));
            open
        })
    }

    async fn find_open_operation(&self, key: &WorkloadKey) -> Result<Option<Operation>, StoreError> {
        self.read(|t| t.operations.values().find(|o| !o.phase.is_terminal() && key_of(o) == *key).cloned())
    }

    async fn find_operation_by_op8(&self, host: &HostId, op8: &str) -> Result<Option<Operation>, StoreError> {
        self.read(|t| t.operations.values().rev().find(|o| o.host == *host && o.id.op8() == op8).cloned())
    }

    async fn list_steps(&self, op: OperationId) -> Result<Vec<StepRecord>, StoreError> {
        self.read(|t| t.steps.values().filter(|s| s.op == op).cloned().collect())
    }

    async fn find_spec(&self, op: OperationId, kind: SpecKind) -> Result<Option<SealedSpec>, StoreError> {
        self.read(|t| t.specs.iter().find(|s| s.op == op && s.kind == kind).cloned())
    }

    async fn find_queue_entry(&self, key: &WorkloadKey) -> Result<Option<QueueEntry>, StoreError> {
        self.read(|t| t.queue.iter().find(|e| e.workload == *key && e.state.is_current()).cloned())
    }

    async fn list_queue(&self) -> Result<Vec<QueueEntry>, StoreError> {
        self.read(|t| {
            let mut list: Vec<_> = t.queue.iter().filter(|e| e.state.is_current()).cloned().collect();
            list.sort_by(|a, b| (a.detected_at, &a.workload).cmp(&(b.detected_at, &b.workload)));
            list
        })
    }

    async fn list_history(
        &self,
        of: Option<&WorkloadKey>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, StoreError> {
        self.read(|t| {
            let wanted = |h: &&StoredHistory| {
                of.is_none_or(|k| h.row.workload == *k) && before_seq.is_none_or(|b| h.seq < b)
            };
            t.history.iter().rev().filter(wanted).take(limit as usize).cloned().collect()
        })
    }

    async fn count_history(&self) -> Result<u64, StoreError> {
        self.read(|t| t.history.len() as u64)
    }

    async fn list_events(&self, after_seq: i64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(|t| t.events.iter().filter(|e| e.seq > after_seq).take(limit as usize).cloned().collect())
    }

    async fn find_bad_digest(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<BadDigest>, StoreError> {
        self.read(|t| t.bad.iter().find(|b| b.repository == *repository && b.manifest == *manifest).cloned())
    }

    async fn list_bad_digests(&self) -> Result<Vec<BadDigest>, StoreError> {
        self.read(|t| {
            let mut bad = t.bad.clone();
            bad.sort_by_key(|b| (b.at, b.repository.clone(), b.manifest.clone()));
            bad
        })
    }

    async fn find_first_seen(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<FirstSeen>, StoreError> {
        self.read(|t| t.seen.iter().find(|s| s.repository == *repository && s.manifest == *manifest).cloned())
    }

    async fn list_ignored(&self, key: &WorkloadKey) -> Result<Vec<IgnoredTarget>, StoreError> {
        self.read(|t| t.ignored.iter().filter(|i| i.workload == *key).cloned().collect())
    }

    async fn list_overrides(&self) -> Result<Vec<Override>, StoreError> {
        self.read(|t| {
            let mut overrides = t.overrides.clone();
            overrides.sort_by(|a, b| a.workload.cmp(&b.workload));
            overrides
        })
    }

    async fn list_hooks(&self, key: &HookKey) -> Result<Vec<StoredHook>, StoreError> {
        self.read(|t| t.hooks.values().filter(|hook| hook.key == *key).cloned().collect())
    }

    async fn find_rollback_point(&self, key: &WorkloadKey) -> Result<Option<RollbackPoint>, StoreError> {
        self.read(|t| {
            t.points.iter().filter(|p| p.workload == *key).max_by_key(|p| (p.created_at, p.op)).cloned()
        })
    }

    async fn list_rollback_points(&self) -> Result<Vec<RollbackPoint>, StoreError> {
        self.read(|t| {
            let mut points = t.points.clone();
            points.sort_by_key(|p| (p.created_at, p.op));
            points
        })
    }

    async fn find_check(&self, key: &WorkloadKey) -> Result<Option<CheckRecord>, StoreError> {
        self.read(|t| t.checks.iter().find(|c| c.workload == *key).cloned())
    }

    async fn list_checks(&self) -> Result<Vec<CheckRecord>, StoreError> {
        self.read(|t| {
            let mut checks = t.checks.clone();
            checks.sort_by(|a, b| a.workload.cmp(&b.workload));
            checks
        })
    }

    async fn find_last_scan(&self) -> Result<Option<ScanRecord>, StoreError> {
        self.read(|t| t.scans.iter().max_by_key(|s| s.started_at).cloned())
    }

    async fn list_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|t| t.settings.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    async fn list_activity(
        &self,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredActivity>, StoreError> {
        self.read(|t| {
            let older = t.activity.iter().rev().filter(|a| before_seq.is_none_or(|before| a.seq < before));
            older.take(limit as usize).cloned().collect()
        })
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut inner = self.lock();
        inner.generation.send_modify(|generation| *generation += 1);
        Ok(inner.tables.sweep(before))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lodeman_domain::update::StepOutcome;

    use super::*;
    use crate::{AccountWrite, UserRecord};

    #[tokio::test]
    async fn the_fake_keeps_what_every_store_promises() {
        crate::contract::all(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
    }

    #[tokio::test]
    async fn a_commit_fails_on_demand_before_or_after_it_is_made() {
        let store = MemoryStore::new();
        let put = |value: &str| vec![Write::PutSetting { key: "k".into(), value: value.into() }];
        let faults =
            [CommitFault::Busy, CommitFault::Full, CommitFault::FailedBefore, CommitFault::FailedAfter];
        for (nth, fault) in (1..).zip(faults) {
            store.fail_commit(nth, fault);
        }
        assert!(matches!(store.commit(put("1")).await, Err(StoreError::Busy(_))));
        assert!(matches!(store.commit(put("2")).await, Err(StoreError::Full(_))));
        assert!(matches!(store.commit(put("3")).await, Err(StoreError::Failed(_))));
        assert_eq!(store.list_settings().await.unwrap(), []);
        assert!(matches!(store.commit(put("4")).await, Err(StoreError::Failed(_))));
        assert_eq!(store.list_settings().await.unwrap(), [("k".to_owned(), "4".to_owned())]);
        store.commit(put("5")).await.unwrap();
        assert_eq!((store.commits(), store.log().len()), (5, 2));
    }

    #[tokio::test]
    async fn a_failed_list_of_writes_leaves_nothing_behind() {
        let store = MemoryStore::new();
        let user = |name: &str| {
            let id = uuid::Uuid::nil();
            let user = UserRecord::new(id, name, String::new(), "admin", Timestamp::UNIX_EPOCH);
            Write::from(AccountWrite::InsertUser(user))
        };
        let setting = Write::PutSetting { key: "paused".into(), value: "true".into() };
        store.commit(vec![user("ann")]).await.unwrap();
        let result = store.commit(vec![setting, user("ann")]).await;
        assert!(matches!(result, Err(StoreError::Conflict { what: "user" })));
        assert_eq!(store.list_settings().await.unwrap(), []);
    }

    #[tokio::test]
    async fn an_outcome_is_recorded_once() {
        let store = MemoryStore::new();
        let op = OperationId(uuid::Uuid::nil());
        let outcome = Write::RecordOutcome {
            op,
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            outcome: StepOutcome::Ok,
            observed: serde_json::Value::Null,
        };
        assert!(matches!(store.commit(vec![outcome]).await, Err(StoreError::Conflict { what: "step" })));
    }
}
