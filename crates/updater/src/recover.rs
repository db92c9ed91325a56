//! After a crash: every operation that was under way is brought to one proven running container.
//!
//! What to do is chosen by [`decide`], a pure function from what the journal says and what the engine
//! shows; doing it is the same code that an operation in progress uses.

mod act;
mod calm;
pub mod decide;
mod facts;
pub mod orphans;

use std::time::Duration;

use lodeman_domain::event::EventKind;
use lodeman_domain::update::{JOURNAL_FORMAT, Operation, OperationId, OperationKind, Outcome, Phase};
use lodeman_engine::EngineInfo;
use lodeman_store::{StoreError, Write};

use crate::swap::journal::Journal;
use crate::swap::perform::{Halt, Run};
use crate::swap::{Ending, Swapper};
pub use decide::{Action, Facts, NewState, OldState};

/// How often recovery of one operation is attempted before a person is asked.
const MAX_RECOVERIES: u32 = 3;

/// What recovery would do, or did, with one operation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecoveryItem {
    /// The operation.
    pub operation: OperationId,
    /// The container.
    pub name: String,
    /// How far it had come.
    pub phase: Phase,
    /// What is done, as a sentence.
    pub action: String,
    /// How it ended, once it did.
    pub outcome: Option<Outcome>,
}

