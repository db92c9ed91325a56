//! The settings: what each is called, what it may be, and the values in force.
//!
//! A setting has one key everywhere it is stored or shown (`poll_interval`) and one place in the
//! configuration (`schedule.poll_interval`, hence `LODEMAN_SCHEDULE_POLL_INTERVAL`). [`SETTINGS`] is
//! the registry; [`Settings`] holds the values, each in its own type.

mod column;
mod nearest;
mod registry;
mod spec;
mod value;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::{Policy, Selector};
use crate::schedule::{CronLine, MaintenanceWindows, NamedZone, PollSchedule};
use crate::version::Scope;

pub use column::{DashboardColumn, NoSuchColumn};
pub use nearest::nearest;
pub use registry::{SETTINGS, find_setting};
pub use spec::{OnInvalid, SettingKind, SettingSpec};

/// The values in force.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that a person sets")]
pub struct Settings {
    /// How long after a scan the next one begins, where no cron line says otherwise.
    pub poll_interval: Duration,
    /// When scans begin.
    pub schedule: Option<CronLine>,
    /// The wall clock that schedules and windows mean.
    pub time_zone: NamedZone,
    /// When automatic updates may run.
    pub maintenance_window: MaintenanceWindows,
    /// The policy of containers about which nothing else is said.
    pub default_policy: Policy,
    /// How far versions may move. `None`: as [`Scope::Default`], and `auto` installs patches only.
    pub version_scope: Option<Scope>,
    /// Whether containers that follow `latest` are `auto`.
    pub latest_auto_update: bool,
    /// Shortest wait for health after a start.
    pub grace_period: Duration,
    /// Longest wait for health, whatever a container's own health check would take.
    pub health_deadline_cap: Duration,
    /// Whether a replacement without a health check must listen where the old container did.
    pub listen_check: bool,
    /// Minimum age of an image before an automatic update. Zero: none.
    pub update_delay: Duration,
    /// Only containers that one of these picks are managed. Empty: all.
    pub include: Vec<Selector>,
    /// Containers that one of these picks are not managed.
    pub filters: Vec<Selector>,
    /// No automatic action happens.
    pub paused: bool,
    /// Nothing is changed, only told.
    pub dry_run: bool,
    /// Images are pulled, containers are not recreated.
    pub pull_only: bool,
    /// Whether images that updates left behind are removed.
    pub image_cleanup: bool,
    /// Whether the image that an update replaced is kept beyond its rollback point.
    pub image_backup: bool,
    /// How long after its update such an image is kept.
    pub image_backup_retention: Duration,
    /// The policy a container gets when its update was rolled back. `None`: it keeps its own.
    pub rollback_policy: Option<Policy>,
    /// How many registry checks run at once.
    pub scan_concurrency: u32,
    /// How many updates run at once on one host.
    pub max_parallel_per_host: u32,
    /// How long the old container is kept, stopped, after an update.
    pub soak: Duration,
    /// How long one can go back to what ran before an update.
    pub rollback_point_lifetime: Duration,
    /// Whether containers are updated after those they depend on, and not when these failed.
    pub dependency_aware: bool,
    /// Whether commands run in containers before and after their updates.
    pub hooks_enabled: bool,
    /// Whether pages show stopped containers.
    pub show_stopped: bool,
    /// The order in which pages show stacks.
    pub stack_order: Vec<String>,
    /// The columns that pages show of a container.
    pub dashboard_columns: Vec<DashboardColumn>,
    /// What labels may do. Follows from the security profile; not a setting of its own.
    pub label_trust: LabelTrust,
}

/// What the labels of containers may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelTrust {
    /// They steer, as in Docker Sentinel (profile `home`).
    #[default]
    Trusted,
    /// They can only make handling stricter (profile `strict`).
    StricterOnly,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_hours(6),
            schedule: None,
            time_zone: NamedZone::utc(),
            maintenance_window: MaintenanceWindows::always(),
            default_policy: Policy::Manual,
            version_scope: None,
            latest_auto_update: false,
            grace_period: Duration::from_secs(30),
            health_deadline_cap: Duration::from_mins(30),
            listen_check: true,
            update_delay: Duration::ZERO,
            include: Vec::new(),
            filters: Vec::new(),
            paused: false,
            dry_run: false,
            pull_only: false,
            image_cleanup: true,
            image_backup: false,
            image_backup_retention: Duration::from_hours(30 * 24),
            rollback_policy: None,
            scan_concurrency: 8,
            max_parallel_per_host: 1,
            soak: Duration::from_mins(10),
            rollback_point_lifetime: Duration::from_hours(7 * 24),
            dependency_aware: true,
            hooks_enabled: false,
            show_stopped: true,
            stack_order: Vec::new(),
            dashboard_columns: DashboardColumn::ALL.to_vec(),
            label_trust: LabelTrust::Trusted,
        }
    }
}

