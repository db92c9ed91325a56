//! Images as a registry holds them: what there is to pull, and how containers made from it behave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};
use serde_json::{Map, Value};

use super::exec::ExecScript;

pub(super) use crate::spec::value::sha256_hex as hex;

/// A digest made from a text: the same text, the same digest.
#[must_use]
pub fn fake_digest(text: &str) -> Digest {
    let text = format!("sha256:{}", hex(text));
    text.parse().expect("64 hex digits after the algorithm")
}

/// What a container's health check comes to, counted from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthScript {
    /// Healthy after this long.
    HealthyAfter(Duration),
    /// Unhealthy after this long.
    UnhealthyAfter(Duration),
    /// Healthy after the first span, unhealthy after the second.
    HealthyThenUnhealthy(Duration, Duration),
    /// Never anything but `starting`.
    NeverDecided,
}

/// How a container made from an image behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// The engine cannot start it, with this message.
    pub start_error: Option<String>,
    /// Its process ends by itself: after how long, with which code.
    pub exits_after: Option<(Duration, i64)>,
    /// What its health check comes to, if the container has one.
    pub health: HealthScript,
    /// How long its process takes to obey the stop signal; `None` when it never does.
    pub stops_after: Option<Duration>,
    /// Its exit code after it obeyed.
    pub stop_code: i64,
    /// What it writes at each start.
    pub log_lines: Vec<String>,
    /// The TCP ports it listens on, each so long after its start.
    pub listens: BTreeMap<u16, Duration>,
    /// What commands that are run inside it do, by their last argument. Any other ends at once with 0.
    pub commands: BTreeMap<String, ExecScript>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            start_error: None,
            exits_after: None,
            health: HealthScript::HealthyAfter(Duration::from_secs(2)),
            stops_after: Some(Duration::from_millis(100)),
            stop_code: 0,
            log_lines: vec!["ready".to_owned()],
            listens: BTreeMap::new(),
            commands: BTreeMap::new(),
        }
    }
}

impl Behaviour {
    /// It listens on `port`, so long after its start.
    #[must_use]
    pub fn listening(port: u16, after: Duration) -> Self {
        Self { listens: BTreeMap::from([(port, after)]), ..Self::default() }
    }

    /// Its process ends with `code` as soon as it was started: a crash loop where the policy restarts it.
    #[must_use]
    pub fn crashes(code: i64) -> Self {
        Self { exits_after: Some((Duration::from_millis(50), code)), ..Self::default() }
    }

    /// The same, and a command whose last argument is `text` does this.
    #[must_use]
    pub fn with_command(mut self, text: &str, script: ExecScript) -> Self {
        self.commands.insert(text.to_owned(), script);
        self
    }

    /// Its health check fails for good after `span`.
    #[must_use]
    pub fn unhealthy_after(span: Duration) -> Self {
        Self { health: HealthScript::UnhealthyAfter(span), ..Self::default() }
    }
}

/// One image for one platform.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeImage {
    /// Defaults for containers made from it, as in the OCI image configuration's `config`.
    pub config: Map<String, Value>,
    /// What it runs on.
    pub platform: Platform,
    /// How its containers behave.
    pub behaviour: Behaviour,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Digest of its manifest.
    pub manifest_digest: Digest,
    /// Digest of its configuration.
    pub config_digest: Digest,
}

impl FakeImage {
    /// An image for `linux/amd64` whose digests come from `seed`.
    #[must_use]
    pub fn new(seed: &str) -> Self {
        let config = serde_json::json!({ "Env": ["PATH=/bin"], "Cmd": ["/serve"] });
        let platform = Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None };
        Self {
            config: config.as_object().cloned().unwrap_or_default(),
            platform,
            behaviour: Behaviour::default(),
            size_bytes: 4 << 20,
            created_at: Timestamp::constant(1_767_225_600, 0),
            manifest_digest: fake_digest(&format!("manifest {seed}")),
            config_digest: fake_digest(&format!("config {seed}")),
        }
    }

    /// The same with other defaults; anything but an object leaves it without defaults.
    #[must_use]
    pub fn with_config(mut self, config: &Value) -> Self {
        self.config = config.as_object().cloned().unwrap_or_default();
        self
    }

    /// The same with another behaviour.
    #[must_use]
    pub fn with_behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// The same for another platform, with digests of its own.
    #[must_use]
    pub fn for_platform(mut self, platform: Platform) -> Self {
        self.manifest_digest = fake_digest(&format!("{} {platform}", self.manifest_digest));
        self.config_digest = fake_digest(&format!("{} {platform}", self.config_digest));
        self.platform = platform;
        self
    }
}

