//! `[registry]`: credentials, and how registries are spoken with.

mod network;

use std::time::Duration;

use lodeman_domain::image::{ImageReference, Repository};
use secrecy::SecretString;
use serde::Deserialize;

use crate::model::DockerConfigFile;
pub use network::{Mirror, ProxyAddress, RootCertificates, TokenService};
pub(crate) use network::{mirrors, no_proxy, proxy, root_files, token_services};

/// How registries are spoken with.
#[derive(Debug, Clone)]
pub struct RegistryConfig {
    /// Accounts, as written.
    pub credentials: Vec<RegistryCredential>,
    /// Registries, `host` or `host:port`, that are spoken with over plain HTTP. Loopback always may.
    pub insecure: Vec<String>,
    /// Docker's client configuration; `None`: it is not looked at.
    pub docker_config: Option<DockerConfigFile>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How many requests run at once with one registry.
    pub concurrency: u32,
    /// How many requests of a registry's quota scheduled scans leave for people.
    pub reserve_requests: u32,
    /// Pull-through mirrors, in the order in which they are asked.
    pub mirrors: Vec<Mirror>,
    /// Token services on other domains that a registry may refer us to.
    pub token_services: Vec<TokenService>,
    /// Root certificates that are trusted besides the machine's.
    pub root_certificates: Vec<RootCertificates>,
    /// Proxy for plain HTTP.
    pub http_proxy: Option<ProxyAddress>,
    /// Proxy for HTTPS.
    pub https_proxy: Option<ProxyAddress>,
    /// What is reached without a proxy. Loopback always is.
    pub no_proxy: Vec<String>,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            credentials: Vec::new(),
            insecure: Vec::new(),
            docker_config: None,
            timeout: Duration::from_secs(10),
            concurrency: 4,
            reserve_requests: 10,
            mirrors: Vec::new(),
            token_services: Vec::new(),
            root_certificates: Vec::new(),
            http_proxy: None,
            https_proxy: None,
            no_proxy: Vec::new(),
        }
    }
}

/// An account at a registry, or at a part of it.
#[derive(Debug, Clone)]
pub struct RegistryCredential {
    /// The registry, in normal form: `docker.io`, `ghcr.io`, `registry.example:5000`.
    pub host: String,
    /// The start of the path it is for; empty: all of the registry.
    pub path: String,
    /// The user's name.
    pub username: String,
    /// The password, or a token.
    pub password: SecretString,
}

impl RegistryConfig {
    /// The account for `repository`: of those that fit, the one for the narrowest part.
    #[must_use]
    pub fn credential_for(&self, repository: &Repository) -> Option<&RegistryCredential> {
        let fits = |credential: &&RegistryCredential| {
            credential.host == repository.registry
                && (credential.path.is_empty()
                    || repository.path == credential.path
                    || repository.path.strip_prefix(&credential.path).is_some_and(|r| r.starts_with('/')))
        };
        self.credentials.iter().filter(fits).max_by_key(|credential| credential.path.len())
    }
}

impl RegistryCredential {
    /// Where it is for: `ghcr.io/team`.
    #[must_use]
    pub fn prefix(&self) -> String {
        if self.path.is_empty() { self.host.clone() } else { format!("{}/{}", self.host, self.path) }
    }
}

/// A credential as it is written, in JSON: `[{"registry": "ghcr.io", "username": …, "password": …}]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenCredential {
    pub registry: String,
    pub username: String,
    pub password: Option<String>,
    pub password_file: Option<String>,
}

/// Host and path of `ghcr.io` or `ghcr.io/team`.
pub(crate) fn parse_prefix(text: &str) -> Result<(String, String), &'static str> {
    const ALLOWED: &str = "allowed is a registry such as docker.io, ghcr.io/team or registry.example:5000, \
                           without https://";
    let text = text.trim().trim_end_matches('/');
    let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
    let host = parse_host(host).ok_or(ALLOWED)?;
    // The path is that of a repository, though it may be of one segment even on Docker Hub.
    let path = match path {
        None => String::new(),
        Some(path) => {
            let reference: ImageReference =
                format!("registry.invalid/{path}").parse().map_err(|_| ALLOWED)?;
            if reference.tag().is_some() || reference.digest().is_some() {
                return Err(ALLOWED);
            }
            reference.repository().path.clone()
        }
    };
    Ok((host, path))
}

/// A registry's host, with its port where one is given, in normal form.
pub(crate) fn parse_host(text: &str) -> Option<String> {
    let text = text.trim();
    if text.contains('/') {
        return None;
    }
    // `example` alone would be read as a path on Docker Hub, so it is no host here either.
    let reference: ImageReference = format!("{text}/a/b").parse().ok()?;
    let repository = reference.repository();
    (repository.path == "a/b").then(|| repository.registry.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(prefix: &str, username: &str) -> RegistryCredential {
        let (host, path) = parse_prefix(prefix).unwrap();
        RegistryCredential { host, path, username: username.into(), password: "p".to_owned().into() }
    }

    #[test]
    fn the_narrowest_account_is_used() {
        let config = RegistryConfig {
            credentials: vec![
                credential("ghcr.io", "all"),
                credential("ghcr.io/team", "team"),
                credential("index.docker.io", "hub"),
            ],
            ..RegistryConfig::default()
        };
        for (image, account) in [
            ("ghcr.io/team/app", Some("team")),
            ("ghcr.io/teams/app", Some("all")),
            ("ghcr.io/other/app", Some("all")),
            ("nginx", Some("hub")),
            ("quay.io/a/b", None),
        ] {
            let reference: ImageReference = image.parse().unwrap();
            let found = config.credential_for(reference.repository());
            assert_eq!(found.map(|credential| credential.username.as_str()), account, "{image}");
        }
    }

    #[test]
    fn a_prefix_is_a_registry_and_perhaps_a_path() {
        for (text, prefix) in [
            ("docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("GHCR.io/team/", "ghcr.io/team"),
            ("localhost:5000", "localhost:5000"),
            ("docker.io/library", "docker.io/library"),
        ] {
            assert_eq!(credential(text, "x").prefix(), prefix, "{text}");
        }
        for text in ["", "https://ghcr.io", "team", "ghcr.io/Team", "ghcr.io/a:1", "a b.io", "x.io:port"] {
            assert!(parse_prefix(text).is_err(), "{text}");
        }
    }
}
