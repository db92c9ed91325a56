//! Loading: all sources into one configuration, or everything that is wrong.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use lodeman_domain::setting::{LabelTrust, SettingError, SettingSource, Settings};
use secrecy::ExposeSecret;

use crate::key::{CREDENTIALS, Key};
use crate::model::{
    Config, EngineConfig, EngineHost, LogConfig, LogFormat, LogLevel, MetricsConfig, Profile, SecurityConfig,
    ServerConfig,
};
use crate::problem::{ConfigError, Problem, shown};
use crate::registry::RegistryConfig;
use crate::source::{Collected, Given};

/// Reads a file that holds a secret. It should refuse files of more than a few hundred kilobytes.
pub type ReadSecret<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// Where a configuration comes from.
pub struct Sources<'a> {
    /// Path and text of the configuration file, where there is one.
    pub file: Option<(PathBuf, String)>,
    /// All environment variables; those that are none of ours are passed over.
    pub env: Vec<(String, String)>,
    /// What command-line flags say: key (`server.listen`) and value.
    pub flags: Vec<(String, String)>,
    /// The machine's own time zone, where it is known.
    pub system_time_zone: Option<String>,
    /// Reads files that hold secrets.
    pub read_secret: &'a ReadSecret<'a>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerConfig {
                enabled: true,
                listen: SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 8080),
                data_dir: PathBuf::from("/var/lib/lodeman"),
                docs: true,
            },
            engine: EngineConfig { host: EngineHost::Unix(PathBuf::from("/var/run/docker.sock")) },
            registry: RegistryConfig::default(),
            security: SecurityConfig {
                profile: Profile::Home,
                trust_labels: None,
                authentication: None,
                session_life: None,
                cookie_secure: None,
                admin_username: "admin".to_owned(),
                admin_password: None,
                secret_key: None,
                secret_key_file: None,
            },
            metrics: MetricsConfig { enabled: false, public: false, token: None },
            log: LogConfig { level: LogLevel::Info, format: LogFormat::Text },
            warnings: Vec::new(),
            base: Settings::default(),
            fixed: Vec::new(),
            origins: BTreeMap::new(),
        }
    }
}

impl SecurityConfig {
    /// What labels may do.
    #[must_use]
    pub fn label_trust(&self) -> LabelTrust {
        if self.trust_labels.unwrap_or(self.profile == Profile::Home) {
            LabelTrust::Trusted
        } else {
            LabelTrust::StricterOnly
        }
    }

    /// The file of the key that seals secrets at rest.
    #[must_use]
    pub fn secret_key_path(&self, data_dir: &Path) -> PathBuf {
        self.secret_key_file.clone().unwrap_or_else(|| data_dir.join("secret.key"))
    }
}

