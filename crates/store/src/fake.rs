//! The port in memory: the same guards and the same all-or-nothing, and failures on demand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Repository;
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::update::{Operation, OperationId, StepRecord};
use lodeman_domain::workload::{HostId, WorkloadKey};

use crate::{
    BadDigest, CheckRecord, FirstSeen, IgnoredTarget, Override, RollbackPoint, ScanRecord, SealedSpec,
    SpecKind, Store, StoreError, StoredEvent, StoredHistory, UserRecord, Write,
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
}

#[derive(Debug, Clone, Default)]
struct Tables {
    operations: BTreeMap<OperationId, Operation>,
    steps: BTreeMap<(OperationId, u32), StepRecord>,
    specs: Vec<SealedSpec>,
    queue: Vec<QueueEntry>,
    history: Vec<StoredHistory>,
    events: Vec<StoredEvent>,
    bad: Vec<BadDigest>,
    seen: Vec<FirstSeen>,
    ignored: Vec<IgnoredTarget>,
    overrides: Vec<Override>,
    points: Vec<RollbackPoint>,
    checks: Vec<CheckRecord>,
    scans: Vec<ScanRecord>,
    settings: BTreeMap<String, String>,
    users: Vec<UserRecord>,
}

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    commits: u64,
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

    fn read<T>(&self, read: impl FnOnce(&Tables) -> T) -> Result<T, StoreError> {
        Ok(read(&self.lock().tables))
    }
}

fn conflict<T>(what: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Conflict { what })
}

fn key_of(op: &Operation) -> WorkloadKey {
    WorkloadKey { host: op.host.clone(), name: op.canonical_name.clone() }
}

