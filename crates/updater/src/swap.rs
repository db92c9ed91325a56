//! The swap: one container replaced so that no crash can lose it.
//!
//! Forward: plan, pin the old image, pull, check again, make the replacement beside the old
//! container, stop the old one, exchange the names, disarm the old one, start the replacement, judge
//! it, accept it. Back: take the replacement away and put the old container where it was. Every
//! mutating engine call is one journalled step.

mod back;
pub(crate) mod call;
mod commit;
mod finish;
mod forward;
mod gate;
pub(crate) mod hook;
pub(crate) mod journal;
pub mod names;
pub(crate) mod perform;
mod plan;
mod ports;
mod pull;
pub(crate) mod recreate;
mod refusal;
mod restart;
mod restore;
mod verify;

use lodeman_domain::queue::{QueueEntry, Target};
use lodeman_domain::update::{OperationId, OperationKind, Outcome};
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::EngineError;
use lodeman_engine::spec::Plan;
use lodeman_store::StoreError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use commit::clean;
pub(crate) use finish::{Ending, finish};
pub(crate) use plan::config_hash;
pub(crate) use verify::explained_exit;

use crate::deps::Deps;
use crate::locks::Locks;
use perform::{Halt, Run};

/// Where the replacement's create request comes from.
#[derive(Debug, Clone)]
pub enum SpecSource {
    /// Derived from the container as it is.
    Derive,
    /// A recorded one, with the image that is on the host under this id.
    Recorded(Box<Plan>),
}

/// One update, or one way back to an earlier state.
#[derive(Debug, Clone)]
pub struct SwapRequest {
    /// The container.
    pub key: WorkloadKey,
    /// What it is for.
    pub kind: OperationKind,
    /// What is installed.
    pub target: Target,
    /// Where the create request comes from.
    pub spec: SpecSource,
    /// The person who asked; `None` for the schedule.
    pub by: Option<String>,
    /// How long the replacement must stay up, where a label sets it.
    pub grace: Option<Duration>,
    /// How long the old container is kept; `None` for the configured time.
    pub soak: Option<Duration>,
    /// Use only what is on the host.
    pub no_pull: bool,
    /// The queue entry that this applies, as it was read.
    pub entry: Option<QueueEntry>,
}

/// How a swap ended.
#[derive(Debug, Clone)]
pub struct SwapReport {
    /// The operation.
    pub operation: OperationId,
    /// How it ended.
    pub outcome: Outcome,
    /// How long the container was down, milliseconds.
    pub dark_ms: Option<u64>,
    /// Why, for everything but plain success.
    pub reason: Option<String>,
}

