//! Step 1: everything that can be known before anything is touched.

use futures::stream::{self, StreamExt as _};
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::image::ImageReference;
use lodeman_domain::label::read_labels;
use lodeman_domain::queue::QueueState;
use lodeman_domain::update::{Direction, JOURNAL_FORMAT, Operation, OperationId, OperationKind, Phase};
use lodeman_domain::workload::WorkloadKey;
use lodeman_engine::spec::{self, Plan, Source};
use lodeman_engine::{ContainerEngine, ContainerInspect, EngineError, EngineInfo, ImageInspect};
use lodeman_store::{SealedSpec, SpecKind, StoreError, Write};
use serde_json::json;

use super::journal::Journal;
use super::names::{Role, derived, parse_derived};
use super::perform::Run;
use super::{SpecSource, SwapError, SwapRequest};
use crate::deps::Deps;

/// What the plan knows and the row does not keep.
pub(crate) struct Planned {
    pub(crate) old: ContainerInspect,
    pub(crate) old_image: ImageInspect,
    pub(crate) info: EngineInfo,
    /// Names of all containers by id, for references between containers.
    pub(crate) names: Vec<(ContainerId, ContainerName)>,
}

impl Planned {
    /// The container as the derivation takes it.
    pub(crate) fn derive(
        &self,
        request: &SwapRequest,
        new_image: Option<&lodeman_domain::digest::Digest>,
    ) -> Result<Plan, SwapError> {
        if let SpecSource::Recorded(plan) = &request.spec {
            return Ok((**plan).clone());
        }
        let config = self.old_image.config();
        let resolve = |id: &str| self.resolve(id);
        let source = self.source(&config, &resolve);
        let plan = spec::derive(&source, &request.target.reference, new_image)
            .map_err(|e| not_carried(&request.key.name, &e))?;
        spec::check_no_gain(&self.old, &plan)
            .map_err(|e| SwapError::Refused { name: request.key.name.to_string(), reason: e.to_string() })?;
        Ok(plan)
    }

    fn source<'a>(
        &'a self,
        config: &'a serde_json::Map<String, serde_json::Value>,
        resolve: &'a (dyn Fn(&str) -> Option<ContainerName> + Send + Sync),
    ) -> Source<'a> {
        Source {
            container: &self.old,
            image_config: config,
            api_version: &self.info.api_version,
            resolve,
            host_name: &self.info.host_name,
        }
    }

    fn resolve(&self, id: &str) -> Option<ContainerName> {
        self.names.iter().find(|(known, _)| known.as_str() == id).map(|(_, name)| name.clone())
    }
}

fn not_carried(name: &ContainerName, error: &spec::NotCarried) -> SwapError {
    SwapError::NotCarried { name: name.to_string(), field: error.field.clone(), reason: error.reason.clone() }
}

/// Inspects everything, refuses what must be refused, and writes the row.
pub(crate) async fn plan(deps: &Deps, request: &SwapRequest) -> Result<(Run, Planned), SwapError> {
    let engine = &*deps.engine;
    let name = &request.key.name;
    if parse_derived(name).is_some() {
        return Err(refused(name, "it belongs to an operation of ours"));
    }
    let old = engine
        .find_container(name)
        .await?
        .ok_or_else(|| SwapError::NoSuchContainer { name: name.to_string() })?;
    if deps.swap.is_own(old.id(), read_labels(&old.labels()).is_self) {
        return Err(refused(name, "it is the server's own container, which cannot replace itself"));
    }
    let info = engine.info().await?;
    let others = inspect_others(engine, old.id()).await?;
    if request.kind == OperationKind::Update
        && let Some(refusal) = spec::refusals(&old, &others).first()
    {
        return Err(refused(name, &refusal.to_string()));
    }
    let image_id = old.image_id().ok_or_else(|| refused(name, "the engine does not tell its image"))?;
    let old_image = old_image(engine, &old, image_id.as_str()).await.map_err(|error| match error {
        error if error.is_not_found() => refused(name, "the image it was made from is gone"),
        error => SwapError::Engine(error),
    })?;
    let names = others.iter().map(|c| (c.id().clone(), c.name().clone())).collect();
    let planned = Planned { old, old_image, info, names };
    // Both specs are computed here, so that what cannot be carried stops it before anything is touched.
    let first_plan = planned.derive(request, None)?;
    let config = planned.old_image.config();
    let resolve = |id: &str| planned.resolve(id);
    let restore = spec::restore(&planned.source(&config, &resolve)).map_err(|e| not_carried(name, &e))?;
    let op = operation(deps, request, &planned, &first_plan);
    let run = write_row(deps, request, op, &restore).await?;
    Ok((run, planned))
}

