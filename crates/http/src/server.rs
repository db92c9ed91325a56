//! Everything that is served on the network, as one router.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use lodeman_updater::control::Control;
use utoipa::openapi::OpenApi;

use crate::docs::docs;
use crate::document;
use crate::probes::{ProbeConfig, probe_routes};
use crate::sentinel::{self, Failure, Sentinel};
use crate::surface::{Admitted, Doorkeeper, Gate, Registered, secure_headers};

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";
/// The largest body that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// The API surfaces, the document of them, and what each operation asks of its caller.
pub fn surfaces(sentinel: &Sentinel) -> (Router, OpenApi, Vec<Registered>) {
    let (router, paths, registered) = sentinel::routes(Arc::new(sentinel.door.clone())).into_parts();
    (router.with_state(sentinel.clone()), document::of(paths), registered)
}

/// The OpenAPI document of everything that is served, as it is published and as `/openapi.json` answers.
#[must_use]
pub fn openapi() -> String {
    let (_, paths, _) = sentinel::routes(Arc::new(Shut)).into_parts();
    document::text(&document::of(paths))
}

/// Lets nobody in: routes of which only the document is wanted.
struct Shut;

#[async_trait]
impl Doorkeeper for Shut {
    async fn admit(&self, _gate: Gate, _request: Request) -> Result<Admitted, Box<Response>> {
        Err(Box::new(Failure::unauthorized("authentication required").into_response()))
    }
}

/// What a server answers on its listener: the probes, the API surfaces, and the document of these.
pub fn server(control: Arc<dyn Control>, probes: ProbeConfig, sentinel: &Sentinel) -> Router {
    let (surfaces, document, _) = surfaces(sentinel);
    let document: Arc<str> = document::text(&document).into();
    let served = move || {
        let document = document.clone();
        let kind = HeaderValue::from_static("application/json");
        async move { ([(header::CONTENT_TYPE, kind)], document.to_string()) }
    };
    let told = if probes.docs { docs(DOCUMENT).route(DOCUMENT, get(served)) } else { Router::new() };
    surfaces
        .merge(probe_routes(control, probes))
        .merge(told)
        .fallback(|| async { Failure::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            let message = "this method is not allowed here; see the header `Allow`";
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, message).into_response()
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(secure_headers))
}
