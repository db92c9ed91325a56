//! The settings in force, and how they change while the application runs.
//!
//! What is stored is the truth, and what is in force follows from it: a change is checked, committed
//! with its event, and everything that reads settings sees it from then on. What is stored by others
//! is taken up at the scan loop's next turn.

mod change;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lodeman_domain::setting::{
    LabelTrust, SETTINGS, SettingError, SettingSource, SettingSpec, Settings, find_setting,
};
use lodeman_store::{Store, StoreError};
use tokio::sync::{Mutex as AsyncMutex, watch};

use super::App;
use crate::control::{ErrorKind, FieldProblem, SettingView};
use crate::deps::SwapConfig;
pub use change::SettingNote;

/// What file, environment and flags say about settings, below and above the stored ones.
pub trait SettingsBook: Send + Sync {
    /// The settings in force, given the stored ones, and what of these cannot be used.
    fn in_force(&self, stored: &BTreeMap<String, String>) -> (Settings, Vec<FieldProblem>);

    /// Where the value of `spec` comes from when nothing is stored: the kind of source, and the place
    /// in words.
    fn origin(&self, spec: &SettingSpec) -> (SettingSource, String);
}

/// The settings in force, as they change.
#[derive(Clone)]
pub struct LiveSettings {
    book: Arc<dyn SettingsBook>,
    sender: watch::Sender<Arc<Settings>>,
    problems: Arc<Mutex<Vec<FieldProblem>>>,
    /// Held from reading what is stored to having it in force, so that no older state comes last.
    changing: Arc<AsyncMutex<()>>,
}

impl LiveSettings {
    /// The settings that hold while nothing is stored.
    #[must_use]
    pub fn new(book: Arc<dyn SettingsBook>) -> Self {
        let (settings, _) = book.in_force(&BTreeMap::new());
        let (sender, _) = watch::channel(Arc::new(settings));
        Self { book, sender, problems: Arc::default(), changing: Arc::default() }
    }

    /// Takes up what is stored. What of it cannot be used is told in the log, once.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read; what was in force stays so.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), StoreError> {
        let _one = self.changing.lock().await;
        let stored: BTreeMap<String, String> = store.list_settings().await?.into_iter().collect();
        self.take(&stored);
        Ok(())
    }

    /// The settings in force.
    #[must_use]
    pub fn now(&self) -> Arc<Settings> {
        self.sender.borrow().clone()
    }

    /// What of the stored settings cannot be used.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Settings>> {
        self.sender.subscribe()
    }

    fn take(&self, stored: &BTreeMap<String, String>) {
        // Beside settings, others store what only they read.
        let stored = settings_of(stored);
        let (settings, problems) = self.book.in_force(&stored);
        {
            let mut known = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
            for problem in problems.iter().filter(|problem| !known.contains(problem)) {
                tracing::error!(setting = %problem.field, "a stored setting cannot be used: {}", problem.message);
            }
            *known = problems;
        }
        self.sender.send_if_modified(|current| {
            let changed = **current != settings;
            if changed {
                *current = Arc::new(settings);
            }
            changed
        });
    }

    fn view(&self, stored: &BTreeMap<String, String>) -> Vec<SettingView> {
        let stored = settings_of(stored);
        let (settings, problems) = self.book.in_force(&stored);
        SETTINGS.iter().map(|spec| self.view_of(spec, &settings, &stored, &problems)).collect()
    }

    fn view_of(
        &self,
        spec: &SettingSpec,
        settings: &Settings,
        stored: &BTreeMap<String, String>,
        problems: &[FieldProblem],
    ) -> SettingView {
        let (mut source, mut origin) = self.book.origin(spec);
        let fixed = source.is_fixed();
        let problem = problems.iter().find(|problem| problem.field == spec.key);
        if !fixed && problem.is_none() && stored.contains_key(spec.key) {
            (source, origin) = (SettingSource::Stored, "stored setting".to_owned());
        }
        let shown = |text: Option<String>| if spec.secret { text.map(|_| "(set)".to_owned()) } else { text };
        SettingView {
            key: spec.key.to_owned(),
            config_key: spec.config_key.to_owned(),
            value: shown(settings.text_of(spec.key)).unwrap_or_default(),
            stored: shown(stored.get(spec.key).cloned()),
            source,
            origin,
            fixed,
            default: spec.default.to_owned(),
            allowed: spec.allowed.to_owned(),
            summary: spec.summary.to_owned(),
            problem: problem.map(|problem| problem.message.clone()),
        }
    }

    /// What is wrong with storing `value` under `key`, and which kind of mistake that is; `None` takes the
    /// stored value back.
    fn refusal(&self, key: &str, value: Option<&str>) -> Option<(ErrorKind, FieldProblem)> {
        let problem =
            |message: String| Some((ErrorKind::Invalid, FieldProblem { field: key.to_owned(), message }));
        let Some(spec) = find_setting(key) else {
            let error = Settings::default().apply_stored(key, "").err();
            return problem(error.as_ref().map_or_else(String::new, SettingError::to_string));
        };
        let value = value?;
        if let Err(error) = Settings::default().apply_stored(key, value) {
            return problem(error.to_string());
        }
        let (source, origin) = self.book.origin(spec);
        if source.is_fixed() {
            let message =
                format!("setting `{key}` is fixed by the {origin}; a stored value would have no effect");
            return Some((ErrorKind::Conflict, FieldProblem { field: key.to_owned(), message }));
        }
        None
    }
}

