//! Which credential is for a repository, from configuration and from Docker's client configuration.

mod docker_config;
mod helper;

use lodeman_domain::image::Repository;
use lodeman_registry::{RegistryCredential, RegistryError, RegistrySecret};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use crate::config::{OciRegistryConfig, StoredCredential, normal_host};
use docker_config::DockerConfig;

/// All sources of credentials, in their order.
#[derive(Debug)]
pub(crate) struct Credentials {
    stored: Vec<Stored>,
    docker_config: Option<DockerConfig>,
}

#[derive(Debug)]
struct Stored {
    place: Place,
    username: String,
    password: SecretString,
}

/// A registry, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    host: String,
    path: String,
}

impl Place {
    /// From `host`, `host/org`, or the addresses that `docker login` writes, such as
    /// `https://index.docker.io/v1/`.
    fn parse(text: &str) -> Self {
        let text = text.trim();
        let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let path = path.trim_matches('/');
        let path = if matches!(path, "v1" | "v2") { "" } else { path };
        Self { host: normal_host(host), path: path.to_owned() }
    }

    /// How narrowly this fits `repository`: the length of the path, or not at all.
    fn fit(&self, repository: &Repository) -> Option<usize> {
        let rest = repository.path.strip_prefix(&self.path)?;
        let whole_segments = self.path.is_empty() || rest.is_empty() || rest.starts_with('/');
        (self.host == repository.registry && whole_segments).then_some(self.path.len())
    }
}

impl Credentials {
    pub(crate) fn new(config: &OciRegistryConfig) -> Self {
        let stored = |credential: &StoredCredential| Stored {
            place: Place::parse(&credential.prefix),
            username: credential.username.clone(),
            password: credential.password.clone(),
        };
        Self {
            stored: config.credentials.iter().map(stored).collect(),
            docker_config: config.docker_config.clone().map(DockerConfig::new),
        }
    }

    /// The registries that something is configured for.
    pub(crate) async fn registries(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.stored.iter().map(|stored| stored.place.host.clone()).collect();
        if let Some(config) = &self.docker_config {
            hosts.extend(config.registries().await);
        }
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The credential for `repository`: of those configured the one for the narrowest part of its
    /// name, else what Docker's configuration has, else none.
    pub(crate) async fn find(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError> {
        let best = self
            .stored
            .iter()
            .filter_map(|stored| Some((stored.place.fit(repository)?, stored)))
            .max_by_key(|(fit, _)| *fit);
        if let Some((_, stored)) = best {
            return Ok(Some(RegistryCredential {
                registry: repository.registry.clone(),
                username: stored.username.clone(),
                secret: RegistrySecret::Password(stored.password.clone()),
            }));
        }
        match &self.docker_config {
            Some(config) => config.find(repository).await,
            None => Ok(None),
        }
    }
}

/// Where a `config.json` has the credential for `repository`, without asking a helper.
#[cfg(feature = "readers")]
pub(crate) fn written_in(
    file: &[u8],
    repository: &Repository,
) -> Result<crate::readers::DockerCredential, String> {
    use crate::readers::DockerCredential as Found;
    let contents = docker_config::Contents::parse(file)
        .map_err(|error| format!("it is not valid at line {}, column {}", error.line(), error.column()))?;
    Ok(match contents.source(repository) {
        docker_config::Source::Helper(name) => Found::Helper(name.to_owned()),
        docker_config::Source::Entry(entry) => Found::Written(entry.credential(&repository.registry)?),
        docker_config::Source::Nothing => Found::Nowhere,
    })
}

/// Tells two credentials apart without keeping either: tokens and quotas are kept per account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    /// What people know it by.
    pub(crate) name: String,
    fingerprint: [u8; 32],
}

impl Account {
    pub(crate) fn of(credential: &RegistryCredential) -> Self {
        let (kind, secret) = match &credential.secret {
            RegistrySecret::Password(secret) => ("password", secret),
            RegistrySecret::IdentityToken(secret) => ("token", secret),
        };
        let mut hash = Sha256::new();
        for part in [kind, &credential.username, secret.expose_secret()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let name = if credential.username.is_empty() { "identity token" } else { &credential.username };
        Self { name: name.to_owned(), fingerprint: hash.finalize().into() }
    }
}

/// Reads a secret out of JSON.
pub(crate) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    String::deserialize(from).map(SecretString::from)
}

/// Reads a secret that may be absent out of JSON.
pub(crate) fn optional_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lodeman_domain::image::ImageReference;

    fn credential(prefix: &str, username: &str) -> StoredCredential {
        StoredCredential { prefix: prefix.into(), username: username.into(), password: "p".into() }
    }

    #[tokio::test]
    async fn the_credential_for_the_narrowest_part_is_taken_and_never_anothers() {
        let credentials = Credentials::new(&OciRegistryConfig {
            credentials: vec![
                credential("https://index.docker.io/v1/", "hub"),
                credential("ghcr.io", "all"),
                credential("ghcr.io/team", "team"),
                credential("GHCR.io/team/app", "app"),
                credential("registry.lan:5000", "lan"),
            ],
            ..OciRegistryConfig::default()
        });
        for (image, expected) in [
            ("nginx", Some("hub")),
            ("registry-1.docker.io/a/b", Some("hub")),
            ("ghcr.io/other/app", Some("all")),
            ("ghcr.io/teams/app", Some("all")),
            ("ghcr.io/team/other", Some("team")),
            ("ghcr.io/team/app", Some("app")),
            ("ghcr.io/team/app/part", Some("app")),
            ("registry.lan:5000/a", Some("lan")),
            ("registry.lan/a", None),
            ("registry.lan:5001/a", None),
            ("evil-ghcr.io/team/app", None),
        ] {
            let reference: ImageReference = image.parse().unwrap();
            let found = credentials.find(reference.repository()).await.unwrap();
            assert_eq!(found.map(|credential| credential.username).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn accounts_differ_when_any_part_of_the_credential_does() {
        let account = |username: &str, secret: RegistrySecret| {
            let registry = "r".to_owned();
            Account::of(&RegistryCredential { registry, username: username.into(), secret })
        };
        let one = account("ann", RegistrySecret::Password("x".into()));
        assert_eq!(one, account("ann", RegistrySecret::Password("x".into())));
        assert_ne!(one, account("ann", RegistrySecret::Password("y".into())));
        assert_ne!(one, account("bob", RegistrySecret::Password("x".into())));
        assert_ne!(one, account("ann", RegistrySecret::IdentityToken("x".into())));
        assert_eq!(account("", RegistrySecret::IdentityToken("x".into())).name, "identity token");
    }
}
