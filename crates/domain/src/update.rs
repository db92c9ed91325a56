//! An update as a journalled operation: its phases, its steps, its record.
//!
//! The journal is written ahead: a step's intent is durable before the engine is asked, its outcome
//! is recorded from what an inspect saw afterwards. A row carries all that another process needs to
//! go on or to go back.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::container::{ContainerId, ContainerName, ListeningPort};
use crate::digest::Digest;
use crate::image::{ImageReference, Platform};
use crate::workload::HostId;

/// The format of the journal this build writes. Rows of a newer format are left alone.
pub const JOURNAL_FORMAT: u32 = 1;

/// The id of one update operation, a `UUIDv7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub Uuid);

impl OperationId {
    /// The last 8 hex digits: what names derived from the operation carry. The first digits are the
    /// clock and would be shared by operations begun together.
    #[must_use]
    pub fn op8(&self) -> String {
        let text = self.0.simple().to_string();
        text[text.len() - 8..].to_owned()
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OperationId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A closed list of words with a fixed spelling, in code and in the database.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The fixed spelling.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::update::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|w| w.as_str() == text)
                    .ok_or_else(|| $crate::update::UnknownWord(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

/// A word that is none of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known word here")]
pub struct UnknownWord(pub String);

words! {
    /// How far an operation has durably come.
    Phase {
        /// The row is written; nothing was asked of the engine yet.
        Planned = "planned",
        /// The target image is on the host.
        Pulled = "pulled",
        /// All checks before the first change passed.
        Gated = "gated",
        /// The replacement exists, never started.
        Prepared = "prepared",
        /// The old container is down.
        OldStopped = "old_stopped",
        /// The old container carries its retained name.
        OldRenamed = "old_renamed",
        /// The replacement carries the canonical name.
        NewRenamed = "new_renamed",
        /// The engine will not start the old container by itself.
        Armed = "armed",
        /// The replacement runs.
        Started = "started",
        /// The replacement is being judged.
        Validating = "validating",
        /// The replacement is accepted; from here only forward.
        Committed = "committed",
        /// Nothing of the operation is left on the engine but what rollback keeps.
        Cleaned = "cleaned",
        /// Going back to the old container.
        RollingBack = "rolling_back",
        /// The old container runs again.
        RolledBack = "rolled_back",
        /// Ended before the old container was lastingly changed.
        Aborted = "aborted",
        /// Someone else changed the container; theirs stands.
        External = "external",
        /// The safest candidate runs; a person is asked.
        Held = "held",
    }
}

impl Phase {
    /// Whether nothing more will happen. `Held` is not terminal: it still owns the name.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Cleaned | Self::RolledBack | Self::Aborted | Self::External)
    }
}

words! {
    /// Which way an operation is going.
    Direction {
        /// To the replacement.
        Forward = "forward",
        /// To the old container.
        Back = "back",
    }
}

words! {
    /// What an operation is for.
    OperationKind {
        /// To a newer image.
        Update = "update",
        /// To an earlier state, asked for by a person.
        Rollback = "rollback",
        /// To the same container, stopped and started.
        Restart = "restart",
    }
}

words! {
    /// One mutating engine call of an operation, as the journal names it.
    Step {
        /// Give the old image a name of ours, so that nobody prunes it.
        PinOldImage = "pin_old_image",
        /// Pull the target.
        Pull = "pull",
        /// Point the target's reference at the image that was decided on.
        TagTarget = "tag_target",
        /// Make the replacement under its temporary name.
        CreateNew = "create_new",
        /// Connect the replacement to one more network.
        ConnectNew = "connect_new",
        /// Run the hook before the update in the old container. Never repeated.
        PreHook = "pre_hook",
        /// Thaw the old container before its stop.
        UnpauseOld = "unpause_old",
        /// Stop the old container.
        StopOld = "stop_old",
        /// Give the old container its retained name.
        RenameOld = "rename_old",
        /// Give the replacement the canonical name.
        RenameNew = "rename_new",
        /// Set the old container's restart policy to `no`.
        DisarmOld = "disarm_old",
        /// Start the replacement.
        StartNew = "start_new",
        /// Freeze the replacement, as the old container was.
        PauseNew = "pause_new",
        /// Run the hook after the update in the accepted replacement. Never repeated.
        PostHook = "post_hook",
        /// Remove the old container.
        RemoveOld = "remove_old",
        /// Take our name off the old image.
        Unpin = "unpin",
        /// Stop the replacement.
        StopNew = "stop_new",
        /// Remove the replacement.
        RemoveNew = "remove_new",
        /// Set the replacement's restart policy to `no`, where it could not be removed.
        DisarmNew = "disarm_new",
        /// Give the replacement its temporary name back, where it could not be removed.
        ParkNew = "park_new",
        /// Give the old container its canonical name back.
        RestoreName = "restore_name",
        /// Give the old container its restart policy back.
        RearmOld = "rearm_old",
        /// Start the old container.
        StartOld = "start_old",
        /// Freeze the old container again.
        PauseOld = "pause_old",
        /// Make the old container anew from its recorded spec, where the original cannot be had.
        RecreateOld = "recreate_old",
        /// Remove the image that the operation pulled, where the disk is full.
        DropTarget = "drop_target",
    }
}

words! {
    /// What an inspect after a step's call showed.
    StepOutcome {
        /// The post-condition holds.
        Ok = "ok",
        /// It does not hold, and will not.
        Failed = "failed",
        /// It could not be told.
        Unknown = "unknown",
    }
}

/// One operation, without its specs (those are sealed and stored beside it).
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the journal's row")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Journal format of the row.
    pub format: u32,
    /// Optimistic lock: the number of times the row was saved.
    pub version: u64,
    /// What it is for.
    pub kind: OperationKind,
    /// The host.
    pub host: HostId,
    /// The engine's own id, to notice a socket that now leads elsewhere.
    pub engine_id: String,
    /// The engine's storage driver, to notice that every image id changed.
    pub storage_driver: String,
    /// The container's name when the operation was planned.
    pub canonical_name: ContainerName,
    /// The replacement's name while it is prepared.
    pub temp_name: ContainerName,
    /// The old container's name while it is retained.
    pub retained_name: ContainerName,
    /// The old container.
    pub old_id: ContainerId,
    /// Image id the old container was made from.
    pub old_image_id: Digest,
    /// Platform manifest of that image, where the engine tells it.
    pub old_manifest: Option<Digest>,
    /// `repository@digest` names of that image when the operation was planned.
    pub old_repo_digests: Vec<String>,
    /// The reference the old container was made with.
    pub old_reference: String,
    /// Platform of the old container.
    pub platform: Platform,
    /// Whether it ran.
    pub old_running: bool,
    /// Whether it was frozen.
    pub old_paused: bool,
    /// `State.StartedAt` of the old container when planned.
    pub old_started_at: String,
    /// Restart policy of the old container: name and retry count.
    pub old_restart_policy: (String, i64),
    /// Grace of its stop, seconds.
    pub stop_grace_seconds: u64,
    /// A hash over its configuration, to notice that someone changed it.
    pub old_config_hash: String,
    /// Names of its anonymous volumes.
    pub anonymous_volumes: Vec<String>,
    /// The reference the replacement is made with.
    pub target_reference: ImageReference,
    /// The digest that was decided on: what the reference resolved to at the registry.
    pub target_digest: Option<Digest>,
    /// The platform's manifest digest that was decided on.
    pub target_manifest: Option<Digest>,
    /// Image id on the host, once pulled.
    pub target_image_id: Option<Digest>,
    /// Whether this operation brought that image to the host.
    pub image_was_new: bool,
    /// The replacement, once made.
    pub new_id: Option<ContainerId>,
    /// Hash of the replacement's plan, to recognise it when the answer to its creation was lost.
    pub new_plan_hash: Option<String>,
    /// How far it has come.
    pub phase: Phase,
    /// Which way it goes.
    pub direction: Direction,
    /// Time to judge the replacement in, milliseconds.
    pub validate_budget_ms: u64,
    /// How much of it is used, milliseconds.
    pub validate_used_ms: u64,
    /// Where the old container took connections before it was stopped, as far as that could be told.
    #[serde(default)]
    pub listened: Vec<ListeningPort>,
    /// Whether the replacement was started once more after an exit that a restart of the engine explains.
    pub restarted_after_explained_exit: bool,
    /// Whether it goes back because of the replacement's image.
    #[serde(default)]
    pub image_fault: bool,
    /// Whether the hook before the update asked for it to be put off.
    #[serde(default)]
    pub skipped_by_hook: bool,
    /// Whether the hook after the update is still to run.
    #[serde(default)]
    pub post_hook_due: bool,
    /// How often start-up recovery took it up.
    pub recoveries: u32,
    /// The machine's boot id of the process that owns it.
    pub boot_id: String,
    /// The owning process.
    pub process_id: u32,
    /// Whether a person asked for it (a schedule did otherwise).
    pub by_person: Option<String>,
    /// Why it goes the way it goes, once that is not plain success.
    pub reason: Option<String>,
    /// Why a person is asked, while it is held.
    #[serde(default)]
    pub held_because: Option<String>,
    /// Making the old container anew, once that was begun.
    #[serde(default)]
    pub recreation: Option<Recreation>,
    /// How the old container was down, milliseconds: from its stop to the start of what then ran.
    pub dark_ms: Option<u64>,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When the row was last saved.
    pub updated_at: Timestamp,
    /// When it was accepted.
    pub committed_at: Option<Timestamp>,
    /// When an accepted replacement ended for its way back, by the engine's clock.
    #[serde(default)]
    pub served_until: Option<Timestamp>,
}

/// The old container made anew from its recorded spec, because the original cannot be started or is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recreation {
    /// How often one was begun.
    pub tries: u32,
    /// The container that was made, once its id is known, until it is taken away again.
    pub id: Option<ContainerId>,
}

