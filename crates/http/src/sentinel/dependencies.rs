//! What containers need each other for, as people declared it.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use lodeman_domain::container::ContainerName;
use lodeman_domain::depend::DependencyGraph;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Sentinel;
use super::envelope::{ErrorBody, Failure};
use super::reply::Reply;

/// What one container needs, and what needs it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the wire")]
#[schema(as = SentinelDependencies, example = json!({
    "dependencies": ["store"], "dependents": [], "name": "api"
}))]
pub struct Dependencies {
    /// The containers that it needs, by name.
    dependencies: Vec<String>,
    /// The containers that need it, by name.
    dependents: Vec<String>,
    /// The container.
    name: String,
}

/// What all containers need of each other.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelDependencyGraph, example = json!({
    "containers": [{ "dependencies": ["store"], "dependents": [], "name": "api" },
                   { "dependencies": [], "dependents": ["api"], "name": "store" }],
    "has_cycles": false, "order": ["store", "api"]
}))]
pub struct Graph {
    /// Every container, by name.
    containers: Vec<Dependencies>,
    /// Only where there is a cycle: that there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Whether some need each other.
    has_cycles: bool,
    /// Those that others need first; with a cycle only what can be sorted.
    order: Vec<String>,
}

fn words(names: &[&ContainerName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn of(graph: &DependencyGraph, name: &ContainerName) -> Dependencies {
    Dependencies {
        dependencies: words(&graph.dependencies(name)),
        dependents: words(&graph.dependents(name)),
        name: name.to_string(),
    }
}

impl Graph {
    fn of(graph: &DependencyGraph) -> Self {
        let order = graph.order();
        let error = (!order.is_complete).then(|| {
            let (sorted, all) = (order.sorted.len(), graph.names().len());
            format!("dependency cycle detected: processed {sorted} of {all} containers")
        });
        Self {
            containers: graph.names().iter().map(|name| of(graph, name)).collect(),
            error,
            has_cycles: !order.is_complete,
            order: words(&order.sorted),
        }
    }
}

fn graph(sentinel: &Sentinel) -> Result<DependencyGraph, Failure> {
    let graph = sentinel.app.declared_dependencies();
    graph.map_err(|error| Failure::inside(&error, "failed to list containers"))
}

/// What containers need of each other, and in which order they are updated.
#[utoipa::path(
    get, path = "/api/deps", tag = "Dependencies",
    responses((status = 200, description = "What labels and Compose declare", body = Graph),
              (status = 500, description = "The containers are not known", body = ErrorBody))
)]
pub async fn list_dependencies(State(sentinel): State<Sentinel>) -> Result<Reply<Graph>, Failure> {
    Ok(Reply(Graph::of(&graph(&sentinel)?)))
}

/// Where a container is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Place {
    /// The host; empty for this one.
    host: String,
}

/// What one container needs, and what needs it; nothing for one that is not known.
#[utoipa::path(
    get, path = "/api/deps/{container}", tag = "Dependencies",
    params(("container" = String, Path, description = "The container's name", example = "api"), Place),
    responses((status = 200, description = "What labels and Compose declare", body = Dependencies),
              (status = 400, description = "The path is no text", body = ErrorBody),
              (status = 500, description = "The containers are not known", body = ErrorBody))
)]
pub async fn get_dependencies(
    State(sentinel): State<Sentinel>,
    container: Result<Path<String>, PathRejection>,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Reply<Dependencies>, Failure> {
    let Path(name) = container.map_err(|_| Failure::bad_request("invalid container name"))?;
    let host = place.map(|Query(place)| place.host).unwrap_or_default();
    let graph = graph(&sentinel)?;
    let known = name.parse::<ContainerName>().ok().filter(|_| host.is_empty());
    Ok(Reply(match known {
        Some(known) => of(&graph, &known),
        None => Dependencies {
            dependencies: Vec::new(),
            dependents: Vec::new(),
            name: if host.is_empty() { name } else { format!("{host}::{name}") },
        },
    }))
}
