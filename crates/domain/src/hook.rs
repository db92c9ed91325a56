//! Hooks: commands that run inside a container around its update.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::update::words;
use crate::workload::HostId;

words! {
    /// When a hook runs.
    HookPhase {
        /// In the old container, before anything of it is changed.
        PreUpdate = "pre-update",
        /// In the replacement, once it is accepted.
        PostUpdate = "post-update",
    }
}

words! {
    /// What a hook that failed leads to. It counts for a hook before the update only.
    OnFailure {
        /// The update is given up before anything is changed.
        Abort = "abort",
        /// The update goes on.
        Continue = "continue",
    }
}

/// The exit code by which a hook asks for the update to be put off.
pub const EXIT_SKIP: i64 = 75;

/// How long a hook may take where nobody says.
pub const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a hook may take that was said to have no limit: one must not hold its container for ever.
pub const LONGEST_HOOK_TIMEOUT: Duration = Duration::from_hours(24);

/// What runs, and how its end counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The program and its arguments. It may carry secrets, so it is shown in no log.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// What follows where it fails.
    pub on_failure: OnFailure,
}

impl Hook {
    /// A line for the container's own shell.
    #[must_use]
    pub fn shell(line: &str, timeout: Duration, on_failure: OnFailure) -> Self {
        let command = ["sh", "-c", line].map(str::to_owned).to_vec();
        Self { command, timeout, on_failure }
    }
}

/// Whose hook it is: a name on a host, whether there is such a container or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HookKey {
    /// The host.
    pub host: HostId,
    /// The container's name, as whoever set the hook wrote it.
    pub name: String,
}

/// A hook that a person set. There is one for each container and phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHook {
    /// Whose it is.
    pub key: HookKey,
    /// When it runs.
    pub phase: HookPhase,
    /// What runs.
    pub hook: Hook,
    /// Who set it.
    pub by: String,
    /// When it was set.
    pub at: Timestamp,
}

words! {
    /// Where a hook comes from. One that a person stored wins over a label's.
    HookSource {
        /// A person set it.
        Stored = "stored",
        /// A label of the container states it.
        Label = "label",
    }
}

words! {
    /// How a hook came out.
    HookVerdict {
        /// It ended well.
        Done = "done",
        /// It asked for the update to be put off.
        Skip = "skip",
        /// It failed, or could not be run at all.
        Failed = "failed",
        /// It was not done in its time.
        TimedOut = "timed_out",
        /// What became of it is not known.
        Unknown = "unknown",
    }
}

/// How one run of a hook went: kept sealed with its operation, since what a hook writes may be secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReport {
    /// When it ended, or was given up.
    pub at: Timestamp,
    /// When it ran.
    pub phase: HookPhase,
    /// Where it comes from.
    pub source: HookSource,
    /// How it came out.
    pub verdict: HookVerdict,
    /// Its exit code, where it ended by itself.
    pub exit_code: Option<i64>,
    /// In words, without anything that it wrote.
    pub detail: String,
    /// What it wrote, to the limit.
    pub output: String,
    /// What it wrote to its error stream, to the limit.
    pub error_output: String,
    /// Whether it wrote more than is kept.
    pub cut: bool,
}

impl std::fmt::Debug for HookReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookReport")
            .field("phase", &self.phase)
            .field("verdict", &self.verdict)
            .field("detail", &self.detail)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_spelt_as_clients_spell_them() {
        let spelt: Vec<_> = HookPhase::ALL.iter().map(|phase| phase.as_str()).collect();
        assert_eq!(spelt, ["pre-update", "post-update"]);
        assert!("Pre-Update".parse::<HookPhase>().is_err());
    }

    #[test]
    fn what_a_hook_wrote_is_not_in_its_debug_form() {
        let report = HookReport {
            at: Timestamp::UNIX_EPOCH,
            phase: HookPhase::PreUpdate,
            source: HookSource::Label,
            verdict: HookVerdict::Failed,
            exit_code: Some(1),
            detail: "exit code 1".to_owned(),
            output: "s3cret".to_owned(),
            error_output: "s3cret".to_owned(),
            cut: false,
        };
        assert!(!format!("{report:?}").contains("s3cret"));
    }
}
