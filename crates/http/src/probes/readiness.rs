//! Readiness, asked once for many who want to know.

use std::sync::Arc;
use std::time::Duration;

use lodeman_updater::control::{Component, Control, Health, Readiness};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How old an answer may be. Anonymous callers cannot make the engine be asked more often.
const FRESH: Duration = Duration::from_secs(1);
/// How long the parts have to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What stands for all parts when they cannot be asked.
pub(crate) const SERVER: &str = "server";

/// The last answer. Who comes while it is being fetched waits for that one.
#[derive(Default)]
pub(super) struct Asked(Mutex<Option<(Instant, Readiness)>>);

impl Asked {
    pub(super) async fn readiness(&self, control: &Arc<dyn Control>) -> Readiness {
        let mut last = self.0.lock().await;
        if let Some((at, readiness)) = &*last
            && at.elapsed() < FRESH
        {
            return readiness.clone();
        }
        let readiness = match timeout(PATIENCE, control.readiness()).await {
            Ok(Ok(readiness)) => readiness,
            Ok(Err(error)) => not_ready(error.message),
            Err(_) => not_ready("the parts of the server did not answer in time".to_owned()),
        };
        *last = Some((Instant::now(), readiness.clone()));
        readiness
    }
}

fn not_ready(reason: String) -> Readiness {
    let server = Component { name: SERVER.to_owned(), health: Health::Degraded, reason: Some(reason) };
    Readiness { ready: false, recovering: false, last_scan: None, next_scan: None, components: vec![server] }
}