impl Tables {
    fn apply(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::InsertOperation(op) => {
                let taken =
                    self.operations.values().any(|o| !o.phase.is_terminal() && key_of(o) == key_of(&op));
                if taken {
                    return conflict("lock of record");
                }
                self.operations.insert(op.id, *op);
            }
            Write::SaveOperation(mut op) => {
                match self.operations.get(&op.id) {
                    Some(now) if now.version == op.version => {}
                    _ => return conflict("operation"),
                }
                op.version += 1;
                self.operations.insert(op.id, *op);
            }
            Write::PutSpec(spec) => {
                self.specs.retain(|s| (s.op, s.kind) != (spec.op, spec.kind));
                self.specs.push(spec);
            }
            Write::DropSpecs(op) => self.specs.retain(|s| s.op != op),
            Write::InsertIntent(step) => {
                if self.steps.insert((step.op, step.seq), step).is_some() {
                    return conflict("step");
                }
            }
            Write::RecordOutcome { op, seq, at, outcome, observed } => match self.steps.get_mut(&(op, seq)) {
                Some(step) if step.is_open() => {
                    step.outcome = Some(outcome);
                    step.outcome_at = Some(at);
                    step.observed = Some(observed);
                }
                _ => return conflict("step"),
            },
            Write::InsertQueueEntry(entry) => {
                let current = |e: &QueueEntry| e.workload == entry.workload && e.state.is_current();
                if entry.state.is_current() && self.queue.iter().any(current) {
                    return conflict("queue entry");
                }
                self.queue.push(*entry);
            }
            Write::SaveQueueEntry { entry, expect_revision, expect_state } => {
                let Some(row) = self.queue.iter_mut().find(|e| e.id == entry.id) else {
                    return conflict("queue entry");
                };
                if row.revision != expect_revision || row.state != expect_state {
                    return conflict("queue entry");
                }
                *row = *entry;
            }
            other => self.apply_record(other)?,
        }
        Ok(())
    }

    fn apply_record(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::AppendHistory(row) => {
                let seq = self.history.last().map_or(1, |h| h.seq + 1);
                self.history.push(StoredHistory { seq, row });
            }
            Write::AppendEvent(event) => {
                let seq = self.events.last().map_or(1, |e| e.seq + 1);
                self.events.push(StoredEvent { seq, event });
            }
            Write::PutBadDigest(bad) => {
                if !self.bad.iter().any(|b| b.repository == bad.repository && b.manifest == bad.manifest) {
                    self.bad.push(bad);
                }
            }
            Write::DropBadDigest { repository, manifest } => {
                self.bad.retain(|b| b.repository != repository || b.manifest != manifest);
            }
            Write::PutFirstSeen(seen) => {
                let known = |s: &FirstSeen| s.repository == seen.repository && s.manifest == seen.manifest;
                if !self.seen.iter().any(known) {
                    self.seen.push(seen);
                }
            }
            Write::PutIgnored(ignored) => self.ignored.push(ignored),
            Write::DropIgnored(key) => self.ignored.retain(|i| i.workload != key),
            Write::PutOverride(o) => {
                self.overrides.retain(|x| x.workload != o.workload);
                self.overrides.push(o);
            }
            Write::DropOverride(key) => self.overrides.retain(|o| o.workload != key),
            Write::PutRollbackPoint(point) => {
                self.points.retain(|p| p.op != point.op);
                self.points.push(point);
            }
            Write::DropRollbackPoint(op) => self.points.retain(|p| p.op != op),
            Write::PutCheck(check) => {
                self.checks.retain(|c| c.workload != check.workload);
                self.checks.push(check);
            }
            Write::DropCheck(key) => self.checks.retain(|c| c.workload != key),
            Write::PutScan(scan) => {
                self.scans.retain(|s| s.id != scan.id);
                self.scans.push(scan);
            }
            Write::PutSetting { key, value } => {
                self.settings.insert(key, value);
            }
            Write::DropSetting(key) => {
                self.settings.remove(&key);
            }
            Write::InsertFirstUser(_) if !self.users.is_empty() => return conflict("first user"),
            Write::InsertUser(user) | Write::InsertFirstUser(user) => {
                if self.users.iter().any(|u| u.name == user.name) {
                    return conflict("user");
                }
                self.users.push(user);
            }
            // The rest is applied by `apply`.
            _ => {}
        }
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.commits += 1;
        let nth = inner.commits;
        let fault = inner.faults.remove(&nth);
        let failed = || Err(StoreError::Failed("a failure on demand".into()));
        match fault {
            Some(CommitFault::Busy) => return Err(StoreError::Busy("a failure on demand".into())),
            Some(CommitFault::Full) => return Err(StoreError::Full("a failure on demand".into())),
            Some(CommitFault::FailedBefore) => return failed(),
            Some(CommitFault::FailedAfter) | None => {}
        }
        let mut next = inner.tables.clone();
        for write in &writes {
            next.apply(write.clone())?;
        }
        inner.tables = next;
        inner.log.extend(writes);
        if fault.is_some() { failed() } else { Ok(()) }
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
        self.read(|t| t.bad.clone())
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
        self.read(|t| t.overrides.clone())
    }

    async fn find_rollback_point(&self, key: &WorkloadKey) -> Result<Option<RollbackPoint>, StoreError> {
        self.read(|t| {
            t.points.iter().filter(|p| p.workload == *key).max_by_key(|p| (p.created_at, p.op)).cloned()
        })
    }

    async fn list_rollback_points(&self) -> Result<Vec<RollbackPoint>, StoreError> {
        self.read(|t| t.points.clone())
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

    async fn find_user(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.read(|t| t.users.iter().find(|u| u.name == name).cloned())
    }

    async fn count_users(&self) -> Result<u64, StoreError> {
        self.read(|t| t.users.len() as u64)
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let tables = &mut self.lock().tables;
        let total = |t: &Tables| t.operations.len() + t.history.len() + t.events.len();
        let was = total(tables);
        tables.operations.retain(|_, o| !o.phase.is_terminal() || o.updated_at >= before);
        let kept: Vec<OperationId> = tables.operations.keys().copied().collect();
        tables.steps.retain(|(op, _), _| kept.contains(op));
        tables.specs.retain(|s| kept.contains(&s.op));
        tables.history.retain(|h| h.row.at >= before);
        tables.events.retain(|e| e.event.at >= before);
        Ok((was - total(tables)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_domain::update::StepOutcome;

    #[tokio::test]
    async fn a_failed_list_of_writes_leaves_nothing_behind() {
        let store = MemoryStore::new();
        let user = |name: &str| UserRecord {
            id: uuid::Uuid::nil(),
            name: name.to_owned(),
            password_hash: String::new(),
            role: "admin".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        let setting = Write::PutSetting { key: "paused".into(), value: "true".into() };
        store.commit(vec![Write::InsertUser(user("ann"))]).await.unwrap();
        let result = store.commit(vec![setting, Write::InsertUser(user("ann"))]).await;
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
