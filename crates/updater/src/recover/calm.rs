//! Waiting for an engine, and for its containers to settle: right after a restart what an inspect
//! shows is not final.

use std::time::Duration;

use lodeman_domain::container::{ContainerId, RunState};
use lodeman_engine::ContainerEngine;
use tokio::time::Instant;

/// Waits until the engine answers, for as long as that takes.
pub(crate) async fn engine(engine: &dyn ContainerEngine) {
    let mut wait = Duration::from_millis(100);
    let mut told = false;
    while engine.ping().await.is_err() {
        if !told && wait >= Duration::from_secs(2) {
            tracing::warn!("the container engine does not answer; waiting for it");
            told = true;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

/// Waits until no container changed state for `calm`, at most `limit`.
pub(crate) async fn calm(engine: &dyn ContainerEngine, calm: Duration, limit: Duration) {
    let give_up = Instant::now() + limit;
    let mut last: Option<Vec<(ContainerId, RunState)>> = None;
    let mut since = Instant::now();
    loop {
        let now = engine.list_containers().await.ok().map(|list| {
            let mut states: Vec<_> = list.into_iter().map(|c| (c.id, c.state)).collect();
            states.sort_by(|a, b| a.0.cmp(&b.0));
            states
        });
        if now.is_none() || now != last {
            last = now;
            since = Instant::now();
        }
        if since.elapsed() >= calm || Instant::now() >= give_up {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250).min(calm)).await;
    }
}
