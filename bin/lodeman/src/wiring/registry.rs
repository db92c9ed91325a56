//! The registries, and the credentials that the engine pulls with.

use std::sync::Arc;

use async_trait::async_trait;
use lodeman_config::Config;
use lodeman_domain::clock::SystemClock;
use lodeman_domain::image::Repository;
use lodeman_engine::PullAuth;
use lodeman_registry::RegistryClient;
use lodeman_registry_oci::{DockerConfigFile, OciRegistryClient, OciRegistryConfig, StoredCredential};
use lodeman_updater::deps::PullAuthSource;
use secrecy::ExposeSecret as _;

/// A client of the registries, as configured.
pub fn client(config: &Config) -> Arc<dyn RegistryClient> {
    Arc::new(OciRegistryClient::new(&oci_config(config), Arc::new(SystemClock)))
}

fn oci_config(config: &Config) -> OciRegistryConfig {
    let registry = &config.registry;
    let account = |account: &lodeman_config::RegistryCredential| StoredCredential {
        prefix: account.prefix(),
        username: account.username.clone(),
        password: account.password.clone(),
    };
    let docker_config = registry
        .docker_config
        .as_ref()
        .map(|file| DockerConfigFile { path: file.path.clone(), required: file.explicit });
    OciRegistryConfig {
        credentials: registry.credentials.iter().map(account).collect(),
        docker_config,
        insecure: registry.insecure.clone(),
        timeout: registry.timeout,
        max_concurrency_per_registry: usize::try_from(registry.concurrency).unwrap_or(1),
        ..OciRegistryConfig::default()
    }
}

/// The engine pulls with what the registry client signs in with.
pub struct PullAuthOf(pub Arc<dyn RegistryClient>);

#[async_trait]
impl PullAuthSource for PullAuthOf {
    async fn pull_auth(&self, repository: &Repository) -> Option<PullAuth> {
        match self.0.credential_for_pull(repository).await {
            Ok(credential) => {
                credential.map(|c| PullAuth { header: c.engine_header().expose_secret().to_owned() })
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, %repository, "pulling without a credential");
                None
            }
        }
    }
}
