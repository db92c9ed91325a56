//! When scans begin, when updates may run, and how long things wait.

use std::time::Duration;

use axum::extract::State;
use lodeman_domain::schedule::{CronLine, MaintenanceWindows, ParseWindowError, parse_duration};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;
use crate::sentinel::body::Body;
use crate::sentinel::envelope::{ErrorBody, Failure};
use crate::sentinel::reply::{Message, Reply, message};
use crate::sentinel::{Sentinel, span};
use crate::surface::Caller;

fn no_duration(text: &str) -> Failure {
    Failure::bad_request(format!("invalid duration format: {text}"))
}

/// An interval between scans.
///
/// # Errors
/// 400, as for the endpoint.
pub(in crate::sentinel) fn poll_interval(text: &str) -> Result<Duration, Failure> {
    let span = span::parse(text).map_err(|_| no_duration(text))?;
    if span.negative || span.length < Duration::from_mins(5) {
        return Err(Failure::bad_request("poll interval must be at least 5 minutes"));
    }
    if span.length > Duration::from_hours(24) {
        return Err(Failure::bad_request("poll interval must be at most 24 hours"));
    }
    Ok(span.length)
}

/// How often to scan.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelPollInterval, example = json!({ "interval": "6h" }))]
pub struct PollInterval {
    /// 5 minutes to 24 hours: `90m`, `6h`.
    interval: String,
}

/// How often is scanned now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelPollIntervalSet, example = json!({
    "interval": "6h0m0s", "message": "poll interval updated to 6h0m0s", "status": "ok"
}))]
pub struct PollIntervalSet {
    /// As it is stored.
    interval: String,
    /// In words.
    message: String,
    /// `ok`.
    status: &'static str,
}

/// Sets how often to scan.
#[utoipa::path(
    post, path = "/api/settings/poll-interval", tag = "Settings",
    request_body = PollInterval,
    responses((status = 200, description = "It is set", body = PollIntervalSet),
              (status = 400, description = "No JSON, no duration, or out of range", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_poll_interval(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<PollIntervalSet>, Failure> {
    let asked: PollInterval = body.parse("invalid JSON body")?;
    let interval = span::format(poll_interval(&asked.interval)?);
    let said = format!("poll interval updated to {interval}");
    let noted = format!("Poll interval changed to {interval}");
    let change = Change::new("poll_interval", interval.clone(), &said, &noted);
    change.store(&sentinel, &caller.user.name).await?;
    Ok(Reply(PollIntervalSet { interval, message: said, status: "ok" }))
}

/// How long a replacement without a health check must stay up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelGracePeriod, example = json!({ "duration": "30s" }))]
pub struct GracePeriod {
    /// 0 to 10 minutes: `30s`, `2m`.
    duration: String,
}

/// How long that is now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelGracePeriodSet, example = json!({
    "duration": "30s", "message": "grace period set to 30s"
}))]
pub struct GracePeriodSet {
    /// As it is stored.
    duration: String,
    /// In words.
    message: String,
}

