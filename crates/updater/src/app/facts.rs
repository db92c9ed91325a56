//! What is told of the server's own state: when it scanned, what it counted, how much it may still ask.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::explain::Explanation;
use lodeman_domain::image::ImageReference;
use lodeman_registry::{QuotaHealth, RegistryQuota, quota_health};

use super::App;
use crate::control::{Control as _, ControlError, Health};
use crate::scan::{Forecast, preview, unasked};

/// How much registries may still be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// The worst of them: `ok`, `low` or `exhausted`.
    pub health: &'static str,
    /// Every registry that containers are from or that told of a quota, by name.
    pub registries: Vec<RateLimit>,
}

/// How much one registry may still be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Its host, with its port where one is given.
    pub registry: String,
    /// What it told of its quota; of several accounts', the one with the least left.
    pub quota: Option<RegistryQuota>,
    /// Whether it is asked with a credential.
    pub is_authenticated: bool,
    /// How many containers' images are from it.
    pub containers: usize,
}

/// What the server has counted, and whether what it needs answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// When the last scan ended.
    pub last_scan: Option<Timestamp>,
    /// Containers of the host, running or not.
    pub containers: usize,
    /// Records of history.
    pub history: u64,
    /// States that can be gone back to.
    pub rollback_points: usize,
    /// Registries that a credential is configured for, by name.
    pub registries: Vec<String>,
    /// Why the engine does not answer, if it does not.
    pub engine_problem: Option<String>,
    /// Why the store does not answer, if it does not.
    pub store_problem: Option<String>,
}

impl App {
    /// What the server's clock says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.swapper.deps().clock.now()
    }

    /// When the last scan ended, in this process or an earlier one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last_scan(&self) -> Result<Option<Timestamp>, ControlError> {
        if let Some(at) = self.state.read().last_scan {
            return Ok(Some(at));
        }
        let last = self.swapper.deps().store.find_last_scan().await?;
        Ok(last.and_then(|scan| scan.ended_at))
    }

    /// How much registries may still be asked.
    pub async fn rate_limits(&self) -> RateLimits {
        let mut quotas: BTreeMap<String, RegistryQuota> = BTreeMap::new();
        let all = self.registry.quotas();
        let health: QuotaHealth = quota_health(&all, self.swapper.deps().clock.now());
        for quota in all {
            match quotas.get(&quota.registry) {
                Some(known) if known.remaining <= quota.remaining => {}
                _ => {
                    quotas.insert(quota.registry.clone(), quota);
                }
            }
        }
        let mut containers: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.model.snapshot().visible() {
            if let Ok(reference) = entry.inspect.image_reference().parse::<ImageReference>() {
                *containers.entry(reference.repository().registry.clone()).or_default() += 1;
            }
        }
        let with_credential: BTreeSet<String> = self.registry.list_accounts().await.into_iter().collect();
        let names: BTreeSet<String> = quotas.keys().chain(containers.keys()).cloned().collect();
        let limit = |registry: String| RateLimit {
            containers: containers.get(&registry).copied().unwrap_or_default(),
            is_authenticated: match quotas.get(&registry) {
                Some(quota) => quota.account.is_some(),
                None => with_credential.contains(&registry),
            },
            quota: quotas.get(&registry).cloned(),
            registry,
        };
        RateLimits { health: health.as_str(), registries: names.into_iter().map(limit).collect() }
    }

    /// What the server has counted.
    ///
    /// # Errors
    /// When the store cannot be read though it answers.
    pub async fn tally(&self) -> Result<Tally, ControlError> {
        let components = self.readiness().await?.components;
        let problem = |name: &str| {
            let component = components.iter().find(|component| component.name == name)?;
            let fails = component.health != Health::On;
            fails.then(|| component.reason.clone().unwrap_or_else(|| "does not answer".to_owned()))
        };
        let store = &self.swapper.deps().store;
        let store_problem = problem("store");
        let readable = store_problem.is_none();
        let mut registries = self.registry.list_accounts().await;
        registries.sort();
        registries.dedup();
        Ok(Tally {
            last_scan: if readable { self.last_scan().await? } else { self.state.read().last_scan },
            containers: self.model.snapshot().visible().count(),
            history: if readable { store.count_history().await? } else { 0 },
            rollback_points: if readable { store.list_rollback_points().await?.len() } else { 0 },
            registries,
            engine_problem: problem("engine"),
            store_problem,
        })
    }

    /// Why a container runs what it runs, by its last check; nothing is asked of a registry and nothing
    /// stored. `None` where there is no such container.
    ///
    /// # Errors
    /// When engine or store cannot be asked.
    pub async fn explanation(&self, name: &ContainerName) -> Result<Option<Explanation>, ControlError> {
        let Some(view) = self.find_container(name).await? else { return Ok(None) };
        let store = &self.swapper.deps().store;
        let stored = store.find_check(&self.key(name.clone())).await?;
        let stored: Option<Explanation> = stored.and_then(|c| serde_json::from_value(c.explanation).ok());
        // What was found of another image under this name says nothing of this container.
        if let Some(explanation) = stored.filter(|explanation| explanation.reference == view.image) {
            return Ok(Some(explanation));
        }
        Ok(unasked(self.swapper.deps(), &self.model, &self.settings(), name).await?)
    }

    /// What the next scan would do, for these containers or for all where none is named. The registries
    /// are asked; nothing is stored, told or changed.
    ///
    /// # Errors
    /// When engine or store cannot be asked, or there is no container of a name.
    pub async fn preview(&self, names: BTreeSet<ContainerName>) -> Result<Vec<Forecast>, ControlError> {
        let _one = self.previewing.lock().await;
        let (deps, registry) = (self.swapper.deps(), self.registry.clone());
        Ok(preview(deps, &self.model, registry, &self.settings(), &names).await?)
    }
}
