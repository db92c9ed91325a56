//! The tables in memory, and each [`Write`] upon them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lodeman_domain::hook::{HookKey, HookPhase, StoredHook};
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::update::{Operation, OperationId, StepRecord};
use lodeman_domain::workload::WorkloadKey;

use super::accounts::Accounts;
use crate::{
    ACTIVITY_KEPT, BadDigest, CheckRecord, FirstSeen, IgnoredTarget, Override, RollbackPoint, ScanRecord,
    SealedSpec, StoreError, StoredActivity, StoredEvent, StoredHistory, Write,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    pub(super) operations: BTreeMap<OperationId, Operation>,
    pub(super) steps: BTreeMap<(OperationId, u32), StepRecord>,
    pub(super) specs: Vec<SealedSpec>,
    pub(super) queue: Vec<QueueEntry>,
    pub(super) history: Vec<StoredHistory>,
    pub(super) events: Vec<StoredEvent>,
    pub(super) bad: Vec<BadDigest>,
    pub(super) seen: Vec<FirstSeen>,
    pub(super) ignored: Vec<IgnoredTarget>,
    pub(super) overrides: Vec<Override>,
    pub(super) hooks: BTreeMap<(HookKey, HookPhase), StoredHook>,
    pub(super) points: Vec<RollbackPoint>,
    pub(super) checks: Vec<CheckRecord>,
    pub(super) scans: Vec<ScanRecord>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) activity: Vec<StoredActivity>,
    pub(super) accounts: Accounts,
    last_history: i64,
    last_event: i64,
    last_activity: i64,
}

pub(super) fn conflict<T>(what: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Conflict { what })
}

pub(super) fn key_of(op: &Operation) -> WorkloadKey {
    WorkloadKey { host: op.host.clone(), name: op.canonical_name.clone() }
}

impl Tables {
    /// Makes all writes, of which none may leave a step, a spec or a rollback point without its operation.
    pub(super) fn apply_all(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            self.apply(write.clone())?;
        }
        let mut of = (self.steps.keys().map(|(op, _)| op))
            .chain(self.specs.iter().map(|s| &s.op))
            .chain(self.points.iter().map(|p| &p.op));
        if of.all(|op| self.operations.contains_key(op)) { Ok(()) } else { conflict("operation") }
    }

    fn is_locked(&self, op: &Operation) -> bool {
        let open = |o: &Operation| !o.phase.is_terminal() && o.id != op.id && key_of(o) == key_of(op);
        !op.phase.is_terminal() && self.operations.values().any(open)
    }

    fn apply(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::InsertOperation(op) => {
                if self.operations.contains_key(&op.id) {
                    return conflict("operation");
                }
                if self.is_locked(&op) {
                    return conflict("lock of record");
                }
                self.operations.insert(op.id, *op);
            }
            Write::SaveOperation(mut op) => {
                match self.operations.get(&op.id) {
                    Some(now) if now.version == op.version => {}
                    _ => return conflict("operation"),
                }
                if self.is_locked(&op) {
                    return conflict("lock of record");
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
                if self.queue.iter().any(|e| e.id == entry.id) || self.has_another_current(&entry) {
                    return conflict("queue entry");
                }
                self.queue.push(*entry);
            }
            Write::SaveQueueEntry { entry, expect_revision, expect_state } => {
                let expected = |e: &QueueEntry| {
                    e.id == entry.id && e.revision == expect_revision && e.state == expect_state
                };
                let Some(at) = self.queue.iter().position(expected) else {
                    return conflict("queue entry");
                };
                if self.has_another_current(&entry) {
                    return conflict("queue entry");
                }
                self.queue[at] = *entry;
            }
            other => self.apply_record(other)?,
        }
        Ok(())
    }

    fn has_another_current(&self, entry: &QueueEntry) -> bool {
        let other = |e: &QueueEntry| e.id != entry.id && e.workload == entry.workload && e.state.is_current();
        entry.state.is_current() && self.queue.iter().any(other)
    }

    fn apply_record(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::AppendHistory(row) => {
                self.last_history += 1;
                self.history.push(StoredHistory { seq: self.last_history, row });
            }
            Write::AppendEvent(event) => {
                self.last_event += 1;
                self.events.push(StoredEvent { seq: self.last_event, event });
            }
            Write::PutBadDigest(bad) => {
                let same = |b: &BadDigest| b.repository == bad.repository && b.manifest == bad.manifest;
                if !self.bad.iter().any(same) {
                    self.bad.push(bad);
                }
            }
            Write::DropBadDigest { repository, manifest } => {
                self.bad.retain(|b| b.repository != repository || b.manifest != manifest);
            }
            Write::PutFirstSeen(seen) => {
                let known =
                    |s: &&mut FirstSeen| s.repository == seen.repository && s.manifest == seen.manifest;
                match self.seen.iter_mut().find(known) {
                    Some(known) => known.at = known.at.min(seen.at),
                    None => self.seen.push(seen),
                }
            }
            Write::PutIgnored(it) => {
                let same = |i: &IgnoredTarget| {
                    (&i.workload, &i.version, &i.manifest) == (&it.workload, &it.version, &it.manifest)
                };
                if !self.ignored.iter().any(same) {
                    self.ignored.push(it);
                }
            }
            Write::DropIgnored(key) => self.ignored.retain(|i| i.workload != key),
            Write::PutOverride(o) => {
                self.overrides.retain(|x| x.workload != o.workload);
                self.overrides.push(o);
            }
            Write::DropOverride(key) => self.overrides.retain(|o| o.workload != key),
            Write::PutHook(hook) => {
                self.hooks.insert((hook.key.clone(), hook.phase), hook);
            }
            Write::DropHook(key, phase) => {
                self.hooks.remove(&(key, phase));
            }
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
            Write::AppendActivity(entry) => {
                self.last_activity += 1;
                self.activity.push(StoredActivity { seq: self.last_activity, entry });
                let over = self.activity.len().saturating_sub(ACTIVITY_KEPT as usize);
                self.activity.drain(..over);
            }
            Write::Account(write) => self.accounts.apply(write)?,
            // The rest is applied by `apply`.
            _ => {}
        }
        Ok(())
    }

    /// Drops what is over and older than `before`; how many rows that were.
    pub(super) fn sweep(&mut self, before: Timestamp) -> u64 {
        let total =
            |t: &Self| t.operations.len() + t.history.len() + t.events.len() + t.queue.len() + t.scans.len();
        let was = total(self);
        let points = &self.points;
        self.operations.retain(|id, o| {
            !o.phase.is_terminal() || o.updated_at >= before || points.iter().any(|p| p.op == *id)
        });
        let kept = &self.operations;
        self.steps.retain(|(op, _), _| kept.contains_key(op));
        self.specs.retain(|s| kept.contains_key(&s.op));
        self.history.retain(|h| h.row.at >= before);
        self.events.retain(|e| e.event.at >= before);
        self.queue.retain(|e| e.state.is_current() || e.updated_at >= before);
        let last = self.scans.iter().max_by_key(|s| s.started_at).map(|s| s.id);
        self.scans.retain(|s| s.started_at >= before || Some(s.id) == last);
        (was - total(self)) as u64
    }
}
