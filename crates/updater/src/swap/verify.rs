//! Judging a replacement: does it stay up, and is it healthy?

mod last_words;
mod listen;

use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::container::{ContainerId, RunState};
use lodeman_domain::event::Progress;
use lodeman_domain::update::{Phase, Step};
use lodeman_engine::{ContainerEngine, ContainerInspect};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call::ended;
use super::perform::{Halt, Run};

pub(super) use last_words::keep as keep_last_words;
use listen::Hearing;
pub(super) use listen::hear_old;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// Between two records of the used budget.
const RECORD_EVERY: Duration = Duration::from_secs(10);

/// Watches the replacement until it is proven or broken.
pub(crate) async fn judge(run: &mut Run, id: &ContainerId, stopping: &CancellationToken) -> Result<(), Halt> {
    let step = Step::StartNew;
    let first = inspect(run, id).await?;
    let grace = Duration::from_millis(run.journal.op.validate_budget_ms);
    let budget = budget(&first, grace, run.deps.swap.health_deadline_cap);
    let used_before = Duration::from_millis(run.journal.op.validate_used_ms);
    // Interrupted judging always gets some more time.
    let left = budget.saturating_sub(used_before).max(Duration::from_secs(10).min(budget));
    // One with a health check is judged by that alone.
    let listened = if first.health().is_none() { run.journal.op.listened.clone() } else { Vec::new() };
    let mut hearing = Hearing::new(listened);
    let hearing_left = hearing.budget(grace, run.deps.swap.health_deadline_cap).saturating_sub(used_before);
    let hearing_left = hearing_left.max(left);
    run.advance(Phase::Validating, &waiting_for(&first, left, &hearing));
    run.journal.flush().await?;
    let began = Instant::now();
    let mut recorded = began;
    let broken = |reason: String| Halt::Failed { step, reason, gone: false };
    loop {
        let now = inspect(run, id).await?;
        if !now.is_up() {
            if explained_exit(&*run.deps.engine, &now, &run.journal.op.boot_id, &run.deps.owner.boot_id).await
            {
                return Err(Halt::EngineLost { step });
            }
            return Err(broken(ended(&now)));
        }
        if now.started_at() != first.started_at() || now.restart_count() != first.restart_count() {
            return Err(broken(ended(&now)));
        }
        hearing.listen(&*run.deps.engine, &now).await;
        let spent = began.elapsed();
        match now.health() {
            Some("healthy") => return Ok(()),
            Some("unhealthy") => {
                return Err(broken(format!("its health check says unhealthy{}", last_probe(&now))));
            }
            Some(_) if spent >= left => {
                return Err(broken(format!(
                    "it did not become healthy within {} s{}",
                    budget.as_secs(),
                    last_probe(&now)
                )));
            }
            None if spent >= left && hearing.is_content() => return Ok(()),
            None if spent >= hearing_left => return Err(broken(hearing.complaint())),
            _ => {}
        }
        if stopping.is_cancelled() {
            record(run, used_before + spent).await?;
            return Err(Halt::Stopping);
        }
        if recorded.elapsed() >= RECORD_EVERY {
            recorded = Instant::now();
            record(run, used_before + spent).await?;
        }
        run.deps.progress.send(Progress::Verdict {
            operation: run.journal.op.id,
            name: run.journal.op.canonical_name.to_string(),
            message: waiting_for(&now, left.saturating_sub(spent), &hearing),
        });
        let until = if spent < left { left } else { hearing_left };
        tokio::time::sleep(EVERY.min(until.saturating_sub(spent).max(Duration::from_millis(20)))).await;
    }
}

async fn record(run: &mut Run, used: Duration) -> Result<(), Halt> {
    run.journal.change(|op| op.validate_used_ms = u64::try_from(used.as_millis()).unwrap_or(u64::MAX));
    run.journal.flush().await?;
    Ok(())
}

async fn inspect(run: &Run, id: &ContainerId) -> Result<ContainerInspect, Halt> {
    let step = Step::StartNew;
    for _ in 0..3 {
        match run.deps.engine.inspect_container(id).await {
            Ok(found) => return Ok(found),
            Err(error) if error.is_not_found() => {
                let reason = "the replacement was removed by someone else".to_owned();
                return Err(Halt::Failed { step, reason, gone: true });
            }
            Err(_) if !run.engine_answers().await => return Err(Halt::EngineLost { step }),
            Err(_) => {}
        }
    }
    Err(Halt::Unsettled { step })
}

fn waiting_for(c: &ContainerInspect, left: Duration, hearing: &Hearing) -> String {
    match c.health() {
        Some(health) => format!("health check: {health}, {} s left", left.as_secs()),
        None if hearing.is_content() => format!("must stay up {} s more", left.as_secs()),
        None if left.is_zero() => format!("must listen on {}", hearing.missing()),
        None => format!("must stay up {} s more and listen on {}", left.as_secs(), hearing.missing()),
    }
}

/// How long the replacement is judged: its grace, or with a health check as long as that can take.
fn budget(c: &ContainerInspect, grace: Duration, cap: Duration) -> Duration {
    if c.health().is_none() {
        return grace;
    }
    let nanos = |key: &str, default: Duration| match c
        .value(&["Config", "Healthcheck", key])
        .and_then(serde_json::Value::as_u64)
    {
        Some(0) | None => default,
        Some(n) => Duration::from_nanos(n),
    };
    let retries =
        c.value(&["Config", "Healthcheck", "Retries"]).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let tries = u32::try_from(if retries == 0 { 3 } else { retries }).unwrap_or(u32::MAX).saturating_add(1);
    let one =
        nanos("Interval", Duration::from_secs(30)).saturating_add(nanos("Timeout", Duration::from_secs(30)));
    let whole = nanos("StartPeriod", Duration::ZERO).saturating_add(one.saturating_mul(tries));
    whole.max(grace).min(cap.max(grace))
}

/// What the last probe of the health check said.
fn last_probe(c: &ContainerInspect) -> String {
    let log = c.value(&["State", "Health", "Log"]).and_then(serde_json::Value::as_array);
    let Some(last) = log.and_then(|l| l.last()) else { return String::new() };
    let output = last.get("Output").and_then(serde_json::Value::as_str).unwrap_or_default();
    let clean: String = output.chars().filter(|c| !c.is_control()).take(200).collect();
    if clean.is_empty() { String::new() } else { format!(": {clean}") }
}

/// Whether a container's exit is explained by a restart of the engine or the machine: then it says
/// nothing about its image. Instants of the engine are compared only with each other.
pub(crate) async fn explained_exit(
    engine: &dyn ContainerEngine,
    down: &ContainerInspect,
    boot_id_then: &str,
    boot_id_now: &str,
) -> bool {
    if boot_id_then != boot_id_now {
        return true;
    }
    if down.state() == Some(RunState::Created) {
        return false;
    }
    let Some(finished) = down.finished_at() else { return false };
    let Ok(list) = engine.list_containers().await else { return false };
    let mut others: Vec<Timestamp> = Vec::new();
    for other in list.iter().filter(|c| c.id != *down.id() && c.state.is_up()) {
        if let Ok(found) = engine.inspect_container(&other.id).await
            && let Some(started) = found.started_instant()
        {
            others.push(started);
        }
    }
    // With no other container running there is nothing to tell a restart by.
    !others.is_empty() && others.iter().all(|started| *started > finished)
}
