//! The control API: each method of [`Control`] as one route.
//!
//! It is internal, between one build's server and its command line: `/control/v1/…`. What needs
//! arguments is a `POST` with a JSON object, what needs none a `GET`.

mod accounts;
mod body;
mod progress;
pub(crate) mod wire;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router};
use lodeman_updater::control::{
    Control, ControlError, ErrorKind, ImageCheck, Readiness, RecoveryReport, RunReport, SettingView,
    StoredHistory, UpdateSummary,
};
use tokio_util::sync::CancellationToken;

use crate::envelope::Failure;
pub use accounts::Accounts;
use body::Body;
use wire::{ChangeSettings, Check, Decide, Done, Explain, History, Names, NewAdmin, OneName, ServerInfo};

/// The largest body of a request, in bytes. The largest that is sent is a list of names.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// The most history rows that one request gets.
const MAX_HISTORY: u32 = 1000;

#[derive(Clone)]
pub(crate) struct Api {
    control: Arc<dyn Control>,
    accounts: Arc<dyn Accounts>,
    stopping: CancellationToken,
}

type Answer<T> = Result<Json<T>, Failure>;

/// The routes over `control` and `accounts`. Streams end when `stopping` is set.
pub fn router(control: Arc<dyn Control>, accounts: Arc<dyn Accounts>, stopping: CancellationToken) -> Router {
    let routes = Router::new()
        .route("/server", get(server))
        .route("/run", post(run))
        .route("/update", post(update))
        .route("/explain", post(explain))
        .route("/queue", get(queue))
        .route("/approve", post(approve))
        .route("/reject", post(reject))
        .route("/ignore", post(ignore))
        .route("/rollback", post(rollback))
        .route("/history", post(history))
        .route("/check", post(check))
        .route("/recovery", get(recovery_plan).post(recover))
        .route("/settings", get(settings).post(change_settings))
        .route("/readiness", get(readiness))
        .route("/progress", get(progress::progress))
        .route("/administrators", post(create_admin));
    Router::new()
        .nest("/control/v1", routes)
        .fallback(|uri: Uri| async move { Failure::no_such_route(uri.path()) })
        .method_not_allowed_fallback(|| async { Failure::wrong_method() })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Api { control, accounts, stopping })
}

/// Does `work` on a task of its own, so that it goes on when the caller leaves.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, ControlError>> + Send + 'static,
) -> Answer<T> {
    match tokio::spawn(work).await {
        Ok(result) => Ok(Json(result?)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request's task broke");
            let message = "the server failed at this request; its log says where";
            Err(ControlError::new(ErrorKind::Internal, message).into())
        }
    }
}

async fn server() -> Json<ServerInfo> {
    Json(ServerInfo { version: env!("CARGO_PKG_VERSION").to_owned(), process_id: std::process::id() })
}

async fn run(State(api): State<Api>, Body(ask): Body<Names>) -> Answer<RunReport> {
    detached(async move { api.control.run(ask.names, &ask.by).await }).await
}

async fn update(State(api): State<Api>, Body(ask): Body<OneName>) -> Answer<UpdateSummary> {
    detached(async move { api.control.update(ask.name, &ask.by).await }).await
}

async fn explain(
    State(api): State<Api>,
    Body(ask): Body<Explain>,
) -> Answer<Vec<lodeman_domain::explain::Explanation>> {
    detached(async move { api.control.explain(ask.name).await }).await
}

async fn queue(State(api): State<Api>) -> Answer<Vec<lodeman_domain::queue::QueueEntry>> {
    Ok(Json(api.control.queue().await?))
}

async fn approve(State(api): State<Api>, Body(ask): Body<Decide>) -> Answer<UpdateSummary> {
    detached(async move { api.control.approve(ask.name, ask.which, &ask.by).await }).await
}

async fn reject(
    State(api): State<Api>,
    Body(ask): Body<Decide>,
) -> Answer<lodeman_domain::queue::QueueEntry> {
    detached(async move { api.control.reject(ask.name, ask.which, &ask.by).await }).await
}

async fn ignore(
    State(api): State<Api>,
    Body(ask): Body<Decide>,
) -> Answer<lodeman_domain::queue::QueueEntry> {
    detached(async move { api.control.ignore(ask.name, ask.which, &ask.by).await }).await
}

async fn rollback(State(api): State<Api>, Body(ask): Body<OneName>) -> Answer<UpdateSummary> {
    detached(async move { api.control.rollback(ask.name, &ask.by).await }).await
}

async fn history(State(api): State<Api>, Body(ask): Body<History>) -> Answer<Vec<StoredHistory>> {
    if !(1..=MAX_HISTORY).contains(&ask.limit) {
        let message = format!("limit: is {}; allowed is 1 to {MAX_HISTORY}", ask.limit);
        return Err(ControlError::new(ErrorKind::Invalid, message).into());
    }
    Ok(Json(api.control.history(ask.name, ask.before_seq, ask.limit).await?))
}

async fn check(State(api): State<Api>, Body(ask): Body<Check>) -> Answer<ImageCheck> {
    Ok(Json(api.control.check(ask.reference).await?))
}

async fn recovery_plan(State(api): State<Api>) -> Answer<RecoveryReport> {
    Ok(Json(api.control.recovery_plan().await?))
}

async fn recover(State(api): State<Api>) -> Answer<RecoveryReport> {
    detached(async move { api.control.recover().await }).await
}

async fn settings(State(api): State<Api>) -> Answer<Vec<SettingView>> {
    Ok(Json(api.control.settings().await?))
}

async fn change_settings(
    State(api): State<Api>,
    Body(ask): Body<ChangeSettings>,
) -> Answer<Vec<SettingView>> {
    detached(async move { api.control.change_settings(ask.changes, &ask.by).await }).await
}

async fn readiness(State(api): State<Api>) -> Answer<Readiness> {
    Ok(Json(api.control.readiness().await?))
}

async fn create_admin(State(api): State<Api>, Body(ask): Body<NewAdmin>) -> Answer<Done> {
    accounts::check(&ask.name, &ask.password_hash)?;
    detached(async move { api.accounts.create_admin(&ask.name, &ask.password_hash).await.map(|()| Done {}) })
        .await
}
