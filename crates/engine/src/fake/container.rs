//! One container of the model, and how it reads in an inspect.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use lodeman_domain::container::{ContainerId, ContainerName, RunState};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::image::Behaviour;
use crate::spec::value::{strings, text};

/// What is mounted at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) kind: &'static str,
    /// Volume name, or path on the host.
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) read_write: bool,
    /// Made for this container without a name: goes with it where volumes are removed too.
    pub(super) anonymous: bool,
}

/// A connection to one network.
#[derive(Debug, Clone, Default)]
pub(super) struct Endpoint {
    /// What the user asked for.
    pub(super) settings: Map<String, Value>,
    /// The address while it is up.
    pub(super) address: Option<Ipv4Addr>,
}

/// A stop that was asked for and has not happened yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingStop {
    pub(super) at: Instant,
    pub(super) code: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) name: ContainerName,
    /// Which containers replace one another: the name without what an update adds to it.
    pub(super) family: String,
    pub(super) created: String,
    pub(super) image: Digest,
    pub(super) manifest: Digest,
    pub(super) platform: Platform,
    pub(super) behaviour: Behaviour,
    /// As asked and merged with the image's defaults.
    pub(super) config: Map<String, Value>,
    pub(super) host_config: Map<String, Value>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) mounts: Vec<Mount>,
    /// Legacy links by the id of their target.
    pub(super) links: Vec<(ContainerId, String)>,
    pub(super) state: RunState,
    pub(super) pid: i64,
    pub(super) exit_code: i64,
    pub(super) error: String,
    pub(super) oom_killed: bool,
    pub(super) started_at: Option<String>,
    pub(super) finished_at: Option<String>,
    pub(super) restart_count: i64,
    pub(super) health: Option<&'static str>,
    /// Stopped by a request, as against ended by itself.
    pub(super) stopped_by_hand: bool,
    pub(super) pending_stop: Option<PendingStop>,
    /// Counts starts, so that what was planned for an earlier run is recognised as void.
    pub(super) run: u64,
    pub(super) up_since: Option<Instant>,
    pub(super) ports: BTreeMap<String, Vec<(String, u16)>>,
    /// What the list says where that is not the truth.
    pub(super) listed_as: Option<RunState>,
    pub(super) missing_from_list: bool,
    pub(super) log: Vec<String>,
    /// Files outside any volume.
    pub(super) files: BTreeMap<String, String>,
    pub(super) standing: Standing,
}

/// What the oracle holds for and against a container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Worth keeping as the last of its family.
    pub(super) proven: bool,
    /// Made as the replacement of a container that did not run.
    pub(super) made_while_down: bool,
}

