//! The engine's answers, kept as the JSON they came in, with typed views on what we read.
//!
//! Nothing is dropped: a field this build does not know survives into the create-spec.

use std::str::FromStr;

use jiff::Timestamp;
use lodeman_domain::container::{ContainerId, ContainerName, Labels, RunState};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::EngineError;

/// One row of the engine's container list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Full id.
    pub id: ContainerId,
    /// Names without slash; the first is the container's own, the others are links.
    pub names: Vec<ContainerName>,
    /// The image as listed: a reference, or an id once the tag moved. Never used as a reference.
    pub image: String,
    /// Id of the image the container was made from.
    pub image_id: Option<Digest>,
    /// Its labels.
    pub labels: Labels,
    /// What it does. On a full disk this may be stale; an inspect is the truth.
    pub state: RunState,
}

impl ContainerSummary {
    /// The container's own name.
    #[must_use]
    pub fn name(&self) -> Option<&ContainerName> {
        self.names.first()
    }
}

/// One row of the engine's image list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// Image id.
    pub id: Digest,
    /// `repository:tag` names.
    pub repo_tags: Vec<String>,
    /// `repository@digest` names.
    pub repo_digests: Vec<String>,
    /// Bytes on disk, with the layers that it shares with others.
    pub size_bytes: u64,
    /// When it was made; `None` where it does not say.
    pub created_at: Option<Timestamp>,
}

/// Restart policy, as the engine's `HostConfig.RestartPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// `no`, `always`, `unless-stopped` or `on-failure`.
    pub name: String,
    /// For `on-failure`: how often at most, `0` without limit.
    #[serde(default)]
    pub maximum_retry_count: i64,
}

impl RestartPolicy {
    /// Never started by the engine.
    #[must_use]
    pub fn no() -> Self {
        Self { name: "no".to_owned(), maximum_retry_count: 0 }
    }

    /// Whether the engine never starts the container by itself.
    #[must_use]
    pub fn is_no(&self) -> bool {
        self.name == "no" || self.name.is_empty()
    }
}

/// One mount of a container, as its inspect's `Mounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountView {
    /// `volume`, `bind`, `tmpfs`, …
    pub kind: String,
    /// The volume's name; empty for others.
    pub name: String,
    /// Path on the host.
    pub source: String,
    /// Path in the container.
    pub destination: String,
    /// Whether the container may write.
    pub read_write: bool,
}

/// Everything the engine tells about a container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerInspect {
    id: ContainerId,
    name: ContainerName,
    raw: Map<String, Value>,
}

fn malformed(message: impl Into<String>) -> EngineError {
    EngineError::Malformed { action: "inspect a container", message: message.into() }
}

/// Walks `path` through nested objects.
fn at<'a>(map: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(map.get(*first)?, |value, key| value.get(*key))
}

fn text<'a>(map: &'a Map<String, Value>, path: &[&str]) -> &'a str {
    at(map, path).and_then(Value::as_str).unwrap_or_default()
}

impl ContainerInspect {
    /// Takes an inspect answer.
    ///
    /// # Errors
    /// [`EngineError::Malformed`] when id, name, `Config`, `HostConfig` or `NetworkSettings` are
    /// missing: a container is never recreated from half of its facts.
    pub fn from_json(raw: Value) -> Result<Self, EngineError> {
        let Value::Object(raw) = raw else { return Err(malformed("it is not an object")) };
        for part in ["Config", "HostConfig", "NetworkSettings", "State"] {
            if !raw.get(part).is_some_and(Value::is_object) {
                return Err(malformed(format!("`{part}` is missing")));
            }
        }
        let id = text(&raw, &["Id"]).parse().map_err(|_| malformed("`Id` is not a full id"))?;
        let name = text(&raw, &["Name"]).parse().map_err(|_| malformed("`Name` is not a name"))?;
        Ok(Self { id, name, raw })
    }

