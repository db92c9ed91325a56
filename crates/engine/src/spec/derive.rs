//! From an inspect to a create request.

use lodeman_domain::digest::Digest;
use lodeman_domain::image::ImageReference;
use serde_json::{Map, Value, json};

use super::network::{self, Mode, SHARED, mode_of};
use super::value::{
    clean_path, is_blank, is_default, object, objects, set_or_remove, strings, text, version,
};
use super::{CreateSpec, NotCarried, Plan, Source, defaults, mounts, refuse};

/// The label in which compose keeps the id of the image it created a container from.
pub(super) const COMPOSE_IMAGE: &str = "com.docker.compose.image";

/// A label that Docker Sentinel leaves on containers it was killed over.
const FOREIGN_MAINTENANCE: &str = "sentinel.maintenance";

/// The plan of a replacement made from `target`.
///
/// `new_image_id` is the id of the pulled image, where it is known: compose keeps it in a label.
///
/// # Errors
/// [`NotCarried`] naming the first setting that the replacement would not have.
pub fn derive(
    source: &Source<'_>,
    target: &ImageReference,
    new_image_id: Option<&Digest>,
) -> Result<Plan, NotCarried> {
    build(source, &target.to_string(), new_image_id)
}

/// The plan of the container itself, to be made again from its own image by id: what is kept sealed
/// for the case that the container is gone.
///
/// # Errors
/// [`NotCarried`] as [`derive()`], and when the engine tells no image id.
pub fn restore(source: &Source<'_>) -> Result<Plan, NotCarried> {
    let Some(image) = source.container.image_id() else {
        return Err(NotCarried::new("Image", "the engine tells no image id"));
    };
    build(source, image.as_str(), None)
}

/// Paths that the new image declares as volumes and the plan does not mount: they become new
/// anonymous volumes, which the user should hear of. Sorted.
#[must_use]
pub fn new_volume_paths(plan: &Plan, new_image_config: &Map<String, Value>) -> Vec<String> {
    let host_config = plan.spec.host_config();
    let mounted: Vec<String> = mounts::wanted(&host_config).into_iter().map(|m| m.destination).collect();
    let tmpfs: Vec<String> = object(&host_config, "Tmpfs").keys().map(|p| clean_path(p)).collect();
    let declared = object(new_image_config, "Volumes");
    let mut paths: Vec<String> = declared
        .keys()
        .map(|path| clean_path(path))
        .filter(|path| !mounted.contains(path) && !tmpfs.contains(path))
        .collect();
    paths.sort();
    paths
}

pub(super) fn build(
    source: &Source<'_>,
    image: &str,
    new_image_id: Option<&Digest>,
) -> Result<Plan, NotCarried> {
    let container = source.container;
    let mut config = container.section("Config");
    let mut host_config = container.section("HostConfig");

    resolve_references(source, &mut host_config)?;
    let anonymous_volumes = mounts::reattach(container, &mut config, &mut host_config)?;
    defaults::subtract(&mut config, source.image_config);
    host_names(source, &host_config, &mut config);
    labels(&mut config, new_image_id);
    expose_published(&host_config, &mut config);
    let (endpoints, networks) = network::apply(source, &mut config, &mut host_config)?;
    check_versions(source, &config, &host_config)?;

    let mut warnings = Vec::new();
    for port in dynamic_ports(&host_config) {
        warnings
            .push(format!("port {port} is published on a host port chosen at each start: it will change"));
    }

    config.insert("Image".to_owned(), json!(image));
    config.retain(|key, value| !is_blank(value) || key == "Entrypoint");
    config.insert("HostConfig".to_owned(), Value::Object(host_config));
    if !endpoints.is_empty() {
        config.insert("NetworkingConfig".to_owned(), json!({ "EndpointsConfig": endpoints }));
    }
    Ok(Plan { spec: CreateSpec(config), networks, anonymous_volumes, warnings })
}

