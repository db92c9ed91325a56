//! Docker Sentinel's environment, translated.

use crate::key::boolean;

/// What becomes of a `SENTINEL_…` variable. The name is without the prefix.
pub(crate) enum Translation {
    /// It fills these keys: key, and its text from the variable's.
    Keys(&'static [(&'static str, Convert)]),
    /// It is a secret: it fills this key, and its `_FILE` form names a file with it.
    Secret(&'static str),
    /// It is understood and has no effect here; its value is still checked.
    Unsupported(Check),
}

/// From the variable's text to the key's.
pub(crate) type Convert = fn(&str) -> Result<String, String>;

/// Whether a text is one that the variable may hold.
pub(crate) type Check = fn(&str) -> Result<(), String>;

/// The variable's text is the key's.
const SAME: Convert = |text| Ok(text.to_owned());

/// Any text will do.
const ANY: Check = |_| Ok(());

/// There, larger numbers were cut to 50 without a word.
const CONCURRENCY: Convert = |text| {
    let count = text.trim().parse::<u64>();
    Ok(count.map_or_else(|_| text.to_owned(), |count| count.min(50).to_string()))
};

fn is_boolean(text: &str) -> Result<(), String> {
    boolean(text).map(drop).map_err(|error| format!("{error}; allowed is true or false"))
}

fn is_duration(text: &str) -> Result<(), String> {
    let span = lodeman_domain::schedule::parse_duration(text);
    span.map(drop).map_err(|error| format!("{error}; allowed is a duration such as 30m"))
}

fn is_port(text: &str) -> Result<(), String> {
    port(text).map(drop)
}

fn is_mode(text: &str) -> Result<(), String> {
    match text {
        "server" => Ok(()),
        "agent" => Err("agents are not supported yet; allowed is server".to_owned()),
        _ => Err("this is no mode; allowed is server".to_owned()),
    }
}

fn port(text: &str) -> Result<u16, String> {
    let port: u16 = text.trim().parse().unwrap_or(0);
    if port == 0 { Err("this is no port; allowed is 1 to 65535".to_owned()) } else { Ok(port) }
}

/// The directory of Sentinel's own database. The file itself is another program's and never opened.
fn directory_of(text: &str) -> Result<String, String> {
    let path = std::path::Path::new(text.trim());
    match path.parent().filter(|_| path.is_absolute()) {
        Some(parent) => Ok(parent.display().to_string()),
        None => {
            Err("this is no absolute path of a file; allowed is for example /data/sentinel.db".to_owned())
        }
    }
}

fn log_format(text: &str) -> Result<String, String> {
    let json = boolean(text).map_err(|error| format!("{error}; allowed is true or false"))?;
    Ok(if json { "json" } else { "text" }.to_owned())
}

/// What becomes of `SENTINEL_<name>`; `None` where there is no such variable.
pub(crate) fn translation(name: &str) -> Option<&'static Translation> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, translation)| translation)
}

/// The names of the variables, without the prefix.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