    /// The whole answer.
    #[must_use]
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    /// The object at a top-level key; empty where it is missing.
    #[must_use]
    pub fn section(&self, key: &str) -> Map<String, Value> {
        self.raw.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn value(&self, path: &[&str]) -> Option<&Value> {
        at(&self.raw, path)
    }

    /// Full id.
    #[must_use]
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// Name without slash.
    #[must_use]
    pub fn name(&self) -> &ContainerName {
        &self.name
    }

    /// The image reference as the user gave it (`Config.Image`).
    #[must_use]
    pub fn image_reference(&self) -> &str {
        text(&self.raw, &["Config", "Image"])
    }

    /// Id of the image the container was made from.
    #[must_use]
    pub fn image_id(&self) -> Option<Digest> {
        text(&self.raw, &["Image"]).parse().ok()
    }

    /// Digest of the platform's manifest, where the engine tells it (API 1.48, containerd store).
    #[must_use]
    pub fn manifest_digest(&self) -> Option<Digest> {
        text(&self.raw, &["ImageManifestDescriptor", "digest"]).parse().ok()
    }

    /// Platform of that manifest, where the engine tells it.
    #[must_use]
    pub fn manifest_platform(&self) -> Option<Platform> {
        let platform = at(&self.raw, &["ImageManifestDescriptor", "platform"])?;
        serde_json::from_value(platform.clone()).ok()
    }

    /// What it does. `None` for a word this build does not know.
    #[must_use]
    pub fn state(&self) -> Option<RunState> {
        RunState::from_str(text(&self.raw, &["State", "Status"])).ok()
    }

    /// Running or paused.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state().is_some_and(RunState::is_up)
    }

    /// Process id on the host; 0 when none runs.
    #[must_use]
    pub fn pid(&self) -> i64 {
        at(&self.raw, &["State", "Pid"]).and_then(Value::as_i64).unwrap_or(0)
    }

    /// `State.StartedAt` as the engine spells it. Compared for change only, so never parsed.
    #[must_use]
    pub fn started_at(&self) -> &str {
        text(&self.raw, &["State", "StartedAt"])
    }

    /// Whether it was ever started.
    #[must_use]
    pub fn was_ever_started(&self) -> bool {
        let at = self.started_at();
        !(at.is_empty() || at.starts_with("0001-"))
    }

    /// `State.FinishedAt`, by the engine's clock.
    #[must_use]
    pub fn finished_at(&self) -> Option<Timestamp> {
        text(&self.raw, &["State", "FinishedAt"]).parse().ok()
    }

    /// `State.StartedAt` as an instant, by the engine's clock.
    #[must_use]
    pub fn started_instant(&self) -> Option<Timestamp> {
        self.started_at().parse().ok()
    }

    /// Exit code of the last run.
    #[must_use]
    pub fn exit_code(&self) -> i64 {
        at(&self.raw, &["State", "ExitCode"]).and_then(Value::as_i64).unwrap_or(0)
    }

    /// `State.Error`.
    #[must_use]
    pub fn state_error(&self) -> &str {
        text(&self.raw, &["State", "Error"])
    }

    /// Whether the kernel ended the last run for want of memory.
    #[must_use]
    pub fn oom_killed(&self) -> bool {
        at(&self.raw, &["State", "OOMKilled"]).and_then(Value::as_bool).unwrap_or(false)
    }

    /// How often the engine restarted it by itself.
    #[must_use]
    pub fn restart_count(&self) -> i64 {
        at(&self.raw, &["RestartCount"]).and_then(Value::as_i64).unwrap_or(0)
    }

