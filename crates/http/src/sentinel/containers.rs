//! Containers, as lists and their own page show them.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use lodeman_domain::container::RunState;
use lodeman_updater::app::ContainerView;
use lodeman_updater::control::{Control as _, ControlError};
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::envelope::{ErrorBody, Failure};
use super::history::Record;
use super::name::{Name, no_such_container};
use super::reply::{Reply, written};

/// How many records a container's own page has.
const HISTORY: u32 = 50;

/// A container in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelContainer, example = json!({
    "id": "4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b", "name": "proxy",
    "image": "caddy:2.8.4", "policy": "auto", "state": "running", "maintenance": false, "stack": "edge"
}))]
pub struct Container {
    /// The engine's full id.
    id: String,
    /// Its name.
    name: String,
    /// The reference it was made with.
    image: String,
    /// `auto`, `manual` or `pinned`.
    policy: String,
    /// `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    state: String,
    /// Whether it is being updated just now.
    maintenance: bool,
    /// Its Compose project.
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
}

impl From<&ContainerView> for Container {
    fn from(view: &ContainerView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name.to_string(),
            image: view.image.clone(),
            policy: view.policy.to_string(),
            state: view.state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
            maintenance: view.updating,
            stack: view.stack.clone(),
        }
    }
}

/// The list as it was last written, for as long as it is the same list.
#[derive(Debug, Clone, Default)]
pub struct Listing(Arc<Mutex<Option<Written>>>);

/// A list of containers, and the JSON of it.
type Written = (Arc<Vec<ContainerView>>, Bytes);

impl Listing {
    fn json(&self, views: &Arc<Vec<ContainerView>>) -> Result<Bytes, serde_json::Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, bytes)) = kept
            && Arc::ptr_eq(&of, views)
        {
            return Ok(bytes);
        }
        let shown = views.iter().filter(|view| !view.is_swarm_task).map(Container::from);
        let mut json = serde_json::to_vec(&shown.collect::<Vec<_>>())?;
        json.push(b'\n');
        let bytes = Bytes::from(json);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((views.clone(), bytes.clone()));
        Ok(bytes)
    }
}

/// Lists the containers of the host, running or not.
#[utoipa::path(
    get, path = "/api/containers", tag = "Containers",
    responses((status = 200, description = "The containers, by name", body = [Container]),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn list_containers(State(sentinel): State<Sentinel>) -> Result<Response, Failure> {
    let views = views(&sentinel).await?;
    let json = sentinel.listing.json(&views).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an answer cannot be written");
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "failed to list containers")
    })?;
    Ok(written(json))
}

pub(super) async fn views(sentinel: &Sentinel) -> Result<Arc<Vec<ContainerView>>, Failure> {
    let listed = sentinel.app.list_containers().await;
    listed.map_err(|error| Failure::inside(&error, "failed to list containers"))
}

/// The container of this name, or 404.
pub(super) async fn view(sentinel: &Sentinel, name: &Name) -> Result<ContainerView, Failure> {
    let found = sentinel.app.find_container(&name.container()?).await;
    let found = found.map_err(|error| Failure::inside(&error, "failed to list containers"))?;
    found.ok_or_else(|| no_such_container(name.as_str()))
}

/// How many containers there are, run, and have an update waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelStats, example = json!({ "pending": 3, "running": 28, "total": 31 }))]
pub struct Stats {
    /// Updates that wait in the queue.
    pending: usize,
    /// Containers that run.
    running: usize,
    /// Containers in all.
    total: usize,
}

/// Counts containers and what waits for them.
#[utoipa::path(
    get, path = "/api/stats", tag = "Containers",
    responses((status = 200, description = "The counts", body = Stats),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn get_stats(State(sentinel): State<Sentinel>) -> Result<Reply<Stats>, Failure> {
    let views = views(&sentinel).await?;
    let pending = sentinel.app.count_waiting().await;
    let pending = pending.map_err(|error| Failure::inside(&error, "failed to list containers"))?;
    let running = views.iter().filter(|view| view.state == Some(RunState::Running)).count();
    Ok(Reply(Stats { pending, running, total: views.len() }))
}

/// A container with what happened to it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SentinelContainerDetail, example = json!({
    "id": "4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b", "name": "proxy",
    "image": "caddy:2.8.4", "policy": "auto", "state": "running", "maintenance": false,
    "history": [{
        "timestamp": "2026-02-03T04:05:06Z", "container_name": "proxy", "old_image": "caddy:2.8.3",
        "old_digest": "sha256:1f0c", "new_image": "caddy:2.8.4", "new_digest": "sha256:7be2",
        "outcome": "success", "duration": 8_750_000_000_u64
    }],
    "snapshots": [{
        "container_name": "proxy", "timestamp": "2026-02-03T04:05:06Z", "image_ref": "caddy:2.8.3"
    }]
}))]
pub struct Detail {
    /// The engine's full id.
    id: String,
    /// Its name.
    name: String,
    /// The reference it was made with.
    image: String,
    /// `auto`, `manual` or `pinned`.
    policy: String,
    /// As in the list.
    state: String,
    /// Whether it is being updated just now.
    maintenance: bool,
    /// Its last 50 updates, newest first.
    history: Vec<Record>,
    /// What it can be rolled back to, newest first.
    snapshots: Vec<Snapshot>,
}

/// A state that a container can be rolled back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelSnapshot, example = json!({
    "container_name": "proxy", "timestamp": "2026-02-03T04:05:06Z", "image_ref": "caddy:2.8.3"
}))]
pub struct Snapshot {
    /// The container.
    container_name: String,
    /// When it was left.
    timestamp: Timestamp,
    /// The reference it ran by.
    image_ref: String,
}

/// Shows a container, its history and what it can be rolled back to.
#[utoipa::path(
    get, path = "/api/containers/{name}", tag = "Containers",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "The container", body = Detail),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn get_container(State(sentinel): State<Sentinel>, name: Name) -> Result<Reply<Detail>, Failure> {
    let view = view(&sentinel, &name).await?;
    let inside = |error: ControlError| Failure::inside(&error, "failed to list containers");
    let history = sentinel.app.history(Some(view.name.clone()), None, HISTORY).await.map_err(inside)?;
    let points = sentinel.app.rollback_points(&view.name).await.map_err(inside)?;
    let Container { id, name, image, policy, state, maintenance, .. } = Container::from(&view);
    let snapshots = points
        .into_iter()
        .map(|point| Snapshot {
            container_name: name.clone(),
            timestamp: point.created_at,
            image_ref: point.reference,
        })
        .collect();
    let history = history.into_iter().map(Record::from).collect();
    Ok(Reply(Detail { id, name, image, policy, state, maintenance, history, snapshots }))
}