impl Config {
    /// The configuration that `sources` make.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong, not only the first.
    pub fn load(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        let mut collected = Collected::new(sources.read_secret);
        collected.read_surroundings(&sources.env, sources.system_time_zone.as_deref());
        if let Some((path, text)) = &sources.file {
            collected.read_file(&path.display().to_string(), text);
        }
        collected.read_environment(&sources.env);
        collected.read_flags(&sources.flags);
        collected.report_conflicts();

        let mut config = Self::default();
        let Collected { mut values, mut credentials, mut problems, warnings, .. } = collected;
        values.sort_by_key(|given| given.source);
        for given in values {
            let (name, source, origin) = (given.key.name(), given.source, given.origin.clone());
            match config.take(&given) {
                Ok(()) => drop(config.origins.insert(name, (source, origin))),
                Err(message) => problems.push(Problem::new(name, origin, message)),
            }
        }
        credentials.sort_by_key(|given| given.source);
        if let Some(last) = credentials.pop() {
            config.registry.credentials = last.list;
            config.origins.insert(CREDENTIALS, (last.source, last.origin));
        }
        let chosen = config.origin("registry.docker_config").0;
        if let Some(file) = config.registry.docker_config.as_mut() {
            file.explicit = chosen != SettingSource::System;
        }
        config.warnings = warnings;
        config.read_roots(sources.read_secret, &mut problems);
        config.check_together(&mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError { problems, warnings: config.warnings })
        }
    }

    /// Takes one value over; on error says what is wrong with it.
    fn take(&mut self, given: &Given) -> Result<(), String> {
        let text = given.text.expose_secret();
        let said = |detail: String| {
            let allowed = given.key.allowed();
            if given.key.is_secret() {
                format!("{detail}; allowed is {allowed}")
            } else {
                format!("is `{}`: {detail}; allowed is {allowed}", shown(text))
            }
        };
        match given.key {
            Key::Own(spec) => (spec.set)(self, text).map_err(said),
            Key::Setting(spec) => {
                let detail = |error| match error {
                    SettingError::NotAllowed { detail, .. } => detail,
                    SettingError::Unknown { .. } => "there is no such setting".to_owned(),
                };
                if given.source.is_fixed() {
                    let mut scratch = Settings::default();
                    scratch.apply_configured(spec.key, text).map_err(|error| said(detail(error)))?;
                    self.fixed.retain(|(key, _)| *key != spec.key);
                    self.fixed.push((spec.key, text.to_owned()));
                    return Ok(());
                }
                self.base.apply_configured(spec.key, text).map_err(|error| said(detail(error)))
            }
        }
    }

    /// Reads the root certificates that are named.
    fn read_roots(&mut self, read: &ReadSecret<'_>, problems: &mut Vec<Problem>) {
        let key = "registry.root_certificates";
        let origin = self.origin(key).1.clone();
        for root in &mut self.registry.root_certificates {
            if let Err(message) = root.read(read) {
                let path = shown(&root.path.display().to_string());
                problems.push(Problem::new(key, origin.clone(), format!("file `{path}` {message}")));
            }
        }
    }

    /// Security rule SR-8: in the profile `strict` a proxy is one that somebody configured here.
    fn drop_surrounding_proxies(&mut self) {
        for key in ["registry.http_proxy", "registry.https_proxy", "registry.no_proxy"] {
            let Some((SettingSource::System, origin)) = self.origins.get(key).cloned() else { continue };
            let message = "is not heeded in the profile strict; set this key itself where it is wanted";
            self.warnings.push(Problem::new(key, origin, message));
            self.origins.remove(key);
            match key {
                "registry.http_proxy" => self.registry.http_proxy = None,
                "registry.https_proxy" => self.registry.https_proxy = None,
                _ => self.registry.no_proxy.clear(),
            }
        }
    }

    /// What only shows when values are looked at together.
    fn check_together(&mut self, problems: &mut Vec<Problem>) {
        if self.security.profile == Profile::Strict {
            self.drop_surrounding_proxies();
        }
        let origin = |config: &Self, key: &str| config.origin(key).1.clone();
        if self.security.secret_key.is_some() && self.security.secret_key_file.is_some() {
            let message = "is given beside security.secret_key_file; allowed is one of the two";
            problems.push(Problem::new("security.secret_key", origin(self, "security.secret_key"), message));
        }
        if self.metrics.enabled && !self.metrics.public && self.metrics.token.is_none() {
            let message = "nobody may read them: set metrics.token, or metrics.public = true";
            let warning = Problem::new("metrics.enabled", origin(self, "metrics.enabled"), message);
            self.warnings.push(warning);
        }
        if self.security.authentication == Some(false) {
            let key = "security.authentication";
            let message = match self.security.profile {
                Profile::Home => "whoever reaches the server may do everything with it",
                Profile::Strict => "has no effect: the profile strict keeps it on",
            };
            self.warnings.push(Problem::new(key, origin(self, key), message));
        }
        let (settings, _) = self.settings(&BTreeMap::new());
        if settings.maintenance_window.is_never_open() {
            let key = "schedule.maintenance_window";
            let message = "these windows never open, so no automatic update will run";
            self.warnings.push(Problem::new(key, origin(self, key), message));
        }
    }
}

/// Shows no environment, which may hold secrets.
impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file.as_ref().map(|(path, _)| path))
            .field("flags", &self.flags.len())
            .finish_non_exhaustive()
    }
}
