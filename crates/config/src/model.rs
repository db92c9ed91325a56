//! The configuration, typed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lodeman_domain::setting::{SettingError, SettingSource, Settings};
use secrecy::SecretString;

use crate::problem::{Origin, Problem};
use crate::registry::RegistryConfig;

/// Everything that is configured, apart from what is stored in the database.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[engine]`
    pub engine: EngineConfig,
    /// `[registry]`
    pub registry: RegistryConfig,
    /// `[security]`
    pub security: SecurityConfig,
    /// `[metrics]`
    pub metrics: MetricsConfig,
    /// `[log]`
    pub log: LogConfig,
    /// What has no effect, or not the expected one, without being an error.
    pub warnings: Vec<Problem>,
    /// The settings as far as defaults, file and `SENTINEL_*` say; stored ones go on top.
    pub(crate) base: Settings,
    /// Settings that environment or flags fix: key and text, already checked.
    pub(crate) fixed: Vec<(&'static str, String)>,
    /// Where each key that is not at its default got its value.
    pub(crate) origins: BTreeMap<&'static str, (SettingSource, Origin)>,
}

/// The server's own surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Whether the HTTP listener is opened at all.
    pub enabled: bool,
    /// Address of the HTTP listener.
    pub listen: SocketAddr,
    /// Directory of the database, the control socket and the key.
    pub data_dir: PathBuf,
    /// Whether the API's document and its page are served.
    pub docs: bool,
}

/// The container engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// How it is reached.
    pub host: EngineHost,
}

/// How a container engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineHost {
    /// A Unix socket at this path.
    Unix(PathBuf),
}

impl fmt::Display for EngineHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// Docker's client configuration, which may hold registry credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfigFile {
    /// The file.
    pub path: PathBuf,
    /// Whether somebody named it. One that nobody named need not exist.
    pub explicit: bool,
}

/// Which numbers of the security requirements hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// What people who move here from other tools are used to.
    Home,
    /// The requirements to the letter.
    Strict,
}

/// Security.
#[derive(Debug, Clone)]
pub struct SecurityConfig {
    /// Which numbers hold.
    pub profile: Profile,
    /// Whether labels are trusted whatever the profile says; `None`: as the profile says.
    pub trust_labels: Option<bool>,
    /// Whether callers must say who they are; `None`: as stored.
    pub authentication: Option<bool>,
    /// How long a sign-in lasts at most; `None`: as the profile says.
    pub session_life: Option<Duration>,
    /// Whether cookies travel over TLS only; `None`: where the server itself speaks TLS.
    pub cookie_secure: Option<bool>,
    /// Name of the first administrator.
    pub admin_username: String,
    /// Password of the first administrator, where one is to be made at the first start.
    pub admin_password: Option<SecretString>,
    /// The key that seals secrets at rest, as 64 hex digits, where it is given directly.
    pub secret_key: Option<SecretString>,
    /// The file that holds that key; made at the first start where it does not exist. `None`:
    /// `secret.key` in the data directory.
    pub secret_key_file: Option<PathBuf>,
}

/// The metrics endpoint.
#[derive(Debug, Clone)]
pub struct MetricsConfig {
    /// Whether there is one.
    pub enabled: bool,
    /// Whether anybody may read it.
    pub public: bool,
    /// The bearer token that may.
    pub token: Option<SecretString>,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// From which level on.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

/// How grave a message must be to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Someone should look.
    Error,
    /// Something is degraded.
    Warn,
    /// A state changed.
    Info,
    /// What happens inside.
    Debug,
    /// All of it.
    Trace,
}

impl LogLevel {
    /// The level's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Where `key` (`section.name`) got its value, before stored settings are looked at.
    #[must_use]
    pub fn origin(&self, key: &str) -> (SettingSource, &Origin) {
        self.origins
            .get(key)
            .map_or((SettingSource::Default, &Origin::Default), |(source, origin)| (*source, origin))
    }

    /// Whether environment or flag fix the setting `key`, so that storing another value is in vain.
    #[must_use]
    pub fn is_fixed(&self, key: &str) -> bool {
        self.fixed.iter().any(|(fixed, _)| *fixed == key)
    }

    /// The settings in force, given the stored ones. A stored value that cannot be used is reported
    /// and leaves the next lower source in force, or fails closed where it was a restriction.
    #[must_use]
    pub fn settings(&self, stored: &BTreeMap<String, String>) -> (Settings, Vec<Problem>) {
        let mut settings = self.base.clone();
        let mut refused = Vec::new();
        for (key, text) in stored.iter().filter(|(key, _)| !self.is_fixed(key)) {
            if let Err(error) = settings.apply_stored(key, text) {
                refused.push(error);
            }
        }
        let fixed = self.fixed.iter();
        // Their texts were checked when they were loaded; one that failed now would be told as well.
        refused.extend(fixed.filter_map(|(key, text)| settings.apply_configured(key, text).err()));
        // After everything else, so that no other value undoes it.
        let tell = |error: SettingError| {
            let message = match settings.fail_closed(error.key()) {
                Some(consequence) => format!("{error}; {consequence}"),
                None => error.to_string(),
            };
            Problem::new(error.key(), Origin::Stored, message)
        };
        let problems = refused.into_iter().map(tell).collect();
        settings.label_trust = self.security.label_trust();
        (settings, problems)
    }
}
