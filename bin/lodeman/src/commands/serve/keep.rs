//! Loops that must not end by an accident.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between a loop's breaking and its next beginning.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs `turn` on a task of its own until `stopping`; one that broke is told and begun again.
pub async fn keep<F>(what: &str, stopping: &CancellationToken, turn: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while !stopping.is_cancelled() {
        match tokio::spawn(turn()).await {
            Ok(()) if stopping.is_cancelled() => return,
            Ok(()) => tracing::error!("{what} ended; it begins again"),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "{what} broke; it begins again");
            }
        }
        stopping.run_until_cancelled(sleep(PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_breaks_begins_again() {
        let stopping = CancellationToken::new();
        let turns = Arc::new(AtomicU32::new(0));
        keep("the test", &stopping, || {
            let (turns, stopping) = (turns.clone(), stopping.clone());
            async move {
                let turn = turns.fetch_add(1, Ordering::SeqCst);
                assert!(turn > 0, "the first turn breaks");
                stopping.cancel();
            }
        })
        .await;
        assert_eq!(turns.load(Ordering::SeqCst), 2);
    }
}
