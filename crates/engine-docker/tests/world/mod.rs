//! A real engine and what surrounds it, for the contract suite.
//!
//! `LODEMAN_TEST_ENGINE` names the engine's socket. Beside it, each optional: `LODEMAN_TEST_REGISTRY`,
//! `host:port` of a registry without TLS that this process and the engine both reach;
//! `LODEMAN_TEST_OUT_OF_REACH`, set where this process is in another network than the containers; and
//! `LODEMAN_TEST_RESTART`, a program that restarts the engine, called with `clean` or `killed`, which
//! returns once the engine was started again.

pub mod http;
pub mod image;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::http::Method;
use async_trait::async_trait;
use lodeman_domain::container::ContainerId;
use lodeman_engine::ContainerEngine;
use lodeman_engine::contract::{SampleImage, World};
use lodeman_engine::fake::Shutdown;
use lodeman_engine_docker::{DockerEngine, DockerEngineConfig};
use serde_json::json;

const JSON: &str = "application/json";
const TAR: &str = "application/x-tar";

/// The engine at a socket.
pub struct RealWorld {
    socket: String,
    engine: DockerEngine,
    made_networks: Mutex<Vec<String>>,
}

impl RealWorld {
    pub fn at(socket: &str) -> Self {
        let engine = DockerEngine::connect(DockerEngineConfig::new(socket)).expect("a socket's path");
        Self { socket: socket.to_owned(), engine, made_networks: Mutex::default() }
    }

    async fn ask(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> http::Answer {
        http::engine(&self.socket, method, path, kind, body).await
    }

    async fn build(&self, sample: &SampleImage) -> image::Built {
        let platform = self.engine.info().await.expect("the engine tells its platform").platform;
        image::build(&platform, &sample.config)
    }

    /// Removes what no check removes: the suite's networks, named volumes and images. Volumes without a
    /// name are not told from anyone else's and stay.
    pub async fn sweep(&self) {
        let networks =
            std::mem::take(&mut *self.made_networks.lock().unwrap_or_else(PoisonError::into_inner));
        for network in networks {
            self.ask(Method::DELETE, &format!("/networks/{network}"), JSON, Vec::new()).await;
        }
        for volume in self.volumes().await.iter().filter(|name| name.starts_with("contract-")) {
            self.ask(Method::DELETE, &format!("/volumes/{volume}"), JSON, Vec::new()).await;
        }
        let images = self.engine.list_images().await.expect("images are listed");
        for name in images.iter().flat_map(|row| &row.repo_tags) {
            if name.contains("lodeman-contract") || name.contains("contract.local/") {
                let _ = self.engine.remove_image(name).await;
            }
        }
    }
}

#[async_trait]
impl World for RealWorld {
    fn engine(&self) -> &dyn ContainerEngine {
        &self.engine
    }

    async fn provide(&self, image: &SampleImage) -> String {
        let reference = format!("lodeman-contract/{}:{}", image.name, image.version);
        let archive = self.build(image).await.for_load(&reference);
        let loaded = self.ask(Method::POST, "/images/load?quiet=1", TAR, archive).await.expect(&[200]);
        let said = String::from_utf8_lossy(&loaded.body).into_owned();
        assert!(!said.contains("errorDetail"), "{said}");
        reference
    }

    async fn publish(&self, tag: &str, image: &SampleImage) -> Option<String> {
        let registry = std::env::var("LODEMAN_TEST_REGISTRY").ok()?;
        let built = self.build(image).await;
        let repository = "/v2/lodeman-contract/published";
        for blob in [&built.config, &built.layer] {
            let path = format!("{repository}/blobs/uploads/");
            let opened =
                http::registry(&registry, Method::POST, &path, JSON, Vec::new()).await.expect(&[202]);
            let location = opened.headers["location"].to_str().expect("a location is text");
            let location = location.trim_start_matches("http://").trim_start_matches(&registry).to_owned();
            let joint = if location.contains('?') { '&' } else { '?' };
            let path = format!("{location}{joint}digest={}", image::digest(blob));
            let kind = "application/octet-stream";
            http::registry(&registry, Method::PUT, &path, kind, blob.clone()).await.expect(&[201]);
        }
        let manifest = built.manifest();
        let kind = manifest["mediaType"].as_str().expect("it says what it is").to_owned();
        let path = format!("{repository}/manifests/{tag}");
        let body = manifest.to_string().into_bytes();
        http::registry(&registry, Method::PUT, &path, &kind, body).await.expect(&[201]);
        Some(format!("{registry}/lodeman-contract/published:{tag}"))
    }

    async fn network(&self, name: &str, prefix: [u8; 3]) {
        let [a, b, c] = prefix;
        let known = self.ask(Method::GET, &format!("/networks/{name}"), JSON, Vec::new()).await;
        if known.status == 200 {
            return;
        }
        let subnet = json!([{ "Subnet": format!("{a}.{b}.{c}.0/24") }]);
        let request = json!({ "Name": name, "CheckDuplicate": true, "IPAM": { "Config": subnet } });
        let body = request.to_string().into_bytes();
        self.ask(Method::POST, "/networks/create", JSON, body).await.expect(&[201]);
        self.made_networks.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
    }

    async fn write_file(&self, id: &ContainerId, path: &str, content: &str) {
        let (folder, name) = path.rsplit_once('/').expect("an absolute path");
        let folder = if folder.is_empty() { "/" } else { folder };
        let path = format!("/containers/{id}/archive?path={folder}");
        self.ask(Method::PUT, &path, TAR, image::one_file(name, content)).await.expect(&[200]);
    }

    async fn read_file(&self, id: &ContainerId, path: &str) -> Option<String> {
        let path = format!("/containers/{id}/archive?path={path}");
        let answer = self.ask(Method::GET, &path, JSON, Vec::new()).await.expect(&[200, 404]);
        (answer.status == 200).then(|| image::read_one_file(&answer.body).expect("an archive of one file"))
    }

    async fn volumes(&self) -> Vec<String> {
        let answer = self.ask(Method::GET, "/volumes", JSON, Vec::new()).await.expect(&[200]).json();
        let volumes = answer["Volumes"].as_array().cloned().unwrap_or_default();
        volumes.iter().filter_map(|v| v["Name"].as_str()).map(str::to_owned).collect()
    }

    async fn free_port(&self) -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has an address").port()
    }

    fn reaches_containers(&self) -> bool {
        std::env::var_os("LODEMAN_TEST_OUT_OF_REACH").is_none()
    }

    async fn restart(&self, how: Shutdown) -> bool {
        let Ok(program) = std::env::var("LODEMAN_TEST_RESTART") else { return false };
        let how = match how {
            Shutdown::Clean => "clean",
            Shutdown::Killed => "killed",
            // No program can take the power away.
            Shutdown::PowerCut => return false,
        };
        let status = tokio::process::Command::new(&program).arg(how).status().await;
        assert!(status.expect("the program runs").success(), "{program} {how} failed");
        for _ in 0..600 {
            if self.engine.ping().await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the engine did not come back");
    }
}

/// Lists outcomes in lines, for people.
pub fn describe(outcomes: &[(&'static str, lodeman_engine::contract::Outcome)]) -> String {
    let line = |(name, outcome): &(&str, _)| format!("{name}: {outcome:?}");
    outcomes.iter().map(line).collect::<Vec<_>>().join("\n")
}
