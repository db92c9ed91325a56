//! What can be on or off: endpoints that all read `{"enabled":true}`.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Change;
use crate::sentinel::Sentinel;
use crate::sentinel::body::Body;
use crate::sentinel::envelope::{ErrorBody, Failure};
use crate::sentinel::reply::{Message, Reply, message};
use crate::surface::Caller;

/// Whether something is on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelSwitch, example = json!({ "enabled": true }))]
pub struct Switch {
    /// Whether it is; missing is as good as `false`.
    enabled: bool,
}

/// Stores a switch. `said` and `noted` are followed by what it is now.
async fn turn(
    sentinel: &Sentinel,
    by: &str,
    body: Body,
    key: &str,
    (said, noted): (&str, &str),
) -> Result<Reply<Message>, Failure> {
    let Switch { enabled } = body.parse("invalid JSON body")?;
    let word = if enabled { "enabled" } else { "disabled" };
    let (said, noted) = (format!("{said} {word}"), format!("{noted} {word}"));
    Change::new(key, enabled.to_string(), &said, &noted).store(sentinel, by).await?;
    Ok(message(said))
}

macro_rules! switch {
    ($(#[$doc:meta])* $name:ident, $path:literal, $key:literal, $said:literal, $noted:literal) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, tag = "Settings",
            request_body = Switch,
            responses((status = 200, description = "It is so", body = Message),
                      (status = 400, description = "No JSON, or another type", body = ErrorBody),
                      (status = 409, description = "The environment fixes it", body = ErrorBody),
                      (status = 413, description = "The body is too large", body = ErrorBody),
                      (status = 500, description = "It cannot be stored", body = ErrorBody))
        )]
        pub async fn $name(
            State(sentinel): State<Sentinel>,
            Caller(caller): Caller,
            body: Body,
        ) -> Result<Reply<Message>, Failure> {
            turn(&sentinel, &caller.user.name, body, $key, ($said, $noted)).await
        }
    };
}

switch!(
    /// Sets whether containers that follow `latest` are updated by themselves.
    set_latest_auto_update,
    "/api/settings/latest-auto-update",
    "latest_auto_update",
    "latest auto-update",
    "Auto-update :latest containers"
);
switch!(
    /// Sets whether images that updates left behind are removed.
    set_image_cleanup,
    "/api/settings/image-cleanup",
    "image_cleanup",
    "image cleanup",
    "Image cleanup"
);
switch!(
    /// Sets whether the image that an update replaced is kept beyond its rollback point.
    set_image_backup,
    "/api/settings/image-backup",
    "image_backup",
    "image backup",
    "Image backup"
);
switch!(
    /// Sets whether commands run in containers before and after their updates.
    set_hooks_enabled,
    "/api/settings/hooks-enabled",
    "hooks_enabled",
    "lifecycle hooks",
    "Lifecycle hooks"
);
switch!(
    /// Sets whether containers are updated after those they depend on, and not when these failed.
    set_dependency_aware,
    "/api/settings/dependency-aware",
    "dependency_aware",
    "dependency-aware updates",
    "Dependency-aware updates"
);
switch!(
    /// Sets whether automatic updates are only told, not done.
    set_dry_run,
    "/api/settings/dry-run",
    "dry_run",
    "dry-run mode",
    "Dry-run mode"
);
switch!(
    /// Sets whether automatic updates pull images and leave containers as they are.
    set_pull_only,
    "/api/settings/pull-only",
    "pull_only",
    "pull-only mode",
    "Pull-only mode"
);
switch!(
    /// Sets whether pages show stopped containers.
    set_show_stopped,
    "/api/settings/show-stopped",
    "show_stopped",
    "show stopped containers",
    "Show stopped containers"
);