/// When the engine has no date to tell.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl Container {
    pub(super) fn is_up(&self) -> bool {
        self.state.is_up()
    }

    pub(super) fn policy(&self) -> &str {
        let name = self.host_config.get("RestartPolicy").and_then(|p| p.get("Name")).and_then(Value::as_str);
        name.filter(|n| !n.is_empty()).unwrap_or("no")
    }

    pub(super) fn max_retries(&self) -> i64 {
        let policy = self.host_config.get("RestartPolicy");
        policy.and_then(|p| p.get("MaximumRetryCount")).and_then(Value::as_i64).unwrap_or(0)
    }

    pub(super) fn auto_remove(&self) -> bool {
        self.host_config.get("AutoRemove").and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn network_mode(&self) -> &str {
        text(&self.host_config, "NetworkMode")
    }

    /// Whether the engine runs a health check on it.
    pub(super) fn has_health_check(&self) -> bool {
        let check = self.config.get("Healthcheck").and_then(Value::as_object);
        check.is_some_and(|c| strings(c, "Test").first().is_some_and(|first| first != "NONE"))
    }

    fn state_json(&self) -> Value {
        let mut state = json!({
            "Status": self.state,
            "Running": matches!(self.state, RunState::Running | RunState::Paused | RunState::Restarting),
            "Paused": self.state == RunState::Paused,
            "Restarting": self.state == RunState::Restarting,
            "OOMKilled": self.oom_killed,
            "Dead": self.state == RunState::Dead,
            "Pid": self.pid,
            "ExitCode": self.exit_code,
            "Error": self.error,
            "StartedAt": self.started_at.as_deref().unwrap_or(NEVER),
            "FinishedAt": self.finished_at.as_deref().unwrap_or(NEVER),
        });
        if let Some(status) = self.health {
            let failed = i32::from(status == "unhealthy");
            let log = if status == "starting" {
                json!([])
            } else {
                json!([{ "Start": self.started_at, "End": self.started_at, "ExitCode": failed, "Output": "" }])
            };
            state["Health"] = json!({ "Status": status, "FailingStreak": failed, "Log": log });
        }
        state
    }

    fn mounts_json(&self) -> Value {
        let mount = |m: &Mount| {
            let mut shown = json!({ "Type": m.kind, "Source": m.source, "Destination": m.destination,
                "Mode": "", "RW": m.read_write, "Propagation": "" });
            if m.kind == "volume" {
                shown["Name"] = json!(m.source);
                shown["Source"] = json!(format!("/engine/volumes/{}/_data", m.source));
                shown["Driver"] = json!("local");
            }
            shown
        };
        Value::Array(self.mounts.iter().map(mount).collect())
    }

    fn endpoint_json(
        &self,
        network_id: &str,
        endpoint: &Endpoint,
        short_id_alias: bool,
        priority: bool,
    ) -> Value {
        let address = endpoint.address.map(|a| a.to_string()).unwrap_or_default();
        let octets = endpoint.address.map(|a| a.octets());
        let generated = octets.map(|[a, b, c, d]| format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}"));
        let own = endpoint.settings.get("MacAddress").and_then(Value::as_str).map(str::to_owned);
        let mac = generated.map(|generated| own.unwrap_or(generated)).unwrap_or_default();
        let setting = |key: &str| endpoint.settings.get(key).cloned().unwrap_or_default();
        let mut aliases = strings(&endpoint.settings, "Aliases");
        if short_id_alias {
            aliases.push(self.id.short().to_owned());
        }
        let mut shown = json!({
            "IPAMConfig": setting("IPAMConfig"),
            "Links": setting("Links"),
            "Aliases": if aliases.is_empty() { Value::Null } else { json!(aliases) },
            "DriverOpts": setting("DriverOpts"),
            "NetworkID": network_id,
            "EndpointID": if address.is_empty() { String::new() } else { super::image::hex(&format!("{} {network_id}", self.id)) },
            "Gateway": octets.map(|[a, b, c, _]| format!("{a}.{b}.{c}.1")).unwrap_or_default(),
            "IPAddress": address,
            "IPPrefixLen": if octets.is_some() { 24 } else { 0 },
            "MacAddress": mac,
        });
        if priority {
            shown["GwPriority"] = endpoint.settings.get("GwPriority").cloned().unwrap_or(json!(0));
        }
        shown
    }

    /// The inspect answer. `links` are shown with their targets' names of today.
    pub(super) fn inspect(&self, view: &InspectView<'_>) -> Value {
        let mut config = self.config.clone();
        config.entry("Labels").or_insert_with(|| json!({}));
        let mut host_config = self.host_config.clone();
        let links: Vec<String> = self
            .links
            .iter()
            .filter_map(|(target, alias)| {
                Some(format!("/{}:/{}/{alias}", (view.name_of)(target)?, self.name))
            })
            .collect();
        host_config.insert("Links".to_owned(), if links.is_empty() { Value::Null } else { json!(links) });
        let mut networks = Map::new();
        for (name, endpoint) in &self.endpoints {
            let default = name == "bridge";
            let id = (view.network_id)(name);
            let shown =
                self.endpoint_json(&id, endpoint, view.short_id_alias && !default, view.gateway_priority);
            networks.insert(name.clone(), shown);
        }
        let ports: Map<String, Value> = self
            .ports
            .iter()
            .map(|(port, hosts)| {
                let hosts: Vec<Value> =
                    hosts.iter().map(|(ip, p)| json!({ "HostIp": ip, "HostPort": p.to_string() })).collect();
                (port.clone(), Value::Array(hosts))
            })
            .collect();
        let mut answer = json!({
            "Id": self.id.as_str(),
            "Name": format!("/{}", self.name),
            "Created": self.created,
            "Image": self.image.as_str(),
            "RestartCount": self.restart_count,
            "Platform": self.platform.os,
            "State": self.state_json(),
            "Config": config,
            "HostConfig": host_config,
            "Mounts": self.mounts_json(),
            "NetworkSettings": { "Ports": ports, "Networks": networks },
        });
        if view.manifest_descriptor {
            answer["ImageManifestDescriptor"] = json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": self.manifest.as_str(),
                "size": 1024,
                "platform": self.platform,
            });
        }
        answer
    }
}

/// What an inspect shows beside the container itself, and what depends on the engine's version.
pub(super) struct InspectView<'a> {
    pub(super) name_of: &'a dyn Fn(&ContainerId) -> Option<String>,
    pub(super) network_id: &'a dyn Fn(&str) -> String,
    pub(super) short_id_alias: bool,
    pub(super) gateway_priority: bool,
    pub(super) manifest_descriptor: bool,
}
