//! Clearing up behind operations: old containers whose time is over, pins nobody needs, images no
//! rollback needs, and starts that could not succeed yet.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::update::{Direction, Operation, OperationKind, Phase, Step};
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::ContainerInspect;
use lodeman_store::{StoreError, Write};

use crate::recover::{RecoverError, recover_held, recover_left};
use crate::swap::call::Call;
use crate::swap::journal::Journal;
use crate::swap::names::{PIN_PREFIX, Role, parse_derived, pin_name};
use crate::swap::perform::{Halt, Run};
use crate::swap::{Swapper, clean};

/// Clears up once.
///
/// # Errors
/// [`StoreError`] when the journal cannot be read. What the engine refuses is left for the next time.
pub async fn tidy(swapper: &Swapper) -> Result<(), StoreError> {
    for op in swapper.deps().store.list_open_operations().await? {
        take_up(swapper, &op).await?;
    }
    if let Err(error) = remove_leftovers(swapper).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "leftovers are looked at again later");
    }
    drop_expired(swapper).await?;
    if let Err(error) = unpin(swapper).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "pins are looked at again later");
    }
    Ok(())
}

fn key(op: &Operation) -> WorkloadKey {
    WorkloadKey { host: op.host.clone(), name: op.canonical_name.clone() }
}

/// An open operation that nobody works on: who does, holds the container's lock.
async fn take_up(swapper: &Swapper, listed: &Operation) -> Result<(), StoreError> {
    let Some(_guard) = swapper.locks().try_container(&key(listed)) else { return Ok(()) };
    // It may have ended since it was listed.
    let Some(op) = swapper.deps().store.find_operation(listed.id).await? else { return Ok(()) };
    let (id, name) = (op.id, op.canonical_name.clone());
    let taken = match op.phase {
        phase if phase.is_terminal() => return Ok(()),
        Phase::Committed if soak_is_over(swapper, &op) => return end_soak(swapper, op).await,
        // One that is held because something did not succeed comes through by itself once it can.
        Phase::Held if op.direction == Direction::Back || op.committed_at.is_some() => {
            recover_held(swapper, op).await
        }
        Phase::Committed | Phase::Held => return Ok(()),
        _ if swapper.stopping().is_cancelled() => return Ok(()),
        _ => recover_left(swapper, op).await,
    };
    match taken {
        Ok(_) => Ok(()),
        Err(RecoverError::Store(error)) => Err(error),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, operation = %id, container.name = %name, "taken up again later");
            Ok(())
        }
    }
}

fn soak_is_over(swapper: &Swapper, op: &Operation) -> bool {
    let config = &swapper.deps().swap;
    // An exchanged container that was not running is not proven: its old one is kept longer.
    let kept = if op.old_running { config.soak } else { config.rollback_lifetime };
    op.committed_at.is_none_or(|at| is_past(swapper, at, kept))
}

fn is_past(swapper: &Swapper, at: Timestamp, span: Duration) -> bool {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    swapper.deps().clock.now().duration_since(at) >= span
}

async fn end_soak(swapper: &Swapper, op: Operation) -> Result<(), StoreError> {
    let deps = swapper.deps();
    let steps = deps.store.list_steps(op.id).await?;
    let name = op.canonical_name.clone();
    let mut run = Run::new(deps.clone(), Journal::resume(deps.store.clone(), deps.clock.clone(), op, &steps));
    match clean(&mut run).await {
        Ok(()) => Ok(()),
        Err(Halt::Journal(error)) => Err(error),
        Err(halt) => {
            tracing::warn!(container.name = %name, "the old container is kept: {halt}");
            Ok(())
        }
    }
}

/// Removes what an ended operation of ours left under a name of its own, once nothing needs it.
async fn remove_leftovers(swapper: &Swapper) -> Result<(), RecoverError> {
    let deps = swapper.deps();
    for container in deps.engine.list_containers().await? {
        let Some(name) = container.name() else { continue };
        let Some((_, role, op8)) = parse_derived(name) else { continue };
        let Some(op) = deps.store.find_operation_by_op8(&deps.host, op8).await? else { continue };
        let Some(_guard) = swapper.locks().try_container(&key(&op)) else { continue };
        let Some(op) = deps.store.find_operation(op.id).await? else { continue };
        let found = match deps.engine.inspect_container(&container.id).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error.into()),
        };
        let step = match role {
            Role::New if is_spare(&op, &found) => Step::RemoveNew,
            Role::Old if is_retired(swapper, &op, &found).await? => Step::RemoveOld,
            _ => continue,
        };
        let steps = deps.store.list_steps(op.id).await?;
        let mut run =
            Run::new(deps.clone(), Journal::resume(deps.store.clone(), deps.clock.clone(), op, &steps));
        match run.perform(step, Call::Remove { id: container.id }).await {
            Ok(_) => {
                run.journal.flush().await?;
                tracing::info!(container.name = %found.name(), "removed a leftover");
            }
            Err(halt) => tracing::debug!(container.name = %found.name(), "the leftover stays: {halt}"),
        }
    }
    Ok(())
}

fn is_down(c: &ContainerInspect) -> bool {
    !c.is_up() && c.pid() == 0
}

