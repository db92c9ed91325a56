//! The registry of settings: one row each.

use std::time::Duration;

use super::Via;
use super::spec::{OnInvalid, SettingKind, SettingSpec};
use super::value::{
    boolean, columns, duration, integer, json, lines, names, optional, parsed, put, rollback_policy, scope,
    scope_name, selectors, shown,
};
use crate::schedule::format_duration;

/// The setting with this key.
#[must_use]
pub fn find_setting(key: &str) -> Option<&'static SettingSpec> {
    SETTINGS.iter().find(|spec| spec.key == key)
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

const BASE: SettingSpec = SettingSpec {
    key: "",
    config_key: "",
    kind: SettingKind::Boolean,
    default: "false",
    allowed: "true or false",
    summary: "",
    secret: false,
    needs_restart: false,
    on_invalid: OnInvalid::KeepOther,
    set: |_, _, _| Ok(()),
    get: |_| String::new(),
};

/// Every setting, sorted by its place in the configuration.
pub static SETTINGS: &[SettingSpec] = &[
    SettingSpec {
        key: "poll_interval",
        config_key: "schedule.poll_interval",
        kind: SettingKind::Duration,
        default: "6h",
        allowed: "a duration from 5m to 24h",
        summary: "how long after a scan the next one begins",
        set: |s, text, via| {
            let bounds = match via {
                Via::Stored => (5 * MINUTE, DAY),
                Via::Config => (Duration::from_nanos(1), 365 * DAY),
            };
            put(&mut s.poll_interval, duration(text, bounds))
        },
        get: |s| format_duration(s.poll_interval),
        ..BASE
    },
    SettingSpec {
        key: "schedule",
        config_key: "schedule.cron",
        kind: SettingKind::Text,
        default: "",
        allowed: "a cron line of 5 fields, or 6 with the second first; empty: use the poll interval",
        summary: "when scans begin, instead of the poll interval",
        set: |s, text, _| put(&mut s.schedule, optional(text)),
        get: |s| shown(s.schedule.as_ref()),
        ..BASE
    },
    SettingSpec {
        key: "time_zone",
        config_key: "schedule.time_zone",
        kind: SettingKind::Text,
        default: "UTC",
        allowed: "a time zone such as Europe/Berlin or UTC",
        summary: "the wall clock that the schedule and the windows mean",
        on_invalid: OnInvalid::CloseWindows,
        set: |s, text, _| put(&mut s.time_zone, parsed(text)),
        get: |s| s.time_zone.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "maintenance_window",
        config_key: "schedule.maintenance_window",
        kind: SettingKind::Text,
        default: "",
        allowed: "windows such as `02:00-06:00; Sat 22:00-Mon 06:00`, `!` before one that is closed; \
                  empty: always open",
        summary: "when automatic updates may run",
        on_invalid: OnInvalid::CloseWindows,
        set: |s, text, _| put(&mut s.maintenance_window, parsed(text)),
        get: |s| s.maintenance_window.as_str().to_owned(),
        ..BASE
    },
    SettingSpec {
        key: "include",
        config_key: "scope.include",
        kind: SettingKind::List,
        default: "",
        allowed: "selectors, one a line: name:GLOB, image:GLOB, stack:GLOB, host:GLOB, label:KEY or \
                  label:KEY=GLOB; empty: all containers",
        summary: "only containers that one of these picks are managed",
        on_invalid: OnInvalid::Pause,
        set: |s, text, _| put(&mut s.include, selectors(text)),
        get: |s| lines(&s.include),
        ..BASE
    },
    SettingSpec {
        key: "filters",
        config_key: "scope.exclude",
        kind: SettingKind::List,
        default: "",
        allowed: "selectors, one a line: a GLOB for the name, image:GLOB, stack:GLOB, host:GLOB, label:KEY \
                  or label:KEY=GLOB",
        summary: "containers that one of these picks are not managed",
        on_invalid: OnInvalid::Pause,
        set: |s, text, _| put(&mut s.filters, selectors(text)),
        get: |s| lines(&s.filters),
        ..BASE
    },
    SettingSpec {
        key: "default_policy",
        config_key: "updates.default_policy",
        kind: SettingKind::Choice(&["auto", "manual", "pinned"]),
        default: "manual",
        allowed: "auto, manual or pinned",
        summary: "the policy of containers about which nothing else is said",
        set: |s, text, _| put(&mut s.default_policy, parsed(text)),
        get: |s| s.default_policy.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "version_scope",
        config_key: "updates.version_scope",
        kind: SettingKind::Choice(&["", "default", "strict", "patch", "minor", "major"]),
        default: "",
        allowed: "default, strict, patch, minor or major; empty: as default, and auto installs patches only",
        summary: "how far versions may move",
        set: |s, text, _| put(&mut s.version_scope, scope(text)),
        get: |s| s.version_scope.map_or_else(String::new, |scope| scope_name(scope).to_owned()),
        ..BASE
    },
    SettingSpec {
        key: "latest_auto_update",
        config_key: "updates.latest_auto_update",
        summary: "whether containers that follow `latest` are auto",
        set: |s, text, _| put(&mut s.latest_auto_update, boolean(text)),
        get: |s| s.latest_auto_update.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "grace_period",
        config_key: "updates.grace_period",
        kind: SettingKind::Duration,
        default: "30s",
        allowed: "a duration from 0s to 10m",
        summary: "shortest wait for health after a start",
        set: |s, text, via| {
            let longest = if via == Via::Stored { 10 * MINUTE } else { DAY };
            put(&mut s.grace_period, duration(text, (Duration::ZERO, longest)))
        },
        get: |s| format_duration(s.grace_period),
        ..BASE
    },
    SettingSpec {
        key: "health_deadline_cap",
        config_key: "updates.health_deadline_cap",
        kind: SettingKind::Duration,
        default: "30m",
        allowed: "a duration from 1s to 24h",
        summary: "longest wait for health, whatever a health check would take",
        set: |s, text, _| put(&mut s.health_deadline_cap, duration(text, (Duration::from_secs(1), DAY))),
        get: |s| format_duration(s.health_deadline_cap),
        ..BASE
    },
    SettingSpec {
        key: "listen_check",
        config_key: "updates.listen_check",
        default: "true",
        summary: "whether a replacement without a health check must listen where the old container did",
        set: |s, text, _| put(&mut s.listen_check, boolean(text)),
        get: |s| s.listen_check.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "update_delay",
        config_key: "updates.delay",
        kind: SettingKind::Duration,
        default: "0s",
        allowed: "a duration from 0s to 365d, such as 72h or 3d; empty: none",
        summary: "minimum age of an image before an automatic update",
        on_invalid: OnInvalid::Pause,
        set: |s, text, _| {
            let text = if text.trim().is_empty() { "0" } else { text };
            put(&mut s.update_delay, duration(text, (Duration::ZERO, 365 * DAY)))
        },
        get: |s| format_duration(s.update_delay),
        ..BASE
    },
    SettingSpec {
        key: "paused",
        config_key: "updates.paused",
        summary: "no automatic action happens",
        on_invalid: OnInvalid::Pause,
        set: |s, text, _| put(&mut s.paused, boolean(text)),
        get: |s| s.paused.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "dry_run",
        config_key: "updates.dry_run",
        summary: "nothing is changed, only told",
        on_invalid: OnInvalid::Pause,
        set: |s, text, _| put(&mut s.dry_run, boolean(text)),
        get: |s| s.dry_run.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "pull_only",
        config_key: "updates.pull_only",
        summary: "images are pulled, containers are not recreated",
        on_invalid: OnInvalid::Pause,
        set: |s, text, _| put(&mut s.pull_only, boolean(text)),
        get: |s| s.pull_only.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "image_cleanup",
        config_key: "updates.image_cleanup",
        default: "true",
        summary: "whether images that updates left behind are removed",
        set: |s, text, _| put(&mut s.image_cleanup, boolean(text)),
        get: |s| s.image_cleanup.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "image_backup",
        config_key: "updates.image_backup",
        summary: "whether the image that an update replaced is kept beyond its rollback point",
        set: |s, text, _| put(&mut s.image_backup, boolean(text)),
        get: |s| s.image_backup.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "image_backup_retention",
        config_key: "updates.image_backup_retention",
        kind: SettingKind::Duration,
        default: "30d",
        allowed: "a duration from 1h to 80d",
        summary: "how long after its update such an image is kept",
        // The journal, which tells whose pin one is, is kept for 90 days.
        set: |s, text, _| put(&mut s.image_backup_retention, duration(text, (HOUR, 80 * DAY))),
        get: |s| format_duration(s.image_backup_retention),
        ..BASE
    },
    SettingSpec {
        key: "rollback_policy",
        config_key: "updates.rollback_policy",
        kind: SettingKind::Choice(&["", "manual", "pinned"]),
        default: "",
        allowed: "manual or pinned; empty: the container keeps its policy",
        summary: "the policy a container gets when its update was rolled back",
        set: |s, text, _| put(&mut s.rollback_policy, rollback_policy(text)),
        get: |s| shown(s.rollback_policy.as_ref()),
        ..BASE
    },
    SettingSpec {
        key: "scan_concurrency",
        config_key: "updates.scan_concurrency",
        kind: SettingKind::Integer,
        default: "8",
        allowed: "a whole number from 1 to 50",
        summary: "how many registry checks run at once",
        set: |s, text, _| put(&mut s.scan_concurrency, integer(text, 1, 50)),
        get: |s| s.scan_concurrency.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "max_parallel_per_host",
        config_key: "updates.max_parallel_per_host",
        kind: SettingKind::Integer,
        default: "1",
        allowed: "a whole number from 1 to 16",
        summary: "how many updates run at once on one host",
        set: |s, text, _| put(&mut s.max_parallel_per_host, integer(text, 1, 16)),
        get: |s| s.max_parallel_per_host.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "soak",
        config_key: "updates.soak",
        kind: SettingKind::Duration,
        default: "10m",
        allowed: "a duration from 0s to 7d",
        summary: "how long the old container is kept, stopped, after an update",
        set: |s, text, _| put(&mut s.soak, duration(text, (Duration::ZERO, 7 * DAY))),
        get: |s| format_duration(s.soak),
        ..BASE
    },
    SettingSpec {
        key: "rollback_point_lifetime",
        config_key: "updates.rollback_point_lifetime",
        kind: SettingKind::Duration,
        default: "7d",
        allowed: "a duration from 1h to 365d",
        summary: "how long one can go back to what ran before an update",
        set: |s, text, _| put(&mut s.rollback_point_lifetime, duration(text, (HOUR, 365 * DAY))),
        get: |s| format_duration(s.rollback_point_lifetime),
        ..BASE
    },
    SettingSpec {
        key: "dependency_aware",
        config_key: "updates.dependency_aware",
        default: "true",
        summary: "whether containers are updated after those they depend on, and not when these failed",
        set: |s, text, _| put(&mut s.dependency_aware, boolean(text)),
        get: |s| s.dependency_aware.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "hooks_enabled",
        config_key: "updates.hooks_enabled",
        summary: "whether commands run in containers before and after their updates",
        set: |s, text, _| put(&mut s.hooks_enabled, boolean(text)),
        get: |s| s.hooks_enabled.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "show_stopped",
        config_key: "display.show_stopped",
        default: "true",
        summary: "whether pages show stopped containers",
        set: |s, text, _| put(&mut s.show_stopped, boolean(text)),
        get: |s| s.show_stopped.to_string(),
        ..BASE
    },
    SettingSpec {
        key: "stack_order",
        config_key: "display.stack_order",
        kind: SettingKind::List,
        default: "[]",
        allowed: "at most 500 names of stacks, one a line or as a JSON array of texts",
        summary: "the order in which pages show stacks",
        set: |s, text, _| put(&mut s.stack_order, names(text)),
        get: |s| json(&s.stack_order),
        ..BASE
    },
    SettingSpec {
        key: "dashboard_columns",
        config_key: "display.dashboard_columns",
        kind: SettingKind::List,
        default: r#"["image","policy","status","ports"]"#,
        allowed: "image, policy, status and ports, one a line or as a JSON array of texts",
        summary: "the columns that pages show of a container",
        set: |s, text, _| put(&mut s.dashboard_columns, columns(text)),
        get: |s| json(&s.dashboard_columns),
        ..BASE
    },
];
