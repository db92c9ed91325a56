//! What orchestrators and scrapers ask: `/healthz`, `/readyz`, `/metrics`.

mod readiness;
mod token;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lodeman_updater::control::{Control, ErrorKind, Readiness};
use secrecy::SecretString;

use crate::envelope::Failure;
use crate::metrics::Exporter;
use readiness::Asked;
pub(crate) use readiness::SERVER;

/// Who may read the metrics.
#[derive(Clone)]
pub enum MetricsAccess {
    /// There is no metrics endpoint.
    Off,
    /// Everybody.
    Public(Exporter),
    /// Who shows this token as a bearer.
    Token(Exporter, SecretString),
    /// Nobody: it is switched on, and neither public nor given a token.
    Nobody,
}

/// How the probes answer.
#[derive(Clone)]
pub struct ProbeConfig {
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// Whether `/readyz` says more than ready or not: each part, with its reason.
    pub detail: bool,
    /// Whether the API's document and its page are served.
    pub docs: bool,
}

#[derive(Clone)]
struct Probes {
    control: Arc<dyn Control>,
    config: ProbeConfig,
    asked: Arc<Asked>,
}

/// The routes of the probes. They change nothing and take no body.
pub(crate) fn probe_routes(control: Arc<dyn Control>, config: ProbeConfig) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Probes { control, config, asked: Arc::default() })
}

/// The probes alone.
pub fn probes(control: Arc<dyn Control>, config: ProbeConfig) -> Router {
    probe_routes(control, config)
        .fallback(|uri: Uri| async move { Failure::no_such_route(uri.path()) })
        .method_not_allowed_fallback(|| async { Failure::wrong_method() })
        .layer(middleware::from_fn(guard))
}

/// Headers that every answer has.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn healthz() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

async fn readyz(State(probes): State<Probes>) -> Response {
    let readiness = probes.asked.readiness(&probes.control).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if probes.config.detail {
        return (status, Json(readiness)).into_response();
    }
    let Readiness { ready, recovering, .. } = readiness;
    (status, Json(serde_json::json!({ "ready": ready, "recovering": recovering }))).into_response()
}

async fn metrics(State(probes): State<Probes>, headers: HeaderMap) -> Result<Response, Failure> {
    let exporter = match &probes.config.metrics {
        MetricsAccess::Off => {
            let message = "metrics are off; `metrics.enabled = true` switches them on";
            return Err(Failure::new(StatusCode::NOT_FOUND, ErrorKind::NotFound, message));
        }
        MetricsAccess::Nobody => {
            let message = "nobody may read metrics yet: set `metrics.token`, or `metrics.public = true`";
            return Err(Failure::new(StatusCode::FORBIDDEN, ErrorKind::Refused, message));
        }
        MetricsAccess::Token(_, token) if !token::is_shown(&headers, token) => {
            return Ok(unauthorized());
        }
        MetricsAccess::Token(exporter, _) | MetricsAccess::Public(exporter) => exporter,
    };
    let readiness = probes.asked.readiness(&probes.control).await;
    let queue = probes.control.queue().await.ok();
    exporter.observe(Some(&readiness), queue.as_deref());
    let head = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((head, exporter.render()).into_response())
}

fn unauthorized() -> Response {
    let message = "send the configured `metrics.token` as `Authorization: Bearer …`";
    let failure = Failure::new(StatusCode::UNAUTHORIZED, ErrorKind::Refused, message);
    let mut response = failure.into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
