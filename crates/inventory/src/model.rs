//! The model of one host, as its users see it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::clock::Clock;
use lodeman_domain::workload::HostId;
use lodeman_engine::{ContainerEngine, EngineError};
use tokio::sync::{Mutex, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::change::{HostChange, between};
use crate::snapshot::HostSnapshot;
use crate::status::{HostStatus, chain};
use crate::sync::{Known, Scope};

/// How many changes a slow reader may be behind before it is told that it missed some.
const CHANGES_KEPT: usize = 512;

/// The rhythm of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostModelConfig {
    /// How often the whole host is looked at, whatever the events say.
    pub resync_every: Duration,
    /// How often the engine is pinged beside the event stream; two misses in a row count as a broken
    /// stream.
    pub heartbeat: Duration,
    /// How long to collect events before looking at what they are about.
    pub settle: Duration,
    /// How often to look at the host where the engine refuses its event stream, and how soon to ask
    /// again for a container that could not be inspected.
    pub poll: Duration,
    /// The first wait before connecting again; it doubles.
    pub first_retry: Duration,
    /// The longest wait before connecting again.
    pub longest_retry: Duration,
    /// How many inspects run at once.
    pub inspects_at_once: usize,
}

impl Default for HostModelConfig {
    fn default() -> Self {
        Self {
            resync_every: Duration::from_mins(10),
            heartbeat: Duration::from_secs(30),
            settle: Duration::from_millis(100),
            poll: Duration::from_secs(30),
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(30),
            inspects_at_once: 4,
        }
    }
}

/// An index of one host's containers and images.
///
/// Cheap to read at any time; [`run`](Self::run) keeps it current, [`refresh_once`](Self::refresh_once)
/// brings it up to date where nothing runs in the background.
pub struct HostModel {
    pub(crate) engine: Arc<dyn ContainerEngine>,
    pub(crate) config: HostModelConfig,
    clock: Arc<dyn Clock>,
    /// What a look at the host works on; one look at a time.
    pub(crate) known: Mutex<Known>,
    snapshot: watch::Sender<Arc<HostSnapshot>>,
    changes: broadcast::Sender<HostChange>,
    status: watch::Sender<HostStatus>,
}

impl fmt::Debug for HostModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostModel").field("host", &self.snapshot().host).finish_non_exhaustive()
    }
}

impl HostModel {
    /// A model of `host` that knows nothing yet.
    #[must_use]
    pub fn new(
        host: HostId,
        engine: Arc<dyn ContainerEngine>,
        clock: Arc<dyn Clock>,
        config: HostModelConfig,
    ) -> Self {
        Self {
            engine,
            config,
            clock,
            known: Mutex::default(),
            snapshot: watch::Sender::new(Arc::new(HostSnapshot::empty(host))),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            status: watch::Sender::new(HostStatus::default()),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<HostSnapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// Each snapshot as it replaces the one before.
    #[must_use]
    pub fn snapshots(&self) -> watch::Receiver<Arc<HostSnapshot>> {
        self.snapshot.subscribe()
    }

    /// What changes from now on. A reader that is told it lagged takes a snapshot and goes on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<HostChange> {
        self.changes.subscribe()
    }

    /// How well the host is known.
    #[must_use]
    pub fn status(&self) -> HostStatus {
        self.status.borrow().clone()
    }

    /// Looks at the whole host now.
    ///
    /// # Errors
    /// When the engine cannot be asked. Containers that could not be inspected are no error; the
    /// status counts them.
    pub async fn refresh_once(&self) -> Result<(), EngineError> {
        self.resync(Scope::Everything, None).await
    }

    /// Keeps the model current until `cancel` is cancelled. To be run once at a time.
    pub async fn run(&self, cancel: CancellationToken) {
        let following = self.follow();
        if cancel.run_until_cancelled(following).await.is_none() {
            self.status.send_modify(|status| status.connected = false);
        }
    }

    /// Looks at the whole host. `as_of` is the newest event seen before.
    pub(crate) async fn resync(&self, scope: Scope, as_of: Option<Timestamp>) -> Result<(), EngineError> {
        let mut known = self.known.lock().await;
        let looking = known.resync(self.engine.as_ref(), self.config.inspects_at_once, scope, as_of);
        if let Err(error) = looking.await {
            let problem = chain(&error);
            self.status.send_modify(|status| status.sync_problem = Some(problem));
            return Err(error);
        }
        let now = self.clock.now();
        self.status.send_modify(|status| {
            status.last_resync = Some(now);
            status.sync_problem = None;
        });
        self.publish(&mut known, true);
        Ok(())
    }

    pub(crate) fn publish(&self, known: &mut Known, resynced: bool) {
        let old = self.snapshot();
        let mut new = HostSnapshot {
            host: old.host.clone(),
            revision: old.revision,
            engine: known.engine.clone(),
            containers: known.containers.clone(),
            images: known.images.clone(),
        };
        let mut changes = Vec::new();
        if std::mem::take(&mut known.replaced) {
            changes.push(HostChange::EngineReplaced);
        } else if old.revision > 0 {
            changes.extend(between(&old, &new));
        }
        if !changes.is_empty() || old.revision == 0 || old.engine != new.engine {
            new.revision += 1;
        }
        if resynced {
            changes.push(HostChange::Resynced);
        }
        self.status.send_modify(|status| status.unread_containers = known.unread.len());
        self.snapshot.send_replace(Arc::new(new));
        for change in changes {
            tracing::debug!(change = ?change, "the host changed");
            // Nobody may be listening.
            let _ = self.changes.send(change);
        }
    }

    pub(crate) fn connected(&self) {
        self.status.send_modify(|status| {
            status.connected = true;
            status.stream_problem = None;
        });
    }

    pub(crate) fn disconnected(&self, problem: String) {
        let now = self.clock.now();
        self.status.send_modify(|status| {
            if status.connected {
                status.last_disconnect = Some(now);
            }
            status.connected = false;
            status.stream_problem = Some(problem);
        });
    }
}