static TABLE: &[(&str, Translation)] = &[
    ("DOCKER_SOCK", Translation::Keys(&[("engine.host", SAME)])),
    ("DB_PATH", Translation::Keys(&[("server.data_dir", directory_of)])),
    ("POLL_INTERVAL", Translation::Keys(&[("schedule.poll_interval", SAME)])),
    ("SCHEDULE", Translation::Keys(&[("schedule.cron", SAME)])),
    ("MAINTENANCE_WINDOW", Translation::Keys(&[("schedule.maintenance_window", SAME)])),
    ("GRACE_PERIOD", Translation::Keys(&[("updates.grace_period", SAME)])),
    ("DEFAULT_POLICY", Translation::Keys(&[("updates.default_policy", SAME)])),
    ("LATEST_AUTO_UPDATE", Translation::Keys(&[("updates.latest_auto_update", SAME)])),
    ("SCAN_CONCURRENCY", Translation::Keys(&[("updates.scan_concurrency", CONCURRENCY)])),
    ("IMAGE_CLEANUP", Translation::Keys(&[("updates.image_cleanup", SAME)])),
    ("ROLLBACK_POLICY", Translation::Keys(&[("updates.rollback_policy", SAME)])),
    ("IMAGE_BACKUP", Translation::Keys(&[("updates.image_backup", SAME)])),
    ("HOOKS", Translation::Keys(&[("updates.hooks_enabled", SAME)])),
    ("DEPS", Translation::Keys(&[("updates.dependency_aware", SAME)])),
    ("SHOW_STOPPED", Translation::Keys(&[("display.show_stopped", SAME)])),
    ("LOG_JSON", Translation::Keys(&[("log.format", log_format)])),
    ("LOG_LEVEL", Translation::Keys(&[("log.level", SAME)])),
    // There, metrics that are on are open to everybody.
    ("METRICS", Translation::Keys(&[("metrics.enabled", SAME), ("metrics.public", SAME)])),
    ("WEB_ENABLED", Translation::Keys(&[("server.enabled", SAME)])),
    ("WEB_PORT", Translation::Keys(&[("server.listen", |text| Ok(format!(":{}", port(text)?)))])),
    ("SECRET_KEY", Translation::Secret("security.secret_key")),
    ("SECRET_KEY_FILE", Translation::Keys(&[("security.secret_key_file", SAME)])),
    ("REMOVE_VOLUMES", Translation::Unsupported(is_boolean)),
    ("HOOKS_WRITE_LABELS", Translation::Unsupported(is_boolean)),
    ("METRICS_TEXTFILE", Translation::Unsupported(ANY)),
    ("HOST", Translation::Unsupported(ANY)),
    ("AUTH_ENABLED", Translation::Keys(&[("security.authentication", SAME)])),
    ("SESSION_EXPIRY", Translation::Keys(&[("security.session_life", SAME)])),
    ("COOKIE_SECURE", Translation::Keys(&[("security.cookie_secure", SAME)])),
    ("TLS_CERT", Translation::Unsupported(ANY)),
    ("TLS_KEY", Translation::Unsupported(ANY)),
    ("TLS_AUTO", Translation::Unsupported(is_boolean)),
    ("WEBAUTHN_RPID", Translation::Unsupported(ANY)),
    ("WEBAUTHN_DISPLAY_NAME", Translation::Unsupported(ANY)),
    ("WEBAUTHN_ORIGINS", Translation::Unsupported(ANY)),
    ("GOTIFY_URL", Translation::Unsupported(ANY)),
    ("GOTIFY_TOKEN", Translation::Unsupported(ANY)),
    ("WEBHOOK_URL", Translation::Unsupported(ANY)),
    ("WEBHOOK_HEADERS", Translation::Unsupported(ANY)),
    ("MODE", Translation::Unsupported(is_mode)),
    ("CLUSTER", Translation::Unsupported(is_boolean)),
    ("CLUSTER_PORT", Translation::Unsupported(is_port)),
    ("CLUSTER_DIR", Translation::Unsupported(ANY)),
    ("CLUSTER_ADVERTISE", Translation::Unsupported(ANY)),
    ("SERVER_ADDR", Translation::Unsupported(ANY)),
    ("ENROLL_TOKEN", Translation::Unsupported(ANY)),
    ("HOST_NAME", Translation::Unsupported(ANY)),
    ("GRACE_PERIOD_OFFLINE", Translation::Unsupported(is_duration)),
    ("PORTAINER_URL", Translation::Unsupported(ANY)),
    ("PORTAINER_TOKEN", Translation::Unsupported(ANY)),
    ("NPM_URL", Translation::Unsupported(ANY)),
    ("NPM_EMAIL", Translation::Unsupported(ANY)),
    ("NPM_PASSWORD", Translation::Unsupported(ANY)),
];
