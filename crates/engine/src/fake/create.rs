//! Making a container out of a create request, with the engine's own defaults and refusals.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lodeman_domain::container::{ContainerId, ContainerName, RunState};
use lodeman_domain::image::Platform;
use serde_json::{Map, Value, json};

use super::container::{Container, Endpoint, Mount, Standing};
use super::state::{Actor, State, refused};
use crate::spec::value::{clean_path, is_blank, object, objects, strings, text};
use crate::spec::{is_reserved_name, merge_image_defaults};
use crate::{EngineError, EventAction};

const CREATE: &str = "create a container";

/// What an engine shows for settings that nobody made.
const HOST_DEFAULTS: &str = r#"{
    "AutoRemove": false, "Binds": null, "BlkioWeight": 0, "CapAdd": null, "CapDrop": null,
    "CgroupParent": "", "CgroupnsMode": "host", "ConsoleSize": [0, 0], "CpuPeriod": 0, "CpuShares": 0,
    "CpusetCpus": "", "DeviceRequests": null, "Devices": [], "Dns": [], "ExtraHosts": null,
    "GroupAdd": null, "IpcMode": "private", "Isolation": "", "Links": null,
    "LogConfig": { "Type": "json-file", "Config": {} }, "MaskedPaths": ["/proc/kcore", "/sys/firmware"],
    "Memory": 0, "MemorySwappiness": null, "NanoCpus": 0, "NetworkMode": "default", "OomKillDisable": false,
    "OomScoreAdj": 0, "PidMode": "", "PidsLimit": null, "PortBindings": {}, "Privileged": false,
    "PublishAllPorts": false, "ReadonlyPaths": ["/proc/sys"], "ReadonlyRootfs": false,
    "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 }, "Runtime": "runc", "SecurityOpt": null,
    "ShmSize": 67108864, "UTSMode": "", "Ulimits": [], "UsernsMode": "", "VolumeDriver": "",
    "VolumesFrom": null
}"#;

fn host_defaults() -> Map<String, Value> {
    serde_json::from_str(HOST_DEFAULTS).unwrap_or_default()
}

impl State {
    pub(super) fn create(
        &mut self,
        actor: Actor,
        name: &ContainerName,
        request: &Map<String, Value>,
        platform: &Platform,
    ) -> Result<ContainerId, EngineError> {
        if let Some(holder) = self.by_name(name.as_str()) {
            let message =
                format!("The container name \"/{name}\" is already in use by container \"{}\"", holder.id);
            return Err(refused(CREATE, 409, message));
        }
        self.no_space(CREATE)?;
        let written = text(request, "Image");
        let image = self
            .store
            .find(written)
            .ok_or_else(|| refused(CREATE, 404, format!("No such image: {written}")))?;
        let variant = image.variant(platform).cloned().ok_or_else(|| {
            refused(CREATE, 404, format!("image {written} was found but is not for {platform}"))
        })?;
        let image_id = image.id.clone();

        let mut host_config = host_defaults();
        host_config.extend(object(request, "HostConfig").into_iter().filter(|(_, v)| !v.is_null()));
        let mut asked = request.clone();
        asked.remove("HostConfig");
        asked.remove("NetworkingConfig");
        self.check_modes(&asked, &mut host_config)?;
        let links = self.take_links(&mut host_config)?;
        let endpoints = self.first_endpoint(request, &host_config)?;

        let mut config = merge_image_defaults(&asked, &variant.config);
        let id: ContainerId =
            self.fresh_hex("container").parse().map_err(|_| refused(CREATE, 500, "no id"))?;
        self.name_host(&id, &host_config, &mut config);
        let mounts = self.make_mounts(&config, &host_config)?;
        let family = self.family_for(name);
        let made_while_down = !self.containers.values().any(|c| c.family == family && c.is_up());
        let created = self.date();
        let container = Container {
            id: id.clone(),
            name: name.clone(),
            standing: Standing {
                proven: actor != Actor::Lodeman || !is_reserved_name(name),
                made_while_down,
            },
            family,
            created,
            image: image_id,
            manifest: variant.manifest_digest,
            platform: variant.platform,
            behaviour: variant.behaviour,
            config,
            host_config,
            endpoints,
            mounts,
            links,
            state: RunState::Created,
            pid: 0,
            exit_code: 0,
            error: String::new(),
            oom_killed: false,
            started_at: None,
            finished_at: None,
            restart_count: 0,
            health: None,
            stopped_by_hand: false,
            pending_stop: None,
            run: 0,
            up_since: None,
            ports: BTreeMap::new(),
            listed_as: None,
            missing_from_list: false,
            log: Vec::new(),
            files: BTreeMap::new(),
        };
        self.containers.insert(id.clone(), container);
        self.emit(&id, EventAction::Create);
        Ok(id)
    }

