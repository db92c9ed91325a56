//! The names of the labels.

/// Prefix of Lodeman's own labels.
pub const NATIVE_PREFIX: &str = "lodeman.";
/// Prefix of Docker Sentinel's labels.
pub const SENTINEL_PREFIX: &str = "sentinel.";
/// Prefix of Watchtower's labels.
pub const WATCHTOWER_PREFIX: &str = "com.centurylinklabs.watchtower.";

/// The names that state each wish, most binding first.
pub(super) mod names {
    pub const POLICY: &[&str] = &["lodeman.policy", "sentinel.policy"];
    pub const SCOPE: &[&str] = &["lodeman.semver", "sentinel.semver"];
    pub const CONSTRAINT: &[&str] = &["lodeman.semver-constraint", "sentinel.semver-constraint"];
    pub const INCLUDE_TAGS: &[&str] = &["lodeman.include-tags", "sentinel.include-tags"];
    pub const EXCLUDE_TAGS: &[&str] = &["lodeman.exclude-tags", "sentinel.exclude-tags"];
    pub const SCHEDULE: &[&str] = &["lodeman.schedule", "lodeman.cron", "sentinel.schedule", "sentinel.cron"];
    pub const DELAY: &[&str] = &["lodeman.delay", "sentinel.delay"];
    pub const GRACE_PERIOD: &[&str] = &["lodeman.grace-period", "sentinel.grace-period"];
    pub const LISTEN_CHECK: &[&str] = &["lodeman.listen-check", "sentinel.listen-check"];
    pub const PULL_ONLY: &[&str] = &["lodeman.pull-only", "sentinel.pull-only"];
    pub const PRERELEASE: &[&str] = &["lodeman.prerelease", "sentinel.prerelease"];
    pub const VARIANT: &[&str] = &["lodeman.variant", "sentinel.variant"];
    pub const WINDOW: &[&str] = &["lodeman.window", "sentinel.window"];
    pub const ENABLE: &[&str] =
        &["lodeman.enable", "sentinel.enable", "com.centurylinklabs.watchtower.enable"];
    pub const MONITOR_ONLY: &[&str] =
        &["lodeman.monitor-only", "sentinel.monitor-only", "com.centurylinklabs.watchtower.monitor-only"];
    pub const NO_PULL: &[&str] =
        &["lodeman.no-pull", "sentinel.no-pull", "com.centurylinklabs.watchtower.no-pull"];
    pub const PRE_UPDATE: &[&str] = &[
        "lodeman.hook.pre-update",
        "sentinel.hook.pre-update",
        "com.centurylinklabs.watchtower.lifecycle.pre-update",
    ];
    pub const POST_UPDATE: &[&str] = &[
        "lodeman.hook.post-update",
        "sentinel.hook.post-update",
        "com.centurylinklabs.watchtower.lifecycle.post-update",
    ];
    pub const HOOK_TIMEOUT: &[&str] = &["lodeman.hook.timeout", "sentinel.hook.timeout"];
    pub const HOOK_ON_FAILURE: &[&str] = &["lodeman.hook.on-failure", "sentinel.hook.on-failure"];
    pub const PRE_UPDATE_MINUTES: &[&str] = &["com.centurylinklabs.watchtower.lifecycle.pre-update-timeout"];
    pub const POST_UPDATE_MINUTES: &[&str] =
        &["com.centurylinklabs.watchtower.lifecycle.post-update-timeout"];
    pub const SELF: &[&str] = &["lodeman.self", "sentinel.self"];
    pub const DEPENDS_ON: &[&str] = &["lodeman.depends-on", "sentinel.depends-on"];
}

/// Every list above.
pub(super) const READ: &[&[&str]] = &[
    names::POLICY,
    names::SCOPE,
    names::CONSTRAINT,
    names::INCLUDE_TAGS,
    names::EXCLUDE_TAGS,
    names::SCHEDULE,
    names::DELAY,
    names::GRACE_PERIOD,
    names::LISTEN_CHECK,
    names::PULL_ONLY,
    names::PRERELEASE,
    names::VARIANT,
    names::WINDOW,
    names::ENABLE,
    names::MONITOR_ONLY,
    names::NO_PULL,
    names::PRE_UPDATE,
    names::POST_UPDATE,
    names::HOOK_TIMEOUT,
    names::HOOK_ON_FAILURE,
    names::PRE_UPDATE_MINUTES,
    names::POST_UPDATE_MINUTES,
    names::SELF,
    names::DEPENDS_ON,
];

/// Names that are right but state no wish: `fleet` and `scope` are there for selectors to match,
/// `maintenance` was left behind by Docker Sentinel.
pub(super) const SILENT: &[&str] =
    &["lodeman.fleet", "lodeman.scope", "sentinel.maintenance", "com.centurylinklabs.watchtower.scope"];

/// Names that another product, or a later version, acts on and this one does not.
pub(super) const UNSUPPORTED: &[&str] = &[
    "lodeman.notify-snooze",
    "lodeman.remove-volumes",
    "lodeman.verify",
    "sentinel.notify-snooze",
    "sentinel.remove-volumes",
    "sentinel.verify",
    "com.centurylinklabs.watchtower.blue-green.drain",
    "com.centurylinklabs.watchtower.cooldown-delay",
    "com.centurylinklabs.watchtower.depends-on",
    "com.centurylinklabs.watchtower.health-check-timeout",
    "com.centurylinklabs.watchtower.image-cooldown",
    "com.centurylinklabs.watchtower.lifecycle.gid",
    "com.centurylinklabs.watchtower.lifecycle.post-check",
    "com.centurylinklabs.watchtower.lifecycle.pre-check",
    "com.centurylinklabs.watchtower.lifecycle.uid",
    "com.centurylinklabs.watchtower.no-init-deps",
    "com.centurylinklabs.watchtower.stop-signal",
    "com.centurylinklabs.watchtower.update-strategy",
];