/// A replacement that could not be removed then, or that a lost request made later. Never the container that
/// has, or had, the canonical name.
fn is_spare(op: &Operation, found: &ContainerInspect) -> bool {
    let ended = op.phase.is_terminal() || op.phase == Phase::Committed;
    let is_accepted = op.new_id.as_ref() == Some(found.id()) && op.committed_at.is_some();
    let stands_in = op.recreation.as_ref().is_some_and(|r| r.id.as_ref() == Some(found.id()));
    ended
        && !is_accepted
        && !stands_in
        && *found.name() == op.temp_name
        && *found.id() != op.old_id
        && is_down(found)
}

/// An old container that could not be started, once the one made anew in its stead has run for the soak,
/// or an update of that one has been accepted.
async fn is_retired(
    swapper: &Swapper,
    op: &Operation,
    found: &ContainerInspect,
) -> Result<bool, RecoverError> {
    let deps = swapper.deps();
    let made_anew = op.recreation.as_ref().is_some_and(|r| r.id.is_some());
    let is_it = *found.id() == op.old_id && *found.name() == op.retained_name && is_down(found);
    if op.phase != Phase::RolledBack
        || !made_anew
        || !is_it
        || !is_past(swapper, op.updated_at, deps.swap.soak)
    {
        return Ok(false);
    }
    let open = deps.store.find_open_operation(&key(op)).await?;
    if open.is_some_and(|open| open.phase != Phase::Committed) {
        return Ok(false);
    }
    let stands_in = deps.engine.find_container(&op.canonical_name).await?;
    Ok(stands_in.is_some_and(|c| c.is_up() && *c.id() != op.old_id))
}

async fn drop_expired(swapper: &Swapper) -> Result<(), StoreError> {
    let deps = swapper.deps();
    let now = deps.clock.now();
    let mut writes = Vec::new();
    for point in deps.store.list_rollback_points().await? {
        if point.expires_at <= now {
            writes.push(Write::DropRollbackPoint(point.op));
            writes.push(Write::DropSpecs(point.op));
        }
    }
    if writes.is_empty() { Ok(()) } else { deps.store.commit(writes).await }
}

/// Takes off pins that neither a rollback point nor an open operation needs, and removes images that
/// then have no name and no use. Never forced; a refusal is respected.
async fn unpin(swapper: &Swapper) -> Result<(), RecoverError> {
    // An operation that began in the middle would pin an image that was counted as free a moment before.
    let Some(_free) = swapper.locks().try_free_images() else { return Ok(()) };
    let deps = swapper.deps();
    let open = deps.store.list_open_operations().await?;
    // Between its plan and its acceptance an operation may rely on any image.
    if open.iter().any(|op| !matches!(op.phase, Phase::Committed | Phase::Held)) {
        return Ok(());
    }
    let points = deps.store.list_rollback_points().await?;
    let mut needed: HashSet<String> = points.iter().map(|p| p.pin.clone()).collect();
    needed.extend(open.iter().map(|op| pin_name(op.id)));
    let containers = deps.engine.list_containers().await?;
    for image in deps.engine.list_images().await? {
        let (pins, others): (Vec<&String>, Vec<&String>) =
            image.repo_tags.iter().partition(|t| t.starts_with(PIN_PREFIX));
        if pins.is_empty() || pins.iter().any(|pin| needed.contains(*pin)) {
            continue;
        }
        if must_stay(swapper, &pins).await? {
            continue;
        }
        let used = containers.iter().any(|c| c.image_id.as_ref() == Some(&image.id))
            || points.iter().any(|p| p.image_id == image.id);
        let only_pins = others.iter().all(|t| t.starts_with("<none>"));
        if only_pins && !used && !deps.swap.image_cleanup {
            // Without its last name the image would go, and it is to be kept.
            continue;
        }
        for pin in pins {
            if let Err(error) = deps.engine.remove_image(pin).await {
                tracing::debug!(error = &error as &dyn std::error::Error, %pin, "the pin stays");
            }
        }
        if only_pins && !used && deps.engine.inspect_image(image.id.as_str()).await.is_ok() {
            match deps.engine.remove_image(image.id.as_str()).await {
                Ok(()) => {
                    tracing::info!(image = %image.id, "removed an image that no rollback needs any more");
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, image = %image.id, "the image stays");
                }
            }
        }
    }
    Ok(())
}

/// Whether one of these pins is of an operation that we do not know, and so another server's, or keeps what
/// an update replaced for as long as that is wanted.
async fn must_stay(swapper: &Swapper, pins: &[&String]) -> Result<bool, RecoverError> {
    let deps = swapper.deps();
    for pin in pins {
        let op8 = pin.strip_prefix(PIN_PREFIX).unwrap_or_default().split(':').next().unwrap_or_default();
        let Some(op) = deps.store.find_operation_by_op8(&deps.host, op8).await? else { return Ok(true) };
        let replaced = op.committed_at.filter(|_| op.kind == OperationKind::Update);
        if let (Some(kept), Some(at)) = (deps.swap.image_backup, replaced)
            && !is_past(swapper, at, kept)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