    /// Refuses what cannot go together, and stores other containers by id.
    fn check_modes(
        &self,
        asked: &Map<String, Value>,
        host_config: &mut Map<String, Value>,
    ) -> Result<(), EngineError> {
        for key in ["NetworkMode", "PidMode", "IpcMode"] {
            let Some(other) = text(host_config, key).strip_prefix("container:") else { continue };
            let Some(provider) = self.lookup(other) else {
                return Err(refused(CREATE, 404, format!("No such container: {other}")));
            };
            let by_id = json!(format!("container:{}", provider.id));
            host_config.insert(key.to_owned(), by_id);
        }
        let shared = text(host_config, "NetworkMode").starts_with("container:");
        let conflict =
            |what: &str| refused(CREATE, 400, format!("conflicting options: {what} and the network mode"));
        if shared && !text(asked, "Hostname").is_empty() {
            return Err(conflict("hostname"));
        }
        for key in ["ExposedPorts", "MacAddress"] {
            if shared && asked.get(key).is_some_and(|v| !is_blank(v)) {
                return Err(conflict(key));
            }
        }
        for key in ["PortBindings", "Dns", "ExtraHosts", "Links"] {
            if shared && host_config.get(key).is_some_and(|v| !is_blank(v)) {
                return Err(conflict(key));
            }
        }
        if text(host_config, "UTSMode") == "host" && !text(asked, "Hostname").is_empty() {
            return Err(conflict("hostname"));
        }
        if self.api_at_least((1, 45)) && matches!(text(host_config, "NetworkMode"), "" | "default") {
            host_config.insert("NetworkMode".to_owned(), json!("bridge"));
        }
        Ok(())
    }

    fn take_links(
        &self,
        host_config: &mut Map<String, Value>,
    ) -> Result<Vec<(ContainerId, String)>, EngineError> {
        let mut links = Vec::new();
        for entry in strings(host_config, "Links") {
            let (target, alias) = entry.split_once(':').unwrap_or((&entry, &entry));
            if target.is_empty() || alias.contains('/') {
                return Err(refused(CREATE, 400, format!("invalid link: {entry}")));
            }
            let Some(container) = self.lookup(target) else {
                return Err(refused(CREATE, 400, format!("could not get container for {target}")));
            };
            links.push((container.id.clone(), alias.to_owned()));
        }
        host_config.insert("Links".to_owned(), Value::Null);
        Ok(links)
    }

    /// The endpoint that the create call itself makes.
    fn first_endpoint(
        &self,
        request: &Map<String, Value>,
        host_config: &Map<String, Value>,
    ) -> Result<BTreeMap<String, Endpoint>, EngineError> {
        let mode = text(host_config, "NetworkMode");
        let asked = object(&object(request, "NetworkingConfig"), "EndpointsConfig");
        if asked.len() > 1 && !self.api_at_least((1, 44)) {
            return Err(refused(CREATE, 400, "Container cannot be connected to network endpoints"));
        }
        if mode.starts_with("container:") {
            return Ok(BTreeMap::new());
        }
        if matches!(mode, "host" | "none") {
            return Ok(BTreeMap::from([(mode.to_owned(), Endpoint::default())]));
        }
        let primary = if matches!(mode, "" | "default") { "bridge" } else { mode };
        if !self.networks.contains_key(primary) {
            return Err(refused(CREATE, 404, format!("network {primary} not found")));
        }
        let mut endpoints = BTreeMap::from([(primary.to_owned(), Endpoint::default())]);
        for (name, settings) in asked {
            let settings = settings.as_object().cloned().unwrap_or_default();
            check_endpoint(CREATE, &name, &settings)?;
            endpoints.insert(name, Endpoint { settings, address: None });
        }
        Ok(endpoints)
    }

    fn name_host(&self, id: &ContainerId, host_config: &Map<String, Value>, config: &mut Map<String, Value>) {
        let mode = text(host_config, "NetworkMode");
        if !text(config, "Hostname").is_empty() {
            return;
        }
        let provider = mode.strip_prefix("container:").and_then(|other| self.lookup(other));
        let name = match provider {
            Some(provider) => text(&provider.config, "Hostname").to_owned(),
            None if mode == "host" => self.options.host_name.clone(),
            None => id.short().to_owned(),
        };
        config.insert("Hostname".to_owned(), json!(name));
    }

