//! The application of this process: database, engine, registries, put together.

#[cfg(feature = "demo")]
mod demo;
mod engine;
mod identity;
#[cfg(feature = "demo")]
#[cfg(test)]
mod observed;
mod registry;
mod settings;
mod store;

use std::sync::Arc;

use lodeman_config::Config;
use lodeman_domain::clock::{SystemClock, SystemIds};
use lodeman_domain::update::Phase;
use lodeman_domain::workload::HostId;
use lodeman_engine::ContainerEngine;
use lodeman_inventory::{HostModel, HostModelConfig};
use lodeman_registry::RegistryClient;
use lodeman_store::{Store, StoreError};
use lodeman_store_sqlite::SqliteStore;
use lodeman_updater::app::{App, AppParts};
use lodeman_updater::deps::{Deps, Owner, SwapConfig};
use lodeman_updater::progress::ProgressHub;
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::process;

#[cfg(feature = "demo")]
pub use demo::Demo;
pub use identity::{cookies, identity, maintain, numbers};
pub use registry::client as registry_client;
pub use store::{OpenFailure, open as open_store};

/// The world outside: what is real, or a simulation of it.
struct World {
    engine: Arc<dyn ContainerEngine>,
    registry: Arc<dyn RegistryClient>,
}

/// What keeps other processes away from the data directory.
enum Hold {
    Database(Arc<SqliteStore>),
    #[cfg(feature = "demo")]
    Demo(Demo),
}

/// The application of this process, which has the data directory.
pub struct Local {
    /// The application.
    pub app: App,
    /// Its database.
    pub store: Arc<dyn Store>,
    /// Set when nothing new is to be begun.
    pub stopping: CancellationToken,
    hold: Hold,
}

impl Local {
    /// The application over an opened database and what is configured. Neither engine nor registries
    /// are spoken with yet. `stays` says whether this process is a server, or ends with its work.
    ///
    /// # Errors
    /// [`Failure`] when the engine's address cannot be used, or the settings cannot be read.
    pub async fn new(config: &Config, store: Arc<SqliteStore>, stays: bool) -> Result<Self, Failure> {
        let world = World { engine: engine::connect(config)?, registry: registry::client(config) };
        Self::assemble(config, world, store.clone(), Hold::Database(store), stays).await
    }

    async fn assemble(
        config: &Config,
        world: World,
        store: Arc<dyn Store>,
        hold: Hold,
        stays: bool,
    ) -> Result<Self, Failure> {
        let settings = settings::live(config, &*store).await?;
        let clock = Arc::new(SystemClock);
        let World { engine, registry } = world;
        let host = HostId::local();
        let model =
            Arc::new(HostModel::new(host.clone(), engine.clone(), clock.clone(), HostModelConfig::default()));
        let deps = Deps {
            host,
            engine,
            store: store.clone(),
            clock,
            ids: Arc::new(SystemIds),
            pull_auth: Arc::new(registry::PullAuthOf(registry.clone())),
            progress: ProgressHub::default(),
            swap: SwapConfig { own_container: process::own_container(), ..SwapConfig::default() },
            owner: Owner { boot_id: process::boot_id(), process_id: std::process::id() },
        };
        let stopping = CancellationToken::new();
        let app = App::new(AppParts { deps, model, registry, settings, stays }, stopping.clone());
        Ok(Self { app, store, stopping, hold })
    }

    /// How many operations the next start has to go on with. One that was accepted and only keeps its
    /// old container, and one that waits for a person, are none of these.
    ///
    /// # Errors
    /// [`StoreError`] when the journal cannot be read.
    pub async fn left_open(&self) -> Result<usize, StoreError> {
        let open = self.store.list_open_operations().await?;
        Ok(open.iter().filter(|op| !matches!(op.phase, Phase::Committed | Phase::Held)).count())
    }

    /// Closes the database and lets go of the data directory.
    pub async fn close(&self) {
        match &self.hold {
            Hold::Database(store) => store.close().await,
            #[cfg(feature = "demo")]
            Hold::Demo(demo) => demo.close(),
        }
    }
}
