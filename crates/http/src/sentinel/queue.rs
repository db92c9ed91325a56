//! What waits for a person.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::image::Tag;
use lodeman_domain::queue::QueueEntry;
use lodeman_updater::app::ContainerView;
use lodeman_updater::control::Control as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Sentinel;
use super::csv;
use super::envelope::{ErrorBody, Failure};
use super::reply::Reply;

/// An update that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelQueueItem, example = json!({
    "container_id": "4f5b0c7a3e9d", "container_name": "proxy", "current_image": "caddy:2.8.4",
    "current_digest": "sha256:1f0c", "remote_digest": "sha256:7be2", "detected_at": "2026-02-03T04:05:06Z",
    "newer_versions": ["2.8.5"], "revision": 1
}))]
pub struct Item {
    /// The engine's full id; empty where the container is gone.
    container_id: String,
    /// The container.
    container_name: String,
    /// The reference it runs by.
    current_image: String,
    /// The digest it runs; empty where the engine does not tell.
    current_digest: String,
    /// The digest that would be installed.
    remote_digest: String,
    /// When it was found.
    detected_at: Timestamp,
    /// Newer versions, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    newer_versions: Vec<String>,
    /// The version that the running image says it is, where its tag does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_current_version: Option<String>,
    /// Which state of the entry this is; an approval may name it.
    revision: u64,
}

impl Item {
    fn new(entry: QueueEntry, view: Option<&ContainerView>) -> Self {
        Self {
            container_id: view.map(|view| view.id.to_string()).unwrap_or_default(),
            container_name: entry.workload.name.to_string(),
            current_image: entry.current_reference,
            current_digest: view.and_then(|view| view.digest.clone()).unwrap_or_default(),
            remote_digest: entry.target.digest.to_string(),
            detected_at: entry.detected_at,
            newer_versions: versions(entry.target.version.as_ref(), &entry.newer_versions),
            resolved_current_version: view.and_then(|view| view.version.clone()),
            revision: entry.revision,
        }
    }
}

/// Newer versions with the one that would be installed first; none where the tag stays.
pub(super) fn versions(target: Option<&Tag>, newer: &[Tag]) -> Vec<String> {
    let Some(target) = target else { return Vec::new() };
    let others = newer.iter().filter(|tag| *tag != target);
    std::iter::once(target).chain(others).map(ToString::to_string).collect()
}

/// The entries that wait: for a person, for their time, or to be tried again.
pub(super) async fn waiting(sentinel: &Sentinel) -> Result<Vec<QueueEntry>, Failure> {
    let mut queue = sentinel.app.queue().await.map_err(|e| Failure::inside(&e, "failed to list queue"))?;
    queue.retain(QueueEntry::waits);
    queue.sort_by(|a, b| a.workload.name.cmp(&b.workload.name));
    Ok(queue)
}

async fn items(sentinel: &Sentinel) -> Result<Vec<Item>, Failure> {
    let entries = waiting(sentinel).await?;
    // Without the engine the queue is still told, only without ids.
    let views = sentinel.app.list_containers().await.unwrap_or_default();
    let views: BTreeMap<&ContainerName, &ContainerView> =
        views.iter().map(|view| (&view.name, view)).collect();
    Ok(entries
        .into_iter()
        .map(|entry| {
            let view = views.get(&entry.workload.name).copied();
            Item::new(entry, view)
        })
        .collect())
}

/// Lists the updates that wait.
#[utoipa::path(
    get, path = "/api/queue", tag = "Queue",
    responses((status = 200, description = "The updates, by container", body = [Item]),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_queue(State(sentinel): State<Sentinel>) -> Result<Reply<Vec<Item>>, Failure> {
    items(&sentinel).await.map(Reply)
}

/// How many updates wait.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = SentinelQueueCount, example = json!({ "count": 3 }))]
pub struct Count {
    /// How many.
    count: usize,
}

/// Counts the updates that wait.
#[utoipa::path(
    get, path = "/api/queue/count", tag = "Queue",
    responses((status = 200, description = "How many", body = Count),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn count_queue(State(sentinel): State<Sentinel>) -> Result<Reply<Count>, Failure> {
    let count =
        sentinel.app.count_waiting().await.map_err(|e| Failure::inside(&e, "failed to list queue"))?;
    Ok(Reply(Count { count }))
}

/// How an export is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv`; anything else is JSON.
    #[serde(default)]
    #[param(example = "csv")]
    pub(super) format: String,
}

/// Exports the updates that wait.
#[utoipa::path(
    get, path = "/api/queue/export", tag = "Queue",
    params(ExportQuery),
    responses((status = 200, description = "A file", content(
                  ([Item] = "application/json"), (String = "text/csv", example = json!(
                      "container,current_image,new_image,detected_at,type,host_id\nproxy,caddy:2.8.4,2.8.5,2026-02-03T04:05:06Z,,\n")))),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn export_queue(
    State(sentinel): State<Sentinel>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Failure> {
    let items = items(&sentinel).await?;
    if query.format != "csv" {
        let name = HeaderValue::from_static("attachment; filename=sentinel-queue.json");
        let kind = HeaderValue::from_static("application/json");
        let mut response = Reply(items).into_response();
        // In the place of the one that is there: two of a kind are none.
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        return Ok(response);
    }
    let mut file =
        csv::File::new(&["container", "current_image", "new_image", "detected_at", "type", "host_id"]);
    for item in items {
        let newest = item.newer_versions.into_iter().next().unwrap_or_default();
        let detected = csv::seconds(item.detected_at);
        file.row(&[&item.container_name, &item.current_image, &newest, &detected, "", ""]);
    }
    Ok(file.into_response("sentinel-queue.csv"))
}
