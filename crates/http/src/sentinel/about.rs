//! What the server tells of itself.

use std::path::PathBuf;

use axum::extract::State;
use jiff::Timestamp;
use lodeman_updater::control::Control as _;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::envelope::{ErrorBody, Failure};
use super::reply::Reply;
use super::span;

/// What the server knows of itself from its start on.
#[derive(Debug, Clone)]
pub struct About {
    /// Where its data lies.
    pub data_directory: PathBuf,
    /// When it began.
    pub started_at: Timestamp,
}

/// When the last scan ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = SentinelLastScan, example = json!({ "last_scan": "2026-02-03T04:05:06Z" }))]
pub struct LastScan {
    /// `null` where there was none.
    #[schema(required)]
    last_scan: Option<Timestamp>,
}

/// Tells when the last scan ended.
#[utoipa::path(
    get, path = "/api/last-scan", tag = "Containers",
    responses((status = 200, description = "When", body = LastScan),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn get_last_scan(State(sentinel): State<Sentinel>) -> Result<Reply<LastScan>, Failure> {
    let last_scan = sentinel.app.last_scan().await;
    let last_scan = last_scan.map_err(|error| Failure::inside(&error, "failed to load last scan"))?;
    Ok(Reply(LastScan { last_scan }))
}

/// A channel that notifications go to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SentinelAboutChannel, example = json!({ "name": "Phone", "type": "gotify" }))]
pub struct Channel {
    /// As people call it.
    name: String,
    /// Its provider.
    #[serde(rename = "type")]
    provider: String,
}

/// What the server tells of itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SentinelAbout, example = json!({
    "version": "v0.1.0", "go_version": "rust1.95", "data_directory": "/data", "uptime": "1d 4h 9m",
    "started_at": "2026-02-02T00:00:00Z", "poll_interval": "6h0m0s", "last_scan": "2026-02-03T04:05:06Z",
    "containers": 31, "updates_applied": 77, "snapshots": 12, "channels": [],
    "registries": ["docker.io", "ghcr.io"], "docker_health": "ok", "db_health": "ok"
}))]
pub struct Facts {
    /// `v` and the version.
    version: String,
    /// What it is built with; the key is as clients know it.
    go_version: &'static str,
    /// Where its data lies.
    data_directory: String,
    /// How long it runs: `1d 4h 9m`.
    uptime: String,
    /// Since when.
    started_at: Timestamp,
    /// How often it scans.
    poll_interval: String,
    /// When the last scan ended; `null` where there was none.
    #[schema(required)]
    last_scan: Option<Timestamp>,
    /// Containers, running or not.
    containers: usize,
    /// Records of history, whatever their outcome.
    updates_applied: u64,
    /// States that containers can be rolled back to.
    snapshots: usize,
    /// The channels of notifications that are switched on.
    channels: Vec<Channel>,
    /// Registries with a credential.
    registries: Vec<String>,
    /// `ok`, or why the engine does not answer.
    docker_health: String,
    /// `ok`, or why the store does not answer.
    db_health: String,
}

/// Tells what runs, since when, and what it has counted.
#[utoipa::path(
    get, path = "/api/about", tag = "Settings",
    responses((status = 200, description = "About the server", body = Facts),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn get_about(State(sentinel): State<Sentinel>) -> Result<Reply<Facts>, Failure> {
    let failed = |error| Failure::inside(&error, "failed to load settings");
    let tally = sentinel.app.tally().await.map_err(failed)?;
    let settings = sentinel.app.settings().await.map_err(failed)?;
    let interval = settings.into_iter().find(|setting| setting.key == "poll_interval");
    let interval = interval.map(|setting| setting.value).unwrap_or_default();
    let About { data_directory, started_at } = &sentinel.about;
    Ok(Reply(Facts {
        version: concat!("v", env!("CARGO_PKG_VERSION")).to_owned(),
        go_version: concat!("rust", env!("CARGO_PKG_RUST_VERSION")),
        data_directory: data_directory.display().to_string(),
        uptime: uptime(sentinel.app.now().duration_since(*started_at).as_secs()),
        started_at: *started_at,
        poll_interval: span::parse(&interval).map_or(interval, |span| span::format(span.length)),
        last_scan: tally.last_scan,
        containers: tally.containers,
        updates_applied: tally.history,
        snapshots: tally.rollback_points,
        channels: Vec::new(),
        registries: tally.registries,
        docker_health: tally.engine_problem.unwrap_or_else(|| "ok".to_owned()),
        db_health: tally.store_problem.unwrap_or_else(|| "ok".to_owned()),
    }))
}

/// Seconds as clients show them: `1d 4h 9m`, `4h 9m`, `9m`.
fn uptime(seconds: i64) -> String {
    let minutes = seconds.max(0) / 60;
    let (days, hours, minutes) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, hours) => format!("{hours}h {minutes}m"),
        (days, hours) => format!("{days}d {hours}h {minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_has_no_more_parts_than_it_needs() {
        assert_eq!(uptime(59), "0m");
        assert_eq!(uptime(-1), "0m");
        assert_eq!(uptime(9 * 60 + 59), "9m");
        assert_eq!(uptime(4 * 3600 + 9 * 60), "4h 9m");
        assert_eq!(uptime(86_400), "1d 0h 0m");
        assert_eq!(uptime(101_340), "1d 4h 9m");
    }
}