/// What a digest at the registry stands for.
#[derive(Debug, Clone)]
pub(super) struct RemoteImage {
    /// What the reference resolves to: an index or a manifest.
    pub(super) digest: Digest,
    /// One image a platform.
    pub(super) variants: Vec<FakeImage>,
}

#[derive(Debug, Default)]
struct Remote {
    tags: BTreeMap<String, Digest>,
    images: BTreeMap<(String, Digest), RemoteImage>,
    failures: BTreeMap<String, Vec<(u16, String)>>,
}

/// A scripted registry, shared by everyone who holds a clone.
#[derive(Debug, Clone, Default)]
pub struct FakeImages(Arc<Mutex<Remote>>);

impl FakeImages {
    fn lock(&self) -> MutexGuard<'_, Remote> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `image` behind `reference`, moving its tag. Gives the digest it now resolves to: that of
    /// the manifest.
    ///
    /// # Panics
    /// When `reference` is none: this is for tests and demonstrations.
    #[must_use]
    pub fn publish(&self, reference: &str, image: &FakeImage) -> Digest {
        self.put(reference, image.manifest_digest.clone(), vec![image.clone()])
    }

    /// Puts an index of `images` behind `reference`, moving its tag. Gives the index's digest.
    ///
    /// # Panics
    /// When `reference` is none.
    #[must_use]
    pub fn publish_index(&self, reference: &str, images: &[FakeImage]) -> Digest {
        let parts: Vec<&str> = images.iter().map(|i| i.manifest_digest.as_str()).collect();
        self.put(reference, fake_digest(&format!("index {}", parts.join(" "))), images.to_vec())
    }

    fn put(&self, reference: &str, digest: Digest, variants: Vec<FakeImage>) -> Digest {
        let reference: ImageReference = reference.parse().expect("a reference");
        let repository = reference.repository().to_string();
        let mut remote = self.lock();
        if let Some(tag) = reference.effective_tag() {
            remote.tags.insert(format!("{repository}:{tag}"), digest.clone());
        }
        remote.images.insert((repository, digest.clone()), RemoteImage { digest: digest.clone(), variants });
        digest
    }

    /// Removes the tag, keeping what it pointed at reachable by digest.
    ///
    /// # Panics
    /// When `reference` is none.
    pub fn unpublish(&self, reference: &str) {
        let reference: ImageReference = reference.parse().expect("a reference");
        if let Some(tag) = reference.effective_tag() {
            self.lock().tags.remove(&format!("{}:{tag}", reference.repository()));
        }
    }

    /// Makes the next pull of this repository fail with `status` and `message`.
    ///
    /// # Panics
    /// When `reference` is none.
    pub fn fail_next_pull(&self, reference: &str, status: u16, message: &str) {
        let reference: ImageReference = reference.parse().expect("a reference");
        let repository = reference.repository().to_string();
        self.lock().failures.entry(repository).or_default().push((status, message.to_owned()));
    }

    /// What `reference` resolves to now.
    pub(super) fn resolve(&self, reference: &ImageReference) -> Result<RemoteImage, (u16, String)> {
        let repository = reference.repository().to_string();
        let mut remote = self.lock();
        if let Some(failures) = remote.failures.get_mut(&repository).filter(|list| !list.is_empty()) {
            return Err(failures.remove(0));
        }
        let tagged = reference.effective_tag().map(|tag| format!("{repository}:{tag}"));
        let digest = reference.digest().cloned().or_else(|| remote.tags.get(&tagged?).cloned());
        let found = digest.and_then(|digest| remote.images.get(&(repository, digest)).cloned());
        found.ok_or_else(|| (404, format!("manifest for {reference} not found")))
    }
}
