//! Every key that is no setting, but for those of registries: one row each.

use std::time::Duration;

use lodeman_domain::schedule::format_duration;

use super::value::{
    absolute_path, boolean, choice, duration, engine_host, listen, password, put, secret_key, set_or_not,
    token, username,
};
use super::{KeySpec, Kind};
use crate::model::{LogFormat, LogLevel, Profile};

const BOOLEAN: &str = "true or false";

/// Every key that is no setting, but for those of registries.
pub(super) static KEYS: &[KeySpec] = &[
    KeySpec {
        key: "server.enabled",
        default: "true",
        allowed: BOOLEAN,
        summary: "whether the HTTP listener is opened",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.server.enabled, boolean(text)),
        get: |c| c.server.enabled.to_string(),
    },
    KeySpec {
        key: "server.listen",
        default: "0.0.0.0:8080",
        allowed: "an address and a port such as 127.0.0.1:8080, or :8080 for every address",
        summary: "address of the HTTP listener",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.server.listen, listen(text)),
        get: |c| c.server.listen.to_string(),
    },
    KeySpec {
        key: "server.data_dir",
        default: "/var/lib/lodeman",
        allowed: "an absolute path",
        summary: "directory of the database, the control socket and the key",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.server.data_dir, absolute_path(text)),
        get: |c| c.server.data_dir.display().to_string(),
    },
    KeySpec {
        key: "server.docs",
        default: "true",
        allowed: BOOLEAN,
        summary: "whether the API's document and its page are served, at /openapi.json and /docs",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.server.docs, boolean(text)),
        get: |c| c.server.docs.to_string(),
    },
    KeySpec {
        key: "engine.host",
        default: "unix:///var/run/docker.sock",
        allowed: "a Unix socket such as unix:///var/run/docker.sock",
        summary: "how the container engine is reached",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.engine.host, engine_host(text)),
        get: |c| c.engine.host.to_string(),
    },
    KeySpec {
        key: "security.profile",
        default: "home",
        allowed: "home or strict",
        summary: "which numbers of the security requirements hold",
        kind: Kind::Plain,
        set: |c, text| {
            let words = [("home", Profile::Home), ("strict", Profile::Strict)];
            put(&mut c.security.profile, choice(text, &words))
        },
        get: |c| if c.security.profile == Profile::Home { "home" } else { "strict" }.to_owned(),
    },
    KeySpec {
        key: "security.trust_labels",
        default: "",
        allowed: "true or false; empty: true in the profile home, false in strict",
        summary: "whether labels of containers may also loosen what holds for them",
        kind: Kind::Plain,
        set: |c, text| {
            let value = if text.trim().is_empty() { Ok(None) } else { boolean(text).map(Some) };
            put(&mut c.security.trust_labels, value)
        },
        get: |c| c.security.trust_labels.map_or_else(String::new, |trust| trust.to_string()),
    },
    KeySpec {
        key: "security.authentication",
        default: "",
        allowed: "true or false; empty: as stored, and true where nothing is",
        summary: "whether callers must sign in or show a token; the profile strict has it always",
        kind: Kind::Plain,
        set: |c, text| {
            let value = if text.trim().is_empty() { Ok(None) } else { boolean(text).map(Some) };
            put(&mut c.security.authentication, value)
        },
        get: |c| c.security.authentication.map_or_else(String::new, |on| on.to_string()),
    },
    KeySpec {
        key: "security.session_life",
        default: "",
        allowed: "5m to 365d; empty: 30d in the profile home, 12h in strict",
        summary: "how long a sign-in lasts at most",
        kind: Kind::Plain,
        set: |c, text| {
            let bounds = (Duration::from_mins(5), Duration::from_hours(365 * 24));
            let empty = text.trim().is_empty();
            let value = if empty { Ok(None) } else { duration(text, bounds.0, bounds.1).map(Some) };
            put(&mut c.security.session_life, value)
        },
        get: |c| c.security.session_life.map_or_else(String::new, format_duration),
    },
    KeySpec {
        key: "security.cookie_secure",
        default: "",
        allowed: "true or false; empty: true where the server itself speaks TLS",
        summary: "whether cookies travel over TLS only; true behind a proxy that speaks TLS",
        kind: Kind::Plain,
        set: |c, text| {
            let value = if text.trim().is_empty() { Ok(None) } else { boolean(text).map(Some) };
            put(&mut c.security.cookie_secure, value)
        },
        get: |c| c.security.cookie_secure.map_or_else(String::new, |secure| secure.to_string()),
    },
    KeySpec {
        key: "security.admin_username",
        default: "admin",
        allowed: "1 to 64 letters, digits, `.`, `_` or `-`",
        summary: "name of the first administrator",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.security.admin_username, username(text)),
        get: |c| c.security.admin_username.clone(),
    },
    KeySpec {
        key: "security.admin_password",
        default: "",
        allowed: "8 to 128 characters",
        summary: "password of the first administrator, made at the first start",
        kind: Kind::Secret,
        set: |c, text| put(&mut c.security.admin_password, password(text)),
        get: |c| set_or_not(c.security.admin_password.as_ref()),
    },
    KeySpec {
        key: "security.secret_key",
        default: "",
        allowed: "64 hex digits",
        summary: "the key that seals secrets at rest",
        kind: Kind::SecretWithoutFile,
        set: |c, text| put(&mut c.security.secret_key, secret_key(text)),
        get: |c| set_or_not(c.security.secret_key.as_ref()),
    },
    KeySpec {
        key: "security.secret_key_file",
        default: "",
        allowed: "an absolute path; empty: secret.key in the data directory",
        summary: "the file that holds that key, made at the first start where it does not exist",
        kind: Kind::Plain,
        set: |c, text| {
            let path = if text.trim().is_empty() { Ok(None) } else { absolute_path(text).map(Some) };
            put(&mut c.security.secret_key_file, path)
        },
        get: |c| {
            c.security.secret_key_file.as_ref().map_or_else(String::new, |path| path.display().to_string())
        },
    },
    KeySpec {
        key: "metrics.enabled",
        default: "false",
        allowed: BOOLEAN,
        summary: "whether /metrics is served",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.metrics.enabled, boolean(text)),
        get: |c| c.metrics.enabled.to_string(),
    },
    KeySpec {
        key: "metrics.public",
        default: "false",
        allowed: BOOLEAN,
        summary: "whether anybody may read /metrics",
        kind: Kind::Plain,
        set: |c, text| put(&mut c.metrics.public, boolean(text)),
        get: |c| c.metrics.public.to_string(),
    },
    KeySpec {
        key: "metrics.token",
        default: "",
        allowed: "at least 16 visible ASCII characters",
        summary: "the bearer token that may read /metrics",
        kind: Kind::Secret,
        set: |c, text| put(&mut c.metrics.token, token(text)),
        get: |c| set_or_not(c.metrics.token.as_ref()),
    },
    KeySpec {
        key: "log.level",
        default: "info",
        allowed: "error, warn, info, debug or trace",
        summary: "how grave a message must be to be logged",
        kind: Kind::Plain,
        set: |c, text| {
            use LogLevel as L;
            let words = [L::Error, L::Warn, L::Info, L::Debug, L::Trace].map(|level| (level.as_str(), level));
            put(&mut c.log.level, choice(text, &words))
        },
        get: |c| c.log.level.as_str().to_owned(),
    },
    KeySpec {
        key: "log.format",
        default: "text",
        allowed: "text or json",
        summary: "the form of log lines",
        kind: Kind::Plain,
        set: |c, text| {
            let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
            put(&mut c.log.format, choice(text, &words))
        },
        get: |c| if c.log.format == LogFormat::Text { "text" } else { "json" }.to_owned(),
    },
];
