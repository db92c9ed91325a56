//! What a person, a program or the command line asks of the updater.
//!
//! [`Control`] is implemented by [`App`](crate::app::App) in the process that has the data directory,
//! and by a client of the control socket in every other, so a command behaves the same either way.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::digest::Digest;
use lodeman_domain::event::Progress;
use lodeman_domain::explain::Explanation;
use lodeman_domain::image::{ImageReference, Tag};
use lodeman_domain::queue::QueueEntry;
use lodeman_domain::setting::SettingSource;
use lodeman_domain::update::{OperationId, Outcome};
pub use lodeman_store::{ScanRecord, StoredActivity, StoredHistory};
use serde::{Deserialize, Serialize};

/// Which revision of a queue entry is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The one that is current when the request arrives.
    #[default]
    Current,
    /// This one; anything else is a conflict.
    Revision(u64),
    /// The one with this target digest; anything else is a conflict.
    Digest(Digest),
}

/// How one container's update ended, or why it was not begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSummary {
    /// The container.
    pub name: ContainerName,
    /// The operation, where one was begun.
    pub operation: Option<OperationId>,
    /// How it ended; `None` when it was not begun.
    pub outcome: Option<Outcome>,
    /// The reference that was, or would have been, installed.
    pub target: Option<String>,
    /// How long the container was down, milliseconds.
    pub dark_ms: Option<u64>,
    /// Why, for everything but plain success.
    pub reason: Option<String>,
}

/// What a run found and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The scan.
    pub scan: ScanRecord,
    /// The updates that were applied, or tried.
    pub updates: Vec<UpdateSummary>,
    /// Every container that was looked at.
    pub explanations: Vec<Explanation>,
}

/// What exists of an image at its registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCheck {
    /// What was asked about.
    pub reference: ImageReference,
    /// What it resolves to now.
    pub digest: Digest,
    /// Newer versions, newest first.
    pub newer_versions: Vec<Tag>,
    /// How many more a wider scope would show.
    pub beyond_scope: usize,
    /// The version that a tag such as `latest` means, where that is known.
    pub version: Option<String>,
    /// Whether the tag list was cut short.
    pub truncated: bool,
}

/// What recovery would do, or did, with one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryReport {
    /// The operations.
    pub operations: Vec<crate::recover::RecoveryItem>,
    /// Leftovers that no journal explains.
    pub orphans: Vec<crate::recover::orphans::Orphan>,
}

/// Whether something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    On,
    /// It is switched off.
    Off,
    /// It works in part, or not now.
    Degraded,
}

/// One dependency or feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// `engine`, `store`, `registry`, `scanning`, `recovery`, …
    pub name: String,
    /// Whether it works.
    pub health: Health,
    /// Why not, or in which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether the server can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Requests are served and nothing that the work needs is missing.
    pub ready: bool,
    /// Interrupted operations are being recovered; nothing is changed meanwhile.
    pub recovering: bool,
    /// When the last scan ended.
    pub last_scan: Option<Timestamp>,
    /// When the next one is due.
    pub next_scan: Option<Timestamp>,
    /// Each part.
    pub components: Vec<Component>,
}

/// What kind of mistake an error is; the command line's exit code and a surface's status follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request cannot be understood.
    Invalid,
    /// What it names does not exist.
    NotFound,
    /// Something else was first, or is under way.
    Conflict,
    /// It is understood, and not done for the given reason.
    Refused,
    /// Engine, registry or store cannot be asked now.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// Why a request was not carried out. The message names what is meant and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// What kind of mistake.
    pub kind: ErrorKind,
    /// One sentence for a person.
    pub message: String,
    /// Each field that is wrong, where the request had fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field: for settings the key, `poll_interval`.
    pub field: String,
    /// What is wrong with it and what is allowed.
    pub message: String,
}

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// Its key: `poll_interval`.
    pub key: String,
    /// Its place in the configuration: `schedule.poll_interval`.
    pub config_key: String,
    /// The value in force, as text; of a secret only whether it is set.
    pub value: String,
    /// The stored value, where there is one, whether it is in force or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<String>,
    /// The kind of source that the value in force comes from.
    pub source: SettingSource,
    /// The very place, in words.
    pub origin: String,
    /// Whether environment or flag fix it, so that it cannot be stored.
    pub fixed: bool,
    /// The built-in value.
    pub default: String,
    /// What may be stored.
    pub allowed: String,
    /// What it does, in one clause.
    pub summary: String,
    /// Why the stored value is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl ControlError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new() }
    }

    /// An error that names each field that is wrong.
    #[must_use]
    pub fn of_fields(kind: ErrorKind, fields: Vec<FieldProblem>) -> Self {
        let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
        Self { kind, message: messages.join("; "), fields }
    }
}

/// Everything that can be asked. `by` is the person who asks, for history.
#[async_trait]
pub trait Control: Send + Sync {
    /// Looks for updates of these containers, or of all, and applies what policy applies by itself;
    /// answers when all of it has ended.
    async fn run(&self, names: Vec<ContainerName>, by: &str) -> Result<RunReport, ControlError>;

    /// Updates one container now, whatever its policy, if there is an update; answers when it ended.
    async fn update(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError>;

    /// Why containers run what they run.
    async fn explain(&self, name: Option<ContainerName>) -> Result<Vec<Explanation>, ControlError>;

    /// What waits to be applied, by detection time, then name.
    async fn queue(&self) -> Result<Vec<QueueEntry>, ControlError>;

    /// Applies a queue entry; answers when it ended.
    async fn approve(
        &self,
        name: ContainerName,
        which: Which,
        by: &str,
    ) -> Result<UpdateSummary, ControlError>;

    /// Says no to a queue entry; it stays so until something newer appears.
    async fn reject(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError>;

    /// Never offers this version or digest to this container again.
    async fn ignore(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError>;

    /// Goes back to what the container ran before its last update; answers when it ended.
    async fn rollback(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError>;

    /// What happened, newest first.
    async fn history(
        &self,
        name: Option<ContainerName>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, ControlError>;

    /// What exists of an image at its registry. Needs no engine.
    async fn check(&self, reference: ImageReference) -> Result<ImageCheck, ControlError>;

    /// What recovery would do.
    async fn recovery_plan(&self) -> Result<RecoveryReport, ControlError>;

    /// Recovers what was interrupted.
    async fn recover(&self) -> Result<RecoveryReport, ControlError>;

    /// Every setting, with the value in force and where it comes from.
    async fn settings(&self) -> Result<Vec<SettingView>, ControlError>;

    /// Stores settings, all or none, and puts them in force at once; `None` takes a stored value back.
    /// Answers every setting as it is then. The error names each key that cannot be stored.
    async fn change_settings(
        &self,
        changes: BTreeMap<String, Option<String>>,
        by: &str,
    ) -> Result<Vec<SettingView>, ControlError>;

    /// Whether the server can do its work.
    async fn readiness(&self) -> Result<Readiness, ControlError>;

    /// Live progress from now on.
    async fn progress(&self) -> Result<BoxStream<'static, Progress>, ControlError>;
}
