//! What happens, for those who follow it: the outbox in order, and live progress between.
//!
//! One task reads the outbox for all subscribers, when something was stored and somebody follows. Who is too slow is cut
//! off, not waited for: everything but live progress has a number, and can be asked for again from there.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::clock::Clock;
use lodeman_domain::event::Progress;
use lodeman_store::{Store, StoreError, StoredEvent};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::deps::Deps;
use crate::progress::ProgressHub;

/// How many items wait for a subscriber before it is cut off.
const WAITING: usize = 256;
/// How long after a failed read of the outbox it is read again.
const AGAIN: Duration = Duration::from_secs(1);
/// How many events are read at once.
const PAGE: u32 = 256;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event, with its number.
    Event(Arc<StoredEvent>),
    /// Live progress, and when; it has no number and is not told again.
    Progress(Arc<Progress>, Timestamp),
}

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The subscriber was too slow.
    #[error("too slow: {0} items were missed")]
    Lagged(u64),
    /// The feed ended with the server.
    #[error("the feed has ended")]
    Ended,
    /// The outbox cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The feed of a server.
#[derive(Clone)]
pub struct Feed {
    store: Arc<dyn Store>,
    progress: ProgressHub,
    clock: Arc<dyn Clock>,
    sender: broadcast::Sender<Item>,
    /// The number of the last event that was handed on.
    at: Arc<Mutex<Option<i64>>>,
    wanted: Arc<Notify>,
}

impl Feed {
    /// A feed that nobody follows yet.
    #[must_use]
    pub fn new(deps: &Deps) -> Self {
        let (sender, _) = broadcast::channel(WAITING);
        let (store, progress, clock) = (deps.store.clone(), deps.progress.clone(), deps.clock.clone());
        Self { store, progress, clock, sender, at: Arc::default(), wanted: Arc::default() }
    }

    /// Follows from now on, or from behind the event of number `after`.
    ///
    /// # Errors
    /// [`FeedError::Store`] when the outbox cannot be read.
    pub async fn subscribe(&self, after: Option<i64>) -> Result<Subscription, FeedError> {
        let (receiver, at) = {
            // No event is handed on between these two.
            let mut at = self.at.lock().await;
            self.catch_up(&mut at, || {}).await?;
            (self.sender.subscribe(), at.unwrap_or_default())
        };
        self.wanted.notify_one();
        let from = after.unwrap_or(at).min(at);
        Ok(Subscription { store: self.store.clone(), receiver, behind: (from < at).then_some(from), at })
    }

    /// Hands on until `stopping`.
    pub async fn run(&self, stopping: CancellationToken) {
        let mut progress = self.progress.subscribe();
        let mut changes = self.store.changes();
        // Set while something stored could not be read.
        let mut again = None;
        loop {
            if self.sender.receiver_count() == 0 {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = self.wanted.notified() => progress = self.progress.subscribe(),
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                moved = progress.recv() => match moved {
                    Ok(moved) => self.pass_on(moved),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                stored = changed(&mut changes, again) => {
                    if stored.is_err() {
                        return;
                    }
                    let mut at = self.at.lock().await;
                    // Progress that came before an event was sent before that was stored.
                    let before = || while let Ok(moved) = progress.try_recv() { self.pass_on(moved) };
                    again = None;
                    if let Err(error) = self.catch_up(&mut at, before).await {
                        tracing::debug!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
                        again = Some(AGAIN);
                    }
                }
            }
        }
    }

    fn pass_on(&self, moved: Progress) {
        // An error means that nobody follows.
        let _ = self.sender.send(Item::Progress(Arc::new(moved), self.clock.now()));
    }

    /// Hands on what the outbox has beyond `at`, and calls `before` each time it is about to; the first time,
    /// only finds where it ends.
    async fn catch_up(&self, at: &mut Option<i64>, mut before: impl FnMut()) -> Result<(), StoreError> {
        let first = at.is_none();
        loop {
            let events = self.store.list_events(at.unwrap_or_default(), PAGE).await?;
            let Some(last) = events.last() else { break };
            *at = Some(last.seq);
            if !first {
                before();
                for event in events {
                    // An error means that nobody follows.
                    let _ = self.sender.send(Item::Event(Arc::new(event)));
                }
            }
        }
        at.get_or_insert(0);
        Ok(())
    }
}

/// Waits until something was stored, or until `again` has passed.
async fn changed(changes: &mut watch::Receiver<u64>, again: Option<Duration>) -> Result<(), RecvError> {
    let stored = async { changes.changed().await.map_err(|_| RecvError::Closed) };
    match again {
        Some(again) => tokio::time::timeout(again, stored).await.unwrap_or(Ok(())),
        None => stored.await,
    }
}

/// One who follows.
pub struct Subscription {
    store: Arc<dyn Store>,
    receiver: broadcast::Receiver<Item>,
    /// The number behind which the outbox is read before what comes live.
    behind: Option<i64>,
    /// The number of the last event before what comes live.
    at: i64,
}

impl Subscription {
    /// The next items: at least one.
    ///
    /// # Errors
    /// [`FeedError`], after which nothing more comes.
    pub async fn next(&mut self) -> Result<Vec<Item>, FeedError> {
        while let Some(behind) = self.behind {
            let missed = self.store.list_events(behind, PAGE).await?;
            self.behind = missed.last().map(|last| last.seq).filter(|seq| *seq < self.at);
            let missed: Vec<Item> = missed
                .into_iter()
                .filter(|event| event.seq <= self.at)
                .map(|event| Item::Event(Arc::new(event)))
                .collect();
            if !missed.is_empty() {
                return Ok(missed);
            }
        }
        match self.receiver.recv().await {
            Ok(item) => Ok(vec![item]),
            Err(RecvError::Lagged(missed)) => Err(FeedError::Lagged(missed)),
            Err(RecvError::Closed) => Err(FeedError::Ended),
        }
    }
}
