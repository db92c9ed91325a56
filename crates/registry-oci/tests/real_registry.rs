//! The adapter against a real registry: the `docker-registry` program on a free port of loopback.
//!
//! Without that program these tests fail, unless `LODEMAN_WITHOUT_LAB=1` says that it may be missing.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use lodeman_domain::clock::SystemClock;
use lodeman_domain::image::{Repository, Tag};
use lodeman_registry::blueprint::{BuiltImage, Dialect, ImageBlueprint, StoredObject, build_index};
use lodeman_registry::contract::{self, RegistrySeed};
use lodeman_registry::{RegistryClient, RegistryError};
use lodeman_registry_oci::{OciRegistryClient, OciRegistryConfig, StoredCredential};
use reqwest::Url;

/// `ann` with the password `s3cret`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";

/// A registry that ends with the test.
struct RealRegistry {
    program: Child,
    host: String,
    account: Option<(&'static str, &'static str)>,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        // Nothing is left to do if it has already ended.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn find_program() -> Option<PathBuf> {
    let search = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&search).chain(["/usr/bin".into()]).collect();
    folders.into_iter().map(|folder| folder.join("docker-registry")).find(|program| program.is_file())
}

impl RealRegistry {
    /// Starts one, or gives `None` where there is no lab and nobody expects one.
    async fn start(with_account: bool) -> Option<Self> {
        let Some(program) = find_program() else {
            assert_eq!(
                std::env::var("LODEMAN_WITHOUT_LAB").as_deref(),
                Ok("1"),
                "the program `docker-registry` is not on the path: run `cargo xtask test`, install it, \
                 or set LODEMAN_WITHOUT_LAB=1"
            );
            eprintln!("left out: there is no docker-registry (LODEMAN_WITHOUT_LAB=1)");
            return None;
        };
        // Another process may take the port in the moment between; then another one is tried.
        for _ in 0..5 {
            if let Some(started) = Self::try_start(&program, with_account).await {
                return Some(started);
            }
        }
        panic!("docker-registry did not start on any of five ports")
    }

    async fn try_start(program: &PathBuf, with_account: bool) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder for the registry");
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let root = folder.path().display();
        let auth = if with_account {
            std::fs::write(folder.path().join("htpasswd"), HTPASSWD).expect("the password file");
            format!("auth:\n  htpasswd:\n    realm: lab\n    path: {root}/htpasswd\n")
        } else {
            String::new()
        };
        let config = format!(
            "version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\n\
             storage:\n  filesystem:\n    rootdirectory: {root}/data\nhttp:\n  addr: {address}\n{auth}"
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).expect("the registry's configuration");
        let program = Command::new(program)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry runs");
        // Whoever comes second finds a provider there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut registry = Self {
            program,
            host: address.to_string(),
            account: with_account.then_some(("ann", "s3cret")),
            http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client"),
            _folder: folder,
        };
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Some(registry);
            }
            if registry.program.try_wait().is_ok_and(|ended| ended.is_some()) {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    fn client(&self) -> OciRegistryClient {
        let credentials = self.account.map(|(username, password)| StoredCredential {
            prefix: self.host.clone(),
            username: username.to_owned(),
            password: password.to_owned().into(),
        });
        let config = OciRegistryConfig {
            credentials: credentials.into_iter().collect(),
            ..OciRegistryConfig::default()
        };
        OciRegistryClient::new(&config, Arc::new(SystemClock))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let request = match self.account {
            Some((username, password)) => request.basic_auth(username, Some(password)),
            None => request,
        };
        let response = request.send().await.expect("the registry answers");
        assert!(response.status().is_success(), "{}: {}", response.url(), response.status());
        response
    }

    async fn push_blob(&self, repository: &Repository, blob: &StoredObject) {
        let uploads = format!("http://{}/v2/{}/blobs/uploads/", self.host, repository.path);
        let begun = self.send(self.http.post(&uploads)).await;
        let location = begun.headers()["location"].to_str().expect("an address");
        let mut upload = Url::parse(&uploads).and_then(|base| base.join(location)).expect("an address");
        upload.query_pairs_mut().append_pair("digest", blob.digest.as_str());
        self.send(self.http.put(upload).body(blob.bytes.clone())).await;
    }

    async fn push_manifest(&self, repository: &Repository, name: &str, manifest: &StoredObject) {
        let address = format!("http://{}/v2/{}/manifests/{name}", self.host, repository.path);
        let put = self.http.put(address).header("content-type", manifest.media_type);
        self.send(put.body(manifest.bytes.clone())).await;
    }

    async fn push_built(&self, repository: &Repository, name: &str, built: &BuiltImage) {
        self.push_blob(repository, &built.layer).await;
        self.push_blob(repository, &built.config).await;
        self.push_manifest(repository, name, &built.manifest).await;
    }
}

#[async_trait]
impl RegistrySeed for RealRegistry {
    fn repository(&self, name: &str) -> Repository {
        Repository { registry: self.host.clone(), path: format!("samples/{name}") }
    }

    async fn push_image(&self, repository: &Repository, tag: &Tag, image: &ImageBlueprint) -> BuiltImage {
        let built = image.build();
        self.push_built(repository, tag.as_str(), &built).await;
        built
    }

    async fn push_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        images: &[ImageBlueprint],
        attested: bool,
    ) -> StoredObject {
        let built: Vec<BuiltImage> = images.iter().map(ImageBlueprint::build).collect();
        for image in &built {
            self.push_built(repository, image.manifest.digest.as_str(), image).await;
        }
        let attestation = attested.then(|| ImageBlueprint::new("attestation").build());
        if let Some(attestation) = &attestation {
            self.push_built(repository, attestation.manifest.digest.as_str(), attestation).await;
        }
        let dialect = images.first().map_or(Dialect::Oci, |image| image.dialect);
        let index = build_index(&built, attestation.as_ref(), dialect);
        self.push_manifest(repository, tag.as_str(), &index).await;
        index
    }
}

#[tokio::test]
async fn the_contract_holds_on_a_real_registry() {
    let Some(registry) = RealRegistry::start(false).await else { return };
    contract::run_all(&registry.client(), &registry).await;
}

#[tokio::test]
async fn the_contract_holds_on_a_real_registry_that_asks_for_a_password() {
    let Some(registry) = RealRegistry::start(true).await else { return };
    contract::run_all(&registry.client(), &registry).await;
    let stranger = OciRegistryClient::new(&OciRegistryConfig::default(), Arc::new(SystemClock));
    let refused = stranger.list_tags(&registry.repository("contract-tags")).await;
    assert!(
        matches!(refused, Err(RegistryError::Unauthorized { with_credential: false, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_registry_that_stopped_is_unreachable() {
    let Some(registry) = RealRegistry::start(false).await else { return };
    let (client, repository) = (registry.client(), registry.repository("app"));
    let tag: Tag = "1".parse().expect("a tag");
    registry.push_image(&repository, &tag, &ImageBlueprint::new("a")).await;
    assert!(client.resolve(&repository, &tag.clone().into()).await.is_ok());
    drop(registry);
    let error = client.resolve(&repository, &tag.into()).await.unwrap_err();
    assert_eq!(error.category(), "connect", "{error}");
}