/// Why a swap was not begun. Nothing was touched.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// There is no such container.
    #[error("there is no container `{name}`")]
    NoSuchContainer {
        /// Its name.
        name: String,
    },
    /// Another operation has the container.
    #[error("container `{name}` is being changed by operation {operation}")]
    Busy {
        /// Its name.
        name: String,
        /// The operation, or `another process`.
        operation: String,
    },
    /// The container is of a kind that is not updated.
    #[error("container `{name}` cannot be updated: {reason}")]
    Refused {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A setting cannot be carried over.
    #[error("container `{name}` cannot be recreated faithfully: `{field}` {reason}")]
    NotCarried {
        /// Its name.
        name: String,
        /// The setting.
        field: String,
        /// Why not.
        reason: String,
    },
    /// What was decided on is no longer what stands.
    #[error("the queue entry of `{name}` has changed")]
    Stale {
        /// Its name.
        name: String,
    },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The engine could not be asked.
    #[error("the container engine could not be asked")]
    Engine(#[from] EngineError),
    /// The store failed.
    #[error("the journal could not be written")]
    Store(#[from] StoreError),
    /// The task that ran it ended without an answer.
    #[error("the operation ended without an answer; recovery will settle it")]
    Vanished,
}

/// Runs swaps on tasks of their own: neither a caller that goes away nor a shutdown drops one
/// between an intent and its outcome.
#[derive(Clone)]
pub struct Swapper {
    deps: Deps,
    locks: Locks,
    stopping: CancellationToken,
    tracker: TaskTracker,
}

impl Swapper {
    /// A swapper that begins nothing once `stopping` is set.
    #[must_use]
    pub fn new(deps: Deps, stopping: CancellationToken) -> Self {
        let locks = Locks::new(deps.swap.max_parallel);
        Self { deps, locks, stopping, tracker: TaskTracker::new() }
    }

    /// The same swapper with other numbers for what it begins from now on. How many containers may be
    /// down at once changes for all that share its locks.
    #[must_use]
    pub fn with_config(&self, swap: crate::deps::SwapConfig) -> Self {
        self.locks.set_max_parallel(swap.max_parallel);
        Self { deps: Deps { swap, ..self.deps.clone() }, ..self.clone() }
    }

    /// What it was given.
    #[must_use]
    pub fn deps(&self) -> &Deps {
        &self.deps
    }

    /// The locks it takes.
    #[must_use]
    pub fn locks(&self) -> &Locks {
        &self.locks
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Runs `task` so that a shutdown waits for it.
    pub(crate) fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Waits until no operation runs any more.
    pub async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Replaces one container, to the end: accepted, rolled back, aborted or held.
    ///
    /// # Errors
    /// [`SwapError`] when it was not begun; nothing was touched then.
    pub async fn swap(&self, request: SwapRequest) -> Result<SwapReport, SwapError> {
        let this = self.clone();
        self.spawn(async move { this.swap_here(request).await }).await.unwrap_or(Err(SwapError::Vanished))
    }

    async fn swap_here(self, request: SwapRequest) -> Result<SwapReport, SwapError> {
        if self.stopping.is_cancelled() {
            return Err(SwapError::Stopping);
        }
        let name = request.key.name.to_string();
        let Some(_guard) = self.locks.try_container(&request.key) else {
            return Err(SwapError::Busy { name, operation: "under way".to_owned() });
        };
        self.finish_soak(&request.key).await?;
        let _images = self.locks.keep_images().await;
        let (mut run, planned) = plan::plan(&self.deps, &request).await?;
        let halt = forward::forward(&mut run, &self.locks, &self.stopping, &request, &planned).await.err();
        let ending = match halt {
            None => Ending::of(&run),
            Some(halt) => self.turn(&mut run, halt).await,
        };
        if ending.outcome.is_accepted() && request.soak.unwrap_or(self.deps.swap.soak).is_zero() {
            // The update stands whatever becomes of the cleaning; the janitor tries again.
            if let Err(halt) = clean(&mut run).await {
                tracing::warn!(error = &halt as &dyn std::error::Error, "cleaning up is left to the janitor");
            }
        }
        Ok(ending.report(run.journal.op.id))
    }

    /// An operation that only keeps its old container makes way for the next.
    pub(crate) async fn finish_soak(&self, key: &WorkloadKey) -> Result<(), SwapError> {
        use lodeman_domain::update::Phase;
        let Some(open) = self.deps.store.find_open_operation(key).await? else { return Ok(()) };
        let busy = SwapError::Busy { name: key.name.to_string(), operation: open.id.to_string() };
        if open.phase != Phase::Committed {
            return Err(busy);
        }
        let steps = self.deps.store.list_steps(open.id).await?;
        let journal =
            journal::Journal::resume(self.deps.store.clone(), self.deps.clock.clone(), open, &steps);
        let mut run = Run::new(self.deps.clone(), journal);
        clean(&mut run).await.map_err(|halt| match halt {
            Halt::Journal(error) => SwapError::Store(error),
            _ => busy,
        })
    }

    /// What follows a step that did not succeed: the shortest way to a proven running container.
    pub(crate) async fn turn(&self, run: &mut Run, halt: Halt) -> Ending {
        let mut halt = halt;
        loop {
            tracing::warn!(
                container.name = %run.journal.op.canonical_name,
                operation = %run.journal.op.id,
                phase = %run.journal.op.phase,
                "turning back: {halt}"
            );
            let result = match &halt {
                Halt::EngineLost { .. } => crate::recover::regain(self, run).await,
                Halt::Journal(_) => break Ending::open(run, "the journal cannot be written"),
                Halt::Stopping if run.journal.op.phase == lodeman_domain::update::Phase::Validating => {
                    break Ending::open(run, "the server stops; judging goes on when it is back");
                }
                _ => back::turn(run, &halt).await,
            };
            match result {
                Ok(ending) => break ending,
                Err(next) => halt = next,
            }
        }
    }
}

pub(crate) use back::{Abort, abort, back, find_new, hold, hold_for, is_images_fault};
pub(crate) use forward::validate;
pub(crate) use restart::come_back;