impl Settings {
    /// When scans are due: by the cron line where there is one, else by the interval.
    #[must_use]
    pub fn poll_schedule(&self) -> PollSchedule {
        match &self.schedule {
            Some(line) => PollSchedule::Cron { line: line.clone(), zone: self.time_zone.zone().clone() },
            None => PollSchedule::Interval(self.poll_interval),
        }
    }

    /// Sets what a person stored, within the bounds for stored settings.
    ///
    /// # Errors
    /// [`SettingError`] when there is no such setting or the text is not allowed; nothing is changed.
    pub fn apply_stored(&mut self, key: &str, text: &str) -> Result<(), SettingError> {
        self.apply(key, text, Via::Stored)
    }

    /// Sets what the configuration says. Its bounds are wider: who writes it owns the machine.
    ///
    /// # Errors
    /// As [`Self::apply_stored`].
    pub fn apply_configured(&mut self, key: &str, text: &str) -> Result<(), SettingError> {
        self.apply(key, text, Via::Config)
    }

    fn apply(&mut self, key: &str, text: &str, via: Via) -> Result<(), SettingError> {
        let spec = find_setting(key).ok_or_else(|| SettingError::unknown(key))?;
        (spec.set)(self, text, via).map_err(|detail| SettingError::NotAllowed {
            key: spec.key,
            value: shown(text),
            allowed: spec.allowed,
            detail,
        })
    }

    /// Takes the safe side after the stored value of `key` turned out to be unusable: windows close,
    /// a lost restriction pauses automatic actions. Says what was done.
    pub fn fail_closed(&mut self, key: &str) -> Option<&'static str> {
        match find_setting(key)?.on_invalid {
            OnInvalid::KeepOther => None,
            OnInvalid::CloseWindows => {
                self.maintenance_window = MaintenanceWindows::never();
                Some("no automatic update runs until it is mended")
            }
            OnInvalid::Pause => {
                self.paused = true;
                Some("automatic actions are paused until it is mended")
            }
        }
    }

    /// The value of `key` as text; `None` when there is no such setting.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<String> {
        find_setting(key).map(|spec| (spec.get)(self))
    }
}

/// Which way a value comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// From the database.
    Stored,
    /// From file, environment or flag.
    Config,
}

/// Where the value in force comes from; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// Built in.
    Default,
    /// The machine's own, such as its time zone.
    System,
    /// The configuration file.
    File,
    /// An environment variable of Docker Sentinel.
    Sentinel,
    /// The database: a person set it at run time.
    Stored,
    /// A `LODEMAN_…` environment variable.
    Environment,
    /// A command-line flag.
    Flag,
}

impl SettingSource {
    /// Whether a stored setting cannot override this one.
    #[must_use]
    pub fn is_fixed(self) -> bool {
        self > Self::Stored
    }

    /// The source's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::System => "system",
            Self::File => "file",
            Self::Sentinel => "sentinel",
            Self::Stored => "stored",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

impl std::fmt::Display for SettingSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a setting was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No setting has this key.
    #[error("there is no setting `{key}`{}", .nearest.map_or_else(String::new, |n| format!("; did you mean `{n}`?")))]
    Unknown {
        /// The key, cut.
        key: String,
        /// A key that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// The value is not allowed.
    #[error("setting `{key}` is `{value}`: {detail}; allowed is {allowed}")]
    NotAllowed {
        /// The setting.
        key: &'static str,
        /// What was given, cut.
        value: String,
        /// What may be given.
        allowed: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl SettingError {
    fn unknown(key: &str) -> Self {
        Self::Unknown { key: shown(key), nearest: nearest(key, SETTINGS.iter().map(|spec| spec.key)) }
    }

    /// The setting, as far as it is one.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Unknown { key, .. } => key,
            Self::NotAllowed { key, .. } => key,
        }
    }

    /// What may be given, where the setting exists.
    #[must_use]
    pub fn allowed(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } => None,
            Self::NotAllowed { allowed, .. } => Some(allowed),
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