    /// `starting`, `healthy`, `unhealthy`; `None` when it has no health check.
    #[must_use]
    pub fn health(&self) -> Option<&str> {
        let status = at(&self.raw, &["State", "Health", "Status"])?.as_str()?;
        (!status.is_empty() && status != "none").then_some(status)
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> Labels {
        let Some(labels) = at(&self.raw, &["Config", "Labels"]).and_then(Value::as_object) else {
            return Labels::new();
        };
        labels.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
    }

    /// Restart policy.
    #[must_use]
    pub fn restart_policy(&self) -> RestartPolicy {
        let name = text(&self.raw, &["HostConfig", "RestartPolicy", "Name"]);
        RestartPolicy {
            name: if name.is_empty() { "no".to_owned() } else { name.to_owned() },
            maximum_retry_count: at(&self.raw, &["HostConfig", "RestartPolicy", "MaximumRetryCount"])
                .and_then(Value::as_i64)
                .unwrap_or(0),
        }
    }

    /// Whether the engine deletes it when it ends.
    #[must_use]
    pub fn auto_remove(&self) -> bool {
        at(&self.raw, &["HostConfig", "AutoRemove"]).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Its own stop timeout in seconds, where one was set.
    #[must_use]
    pub fn stop_timeout_seconds(&self) -> Option<u64> {
        let seconds = at(&self.raw, &["Config", "StopTimeout"])?.as_i64()?;
        // A negative timeout means "wait for ever"; an hour is as long as we do.
        Some(u64::try_from(seconds).unwrap_or(3600).min(3600))
    }

    /// `HostConfig.NetworkMode`.
    #[must_use]
    pub fn network_mode(&self) -> &str {
        text(&self.raw, &["HostConfig", "NetworkMode"])
    }

    /// Names of the networks it is connected to, sorted.
    #[must_use]
    pub fn networks(&self) -> Vec<String> {
        let networks = at(&self.raw, &["NetworkSettings", "Networks"]).and_then(Value::as_object);
        let mut names: Vec<String> = networks.map(|n| n.keys().cloned().collect()).unwrap_or_default();
        names.sort();
        names
    }

    /// Its mounts, sorted by destination.
    #[must_use]
    pub fn mounts(&self) -> Vec<MountView> {
        let list = at(&self.raw, &["Mounts"]).and_then(Value::as_array).cloned().unwrap_or_default();
        let field = |m: &Value, key: &str| m.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut mounts: Vec<MountView> = list
            .iter()
            .map(|m| MountView {
                kind: field(m, "Type"),
                name: field(m, "Name"),
                source: field(m, "Source"),
                destination: field(m, "Destination"),
                read_write: m.get("RW").and_then(Value::as_bool).unwrap_or(true),
            })
            .collect();
        mounts.sort_by(|a, b| a.destination.cmp(&b.destination));
        mounts
    }
}

/// Everything the engine tells about an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageInspect {
    id: Digest,
    raw: Map<String, Value>,
}

impl ImageInspect {
    /// Takes an image inspect answer.
    ///
    /// # Errors
    /// [`EngineError::Malformed`] when it has no id.
    pub fn from_json(raw: Value) -> Result<Self, EngineError> {
        let bad = |message: &str| EngineError::Malformed {
            action: "inspect an image",
            message: message.to_owned(),
        };
        let Value::Object(raw) = raw else { return Err(bad("it is not an object")) };
        let id = text(&raw, &["Id"]).parse().map_err(|_| bad("`Id` is not a digest"))?;
        Ok(Self { id, raw })
    }

    /// Image id.
    #[must_use]
    pub fn id(&self) -> &Digest {
        &self.id
    }

    /// The whole answer.
    #[must_use]
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    /// The image's config: the defaults that a container made from it gets.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        self.raw.get("Config").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    fn strings(&self, key: &str) -> Vec<String> {
        let list = self.raw.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// `repository:tag` names.
    #[must_use]
    pub fn repo_tags(&self) -> Vec<String> {
        self.strings("RepoTags")
    }

    /// `repository@digest` names.
    #[must_use]
    pub fn repo_digests(&self) -> Vec<String> {
        self.strings("RepoDigests")
    }

    /// What it runs on. Empty fields when the engine has no variant of it for its own platform.
    #[must_use]
    pub fn platform(&self) -> Platform {
        let variant = text(&self.raw, &["Variant"]);
        Platform {
            os: text(&self.raw, &["Os"]).to_owned(),
            architecture: text(&self.raw, &["Architecture"]).to_owned(),
            variant: (!variant.is_empty()).then(|| variant.to_owned()),
        }
    }
}