/// Why recovery could not be done now.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The engine does not answer.
    #[error("the container engine does not answer")]
    Engine(#[from] lodeman_engine::EngineError),
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Store(#[from] StoreError),
}

/// What recovery would do, without doing it.
///
/// # Errors
/// [`RecoverError`] when engine or journal cannot be asked.
pub async fn plan(swapper: &Swapper) -> Result<Vec<RecoveryItem>, RecoverError> {
    let deps = swapper.deps();
    let mut items = Vec::new();
    let open = deps.store.list_open_operations().await?;
    if open.is_empty() {
        return Ok(items);
    }
    let info = deps.engine.info().await?;
    for op in open {
        let action = if let Some(why) = refuse(&op, &info) {
            Action::Hold { reason: why }
        } else {
            let steps = deps.store.list_steps(op.id).await?;
            let facts = facts::gather(deps, &op, &steps).await?;
            choose(&op, &facts)
        };
        items.push(RecoveryItem {
            operation: op.id,
            name: op.canonical_name.to_string(),
            phase: op.phase,
            action: action.sentence(),
            outcome: None,
        });
    }
    Ok(items)
}

/// Recovers every open operation of the host, oldest first. Waits for the engine, and for calm.
///
/// # Errors
/// [`RecoverError`] when the journal cannot be read.
pub async fn run(swapper: &Swapper) -> Result<Vec<RecoveryItem>, RecoverError> {
    let deps = swapper.deps();
    let open = deps.store.list_open_operations().await?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    tracing::info!(operations = open.len(), "recovering what was under way");
    calm::engine(&*deps.engine).await;
    calm::calm(&*deps.engine, deps.swap.calm, deps.swap.calm_limit).await;
    let mut items = Vec::new();
    for op in open {
        let key =
            lodeman_domain::workload::WorkloadKey { host: op.host.clone(), name: op.canonical_name.clone() };
        let _guard = swapper.locks().container(&key).await;
        items.push(recover_one(swapper, op).await?);
    }
    Ok(items)
}

/// Takes up a held operation again, without counting it as one more attempt.
pub(crate) async fn recover_held(swapper: &Swapper, op: Operation) -> Result<RecoveryItem, RecoverError> {
    swapper.deps().engine.ping().await?;
    recover_one(swapper, op).await
}

/// Takes up an operation that nobody in this process works on any more: its journal could not be written.
pub(crate) async fn recover_left(swapper: &Swapper, op: Operation) -> Result<RecoveryItem, RecoverError> {
    let deps = swapper.deps();
    deps.engine.ping().await?;
    calm::calm(&*deps.engine, deps.swap.calm, deps.swap.calm_limit).await;
    recover_one(swapper, op).await
}

async fn recover_one(swapper: &Swapper, op: Operation) -> Result<RecoveryItem, RecoverError> {
    let deps = swapper.deps();
    let mut item = RecoveryItem {
        operation: op.id,
        name: op.canonical_name.to_string(),
        phase: op.phase,
        action: String::new(),
        outcome: None,
    };
    if op.format > JOURNAL_FORMAT {
        item.action = format!("left alone: its journal format {} is newer than this build's", op.format);
        return Ok(item);
    }
    let steps = deps.store.list_steps(op.id).await?;
    let committed = op.phase == Phase::Committed;
    let spent = op.recoveries >= MAX_RECOVERIES;
    let mut run = Run::new(deps.clone(), Journal::resume(deps.store.clone(), deps.clock.clone(), op, &steps));
    if !committed && run.journal.op.phase != Phase::Held {
        run.journal.change(|op| op.recoveries += 1);
        run.journal.flush().await?;
    }
    let ending = loop {
        match once(swapper, &mut run, spent, &mut item).await {
            Ok(ending) => break ending,
            Err(Halt::Journal(error)) => return Err(error.into()),
            Err(Halt::EngineLost { .. }) => {
                calm::engine(&*deps.engine).await;
                calm::calm(&*deps.engine, deps.swap.calm, deps.swap.calm_limit).await;
            }
            Err(halt) => break swapper.turn(&mut run, halt).await,
        }
    };
    item.outcome = Some(ending.outcome);
    tracing::info!(container.name = %item.name, operation = %item.operation, outcome = %ending.outcome, "recovered: {}", item.action);
    Ok(item)
}

async fn once(
    swapper: &Swapper,
    run: &mut Run,
    spent: bool,
    item: &mut RecoveryItem,
) -> Result<Ending, Halt> {
    let lost = Halt::EngineLost { step: lodeman_domain::update::Step::StartOld };
    let Ok(info) = run.deps.engine.info().await else { return Err(lost) };
    if let Some(reason) = refuse(&run.journal.op, &info) {
        item.action.clone_from(&reason);
        return crate::swap::hold(run, &reason).await;
    }
    let steps = run.deps.store.list_steps(run.journal.op.id).await?;
    crate::swap::hook::settle(run, &steps);
    facts::settle_stop(run, &steps).await?;
    facts::settle_calls(run, &steps).await?;
    let Ok(facts) = facts::gather(&run.deps, &run.journal.op, &steps).await else { return Err(lost) };
    let action = choose(&run.journal.op, &facts);
    item.action = action.sentence();
    tracing::info!(operation = %run.journal.op.id, ?facts, "recovery: {}", item.action);
    // What is held is tried again every minute: that is not told each time.
    if run.journal.op.phase != Phase::Held {
        let event = run.journal.event(
            EventKind::OperationPhase,
            &format!("recovery: {}", item.action),
            serde_json::json!({ "recovery": run.journal.op.recoveries }),
        );
        run.journal.also(Write::AppendEvent(event));
    }
    act::act(swapper, run, action, spent).await
}

fn choose(op: &Operation, facts: &Facts) -> Action {
    match op.kind {
        OperationKind::Restart => decide::decide_restart(op.phase, facts),
        OperationKind::Update | OperationKind::Rollback => decide::decide(op.phase, facts),
    }
}

/// The engine was lost in the middle: waits for it, then goes on as after a crash.
pub(crate) async fn regain(swapper: &Swapper, run: &mut Run) -> Result<Ending, Halt> {
    let deps = run.deps.clone();
    calm::engine(&*deps.engine).await;
    calm::calm(&*deps.engine, deps.swap.calm, deps.swap.calm_limit).await;
    run.journal.flush().await?;
    let mut item = RecoveryItem {
        operation: run.journal.op.id,
        name: run.journal.op.canonical_name.to_string(),
        phase: run.journal.op.phase,
        action: String::new(),
        outcome: None,
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    once(swapper, run, false, &mut item).await
}

/// Why an operation is not judged against this engine at all.
fn refuse(op: &Operation, info: &EngineInfo) -> Option<String> {
    if op.engine_id != info.engine_id {
        return Some("the socket leads to another engine than the operation was begun on".to_owned());
    }
    if op.storage_driver != info.storage_driver {
        return Some(format!(
            "the engine's image store changed from `{}` to `{}`: nothing can be judged absent",
            op.storage_driver, info.storage_driver
        ));
    }
    None
}
