//! What a replacement said, kept before it is taken away.
//!
//! Best effort: going back never waits for it longer than [`PATIENCE`], and never fails for it. It is
//! committed by itself and not with the journal, so that what cannot be sealed or stored stands in
//! nobody's way.

use std::time::Duration;

use lodeman_engine::ContainerInspect;
use lodeman_store::{LastWords, SealedSpec, SpecKind, Write};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::swap::perform::Run;

/// How long going back waits, in all (crash-safety contract, U2).
const PATIENCE: Duration = Duration::from_secs(5);
/// What of it is left for storing, whatever the log takes.
const FOR_STORING: Duration = Duration::from_secs(1);
/// How many lines of the log are kept.
const LINES: usize = 200;
/// How much of a health check's output is kept, in characters.
const MAX_OUTPUT_CHARS: usize = 4096;

/// Keeps what `made` said, unless that was done before. Nothing of it reaches our own log.
pub(in crate::swap) async fn keep(run: &Run, made: &ContainerInspect) {
    let until = Instant::now() + PATIENCE;
    let (id, store) = (run.journal.op.id, &run.deps.store);
    let known = timeout_at(until - FOR_STORING, store.find_spec(id, SpecKind::LastWords)).await;
    if matches!(known, Ok(Ok(Some(_)))) {
        return;
    }
    let log = timeout_at(until - FOR_STORING, run.deps.engine.tail_logs(made.id(), LINES)).await;
    let words = LastWords {
        at: run.deps.clock.now(),
        log: log.ok().and_then(Result::ok),
        health: last_check(made),
        exit_code: made.exit_code(),
        error: made.state_error().to_owned(),
        oom_killed: made.oom_killed(),
    };
    let whole = words.log.is_some();
    let Ok(json) = serde_json::to_value(words) else { return };
    let write = Write::PutSpec(SealedSpec { op: id, kind: SpecKind::LastWords, json });
    let kept = matches!(timeout_at(until, store.commit(vec![write])).await, Ok(Ok(())));
    if !kept || !whole {
        tracing::warn!(operation = %id, "the replacement's last words could not be kept, or not in full");
    }
}

fn last_check(made: &ContainerInspect) -> Option<Value> {
    let mut last = made.value(&["State", "Health", "Log"])?.as_array()?.last()?.clone();
    if let Some(Value::String(output)) = last.get_mut("Output")
        && let Some((at, _)) = output.char_indices().nth(MAX_OUTPUT_CHARS)
    {
        output.truncate(at);
    }
    Some(last)
}