/// One step's intent, and its outcome once there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The operation.
    pub op: OperationId,
    /// Position within the operation, from 1.
    pub seq: u32,
    /// The call.
    pub step: Step,
    /// 1, and one more each time the same call is issued again.
    pub attempt: u32,
    /// When the intent was written.
    pub intent_at: Timestamp,
    /// All that is needed to issue the call again.
    pub args: serde_json::Value,
    /// When the outcome was written.
    pub outcome_at: Option<Timestamp>,
    /// The outcome.
    pub outcome: Option<StepOutcome>,
    /// The facts that proved it.
    pub observed: Option<serde_json::Value>,
}

impl StepRecord {
    /// Whether the outcome of the call is not settled.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.outcome, Some(StepOutcome::Ok | StepOutcome::Failed))
    }
}

words! {
    /// How an operation ended, as history and the API tell it.
    Outcome {
        /// The replacement runs and was proven healthy.
        Updated = "updated",
        /// The container was not running; the replacement is in place, unproven.
        UpdatedUnproven = "updated_unproven",
        /// The replacement was judged broken; the old container runs again.
        RolledBack = "rolled_back",
        /// A person went back to an earlier state, and that runs.
        Restored = "restored",
        /// The same container was stopped and runs again, as a person asked.
        Restarted = "restarted",
        /// It ended before the old container was changed, or with it running again.
        Aborted = "aborted",
        /// The container's hook before the update asked for it to be put off; nothing was changed.
        SkippedByHook = "skipped_by_hook",
        /// Someone else changed the container.
        External = "external",
        /// A person is asked.
        Held = "held",
        /// The image was pulled only, as configured.
        Pulled = "pulled",
        /// It would have been done, but for the dry run.
        DryRun = "dry_run",
        /// The check at the registry failed.
        CheckFailed = "check_failed",
    }
}

impl Outcome {
    /// Whether the replacement stands.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Updated | Self::UpdatedUnproven | Self::Restored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_two_operations_begun_together_differ() {
        let ids = ["019a0000-0000-7000-8000-0000deadbeef", "019a0000-0000-7000-8000-0000cafebabe"];
        let op8 = ids.map(|id| id.parse::<OperationId>().unwrap().op8());
        assert_eq!(op8, ["deadbeef", "cafebabe"]);
    }

    #[test]
    fn every_word_parses_back_and_the_stored_spelling_is_fixed() {
        for phase in Phase::ALL {
            assert_eq!(phase.as_str().parse::<Phase>().unwrap(), *phase);
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
        }
        for step in Step::ALL {
            assert_eq!(step.as_str().parse::<Step>().unwrap(), *step);
        }
        assert_eq!("nonsense".parse::<Phase>(), Err(UnknownWord("nonsense".into())));
    }

    #[test]
    fn held_still_owns_the_name() {
        let terminal: Vec<_> = Phase::ALL.iter().filter(|p| p.is_terminal()).map(|p| p.as_str()).collect();
        assert_eq!(terminal, ["cleaned", "rolled_back", "aborted", "external"]);
    }
}