fn refused(name: &ContainerName, reason: &str) -> SwapError {
    SwapError::Refused { name: name.to_string(), reason: reason.to_owned() }
}

/// The image by id, or where the store tells only the manifest, by that.
async fn old_image(
    engine: &dyn ContainerEngine,
    old: &ContainerInspect,
    image_id: &str,
) -> Result<ImageInspect, EngineError> {
    match engine.inspect_image(image_id).await {
        Err(error) if error.is_not_found() => match old.manifest_digest() {
            Some(manifest) => engine.inspect_image(manifest.as_str()).await,
            None => Err(error),
        },
        other => other,
    }
}

async fn inspect_others(
    engine: &dyn ContainerEngine,
    but: &ContainerId,
) -> Result<Vec<ContainerInspect>, EngineError> {
    let ids: Vec<ContainerId> =
        engine.list_containers().await?.into_iter().map(|c| c.id).filter(|id| id != but).collect();
    let found: Vec<_> = stream::iter(ids)
        .map(|id| async move { engine.inspect_container(&id).await })
        .buffered(4)
        .collect()
        .await;
    // One that went away meanwhile is no neighbour.
    found.into_iter().filter(|r| !matches!(r, Err(e) if e.is_not_found())).collect()
}

fn operation(deps: &Deps, request: &SwapRequest, planned: &Planned, plan: &Plan) -> Operation {
    let Planned { old, old_image, info, .. } = planned;
    let image_id = old.image_id().unwrap_or_else(|| old_image.id().clone());
    let grace = request.grace.unwrap_or(deps.swap.grace);
    Operation {
        kind: request.kind,
        old_repo_digests: old_image.repo_digests(),
        platform: old.manifest_platform().unwrap_or_else(|| usable_platform(old_image, info)),
        anonymous_volumes: plan.anonymous_volumes.iter().map(|v| v.name.clone()).collect(),
        target_digest: Some(request.target.digest.clone()),
        target_manifest: Some(request.target.manifest.clone()),
        validate_budget_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        by_person: request.by.clone(),
        ..row(deps, &request.key, old, image_id, request.target.reference.clone(), info)
    }
}

