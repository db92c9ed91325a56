//! What a container's labels ask for.
//!
//! Three families are understood. Where a wish is labelled in more than one of them, the native
//! `lodeman.*` wins over `sentinel.*`, which wins over `com.centurylinklabs.watchtower.*`. A label
//! that is present but cannot be used is always a [`LabelProblem`]; nothing is dropped in silence.
//! Whether labels are trusted is not decided here but in [`crate::policy`].

mod hook;
mod known;
mod read;
mod value;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::ContainerName;
use crate::hook::Hook;
use crate::policy::Policy;
use crate::schedule::{CronLine, MaintenanceWindows};
use crate::version::{Constraint, Scope, TagPattern, VariantRule};

pub use known::{NATIVE_PREFIX, SENTINEL_PREFIX, WATCHTOWER_PREFIX};
pub use read::{read_depends_on, read_labels};

/// The longest wait for health that a label may ask for.
pub const MAX_GRACE_PERIOD: Duration = Duration::from_hours(1);

/// A wish and the label that states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint<T> {
    /// The wish.
    pub value: T,
    /// The label it came from.
    pub label: &'static str,
}

/// Everything that a container's labels ask for. `None` means that no usable label says anything.
#[derive(Debug, Clone, Default)]
pub struct ContainerHints {
    /// `policy`
    pub policy: Option<Hint<Policy>>,
    /// `semver`: how far a version update may go.
    pub scope: Option<Hint<Scope>>,
    /// `semver-constraint`: a range that versions must lie in.
    pub constraint: Option<Hint<Constraint>>,
    /// `include-tags`: only tags that match.
    pub include_tags: Option<Hint<TagPattern>>,
    /// `exclude-tags`: no tags that match.
    pub exclude_tags: Option<Hint<TagPattern>>,
    /// `schedule`, also `cron`: when the container is checked.
    pub schedule: Option<Hint<CronLine>>,
    /// `delay`: minimum age before an automatic update.
    pub delay: Option<Hint<Duration>>,
    /// `grace-period`: wait for health, at most [`MAX_GRACE_PERIOD`].
    pub grace_period: Option<Hint<Duration>>,
    /// `listen-check`: a replacement must listen where the old container did. `false` lifts that.
    pub listen_check: Option<Hint<bool>>,
    /// `pull-only`: pull, do not recreate. `false` overrides a global `true`.
    pub pull_only: Option<Hint<bool>>,
    /// `prerelease`: pre-releases count as newer versions.
    pub prerelease: Option<Hint<bool>>,
    /// `variant`: whether the operating-system version in a tag may move.
    pub variant: Option<Hint<VariantRule>>,
    /// `window`: the container's own maintenance windows; never open where the label is invalid.
    pub window: Option<Hint<MaintenanceWindows>>,
    /// `enable`: `false` means not managed; `true` has no effect.
    pub enable: Option<Hint<bool>>,
    /// `monitor-only`: checked, never queued.
    pub monitor_only: Option<Hint<bool>>,
    /// `no-pull`: recreated only from what is on the host.
    pub no_pull: Option<Hint<bool>>,
    /// `hook.pre-update`, with `hook.timeout` and `hook.on-failure`: runs in the container before it is
    /// replaced. Watchtower's `lifecycle.pre-update` with its own time-out in minutes.
    pub pre_update: Option<Hint<Hook>>,
    /// `hook.post-update`: runs in the replacement once it is accepted.
    pub post_update: Option<Hint<Hook>>,
    /// `self=true`: the server's own container.
    pub is_self: bool,
    /// A task of a Swarm service, which the orchestrator owns.
    pub is_swarm_task: bool,
    /// The Compose project.
    pub stack: Option<String>,
    /// `depends-on`: the containers that this one needs.
    pub depends_on: Option<Hint<Vec<ContainerName>>>,
    /// Labels that could not be used, in the order of their names.
    pub problems: Vec<LabelProblem>,
}

impl ContainerHints {
    /// The label whose mistake stops version updates: an invalid `include-tags`, `exclude-tags` or
    /// `semver-constraint`. Digest updates of the same tag go on.
    #[must_use]
    pub fn version_updates_blocked_by(&self) -> Option<&LabelProblem> {
        self.problems.iter().find(|problem| problem.effect == ProblemEffect::NoVersionUpdates)
    }
}

/// A label that is present but cannot be used as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelProblem {
    /// The label's name.
    pub label: String,
    /// Its value, cut to 80 characters, without control characters.
    pub value: String,
    /// What it should be.
    pub expected: String,
    /// What follows from the problem.
    pub effect: ProblemEffect,
}

/// What an unusable label leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemEffect {
    /// As if the label were not there.
    Ignored,
    /// The nearest allowed value is used.
    Clamped,
    /// No version updates until it is mended.
    NoVersionUpdates,
    /// No automatic updates until it is mended.
    NoAutomaticUpdates,
}

impl fmt::Display for LabelProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label `{}` is `{}`: {}; ", self.label, self.value, self.expected)?;
        f.write_str(match self.effect {
            ProblemEffect::Ignored => "the label is ignored",
            ProblemEffect::Clamped => "the nearest allowed value is used",
            ProblemEffect::NoVersionUpdates => "no version updates until it is mended",
            ProblemEffect::NoAutomaticUpdates => "no automatic updates until it is mended",
        })
    }
}

#[cfg(test)]
mod tests;
