//! What every use case is given.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lodeman_domain::clock::{Clock, IdSource};
use lodeman_domain::container::ContainerId;
use lodeman_domain::image::Repository;
use lodeman_domain::policy::Policy;
use lodeman_domain::workload::HostId;
use lodeman_engine::{ContainerEngine, PullAuth};
use lodeman_store::Store;

use crate::progress::ProgressHub;

/// Finds what a pull is authorised with.
#[async_trait]
pub trait PullAuthSource: Send + Sync {
    /// The authorisation for pulling from `repository`, if any is configured.
    async fn pull_auth(&self, repository: &Repository) -> Option<PullAuth>;
}

/// Pulls without authorisation.
#[derive(Debug, Default, Clone, Copy)]
pub struct AnonymousPull;

#[async_trait]
impl PullAuthSource for AnonymousPull {
    async fn pull_auth(&self, _repository: &Repository) -> Option<PullAuth> {
        None
    }
}

/// The process that owns an operation.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The machine's boot id.
    pub boot_id: String,
    /// The process id.
    pub process_id: u32,
}

/// Numbers of the swap. `Default` gives the product's.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that a person sets")]
pub struct SwapConfig {
    /// How long a replacement without a health check must stay up.
    pub grace: Duration,
    /// The longest that a replacement with a health check is waited for.
    pub health_deadline_cap: Duration,
    /// How long the old container is kept after an update.
    pub soak: Duration,
    /// How long an update can be taken back by a person.
    pub rollback_lifetime: Duration,
    /// How many containers of a host may be down at once.
    pub max_parallel: usize,
    /// Whether old images are removed once no rollback needs them.
    pub image_cleanup: bool,
    /// How long after its update a replaced image is kept beyond its rollback point. `None`: not at all.
    pub image_backup: Option<Duration>,
    /// How long a shutdown waits for a container that is down.
    pub shutdown: Duration,
    /// How long no container of a host may change before recovery acts.
    pub calm: Duration,
    /// How long recovery waits for that at most.
    pub calm_limit: Duration,
    /// The policy a container gets when its update was rolled back. `None`: it keeps its own.
    pub rollback_policy: Option<Policy>,
    /// Whether a replacement without a health check must listen where the old container did.
    pub listen_check: bool,
    /// Whether a label may lift that.
    pub labels_are_trusted: bool,
    /// Whether hooks run.
    pub hooks_enabled: bool,
    /// How many bytes must be free on the engine's disk before anything is changed. `0`: it is not asked.
    pub space_reserve_bytes: u64,
    /// Whether a journal-less leftover is rolled back without asking.
    pub adopt_orphans: bool,
    /// The container that this process itself runs in, where it does: it is never replaced or stopped.
    pub own_container: Option<ContainerId>,
}

impl SwapConfig {
    /// Whether a container is this server's own: it runs in it, or a label says so.
    #[must_use]
    pub fn is_own(&self, id: &ContainerId, says_label: bool) -> bool {
        says_label || self.own_container.as_ref() == Some(id)
    }
}

impl Default for SwapConfig {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(30),
            health_deadline_cap: Duration::from_mins(10),
            soak: Duration::from_mins(10),
            rollback_lifetime: Duration::from_hours(168),
            max_parallel: 1,
            image_cleanup: true,
            image_backup: None,
            shutdown: Duration::from_secs(8),
            calm: Duration::from_secs(3),
            calm_limit: Duration::from_secs(30),
            rollback_policy: None,
            listen_check: true,
            labels_are_trusted: true,
            hooks_enabled: false,
            space_reserve_bytes: 64 << 20,
            adopt_orphans: false,
            own_container: None,
        }
    }
}

/// What every use case is given.
#[derive(Clone)]
pub struct Deps {
    /// The host that is managed.
    pub host: HostId,
    /// Its engine.
    pub engine: Arc<dyn ContainerEngine>,
    /// Persistence.
    pub store: Arc<dyn Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdSource>,
    /// How pulls are authorised.
    pub pull_auth: Arc<dyn PullAuthSource>,
    /// Who watches.
    pub progress: ProgressHub,
    /// Numbers of the swap.
    pub swap: SwapConfig,
    /// This process.
    pub owner: Owner,
}
