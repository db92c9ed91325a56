//! One step: intent, call, and settling what became of it.

use std::time::Duration;

use lodeman_domain::event::Progress;
use lodeman_domain::update::{Phase, Step, StepOutcome};
use lodeman_engine::EngineError;
use lodeman_store::StoreError;
use serde_json::Value;
use tokio::time::Instant;

use super::call::{Call, Check};
use super::journal::Journal;
use super::refusal::{Cause, Refusal};
use crate::deps::Deps;

/// Between two looks at an unsettled call.
const SETTLE_EVERY: Duration = Duration::from_millis(500);

/// How long a request whose answer was lost may still take effect: until then a refusal of the same
/// request is not the last word on it.
pub(crate) const DOUBT: Duration = Duration::from_secs(15);

/// Why a step did not reach its post-condition.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// It will not: the engine refuses, or the container is otherwise than it must be.
    #[error("{reason}")]
    Failed {
        step: Step,
        reason: String,
        /// The container is no longer there.
        gone: bool,
    },
    /// It could not be told within the deadline although the engine answers.
    #[error("it could not be told whether `{step}` took effect")]
    Unsettled { step: Step },
    /// The engine does not answer.
    #[error("the container engine stopped answering during `{step}`")]
    EngineLost { step: Step },
    /// The journal could not be written; nothing further was asked of the engine.
    #[error("the journal could not be written")]
    Journal(#[source] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Journal(error)
    }
}

/// One operation in progress.
pub(crate) struct Run {
    pub(crate) deps: Deps,
    pub(crate) journal: Journal,
    /// How the engine refused the last step, where that is why it failed.
    refusal: Option<Refusal>,
    /// Until when a request whose answer was lost may still take effect.
    doubt_until: Option<Instant>,
}

impl Run {
    pub(crate) fn new(deps: Deps, journal: Journal) -> Self {
        Self { deps, journal, refusal: None, doubt_until: None }
    }

    /// What stood in the way of the last step, where the engine refused it.
    pub(crate) fn refused(&self) -> Option<Cause> {
        self.refusal.as_ref().map(Refusal::cause)
    }

    /// Waits until no request of ours can take effect any more: what undoes a call must not be overtaken by
    /// it.
    pub(crate) async fn wait_out_doubt(&mut self) {
        if let Some(until) = self.doubt_until.take()
            && until > Instant::now()
        {
            tracing::warn!(operation = %self.journal.op.id, "waiting for a request whose answer was lost");
            tokio::time::sleep_until(until).await;
        }
    }

    /// A request may take effect for this much longer.
    pub(crate) fn doubt_for(&mut self, span: Duration) {
        let until = Instant::now() + span;
        self.doubt_until = Some(self.doubt_until.map_or(until, |was| was.max(until)));
    }

    /// Tells those who watch, and moves the row.
    pub(crate) fn advance(&mut self, phase: Phase, message: &str) {
        self.journal.advance(phase, message);
        self.tell(phase, message);
    }

    pub(crate) fn tell(&self, phase: Phase, message: &str) {
        let op = &self.journal.op;
        tracing::info!(container.name = %op.canonical_name, operation = %op.id, phase = %phase, "{message}");
        self.deps.progress.send(Progress::Phase {
            operation: op.id,
            name: op.canonical_name.to_string(),
            phase,
            message: message.to_owned(),
        });
    }

    /// Brings `call` about: skips it where its post-condition holds already, else writes the intent,
    /// issues it, and looks until the outcome is certain.
    pub(crate) async fn perform(&mut self, step: Step, call: Call) -> Result<Value, Halt> {
        self.refusal = None;
        match call.check(&*self.deps.engine).await {
            Ok(Check::Holds(observed)) => return Ok(observed),
            Err(error) if !self.engine_answers().await => {
                tracing::warn!(error = &error as &dyn std::error::Error, step = %step, "the engine is lost");
                return Err(Halt::EngineLost { step });
            }
            // An answer that is no answer: the call itself will tell.
            Ok(_) | Err(_) => {}
        }
        let mut seq = self.begin(step, &call, 1).await?;
        if matches!(step, Step::UnpauseOld | Step::StopOld) {
            // From now on the old container is not what it was.
            self.journal.patient = true;
        }
        let outcome = self.settle(step, &call, &mut seq).await;
        match &outcome {
            Ok(observed) => self.journal.settle(seq, StepOutcome::Ok, observed.clone()),
            Err(Halt::Failed { reason, .. }) => {
                self.journal.settle(seq, StepOutcome::Failed, Value::String(reason.clone()));
            }
            Err(_) => {}
        }
        outcome
    }

