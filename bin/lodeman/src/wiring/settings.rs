//! The settings in force, and the numbers of the swap that follow from them.

use std::collections::BTreeMap;

use lodeman_config::Config;
use lodeman_domain::setting::Settings;
use lodeman_store::Store;
use lodeman_updater::deps::SwapConfig;

use crate::exit::Failure;

/// The configured settings with the stored ones on top. What cannot be used is told in the log.
///
/// # Errors
/// [`Failure`] when the stored ones cannot be read.
pub async fn in_force(config: &Config, store: &dyn Store) -> Result<Settings, Failure> {
    let stored = store.list_settings().await;
    let stored = stored.map_err(|error| Failure::because("the stored settings cannot be read", &error))?;
    let stored: BTreeMap<String, String> = stored.into_iter().collect();
    let (settings, problems) = config.settings(&stored);
    for problem in problems {
        tracing::error!("{problem}");
    }
    Ok(settings)
}

/// The numbers of the swap.
pub fn swap_config(settings: &Settings) -> SwapConfig {
    SwapConfig {
        grace: settings.grace_period,
        health_deadline_cap: settings.health_deadline_cap,
        soak: settings.soak,
        rollback_lifetime: settings.rollback_point_lifetime,
        max_parallel: usize::try_from(settings.max_parallel_per_host).unwrap_or(1),
        image_cleanup: settings.image_cleanup,
        rollback_policy: settings.rollback_policy,
        ..SwapConfig::default()
    }
}
