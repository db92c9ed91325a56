//! Why a container runs what it runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::image::Tag;
use crate::queue::Target;
use crate::update::words;
use crate::workload::WorkloadKey;

words! {
    /// Why an update is held, a container is not looked at, or nothing can be said.
    ReasonCode {
        /// Policy is `manual`: a person decides.
        PolicyManual = "policy_manual",
        /// Policy is `pinned`: never checked.
        PolicyPinned = "policy_pinned",
        /// The step is larger than what `auto` does by itself.
        BeyondAutoScope = "beyond_auto_scope",
        /// Outside the include scope, or excluded by a filter.
        OutOfScope = "out_of_scope",
        /// A label says that it is not managed.
        NotManaged = "not_managed",
        /// Automatic actions are paused.
        Paused = "paused",
        /// The dry run is on.
        DryRun = "dry_run",
        /// Images are pulled only.
        PullOnly = "pull_only",
        /// A label says that it is checked, never queued.
        MonitorOnly = "monitor_only",
        /// A label says that nothing is pulled and the image is not on the host.
        NoPull = "no_pull",
        /// The digest was first seen too short a time ago.
        MinimumAge = "minimum_age",
        /// The maintenance window is closed.
        WindowClosed = "window_closed",
        /// The digest was rolled back before.
        BadDigest = "bad_digest",
        /// A person approved it.
        Approved = "approved",
        /// A person rejected it.
        Rejected = "rejected",
        /// A person ignores it.
        Ignored = "ignored",
        /// The next check of this container is not due.
        ScheduleNotDue = "schedule_not_due",
        /// The container deletes itself when it stops.
        AutoRemove = "auto_remove",
        /// Others share its namespaces or links.
        SharedNamespace = "shared_namespace",
        /// Part of a service of an orchestrator.
        OrchestratorTask = "orchestrator_task",
        /// The server's own container.
        SelfContainer = "self_container",
        /// A setting of the container cannot be carried over.
        NotCarried = "not_carried",
        /// The image was built here, or comes from no registry.
        LocalImage = "local_image",
        /// The reference is bound to a digest.
        DigestPinned = "digest_pinned",
        /// The image's reference cannot be read.
        BadReference = "bad_reference",
        /// No image for the container's platform.
        NoPlatform = "no_platform",
        /// The registry could not be asked.
        CheckFailed = "check_failed",
        /// The registry's quota is nearly used up.
        RateLimited = "rate_limited",
        /// An operation is under way.
        OperationOpen = "operation_open",
        /// An operation is held; a person is asked.
        OperationHeld = "operation_held",
        /// A label is invalid.
        InvalidLabel = "invalid_label",
        /// The last attempt failed.
        LastAttemptFailed = "last_attempt_failed",
        /// The container's hook asked for the update to be put off.
        SkippedByHook = "skipped_by_hook",
        /// What it needs could not be updated.
        DependencyFailed = "dependency_failed",
        /// It was not checked yet.
        NotChecked = "not_checked",
        /// It does not run.
        NotRunning = "not_running",
        /// Waits for its turn.
        Queued = "queued",
        /// Newer versions exist that the version scope hides.
        HiddenByScope = "hidden_by_scope",
        /// The digest of the tag moved.
        DigestMoved = "digest_moved",
        /// A newer version exists.
        NewerVersion = "newer_version",
        /// Only the index around the running manifest was rebuilt.
        IndexRebuilt = "index_rebuilt",
    }
}

/// One reason, readable by machine and person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which.
    pub code: ReasonCode,
    /// One clause for a person.
    pub detail: String,
    /// When it ends by itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Reason {
    /// A reason without a known end.
    pub fn new(code: ReasonCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), until: None }
    }

    /// A reason that ends at `until`.
    pub fn until(code: ReasonCode, detail: impl Into<String>, until: Option<Timestamp>) -> Self {
        Self { code, detail: detail.into(), until }
    }
}

/// What becomes of an update that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is applied now.
    Apply,
    /// It is queued for a person.
    Ask,
    /// It is applied when what holds it is over.
    Wait,
    /// It is only pulled.
    PullOnly,
    /// It is only told.
    Tell,
}

/// The result of deciding on one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It runs the newest that its policy admits.
    UpToDate,
    /// There is an update, and this becomes of it.
    UpdateAvailable {
        /// What would be installed.
        target: Box<Target>,
        /// What becomes of it.
        action: Action,
    },
    /// It is not looked at.
    NotApplicable,
    /// It could not be told.
    Unknown,
}

/// Why a container runs what it runs: one sentence, and the reasons behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The container.
    pub workload: WorkloadKey,
    /// One sentence: what runs, what exists, why not yet, when, who can change it.
    pub sentence: String,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// All reasons, weightiest first.
    pub reasons: Vec<Reason>,
    /// The reference it runs by.
    pub reference: String,
    /// Id of the image it runs.
    pub image_id: Option<String>,
    /// Version that the reference means, where that is known.
    pub version: Option<String>,
    /// All newer versions within scope, newest first, but for those that a person ignores.
    pub newer_versions: Vec<Tag>,
    /// How many newer versions the scope hides.
    pub beyond_scope: usize,
    /// Effective policy and where it comes from: `auto (label)`.
    pub policy: String,
    /// When the registry was last asked.
    pub checked_at: Option<Timestamp>,
    /// When something will happen by itself.
    pub next_at: Option<Timestamp>,
    /// Commands with which a person can change it.
    pub can_do: Vec<String>,
}