    async fn begin(&mut self, step: Step, call: &Call, attempt: u32) -> Result<u32, StoreError> {
        let args = serde_json::to_value(call).unwrap_or(Value::Null);
        self.journal.begin(step, attempt, args).await
    }

    async fn settle(&mut self, step: Step, call: &Call, seq: &mut u32) -> Result<Value, Halt> {
        let engine = self.deps.engine.clone();
        let give_up = Instant::now() + call.settle_deadline();
        let mut doubt_until: Option<Instant> = None;
        let mut attempt = 1;
        let earlier_doubt = self.doubt_until;
        loop {
            let mut lost = false;
            match call.issue(&*engine).await {
                Ok(()) => self.refusal = None,
                Err(EngineError::Refused { status, message, .. }) => {
                    self.refusal = Some(Refusal { status, message });
                }
                Err(error) => {
                    self.refusal = None;
                    lost = true;
                    doubt_until = Some(Instant::now() + DOUBT);
                    self.doubt_for(DOUBT);
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        step = %step,
                        "outcome unknown; looking"
                    );
                }
            }
            match self.look(call, doubt_until.is_none()).await {
                Ok(Check::Holds(observed)) => {
                    self.refusal = None;
                    if attempt == 1 {
                        // The only request is the one whose effect is seen.
                        self.doubt_until = earlier_doubt;
                    }
                    return Ok(observed);
                }
                Ok(Check::Never(reason, observed)) => {
                    self.refusal = None;
                    return Err(Halt::Failed { step, reason, gone: observed.is_null() });
                }
                Ok(Check::Open(observed)) => {
                    if let Some(refusal) = &self.refusal
                        && (call.is_final_refusal(refusal.status) || refusal.cause() == Cause::NoSpace)
                        && doubt_until.is_none_or(|until| Instant::now() >= until)
                    {
                        let gone = observed.is_null() && !matches!(call, Call::Create { .. });
                        let reason = format!("the engine refused: {}", refusal.message);
                        return Err(Halt::Failed { step, reason, gone });
                    }
                }
                Err(_) if !self.engine_answers().await => return Err(Halt::EngineLost { step }),
                Err(_) => doubt_until = Some(Instant::now() + DOUBT),
            }
            if Instant::now() >= give_up {
                return Err(Halt::Unsettled { step });
            }
            tokio::time::sleep(SETTLE_EVERY).await;
            if lost {
                // Durable, so that whoever undoes this after a crash waits for the request that was lost.
                attempt += 1;
                self.journal.settle(*seq, StepOutcome::Unknown, Value::Null);
                *seq = self.begin(step, call, attempt).await?;
            }
        }
    }

    /// Looks once; where the call's answer was lost, the post-condition must hold twice.
    async fn look(&self, call: &Call, certain: bool) -> Result<Check, EngineError> {
        let engine = &*self.deps.engine;
        match call.check(engine).await? {
            Check::Holds(_) if !certain => {
                tokio::time::sleep(SETTLE_EVERY).await;
                call.check(engine).await
            }
            other => Ok(other),
        }
    }

    /// Whether the engine answers at all, asked a few times: one lost answer is not a lost engine.
    pub(crate) async fn engine_answers(&self) -> bool {
        for _ in 0..3 {
            if self.deps.engine.ping().await.is_ok() {
                return true;
            }
            tokio::time::sleep(SETTLE_EVERY).await;
        }
        false
    }
}