    /// Mounts in the engine's order: lent ones, then binds, then the rest, then what the image declares.
    fn make_mounts(
        &mut self,
        config: &Map<String, Value>,
        host_config: &Map<String, Value>,
    ) -> Result<Vec<Mount>, EngineError> {
        let mut mounts: BTreeMap<String, Mount> = BTreeMap::new();
        for entry in strings(host_config, "VolumesFrom") {
            let (other, mode) = entry.split_once(':').unwrap_or((&entry, "rw"));
            let Some(lender) = self.lookup(other) else {
                return Err(refused(CREATE, 404, format!("No such container: {other}")));
            };
            for mount in &lender.mounts {
                let read_write = mount.read_write && mode != "ro";
                let lent = Mount { read_write, anonymous: false, ..mount.clone() };
                mounts.insert(mount.destination.clone(), lent);
            }
        }
        for entry in strings(host_config, "Binds") {
            let mut parts = entry.splitn(3, ':');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next());
            let read_write = !parts.next().unwrap_or_default().split(',').any(|o| o == "ro");
            let mount = match second {
                Some(path) if first.starts_with('/') => bind(first, path, read_write),
                Some(path) => self.volume(first, path, read_write),
                None => self.volume("", first, true),
            };
            mounts.insert(mount.destination.clone(), mount);
        }
        for entry in objects(host_config, "Mounts") {
            let read_write = !entry.get("ReadOnly").and_then(Value::as_bool).unwrap_or(false);
            let (source, target) = (text(&entry, "Source"), text(&entry, "Target"));
            let mount = match text(&entry, "Type") {
                "volume" if source.is_empty() && !read_write => {
                    return Err(refused(
                        CREATE,
                        400,
                        "must not set ReadOnly mode when using anonymous volumes",
                    ));
                }
                "volume" => self.volume(source, target, read_write),
                "bind" => bind(source, target, read_write),
                _ => continue,
            };
            mounts.insert(mount.destination.clone(), mount);
        }
        for path in object(config, "Volumes").keys() {
            let path = clean_path(path);
            if let Entry::Vacant(free) = mounts.entry(path) {
                let mount = self.volume("", free.key(), true);
                free.insert(mount);
            }
        }
        Ok(mounts.into_values().collect())
    }

    fn volume(&mut self, name: &str, destination: &str, read_write: bool) -> Mount {
        let anonymous = name.is_empty();
        let name = if anonymous { self.fresh_hex("volume") } else { name.to_owned() };
        self.volumes.entry(name.clone()).or_default();
        Mount { kind: "volume", source: name, destination: clean_path(destination), read_write, anonymous }
    }

    pub(super) fn connect(
        &mut self,
        id: &ContainerId,
        network: &str,
        settings: &Map<String, Value>,
    ) -> Result<(), EngineError> {
        const CONNECT: &str = "connect a network";
        self.no_space(CONNECT)?;
        if !self.networks.contains_key(network) {
            return Err(refused(CONNECT, 404, format!("network {network} not found")));
        }
        check_endpoint(CONNECT, network, settings)?;
        let container = self.get(CONNECT, id)?;
        let mode = container.network_mode();
        if matches!(mode, "host" | "none") || mode.starts_with("container:") {
            return Err(refused(
                CONNECT,
                403,
                "container cannot be connected to several networks in this mode",
            ));
        }
        if container.endpoints.contains_key(network) {
            let message =
                format!("endpoint with name {} already exists in network {network}", container.name);
            return Err(refused(CONNECT, 403, message));
        }
        let up = container.is_up();
        container
            .endpoints
            .insert(network.to_owned(), Endpoint { settings: settings.clone(), address: None });
        if up { self.assign_addresses(CONNECT, id) } else { Ok(()) }
    }
}

fn bind(source: &str, destination: &str, read_write: bool) -> Mount {
    let destination = clean_path(destination);
    Mount { kind: "bind", source: source.to_owned(), destination, read_write, anonymous: false }
}

/// The default bridge takes neither aliases nor static addresses.
fn check_endpoint(
    action: &'static str,
    network: &str,
    settings: &Map<String, Value>,
) -> Result<(), EngineError> {
    if network != "bridge" {
        return Ok(());
    }
    for key in ["Aliases", "IPAMConfig"] {
        if settings.get(key).is_some_and(|value| !is_blank(value)) {
            let message = format!("{key} is supported for containers in user defined networks only");
            return Err(refused(action, 400, message));
        }
    }
    Ok(())
}
