//! How registries are spoken with.

use std::path::PathBuf;
use std::time::Duration;

use lodeman_domain::image::DOCKER_HUB;
use lodeman_registry::RegistryQuota;
use secrecy::SecretString;

/// How registries are spoken with.
#[derive(Debug, Clone)]
pub struct OciRegistryConfig {
    /// Accounts, of which the one for the narrowest part of a repository's name is used.
    pub credentials: Vec<StoredCredential>,
    /// Docker's client configuration, for repositories that no entry of `credentials` is for.
    pub docker_config: Option<DockerConfigFile>,
    /// Registries, `host` or `host:port`, that are spoken with over plain HTTP. Loopback always is,
    /// unless `extra_roots` names it.
    pub insecure: Vec<String>,
    /// Certificates in PEM that are trusted for one registry or for all, beside the machine's.
    pub extra_roots: Vec<ExtraRoot>,
    /// Proxy for plain HTTP, with its credentials: `http://user:password@proxy.lan:3128`. The
    /// environment's variables are not looked at.
    pub http_proxy: Option<SecretString>,
    /// Proxy for HTTPS.
    pub https_proxy: Option<SecretString>,
    /// Domains, addresses and networks that are reached without a proxy. Loopback always is.
    pub no_proxy: Vec<String>,
    /// Token services on other domains that a registry may refer us to, beside its own domain.
    pub token_services: Vec<TokenService>,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long one request may take, its body included.
    pub timeout: Duration,
    /// How many requests run at once with one registry.
    pub max_concurrency_per_registry: usize,
    /// Requests of a quota that are left for people and their pulls. `lodeman_registry::with_reserve` lets
    /// what a person asked for use more.
    pub reserve: u64,
    /// How long a registry that failed is left alone.
    pub circuit_open_for: Duration,
    /// Pause before the only retry after a failure of the server.
    pub retry_pause: Duration,
    /// The longest wait, asked for by a registry, that a request sits out instead of failing.
    pub longest_wait: Duration,
    /// How much is read of each kind of answer.
    pub limits: BodyLimits,
    /// Tags that are read of one repository at most.
    pub max_tags: usize,
    /// Quotas that an earlier run learned.
    pub known_quotas: Vec<RegistryQuota>,
}

/// An account at a registry, or at a part of it.
#[derive(Debug, Clone)]
pub struct StoredCredential {
    /// `host`, `host/org` or `host/org/repository`.
    pub prefix: String,
    /// The user's name.
    pub username: String,
    /// The password, or a token in its place.
    pub password: SecretString,
}

/// Docker's client configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfigFile {
    /// The file.
    pub path: PathBuf,
    /// Whether its absence is an error.
    pub required: bool,
}

/// A certificate that is trusted for one registry, or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraRoot {
    /// Host of the registry, with its port where one is given. `None`: every registry.
    pub registry: Option<String>,
    /// One or more certificates in PEM.
    pub pem: Vec<u8>,
}

/// A token service that a registry may refer us to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenService {
    /// Host of the registry, with its port where one is given.
    pub registry: String,
    /// Host of the token service.
    pub host: String,
}

/// A pull-through mirror of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Host of the registry, with its port where one is given.
    pub registry: String,
    /// Host of the mirror, likewise.
    pub mirror: String,
}

/// How much is read of each kind of answer, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// A manifest or index.
    pub manifest: usize,
    /// An image's config.
    pub config: usize,
    /// A page of tags.
    pub tags_page: usize,
    /// A token service's answer.
    pub token: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        const MEBIBYTE: usize = 1024 * 1024;
        Self { manifest: 4 * MEBIBYTE, config: 4 * MEBIBYTE, tags_page: 8 * MEBIBYTE, token: MEBIBYTE }
    }
}

impl Default for OciRegistryConfig {
    fn default() -> Self {
        Self {
            credentials: Vec::new(),
            docker_config: None,
            insecure: Vec::new(),
            extra_roots: Vec::new(),
            http_proxy: None,
            https_proxy: None,
            no_proxy: Vec::new(),
            token_services: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_concurrency_per_registry: 4,
            reserve: 10,
            circuit_open_for: Duration::from_secs(30),
            retry_pause: Duration::from_millis(500),
            longest_wait: Duration::from_secs(3),
            limits: BodyLimits::default(),
            max_tags: 50_000,
            known_quotas: Vec::new(),
        }
    }
}

/// A registry's host in the form that references have it: Docker Hub under one name, lower case.
pub(crate) fn normal_host(host: &str) -> String {
    match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB.to_owned(),
        other => other.to_owned(),
    }
}
