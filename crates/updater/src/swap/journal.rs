//! Writing ahead: intents before calls, outcomes after inspects.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::clock::Clock;
use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::update::{Operation, OperationKind, Phase, Step, StepOutcome, StepRecord};
use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{Store, StoreError, Write};

/// One operation's journal. The outcome of a step and the intent of the next share a commit, so
/// outcomes wait in `pending` until something must be durable.
pub(crate) struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The row as it is, pending changes included.
    pub(crate) op: Operation,
    pending: Vec<Write>,
    dirty: bool,
    last_seq: u32,
    /// Set from the intent to stop the old container until it, or its replacement, runs again:
    /// failing to write then is waited out, never given up on.
    pub(crate) patient: bool,
}

impl Journal {
    /// Writes the row of a new operation, taking the lock of record.
    pub(crate) async fn create(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        op: Operation,
        with: Vec<Write>,
    ) -> Result<Self, StoreError> {
        let mut writes = vec![Write::InsertOperation(Box::new(op.clone()))];
        writes.extend(with);
        store.commit(writes).await?;
        Ok(Self { store, clock, op, pending: Vec::new(), dirty: false, last_seq: 0, patient: false })
    }

    /// Takes up the journal of an interrupted operation.
    pub(crate) fn resume(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        op: Operation,
        steps: &[StepRecord],
    ) -> Self {
        let last_seq = steps.iter().map(|s| s.seq).max().unwrap_or(0);
        Self { store, clock, op, pending: Vec::new(), dirty: false, last_seq, patient: false }
    }

    pub(crate) fn key(&self) -> WorkloadKey {
        WorkloadKey { host: self.op.host.clone(), name: self.op.canonical_name.clone() }
    }

    /// Makes the intent to issue one call durable, with everything that was pending.
    pub(crate) async fn begin(
        &mut self,
        step: Step,
        attempt: u32,
        args: serde_json::Value,
    ) -> Result<u32, StoreError> {
        let seq = self.last_seq + 1;
        self.pending.push(Write::InsertIntent(StepRecord {
            op: self.op.id,
            seq,
            step,
            attempt,
            intent_at: self.clock.now(),
            args,
            outcome_at: None,
            outcome: None,
            observed: None,
        }));
        self.last_seq = seq;
        self.flush().await?;
        Ok(seq)
    }

    /// Notes a step's outcome; durable with the next flush.
    pub(crate) fn settle(&mut self, seq: u32, outcome: StepOutcome, observed: serde_json::Value) {
        let at = self.clock.now();
        self.pending.push(Write::RecordOutcome { op: self.op.id, seq, at, outcome, observed });
    }

    /// Changes the row; durable with the next flush.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Operation)) {
        change(&mut self.op);
        self.dirty = true;
    }

    /// Moves the operation to `phase`; durable with the next flush.
    pub(crate) fn advance(&mut self, phase: Phase, message: &str) {
        self.change(|op| op.phase = phase);
        let event = self.event(EventKind::OperationPhase, message, serde_json::json!({ "phase": phase }));
        self.pending.push(Write::AppendEvent(event));
    }

    pub(crate) fn event(&self, kind: EventKind, message: &str, mut data: serde_json::Value) -> Event {
        // A restart is told in other words than an update.
        if self.op.kind == OperationKind::Restart
            && let Some(data) = data.as_object_mut()
        {
            data.insert("kind".to_owned(), serde_json::json!(self.op.kind));
        }
        Event {
            kind,
            at: self.clock.now(),
            workload: Some(self.key()),
            operation: Some(self.op.id),
            message: message.to_owned(),
            data,
        }
    }

    /// Adds writes to the next flush.
    pub(crate) fn also(&mut self, write: Write) {
        self.pending.push(write);
    }

    /// Makes everything pending durable.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() && !self.dirty {
            return Ok(());
        }
        let mut writes = self.pending.clone();
        if self.dirty {
            self.op.updated_at = self.clock.now();
            writes.push(Write::SaveOperation(Box::new(self.op.clone())));
        }
        let mut wait = Duration::from_millis(50);
        let mut tries = 0;
        loop {
            let error = match self.store.commit(writes.clone()).await {
                Ok(()) => break,
                Err(error) => error,
            };
            if let StoreError::Conflict { .. } = error {
                // After a try whose answer was lost, the conflict may be with ourselves.
                match self.took_effect(&writes).await {
                    Ok(true) if tries > 0 => break,
                    Err(_) if self.patient && tries > 0 => {}
                    // Somebody else owns the row: nothing of ours may follow.
                    Ok(_) | Err(_) => return Err(error),
                }
            }
            if !self.patient && (tries >= 3 || !matches!(error, StoreError::Busy(_))) {
                return Err(error);
            }
            tracing::error!(
                error = &error as &dyn std::error::Error,
                operation = %self.op.id,
                "the journal cannot be written; trying again"
            );
            tries += 1;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
        if self.dirty {
            self.op.version += 1;
            self.dirty = false;
        }
        self.pending.clear();
        Ok(())
    }

    /// Whether the store holds exactly what `writes` would have made of it: the row at the next version
    /// with our content, the intents and the outcomes.
    async fn took_effect(&self, writes: &[Write]) -> Result<bool, StoreError> {
        let steps = self.store.list_steps(self.op.id).await?;
        let mut ours = false;
        for write in writes {
            ours = match write {
                Write::SaveOperation(wanted) => {
                    let stored = self.store.find_operation(wanted.id).await?;
                    stored.is_some_and(|s| s.version == wanted.version + 1 && same_row(&s, wanted))
                }
                Write::InsertIntent(wanted) => steps.iter().any(|s| {
                    (s.seq, s.step, s.attempt, &s.args)
                        == (wanted.seq, wanted.step, wanted.attempt, &wanted.args)
                }),
                Write::RecordOutcome { seq, outcome, observed, .. } => steps.iter().any(|s| {
                    s.seq == *seq && s.outcome == Some(*outcome) && s.observed.as_ref() == Some(observed)
                }),
                _ => continue,
            };
            if !ours {
                return Ok(false);
            }
        }
        Ok(ours)
    }
}

/// Equal but for the version. Stores keep whole milliseconds.
fn same_row(stored: &Operation, wanted: &Operation) -> bool {
    let plain = |op: &Operation| {
        let cut = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        let mut plain = op.clone();
        plain.version = 0;
        plain.created_at = cut(op.created_at);
        plain.updated_at = cut(op.updated_at);
        plain.committed_at = op.committed_at.map(cut);
        plain
    };
    plain(stored) == plain(wanted)
}