/// Replaces ids of other containers by their names: an id dies with its container, a name stays.
fn resolve_references(source: &Source<'_>, host_config: &mut Map<String, Value>) -> Result<(), NotCarried> {
    for key in ["NetworkMode", "IpcMode", "PidMode", "UsernsMode"] {
        let Some(other) = text(host_config, key).strip_prefix(SHARED).map(str::to_owned) else { continue };
        let Some(name) = (source.resolve)(&other) else {
            let reason = format!("it shares a namespace of `{other}`, which does not exist any more");
            return Err(NotCarried::new(format!("HostConfig.{key}"), reason));
        };
        host_config.insert(key.to_owned(), json!(format!("{SHARED}{name}")));
    }

    let mut lenders = Vec::new();
    for entry in strings(host_config, "VolumesFrom") {
        let (other, mode) = entry.split_once(':').map_or((entry.as_str(), None), |(o, m)| (o, Some(m)));
        let Some(name) = (source.resolve)(other) else {
            let reason = format!("it takes volumes from `{other}`, which does not exist any more");
            return Err(NotCarried::new("HostConfig.VolumesFrom", reason));
        };
        lenders.push(mode.map_or_else(|| name.to_string(), |mode| format!("{name}:{mode}")));
    }
    if !lenders.is_empty() {
        host_config.insert("VolumesFrom".to_owned(), json!(lenders));
    }

    let mut links = Vec::new();
    for entry in strings(host_config, "Links") {
        let Some(link) = plain_link(&entry) else {
            return Err(NotCarried::new("HostConfig.Links", format!("`{entry}` is not a link")));
        };
        if link.split(':').next().is_some_and(refuse::is_reserved_text) {
            let reason = format!("`{entry}` points at a container that is being replaced");
            return Err(NotCarried::new("HostConfig.Links", reason));
        }
        links.push(link);
    }
    if !links.is_empty() {
        links.sort();
        host_config.insert("Links".to_owned(), json!(links));
    }
    Ok(())
}

/// `/target:/self/alias`, as an inspect shows a link, in the form a request takes: `target:alias`.
pub(super) fn plain_link(entry: &str) -> Option<String> {
    let (target, alias) = entry.split_once(':')?;
    let target = target.trim_start_matches('/');
    let alias = alias.rsplit('/').next()?;
    (!target.is_empty() && !alias.is_empty()).then(|| format!("{target}:{alias}"))
}

/// Drops host names that the engine made up.
fn host_names(source: &Source<'_>, host_config: &Map<String, Value>, config: &mut Map<String, Value>) {
    let hostname = text(config, "Hostname");
    let generated = hostname == source.container.id().short()
        || text(host_config, "UTSMode") == "host"
        || (text(host_config, "NetworkMode") == "host" && hostname == source.host_name);
    if generated {
        config.remove("Hostname");
    }
}

fn labels(config: &mut Map<String, Value>, new_image_id: Option<&Digest>) {
    let mut labels = object(config, "Labels");
    labels.remove(FOREIGN_MAINTENANCE);
    if let (Some(label), Some(id)) = (labels.get_mut(COMPOSE_IMAGE), new_image_id) {
        *label = json!(id.as_str());
    }
    set_or_remove(config, "Labels", Value::Object(labels));
}

/// A published port stays exposed even where only the old image exposed it.
pub(super) fn expose_published(host_config: &Map<String, Value>, config: &mut Map<String, Value>) {
    let mut ports = object(config, "ExposedPorts");
    for port in object(host_config, "PortBindings").keys() {
        ports.insert(port.clone(), json!({}));
    }
    set_or_remove(config, "ExposedPorts", Value::Object(ports));
}

fn dynamic_ports(host_config: &Map<String, Value>) -> Vec<String> {
    if mode_of(text(host_config, "NetworkMode")) == Mode::Detached {
        return Vec::new();
    }
    let dynamic = |bindings: &Value| {
        let list = bindings.as_array().map(Vec::as_slice).unwrap_or_default();
        let chosen = |b: &Value| matches!(b.get("HostPort").and_then(Value::as_str), None | Some("" | "0"));
        list.is_empty() || list.iter().any(chosen)
    };
    let bindings = object(host_config, "PortBindings");
    bindings.iter().filter(|(_, b)| dynamic(b)).map(|(port, _)| port.clone()).collect()
}

/// Stops at a setting that the spoken API version would drop without a word or refuse.
fn check_versions(
    source: &Source<'_>,
    config: &Map<String, Value>,
    host_config: &Map<String, Value>,
) -> Result<(), NotCarried> {
    let spoken = version(source.api_version);
    let mut asks: Vec<(String, (u32, u32))> = Vec::new();
    if object(config, "Healthcheck").get("StartInterval").is_some_and(|v| !is_default(v)) {
        asks.push(("Config.Healthcheck.StartInterval".to_owned(), (1, 44)));
    }
    if host_config.get("Annotations").is_some_and(|v| !is_blank(v)) {
        asks.push(("HostConfig.Annotations".to_owned(), (1, 43)));
    }
    for mount in objects(host_config, "Mounts") {
        let target = text(&mount, "Target");
        if object(&mount, "VolumeOptions").get("Subpath").is_some_and(|v| !is_blank(v)) {
            asks.push((format!("HostConfig.Mounts `{target}` Subpath"), (1, 45)));
        }
        if text(&mount, "Type") == "image" {
            asks.push((format!("HostConfig.Mounts `{target}` of type image"), (1, 48)));
        }
    }
    for (field, needed) in asks {
        if spoken < needed {
            return Err(NotCarried::new(field, format!("it needs API version {}.{}", needed.0, needed.1)));
        }
    }
    Ok(())
}