/// Sets how long a replacement without a health check must stay up.
#[utoipa::path(
    post, path = "/api/settings/grace-period", tag = "Settings",
    request_body = GracePeriod,
    responses((status = 200, description = "It is set", body = GracePeriodSet),
              (status = 400, description = "No JSON, no duration, or out of range", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_grace_period(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<GracePeriodSet>, Failure> {
    let asked: GracePeriod = body.parse("invalid JSON body")?;
    let span = span::parse(&asked.duration).map_err(|_| no_duration(&asked.duration))?;
    if span.negative {
        return Err(Failure::bad_request("grace period must not be negative"));
    }
    if span.length > Duration::from_mins(10) {
        return Err(Failure::bad_request("grace period must be at most 10 minutes"));
    }
    let duration = span::format(span.length);
    let said = format!("grace period set to {duration}");
    let noted = format!("Grace period changed to {duration}");
    let change = Change::new("grace_period", duration.clone(), &said, &noted);
    change.store(&sentinel, &caller.user.name).await?;
    Ok(Reply(GracePeriodSet { duration, message: said }))
}

/// The youngest an image may be that is installed by itself.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelUpdateDelay, example = json!({ "duration": "72h" }))]
pub struct UpdateDelay {
    /// `1h`, `72h`, `3d`; nothing: any age will do.
    #[schema(value_type = String)]
    duration: Option<String>,
    /// The same, where `duration` is missing.
    #[schema(value_type = String)]
    delay: Option<String>,
}

/// Sets the youngest an image may be that is installed by itself.
#[utoipa::path(
    post, path = "/api/settings/update-delay", tag = "Settings",
    request_body = UpdateDelay,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "Update delay set to 72h" })),
              (status = 400, description = "No JSON, no duration, or more than a year", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_update_delay(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: UpdateDelay = body.parse("invalid request")?;
    let text = asked.duration.or(asked.delay).unwrap_or_default();
    let is_negative = span::parse(&text).is_ok_and(|span| span.negative);
    if !text.is_empty() && !is_negative && parse_duration(&text).is_err() {
        return Err(no_duration(&text));
    }
    let said = match text.as_str() {
        "" => "Update delay cleared".to_owned(),
        text => format!("Update delay set to {text}"),
    };
    // Nothing is younger than that.
    let value = if is_negative { "0s".to_owned() } else { text };
    Change::new("update_delay", value, &said, &said).store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}

/// When scans begin.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelSchedule, example = json!({ "schedule": "30 4 * * 1-5" }))]
pub struct Schedule {
    /// A cron line of 5 fields, or 6 with the second first; nothing: by the poll interval.
    schedule: String,
}

/// Sets when scans begin.
#[utoipa::path(
    post, path = "/api/settings/schedule", tag = "Settings",
    request_body = Schedule,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "Schedule set to 30 4 * * 1-5" })),
              (status = 400, description = "No JSON, or no cron line", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_schedule(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: Schedule = body.parse("invalid JSON body")?;
    let line = asked.schedule.trim();
    let said = if line.is_empty() {
        "Schedule cleared (using poll interval)".to_owned()
    } else {
        let checked = line.parse::<CronLine>();
        checked.map_err(|error| Failure::bad_request(format!("invalid cron expression: {error}")))?;
        format!("Schedule set to {line}")
    };
    Change::new("schedule", line, &said, &said).store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}

/// When automatic updates may run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelMaintenanceWindow, example = json!({ "value": "02:00-06:00; Sat 22:00-Mon 06:00" }))]
pub struct MaintenanceWindow {
    /// Windows, apart by `;`; nothing: what the configuration says, else always.
    #[schema(value_type = String)]
    value: Option<String>,
    /// The same, where `value` is missing.
    #[schema(value_type = String)]
    window: Option<String>,
}

/// What is wrong with a window, as existing clients know it.
fn window_error(error: &ParseWindowError) -> String {
    match error {
        ParseWindowError::BadForm(part) => {
            format!("invalid window {part:?}: expected HH:MM-HH:MM format")
        }
        ParseWindowError::BadDay(word) => format!("unknown weekday {word:?}"),
        ParseWindowError::BadTime(word) => format!("invalid time {word:?}: expected HH:MM"),
        ParseWindowError::EndDayAlone(part) => {
            format!("invalid window {part:?}: a day at its end needs one at its start")
        }
        ParseWindowError::TooLong => error.to_string(),
    }
}

/// Sets when automatic updates may run.
#[utoipa::path(
    post, path = "/api/settings/maintenance-window", tag = "Settings",
    request_body = MaintenanceWindow,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "Maintenance window set to 02:00-06:00" })),
              (status = 400, description = "No JSON, or no windows", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_maintenance_window(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: MaintenanceWindow = body.parse("invalid JSON")?;
    let text = asked.value.or(asked.window).unwrap_or_default();
    let checked = text.parse::<MaintenanceWindows>().map_err(|error| {
        Failure::bad_request(format!("invalid maintenance window: {}", window_error(&error)))
    })?;
    let text = checked.as_str();
    let said = match text {
        "" => "Maintenance window cleared".to_owned(),
        text => format!("Maintenance window set to {text}"),
    };
    // What is cleared falls back to the configuration.
    let value = (!text.is_empty()).then(|| text.to_owned());
    let change = Change { value, ..Change::new("maintenance_window", "", &said, &said) };
    change.store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}