/// The row of an operation on a container, which so far is for nothing but a restart.
pub(super) fn row(
    deps: &Deps,
    key: &WorkloadKey,
    old: &ContainerInspect,
    image_id: Digest,
    target_reference: ImageReference,
    info: &EngineInfo,
) -> Operation {
    let id = OperationId(deps.ids.next());
    let name = &key.name;
    let policy = old.restart_policy();
    let now = deps.clock.now();
    Operation {
        id,
        format: JOURNAL_FORMAT,
        version: 0,
        kind: OperationKind::Restart,
        host: key.host.clone(),
        engine_id: info.engine_id.clone(),
        storage_driver: info.storage_driver.clone(),
        canonical_name: name.clone(),
        temp_name: derived(name, Role::New, id),
        retained_name: derived(name, Role::Old, id),
        old_id: old.id().clone(),
        old_image_id: image_id,
        old_manifest: old.manifest_digest(),
        old_repo_digests: Vec::new(),
        old_reference: old.image_reference().to_owned(),
        platform: old.manifest_platform().unwrap_or_else(|| info.platform.clone()),
        old_running: old.is_up() || old.state() == Some(lodeman_domain::container::RunState::Restarting),
        old_paused: old.state() == Some(lodeman_domain::container::RunState::Paused),
        old_started_at: old.started_at().to_owned(),
        old_restart_policy: (policy.name, policy.maximum_retry_count),
        stop_grace_seconds: old.stop_timeout_seconds().unwrap_or(10),
        old_config_hash: config_hash(old),
        anonymous_volumes: Vec::new(),
        target_reference,
        target_digest: None,
        target_manifest: None,
        target_image_id: None,
        image_was_new: false,
        new_id: None,
        new_plan_hash: None,
        phase: Phase::Planned,
        direction: Direction::Forward,
        validate_budget_ms: 0,
        validate_used_ms: 0,
        listened: Vec::new(),
        restarted_after_explained_exit: false,
        image_fault: false,
        skipped_by_hook: false,
        post_hook_due: false,
        recoveries: 0,
        boot_id: deps.owner.boot_id.clone(),
        process_id: deps.owner.process_id,
        by_person: None,
        reason: None,
        held_because: None,
        recreation: None,
        dark_ms: None,
        created_at: now,
        updated_at: now,
        committed_at: None,
        served_until: None,
    }
}

/// The image's own platform; an engine that has no variant of it for itself leaves that empty.
fn usable_platform(image: &ImageInspect, info: &EngineInfo) -> lodeman_domain::image::Platform {
    let platform = image.platform();
    if platform.os.is_empty() || platform.architecture.is_empty() { info.platform.clone() } else { platform }
}

/// A hash over what a person can set of a container, to notice that someone changed it.
pub(crate) fn config_hash(c: &ContainerInspect) -> String {
    let mut host = c.section("HostConfig");
    // Set by ourselves in the course of an operation.
    host.remove("RestartPolicy");
    spec::hash_json(&json!({
        "id": c.id(),
        "image": c.image_id(),
        "config": c.section("Config"),
        "host": host,
        "networks": c.networks(),
        "mounts": c.mounts(),
    }))
}

async fn write_row(
    deps: &Deps,
    request: &SwapRequest,
    op: Operation,
    restore: &Plan,
) -> Result<Run, SwapError> {
    let name = request.key.name.to_string();
    let old_spec = serde_json::to_value(restore).map_err(|e| refused(&request.key.name, &e.to_string()))?;
    let mut with = vec![Write::PutSpec(SealedSpec { op: op.id, kind: SpecKind::Old, json: old_spec })];
    if let Some(entry) = &request.entry {
        let mut running = entry.clone();
        running.state = QueueState::Running;
        running.operation = Some(op.id);
        running.updated_at = deps.clock.now();
        with.push(Write::SaveQueueEntry {
            entry: Box::new(running),
            expect_revision: entry.revision,
            expect_state: entry.state,
        });
    }
    let id = op.id;
    let planned = format!("planned as operation {id}");
    with.push(Write::AppendEvent(Event {
        kind: EventKind::OperationPhase,
        at: deps.clock.now(),
        workload: Some(request.key.clone()),
        operation: Some(id),
        message: planned.clone(),
        data: json!({ "phase": Phase::Planned, "kind": request.kind }),
    }));
    let journal = match Journal::create(deps.store.clone(), deps.clock.clone(), op, with).await {
        Ok(journal) => journal,
        Err(StoreError::Conflict { what: "queue entry" }) => return Err(SwapError::Stale { name }),
        Err(StoreError::Conflict { .. }) => {
            let holder = deps.store.find_open_operation(&request.key).await?;
            let operation = holder.map_or_else(|| "of another process".to_owned(), |o| o.id.to_string());
            return Err(SwapError::Busy { name, operation });
        }
        Err(error) => return Err(error.into()),
    };
    let run = Run::new(deps.clone(), journal);
    run.tell(Phase::Planned, &planned);
    Ok(run)
}
