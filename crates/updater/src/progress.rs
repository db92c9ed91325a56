//! Live progress for those who watch. Nothing here is stored, and nobody is waited for.

use lodeman_domain::event::Progress;
use lodeman_domain::update::OperationId;
use lodeman_engine::{PullProgress, PullProgressSink};
use tokio::sync::broadcast;

/// Hands progress to all who watch; who is too slow misses some.
#[derive(Debug, Clone)]
pub struct ProgressHub(broadcast::Sender<Progress>);

impl Default for ProgressHub {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl ProgressHub {
    /// Tells all who watch.
    pub fn send(&self, progress: Progress) {
        // An error means that nobody watches.
        let _ = self.0.send(progress);
    }

    /// Watches from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Progress> {
        self.0.subscribe()
    }
}

/// A pull's progress, told as that of one operation.
pub(crate) struct PullTeller {
    pub(crate) hub: ProgressHub,
    pub(crate) operation: OperationId,
    pub(crate) name: String,
}

impl PullProgressSink for PullTeller {
    fn progress(&self, p: PullProgress) {
        self.hub.send(Progress::Pull {
            operation: self.operation,
            name: self.name.clone(),
            layer: p.layer,
            status: p.status,
            current_bytes: p.current_bytes,
            total_bytes: p.total_bytes,
        });
    }
}