/// Those of the stored values that are settings.
fn settings_of(stored: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let settings = stored.iter().filter(|(key, _)| find_setting(key).is_some());
    settings.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The numbers of the swap that hold under `settings`, on top of what no setting says.
pub(super) fn swap_config(base: &SwapConfig, settings: &Settings) -> SwapConfig {
    SwapConfig {
        grace: settings.grace_period,
        health_deadline_cap: settings.health_deadline_cap,
        soak: settings.soak,
        rollback_lifetime: settings.rollback_point_lifetime,
        max_parallel: usize::try_from(settings.max_parallel_per_host).unwrap_or(1),
        image_cleanup: settings.image_cleanup,
        image_backup: settings.image_backup.then_some(settings.image_backup_retention),
        rollback_policy: settings.rollback_policy,
        listen_check: settings.listen_check,
        hooks_enabled: settings.hooks_enabled,
        labels_are_trusted: settings.label_trust == LabelTrust::Trusted,
        ..base.clone()
    }
}

/// Whether going from `old` to `new` can change what is decided on a container, and not only when it
/// is looked at.
pub(super) fn decides_otherwise(old: &Settings, new: &Settings) -> bool {
    let same_timing = Settings {
        poll_interval: old.poll_interval,
        schedule: old.schedule.clone(),
        scan_concurrency: old.scan_concurrency,
        max_parallel_per_host: old.max_parallel_per_host,
        soak: old.soak,
        grace_period: old.grace_period,
        health_deadline_cap: old.health_deadline_cap,
        listen_check: old.listen_check,
        rollback_point_lifetime: old.rollback_point_lifetime,
        rollback_policy: old.rollback_policy,
        image_cleanup: old.image_cleanup,
        image_backup: old.image_backup,
        image_backup_retention: old.image_backup_retention,
        dependency_aware: old.dependency_aware,
        hooks_enabled: old.hooks_enabled,
        show_stopped: old.show_stopped,
        stack_order: old.stack_order.clone(),
        dashboard_columns: old.dashboard_columns.clone(),
        ..new.clone()
    };
    same_timing != *old
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_domain::policy::Policy;
    use std::time::Duration;

    #[test]
    fn only_what_decides_calls_for_another_look() {
        let old = Settings::default();
        let timing = Settings { poll_interval: Duration::from_mins(7), soak: Duration::ZERO, ..old.clone() };
        assert!(!decides_otherwise(&old, &old) && !decides_otherwise(&old, &timing));
        for new in [
            Settings { paused: true, ..old.clone() },
            Settings { default_policy: Policy::Auto, ..old.clone() },
            Settings { update_delay: Duration::from_secs(1), ..timing },
        ] {
            assert!(decides_otherwise(&old, &new));
        }
    }

    #[test]
    fn the_swap_takes_its_numbers_from_the_settings_and_the_rest_from_its_base() {
        let base =
            SwapConfig { calm: Duration::from_millis(7), adopt_orphans: true, ..SwapConfig::default() };
        let settings = Settings { max_parallel_per_host: 3, soak: Duration::ZERO, ..Settings::default() };
        let config = swap_config(&base, &settings);
        assert_eq!((config.max_parallel, config.soak), (3, Duration::ZERO));
        assert_eq!(config.health_deadline_cap, settings.health_deadline_cap);
        assert!(config.calm == base.calm && config.adopt_orphans);
    }
}
