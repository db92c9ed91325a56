//! Small, complete values for tests of stores and of what uses them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::container::{ContainerId, ContainerName, ListeningPort, Way};
use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, EventKind, HistoryRow};
use lodeman_domain::image::{Platform, Repository};
use lodeman_domain::queue::{QueueEntry, QueueState, Target};
use lodeman_domain::update::{
    Direction, JOURNAL_FORMAT, Operation, OperationId, OperationKind, Outcome, Phase, Step, StepRecord,
};
use lodeman_domain::workload::{HostId, WorkloadKey};
use serde_json::json;
use uuid::Uuid;

use crate::{ActivityEntry, ApiTokenRecord, RollbackPoint, SealedSpec, SessionRecord, SpecKind, UserRecord};

/// The instant that many seconds after a fixed one.
///
/// # Panics
/// Beyond the end of time.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    let epoch = Timestamp::from_millisecond(1_700_000_000_123).expect("a valid instant");
    epoch.checked_add(SignedDuration::from_secs(seconds)).expect("a valid instant")
}

/// The id of operation or entry `n`; later ones sort behind.
#[must_use]
pub fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0000 | u128::from(n))
}

/// A digest that only `n` has.
///
/// # Panics
/// Never: 64 hex digits are a digest.
#[must_use]
pub fn digest(n: u64) -> Digest {
    format!("sha256:{n:064x}").parse().expect("a valid digest")
}

/// A container id that only `n` has.
///
/// # Panics
/// Never: 64 hex digits are an id.
#[must_use]
pub fn container_id(n: u64) -> ContainerId {
    format!("{n:064x}").parse().expect("a valid id")
}

/// A container's name.
///
/// # Panics
/// Where `text` is none.
#[must_use]
pub fn name(text: &str) -> ContainerName {
    text.parse().expect("a valid name")
}

/// The container `text` of the local host.
#[must_use]
pub fn key(text: &str) -> WorkloadKey {
    WorkloadKey::local(name(text))
}

/// A repository.
#[must_use]
pub fn repository() -> Repository {
    Repository { registry: "registry.example:5000".into(), path: "team/app".into() }
}

/// A planned operation on the container `container`, with something in every field that is not decided
/// later.
///
/// # Panics
/// Where `container` is no name.
#[must_use]
pub fn operation(n: u64, container: &str) -> Operation {
    Operation {
        id: OperationId(uuid(n)),
        format: JOURNAL_FORMAT,
        version: 0,
        kind: OperationKind::Update,
        host: HostId::local(),
        engine_id: "engine-1".into(),
        storage_driver: "overlay2".into(),
        canonical_name: name(container),
        temp_name: name(&format!("{container}-lodeman-new-{n:08x}")),
        retained_name: name(&format!("{container}-lodeman-old-{n:08x}")),
        old_id: container_id(n),
        old_image_id: digest(n),
        old_manifest: Some(digest(n + 1000)),
        old_repo_digests: vec![format!("{}@{}", repository(), digest(n + 2000))],
        old_reference: "registry.example:5000/team/app:1".into(),
        platform: Platform { os: "linux".into(), architecture: "arm".into(), variant: Some("v7".into()) },
        old_running: true,
        old_paused: false,
        old_started_at: "2026-11-21T06:57:00.123456789Z".into(),
        old_restart_policy: ("on-failure".into(), 3),
        stop_grace_seconds: 10,
        old_config_hash: "hash".into(),
        anonymous_volumes: vec!["5f".repeat(32)],
        target_reference: "registry.example:5000/team/app:1".parse().expect("a valid reference"),
        target_digest: Some(digest(n + 3000)),
        target_manifest: Some(digest(n + 4000)),
        target_image_id: None,
        image_was_new: false,
        new_id: None,
        new_plan_hash: None,
        phase: Phase::Planned,
        direction: Direction::Forward,
        validate_budget_ms: 60_000,
        validate_used_ms: 0,
        listened: vec![ListeningPort { port: 80, way: Way::Network("front".into()) }],
        restarted_after_explained_exit: false,
        image_fault: false,
        skipped_by_hook: true,
        post_hook_due: true,
        recoveries: 0,
        boot_id: "boot-1".into(),
        process_id: 4_000_000_000,
        by_person: Some("ann".into()),
        reason: None,
        held_because: None,
        recreation: None,
        dark_ms: None,
        created_at: at(0),
        updated_at: at(0),
        committed_at: None,
        served_until: None,
    }
}

/// An open step of an operation.
#[must_use]
pub fn step(op: &Operation, seq: u32) -> StepRecord {
    StepRecord {
        op: op.id,
        seq,
        step: Step::StopOld,
        attempt: 1,
        intent_at: at(i64::from(seq)),
        args: json!({ "call": "stop", "id": op.old_id, "grace_seconds": 10 }),
        outcome_at: None,
        outcome: None,
        observed: None,
    }
}

