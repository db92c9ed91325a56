//! Hashing beside everything else: few at once, few that wait, and as long for nobody as for somebody
//! (security requirements AU-4, AU-5).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::hash::{Fit, HashCost, fit, hash_password};
use crate::entropy::{Entropy, draw};
use crate::error::AuthError;
use crate::secret::hex;

/// How many may wait for their turn.
const WAITING: usize = 32;
/// When one who was turned away may try again.
const RETRY: Duration = Duration::from_secs(5);

pub(crate) struct PasswordHasher {
    cost: HashCost,
    entropy: Arc<dyn Entropy>,
    turns: Arc<Semaphore>,
    present: AtomicUsize,
    at_once: usize,
    /// A hash of what nobody knows.
    decoy: Arc<OnceLock<String>>,
}

/// One who is there; gone when dropped, also when the caller went away.
struct Present<'a>(&'a AtomicUsize);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PasswordHasher {
    /// Hashes at most as many at once as there are processors, and never more than two: each takes 64 MiB.
    pub(crate) fn new(cost: HashCost, entropy: Arc<dyn Entropy>) -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from).min(2);
        let turns = Arc::new(Semaphore::new(at_once));
        Self { cost, entropy, turns, present: AtomicUsize::new(0), at_once, decoy: Arc::default() }
    }

    /// What is stored of `password`.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, AuthError> {
        let (cost, entropy) = (self.cost, self.entropy.clone());
        self.in_turn(move || hash_password(&password, cost, &*entropy)).await?
    }

    /// Whether `password` is what `stored` was made of. Takes as long when there is nothing stored, or
    /// nothing that can be read.
    pub(crate) async fn fits(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Fit, AuthError> {
        let (cost, entropy, decoy) = (self.cost, self.entropy.clone(), self.decoy.clone());
        self.in_turn(move || {
            let found = stored.map_or(Fit::Unreadable, |stored| fit(&password, &stored, cost));
            if found == Fit::Unreadable {
                work_in_vain(&password, &decoy, cost, &*entropy)?;
            }
            Ok(found)
        })
        .await?
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let present = Present(&self.present);
        if self.present.fetch_add(1, Ordering::Relaxed) >= WAITING + self.at_once {
            return Err(AuthError::Busy { retry_after: RETRY });
        }
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|error| AuthError::Hashing(error.into()))?;
        // The turn goes along: work goes on when the one who asked for it has gone.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        let done = done.await.map_err(|error| AuthError::Hashing(error.into()));
        drop(present);
        done
    }
}

/// One hash's worth of work whose result is of no use.
fn work_in_vain(
    password: &SecretString,
    decoy: &OnceLock<String>,
    cost: HashCost,
    entropy: &dyn Entropy,
) -> Result<(), AuthError> {
    if let Some(decoy) = decoy.get() {
        fit(password, decoy, cost);
        return Ok(());
    }
    let nobody_knows = hex(&draw::<32>(entropy)?).into();
    // To make the first one takes as long as to compare with it.
    let made = hash_password(&nobody_knows, cost, entropy)?;
    decoy.get_or_init(|| made);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;

    use super::*;
    use crate::entropy::CountingEntropy;

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(HashCost::TEST, Arc::new(CountingEntropy::default()))
    }

    #[tokio::test]
    async fn nothing_stored_fits_nothing_and_costs_a_hash_all_the_same() {
        let hasher = hasher();
        for _ in 0..2 {
            assert_eq!(hasher.fits("correct horse".into(), None).await.unwrap(), Fit::Unreadable);
            assert!(hasher.decoy.get().unwrap().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        }
        assert_eq!(hasher.fits("x".into(), Some("no hash".into())).await.unwrap(), Fit::Unreadable);
        let stored = hasher.hash("correct horse".into()).await.unwrap();
        assert_eq!(hasher.fits("correct horse".into(), Some(stored)).await.unwrap(), Fit::Yes);
    }

    #[tokio::test]
    async fn beyond_the_queue_one_is_turned_away_and_the_place_is_given_back() {
        let hasher = hasher();
        let held: Vec<_> =
            (0..hasher.at_once).map(|_| hasher.turns.clone().try_acquire_owned().unwrap()).collect();
        let mut waiting = Vec::new();
        for _ in 0..WAITING + hasher.at_once {
            let mut one = Box::pin(hasher.hash("correct horse".into()));
            assert!(
                std::future::poll_fn(|cx| std::task::Poll::Ready(one.as_mut().poll(cx))).await.is_pending()
            );
            waiting.push(one);
        }
        let refused = hasher.hash("correct horse".into()).await;
        assert!(matches!(refused, Err(AuthError::Busy { .. })));
        drop(waiting);
        drop(held);
        assert!(hasher.hash("correct horse".into()).await.is_ok(), "those who went away left their places");
        assert_eq!(hasher.present.load(Ordering::Relaxed), 0);
    }
}
