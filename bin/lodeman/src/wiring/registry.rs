//! The registries, and the credentials that the engine pulls with.

use std::sync::Arc;

use async_trait::async_trait;
use lodeman_config::Config;
use lodeman_domain::clock::SystemClock;
use lodeman_domain::image::Repository;
use lodeman_engine::PullAuth;
use lodeman_registry::RegistryClient;
use lodeman_registry_oci::{
    DockerConfigFile, ExtraRoot, Mirror, MirroredClient, OciRegistryClient, OciRegistryConfig,
    StoredCredential, TokenService,
};
use lodeman_updater::deps::PullAuthSource;
use secrecy::ExposeSecret as _;

/// A client of the registries, as configured.
pub fn client(config: &Config) -> Arc<dyn RegistryClient> {
    let client = Arc::new(OciRegistryClient::new(&oci_config(config), Arc::new(SystemClock)));
    if config.registry.mirrors.is_empty() {
        return client;
    }
    let mirror =
        |m: &lodeman_config::Mirror| Mirror { registry: m.registry.clone(), mirror: m.mirror.clone() };
    let mirrors: Vec<Mirror> = config.registry.mirrors.iter().map(mirror).collect();
    Arc::new(MirroredClient::new(client, &mirrors))
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
    let root = |root: &lodeman_config::RootCertificates| ExtraRoot {
        registry: root.registry.clone(),
        pem: root.pem.clone().into_bytes(),
    };
    let service = |service: &lodeman_config::TokenService| TokenService {
        registry: service.registry.clone(),
        host: service.host.clone(),
    };
    OciRegistryConfig {
        credentials: registry.credentials.iter().map(account).collect(),
        docker_config,
        insecure: registry.insecure.clone(),
        extra_roots: registry.root_certificates.iter().map(root).collect(),
        token_services: registry.token_services.iter().map(service).collect(),
        http_proxy: registry.http_proxy.as_ref().map(|proxy| proxy.url.clone()),
        https_proxy: registry.https_proxy.as_ref().map(|proxy| proxy.url.clone()),
        no_proxy: registry.no_proxy.clone(),
        reserve: u64::from(registry.reserve_requests),
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