/// A create request of an operation, with `secret` in its environment.
#[must_use]
pub fn spec(op: &Operation, kind: SpecKind, secret: &str) -> SealedSpec {
    let json = json!({
        "Image": op.old_reference,
        "Env": [format!("PASSWORD={secret}")],
        "HostConfig": { "Binds": null, "Memory": 9_007_199_254_740_993_u64 },
    });
    SealedSpec { op: op.id, kind, json }
}

/// A pending queue entry of a container, found `n` seconds after the fixed instant.
///
/// # Panics
/// Where `container` is no name.
#[must_use]
pub fn entry(n: u64, container: &str) -> QueueEntry {
    let found = at(i64::try_from(n).unwrap_or_default());
    QueueEntry {
        id: uuid(n),
        workload: key(container),
        revision: 1,
        state: QueueState::Pending,
        current_reference: "registry.example:5000/team/app:1.2".into(),
        current_image: digest(n),
        target: Target {
            reference: "registry.example:5000/team/app:1.3".parse().expect("a valid reference"),
            digest: digest(n + 1000),
            manifest: digest(n + 2000),
            config: Some(digest(n + 3000)),
            version: Some("1.3".parse().expect("a valid tag")),
            already_pulled: true,
        },
        newer_versions: vec!["1.3".parse().expect("a valid tag"), "1.2.9".parse().expect("a valid tag")],
        detected_at: found,
        updated_at: found,
        decided_by: None,
        operation: None,
        note: None,
        retry_at: None,
    }
}

/// A row of history of a container, `seconds` after the fixed instant.
///
/// # Panics
/// Where `container` is no name.
#[must_use]
pub fn history(container: &str, seconds: i64) -> HistoryRow {
    HistoryRow {
        workload: key(container),
        at: at(seconds),
        operation: Some(OperationId(uuid(1))),
        outcome: Outcome::RolledBack,
        old_reference: "app:1".into(),
        old_image: digest(1).to_string(),
        new_reference: "app:2".into(),
        new_digest: Some(digest(2).to_string()),
        duration_ms: 12_345,
        dark_ms: Some(678),
        reason: Some("the replacement ended with code 1".into()),
        actor: "schedule".into(),
        data_may_have_changed: true,
    }
}

/// An event on a container, `seconds` after the fixed instant.
///
/// # Panics
/// Where `container` is no name.
#[must_use]
pub fn event(container: &str, seconds: i64) -> Event {
    Event {
        kind: EventKind::OperationPhase,
        at: at(seconds),
        workload: Some(key(container)),
        operation: Some(OperationId(uuid(1))),
        message: "the replacement runs".into(),
        data: json!({ "phase": "started" }),
    }
}

/// What a rollback of a container can go back to.
///
/// # Panics
/// Where the operation's name is none.
#[must_use]
pub fn rollback_point(op: &Operation, seconds: i64) -> RollbackPoint {
    RollbackPoint {
        op: op.id,
        workload: WorkloadKey { host: op.host.clone(), name: op.canonical_name.clone() },
        image_id: op.old_image_id.clone(),
        manifest: op.old_manifest.clone(),
        repo_digests: op.old_repo_digests.clone(),
        reference: op.old_reference.clone(),
        pin: format!("pin:{}", op.id.op8()),
        created_at: at(seconds),
        expires_at: at(seconds + 1_000),
    }
}

/// An account.
#[must_use]
pub fn user(n: u64, name: &str) -> UserRecord {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA".to_owned();
    UserRecord::new(uuid(n), name, hash, "admin", at(0))
}

/// A session of the account `user`, which ends after 1,000 s, or after 100 s without use.
#[must_use]
pub fn session(n: u64, user: &UserRecord, seconds: i64) -> SessionRecord {
    SessionRecord {
        token_hash: format!("{n:064x}"),
        handle: format!("handle-{n}"),
        user: user.id,
        method: "password".into(),
        created_at: at(seconds),
        last_used_at: at(seconds),
        authenticated_at: at(seconds),
        expires_at: at(seconds + 1_000),
        idle_limit: Duration::from_secs(100),
        ip: "192.0.2.7".into(),
        user_agent: "a browser".into(),
    }
}

/// A token of the account `user`.
#[must_use]
pub fn token(n: u64, user: &UserRecord) -> ApiTokenRecord {
    ApiTokenRecord {
        id: format!("{n:016x}"),
        token_hash: format!("{n:064x}"),
        user: user.id,
        name: format!("token {n}"),
        permissions: None,
        created_at: at(i64::try_from(n).unwrap_or(0)),
        expires_at: None,
        last_used_at: None,
        last_used_from: None,
    }
}

/// An entry of the activity log.
#[must_use]
pub fn activity(seconds: i64) -> ActivityEntry {
    ActivityEntry {
        at: at(seconds),
        entry_type: "auth".into(),
        message: format!("something at {seconds}"),
        container: None,
        host: None,
        user: Some("ann".into()),
        kind: None,
    }
}
