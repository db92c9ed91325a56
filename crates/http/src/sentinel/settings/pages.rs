//! What pages show, and in which order.

use axum::extract::State;
use lodeman_domain::setting::DashboardColumn;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;
use crate::sentinel::Sentinel;
use crate::sentinel::body::Body;
use crate::sentinel::envelope::{ErrorBody, Failure};
use crate::sentinel::reply::Reply;
use crate::surface::Caller;

/// That it is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelDone, example = json!({ "status": "ok" }))]
pub struct Done {
    /// `ok`.
    status: &'static str,
}

const DONE: Reply<Done> = Reply(Done { status: "ok" });

fn json(texts: &[String]) -> String {
    serde_json::to_string(texts).unwrap_or_else(|_| "[]".to_owned())
}

/// In which order stacks are shown.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelStackOrder, example = json!({ "order": ["media", "web"] }))]
pub struct StackOrder {
    /// Names of stacks; those that are missing come after.
    #[schema(value_type = Vec<String>)]
    order: Vec<Option<String>>,
}

/// Sets in which order stacks are shown.
#[utoipa::path(
    post, path = "/api/settings/stack-order", tag = "Settings",
    request_body = StackOrder,
    responses((status = 200, description = "It is set", body = Done),
              (status = 400, description = "No JSON, or too many names", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_stack_order(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Done>, Failure> {
    let asked: StackOrder = body.parse("invalid JSON body")?;
    let order: Vec<String> = asked.order.into_iter().map(Option::unwrap_or_default).collect();
    let change = Change {
        noted: None,
        failed: "failed to save stack order",
        ..Change::new("stack_order", json(&order), "stack order updated", "")
    };
    change.store(&sentinel, &caller.user.name).await?;
    Ok(DONE)
}

/// Which columns are shown of a container.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelDashboardColumns, example = json!({ "columns": ["image", "status"] }))]
pub struct DashboardColumns {
    /// Some of `image`, `policy`, `status` and `ports`, in this order.
    #[schema(value_type = Vec<String>)]
    columns: Vec<Option<String>>,
}

/// Sets which columns are shown of a container.
#[utoipa::path(
    post, path = "/api/settings/dashboard-columns", tag = "Settings",
    request_body = DashboardColumns,
    responses((status = 200, description = "It is set", body = Done),
              (status = 400, description = "No JSON, or no such column", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_dashboard_columns(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Done>, Failure> {
    let asked: DashboardColumns = body.parse("invalid JSON body")?;
    let columns: Vec<String> = asked.columns.into_iter().map(Option::unwrap_or_default).collect();
    if let Some(unknown) = columns.iter().find(|column| column.parse::<DashboardColumn>().is_err()) {
        return Err(Failure::bad_request(format!("unknown column: {unknown}")));
    }
    let said = "Dashboard columns updated";
    let change = Change {
        noted: Some(("settings-change", said)),
        ..Change::new("dashboard_columns", json(&columns), said, said)
    };
    change.store(&sentinel, &caller.user.name).await?;
    Ok(DONE)
}
