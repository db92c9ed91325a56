//! What runs by itself: recovery at the start, scans, waiting entries, clearing up.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::container::ContainerName;
use lodeman_domain::queue::QueueState;
use lodeman_domain::schedule::Trigger;
use lodeman_inventory::HostChange;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::App;
use super::settings::decides_otherwise;
use crate::control::Control as _;
use crate::janitor;

/// Between two rounds of clearing up.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// The scan loop turns at least this often, so that one that stands still is noticed.
const TURN_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Until a changed container, or what changed settings decide on, is checked, so that one that is being
/// set up is checked once.
const SETTLE: Duration = Duration::from_secs(10);
/// How long journal rows and history are kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

type Change = Result<HostChange, RecvError>;

fn name_of(change: HostChange) -> Option<ContainerName> {
    match change {
        HostChange::Appeared { name, .. }
        | HostChange::Started { name, .. }
        | HostChange::Renamed { to: name, .. } => Some(name),
        _ => None,
    }
}

/// The loops of a server.
pub struct Loops {
    app: App,
    stopping: CancellationToken,
}

impl Loops {
    /// The loops of `app`, until `stopping`.
    #[must_use]
    pub fn new(app: App, stopping: CancellationToken) -> Self {
        Self { app, stopping }
    }

    /// Recovers what was interrupted; until that is done, nothing is changed.
    pub async fn recover(&self) {
        self.app.state.set_recovering(true);
        loop {
            match self.app.recover().await {
                Ok(report) => {
                    for orphan in &report.orphans {
                        tracing::error!(
                            canonical = %orphan.canonical,
                            "containers of an operation that is not in the journal: {}",
                            orphan.finding.advice()
                        );
                    }
                    break;
                }
                Err(error) => tracing::error!("recovery could not be done: {error}; trying again"),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
        }
        self.app.state.set_recovering(false);
    }

    /// Keeps what is known of the host current.
    pub async fn follow_host(&self) {
        self.app.model.run(self.stopping.clone()).await;
    }

    /// Clears up from time to time.
    pub async fn tidy(&self) {
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(TIDY_EVERY) => {}
            }
            let deps = self.app.swapper.deps();
            let before = deps.clock.now().saturating_sub(RETENTION).unwrap_or(Timestamp::MIN);
            let result = match janitor::tidy(&self.app.swapper()).await {
                Ok(()) => deps.store.sweep(before).await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                tracing::warn!(error = &error as &dyn std::error::Error, "clearing up is tried again");
            }
        }
    }

    /// Scans when it is due, when a container changed, and when what an update waits for is over.
    pub async fn scan(&self) {
        let mut changes = self.app.model.changes();
        let mut new_settings = self.app.settings.subscribe();
        let mut decided_by = self.app.settings();
        // When to look again because settings changed, once they have come to rest.
        let mut look_again: Option<Instant> = None;
        let mut last_end = self.last_scan().await;
        let mut first = true;
        loop {
            let now = self.app.swapper.deps().clock.now();
            self.app.state.tick(now);
            self.app.reload_settings().await;
            let settings = self.app.settings();
            let due = if first { Some(now) } else { settings.poll_schedule().next_after(last_end, now) };
            self.app.state.change(|s| s.next_scan = due);
            if due.is_some_and(|at| at <= now) {
                let trigger = if first { Trigger::Start } else { Trigger::Schedule };
                first = false;
                self.run(trigger, BTreeSet::new()).await;
                last_end = Some(self.app.swapper.deps().clock.now());
                decided_by = settings;
                continue;
            }
            if decides_otherwise(&decided_by, &settings) {
                decided_by = settings;
                look_again = Some(Instant::now() + SETTLE);
            }
            if look_again.take_if(|at| *at <= Instant::now()).is_some() {
                self.look_at_what_waits().await;
            }
            let ripe = self.ripe(now).await;
            if !ripe.is_empty() {
                self.run(Trigger::Schedule, ripe).await;
            }
            let pause = tokio::time::sleep_until(
                look_again.into_iter().fold(Instant::now() + Self::pause(due, now), Instant::min),
            );
            tokio::select! {
                () = self.stopping.cancelled() => return,
                change = changes.recv() => {
                    let names = self.gather(change, &mut changes).await;
                    if !names.is_empty() {
                        self.run(Trigger::Event, names).await;
                    }
                }
                // Taken up at the next turn; the sender lives as long as the application.
                _ = new_settings.changed() => {}
                () = pause => {}
            }
        }
    }

    /// Decides again on every container with an entry in the queue, after settings that decide were
    /// changed. All others are seen by the next whole scan.
    async fn look_at_what_waits(&self) {
        let Ok(queue) = self.app.swapper.deps().store.list_queue().await else { return };
        let waiting = queue.into_iter().filter(|e| e.state.is_current() && e.state != QueueState::Running);
        let names: BTreeSet<ContainerName> = waiting.map(|e| e.workload.name).collect();
        if !names.is_empty() {
            self.run(Trigger::Schedule, names).await;
        }
    }

    async fn last_scan(&self) -> Option<Timestamp> {
        let last = self.app.swapper.deps().store.find_last_scan().await.ok().flatten()?;
        last.ended_at
    }

    fn pause(due: Option<Timestamp>, now: Timestamp) -> Duration {
        let until = due.map_or(TURN_EVERY, |at| at.duration_since(now).min(TURN_EVERY));
        Duration::try_from(until).unwrap_or(Duration::ZERO).max(Duration::from_millis(100))
    }

    /// The containers to check because of a change, and those that changed together with it.
    async fn gather(
        &self,
        first: Change,
        changes: &mut broadcast::Receiver<HostChange>,
    ) -> BTreeSet<ContainerName> {
        let mut names = BTreeSet::new();
        match first {
            Ok(change) if change.calls_for_a_check() => names.extend(name_of(change)),
            // What was missed is seen by the next whole scan.
            Ok(_) | Err(RecvError::Lagged(_)) => return names,
            // A closed channel must not be asked in a circle.
            Err(RecvError::Closed) => {
                tokio::time::sleep(SETTLE).await;
                return names;
            }
        }
        let until = Instant::now() + SETTLE;
        while let Ok(Ok(change)) = tokio::time::timeout_at(until, changes.recv()).await {
            if change.calls_for_a_check() {
                names.extend(name_of(change));
            }
        }
        let snapshot = self.app.model.snapshot();
        // An update of ours renames and starts containers too: only what can be checked counts.
        names.retain(|name| snapshot.find(name).is_some_and(|entry| !entry.ours));
        names
    }

    /// Containers whose waiting is over, or whose failed update may be tried again.
    async fn ripe(&self, now: Timestamp) -> BTreeSet<ContainerName> {
        let Ok(queue) = self.app.swapper.deps().store.list_queue().await else { return BTreeSet::new() };
        queue
            .into_iter()
            .filter(|e| matches!(e.state, QueueState::Waiting | QueueState::Approved))
            .filter(|e| e.retry_at.is_some_and(|at| at <= now))
            .map(|e| e.workload.name)
            .collect()
    }

    async fn run(&self, trigger: Trigger, names: BTreeSet<ContainerName>) {
        let result = tokio::select! {
            () = self.stopping.cancelled() => return,
            result = self.app.run_scan(trigger, names) => result,
        };
        match result {
            Ok(report) => {
                for update in &report.updates {
                    tracing::info!(container.name = %update.name, outcome = ?update.outcome, "applied");
                }
            }
            Err(error) => tracing::error!("the scan could not be done: {error}"),
        }
    }
}
