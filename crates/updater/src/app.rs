//! The application: every service composed, behind [`Control`](crate::control::Control).

mod activity;
mod containers;
mod control;
mod dependencies;
mod facts;
mod hooks;
mod image;
mod images;
mod kept;
mod logs;
mod loops;
mod overrides;
mod power;
mod records;
mod settings;
mod state;
mod versions;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use lodeman_domain::container::ContainerName;
use lodeman_domain::schedule::Trigger;
use lodeman_domain::setting::Settings;
use lodeman_inventory::HostModel;
use lodeman_registry::RegistryClient;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::control::{ControlError, ErrorKind};
use crate::deps::Deps;
use crate::scan::{ScanError, ScanOutcome, ScanRequest, scan};
use crate::swap::{SwapError, Swapper};
pub use containers::ContainerView;
pub use facts::{RateLimit, RateLimits, Tally};
pub use image::check_image;
pub use images::{ImageView, Pruned};
use kept::Kept;
pub use loops::Loops;
pub use overrides::PolicyPlan;
pub use power::PowerAction;
pub use settings::{LiveSettings, SettingNote, SettingsBook};
use state::State;

/// What an application is made of.
pub struct AppParts {
    /// What every use case is given.
    pub deps: Deps,
    /// The host's containers and images, as known.
    pub model: Arc<HostModel>,
    /// The registries.
    pub registry: Arc<dyn RegistryClient>,
    /// The settings in force, as they change.
    pub settings: LiveSettings,
    /// Whether this process stays: then old containers are kept for their soak and cleaned up later.
    /// One that ends with its work cleans up at once.
    pub stays: bool,
}

/// The application.
#[derive(Clone)]
pub struct App {
    swapper: Swapper,
    model: Arc<HostModel>,
    registry: Arc<dyn RegistryClient>,
    settings: LiveSettings,
    stays: bool,
    scanning: Arc<Mutex<()>>,
    previewing: Arc<Mutex<()>>,
    state: Arc<State>,
    kept: Arc<Memory>,
}

/// What was made of snapshot and store, as long as it holds.
#[derive(Debug, Default)]
struct Memory {
    known: Kept<containers::Known>,
    waiting: Kept<usize>,
    listed: Mutex<Option<containers::Listed>>,
}

impl App {
    /// An application that begins nothing once `stopping` is set.
    #[must_use]
    pub fn new(parts: AppParts, stopping: CancellationToken) -> Self {
        Self {
            swapper: Swapper::new(parts.deps, stopping),
            model: parts.model,
            registry: parts.registry,
            settings: parts.settings,
            stays: parts.stays,
            scanning: Arc::default(),
            previewing: Arc::default(),
            state: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// The swapper with the numbers that hold now. What it has begun goes on with those it began with.
    #[must_use]
    pub fn swapper(&self) -> Swapper {
        self.swapper.with_config(settings::swap_config(&self.swapper.deps().swap, &self.settings.now()))
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.now()
    }

    /// How long old containers are kept: not at all by a process that will not be there to remove them.
    fn soak(&self) -> Option<std::time::Duration> {
        (!self.stays).then_some(std::time::Duration::ZERO)
    }

    /// Scans; one scan at a time.
    async fn scan(&self, trigger: Trigger, names: BTreeSet<ContainerName>) -> Result<ScanOutcome, ScanError> {
        let _one = self.scanning.lock().await;
        let request = ScanRequest { trigger, names };
        let whole = request.names.is_empty();
        let result =
            scan(self.swapper.deps(), &self.model, self.registry.clone(), &self.settings(), &request).await;
        self.state.scanned(whole, &result, self.swapper.deps().clock.now());
        result
    }

    /// Nothing is changed before what was interrupted is recovered.
    fn ready_to_act(&self) -> Result<(), ControlError> {
        if self.state.recovering() {
            let message = "interrupted operations are being recovered; ask again in a moment";
            return Err(ControlError::new(ErrorKind::Unavailable, message));
        }
        Ok(())
    }
}

impl From<ScanError> for ControlError {
    fn from(error: ScanError) -> Self {
        let kind = match &error {
            ScanError::NoSuchContainer(_) => ErrorKind::NotFound,
            ScanError::Engine(_) | ScanError::Store(_) => ErrorKind::Unavailable,
        };
        Self::new(kind, chain(&error))
    }
}

impl From<lodeman_store::StoreError> for ControlError {
    fn from(error: lodeman_store::StoreError) -> Self {
        let kind = match &error {
            lodeman_store::StoreError::Conflict { .. } => ErrorKind::Conflict,
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, chain(&error))
    }
}

impl From<crate::recover::RecoverError> for ControlError {
    fn from(error: crate::recover::RecoverError) -> Self {
        Self::new(ErrorKind::Unavailable, chain(&error))
    }
}

/// An error and what caused it, as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = source.source();
    }
    text
}

/// Why a swap was not begun, for whoever asked.
pub(crate) fn swap_error(error: &SwapError) -> ControlError {
    let kind = match error {
        SwapError::NoSuchContainer { .. } => ErrorKind::NotFound,
        SwapError::Busy { .. } | SwapError::Stale { .. } => ErrorKind::Conflict,
        SwapError::Refused { .. } | SwapError::NotCarried { .. } => ErrorKind::Refused,
        SwapError::Stopping | SwapError::Engine(_) | SwapError::Store(_) => ErrorKind::Unavailable,
        SwapError::Vanished => ErrorKind::Internal,
    };
    ControlError::new(kind, chain(error))
}
