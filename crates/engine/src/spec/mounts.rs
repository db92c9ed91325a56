//! Which mounts a spec brings back by itself, and which must be named so that no data is lost.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::value::{clean_path, object, objects, set_or_remove, strings, text};
use super::{AnonymousVolume, NotCarried};
use crate::ContainerInspect;

/// Destination of one entry of `HostConfig.Binds`, and whether it names what to mount there.
fn bind(entry: &str) -> (String, bool) {
    match entry.split_once(':') {
        Some((source, rest)) => {
            let destination = rest.split(':').next().unwrap_or_default();
            (clean_path(destination), !source.is_empty())
        }
        None => (clean_path(entry), false),
    }
}

/// Paths at which the container's own `HostConfig` says what is mounted.
fn named_destinations(host_config: &Map<String, Value>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (destination, has_source) in strings(host_config, "Binds").iter().map(|b| bind(b)) {
        if has_source {
            named.insert(destination);
        }
    }
    for mount in objects(host_config, "Mounts") {
        if text(&mount, "Type") != "volume" || !text(&mount, "Source").is_empty() {
            named.insert(clean_path(text(&mount, "Target")));
        }
    }
    named.extend(object(host_config, "Tmpfs").keys().map(|path| clean_path(path)));
    named
}

/// Makes `host_config` and `config` mount again, by name, every volume that the engine would
/// otherwise replace by a new and empty one. Gives the list of them, sorted by destination.
///
/// # Errors
/// [`NotCarried`] for a mount that neither the container's configuration nor another container
/// explains, or a volume without a name.
pub(super) fn reattach(
    container: &ContainerInspect,
    config: &mut Map<String, Value>,
    host_config: &mut Map<String, Value>,
) -> Result<Vec<AnonymousVolume>, NotCarried> {
    let named = named_destinations(host_config);
    let inherits = !strings(host_config, "VolumesFrom").is_empty();
    let declared: BTreeSet<String> =
        object(&container.section("Config"), "Volumes").keys().map(|path| clean_path(path)).collect();
    let nameless = nameless_entries(host_config);

    let mut anonymous = Vec::new();
    for mount in container.mounts() {
        let destination = clean_path(&mount.destination);
        if named.contains(&destination) {
            continue;
        }
        // What another container lends comes back with `VolumesFrom`.
        if inherits && !declared.contains(&destination) && !nameless.contains(&destination) {
            continue;
        }
        if mount.kind != "volume" {
            let what = format!("the {} mount at `{destination}` is nowhere in its configuration", mount.kind);
            return Err(NotCarried::new("Mounts", what));
        }
        if mount.name.is_empty() {
            return Err(NotCarried::new("Mounts", format!("the volume at `{destination}` has no name")));
        }
        anonymous.push(AnonymousVolume { name: mount.name, destination, read_write: mount.read_write });
    }
    attach(&anonymous, host_config);
    drop_declared(&anonymous, config, host_config);
    Ok(anonymous)
}

/// Paths of volume entries in `HostConfig` that name no volume.
fn nameless_entries(host_config: &Map<String, Value>) -> BTreeSet<String> {
    let binds = strings(host_config, "Binds");
    let from_binds = binds.iter().map(|b| bind(b)).filter(|(_, named)| !named).map(|(path, _)| path);
    let mounts = objects(host_config, "Mounts");
    let from_mounts = mounts
        .iter()
        .filter(|m| text(m, "Type") == "volume" && text(m, "Source").is_empty())
        .map(|m| clean_path(text(m, "Target")));
    from_binds.chain(from_mounts).collect()
}

fn attach(anonymous: &[AnonymousVolume], host_config: &mut Map<String, Value>) {
    let mut mounts: Vec<Value> =
        host_config.get("Mounts").and_then(Value::as_array).cloned().unwrap_or_default();
    for volume in anonymous {
        let existing = mounts
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .find(|m| text(m, "Type") == "volume" && clean_path(text(m, "Target")) == volume.destination);
        if let Some(mount) = existing {
            // The user asked for an unnamed volume with options: they stay, the volume is named.
            mount.insert("Source".to_owned(), json!(volume.name));
            no_copy(mount);
            continue;
        }
        let mut mount = Map::new();
        mount.insert("Type".to_owned(), json!("volume"));
        mount.insert("Source".to_owned(), json!(volume.name));
        mount.insert("Target".to_owned(), json!(volume.destination));
        if !volume.read_write {
            mount.insert("ReadOnly".to_owned(), json!(true));
        }
        no_copy(&mut mount);
        mounts.push(Value::Object(mount));
    }
    if !anonymous.is_empty() {
        host_config.insert("Mounts".to_owned(), Value::Array(mounts));
    }
}

/// A volume that the user emptied stays empty: the engine would fill it from the new image.
fn no_copy(mount: &mut Map<String, Value>) {
    let mut options = object(mount, "VolumeOptions");
    options.insert("NoCopy".to_owned(), json!(true));
    mount.insert("VolumeOptions".to_owned(), Value::Object(options));
}

/// Removes the declarations that made these volumes.
fn drop_declared(
    anonymous: &[AnonymousVolume],
    config: &mut Map<String, Value>,
    host_config: &mut Map<String, Value>,
) {
    let reattached = |path: &str| anonymous.iter().any(|v| v.destination == clean_path(path));
    let mut volumes = object(config, "Volumes");
    volumes.retain(|path, _| !reattached(path));
    set_or_remove(config, "Volumes", Value::Object(volumes));
    if host_config.get("Binds").is_some_and(Value::is_array) {
        let binds = strings(host_config, "Binds").into_iter().filter(|entry| {
            let (path, has_source) = bind(entry);
            has_source || !reattached(&path)
        });
        let binds: Vec<Value> = binds.map(Value::String).collect();
        host_config.insert("Binds".to_owned(), Value::Array(binds));
    }
}

/// One mount that a spec asks for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedMount {
    /// Path in the container.
    pub(super) destination: String,
    /// Volume name or host path.
    pub(super) source: String,
    /// Whether the container may write.
    pub(super) read_write: bool,
}

/// The mounts that `host_config` asks for by name.
pub(super) fn wanted(host_config: &Map<String, Value>) -> Vec<WantedMount> {
    let mut wanted = Vec::new();
    for entry in strings(host_config, "Binds") {
        let mut parts = entry.splitn(3, ':');
        if let (Some(source), Some(destination)) = (parts.next(), parts.next()) {
            let options = parts.next().unwrap_or_default();
            wanted.push(WantedMount {
                destination: clean_path(destination),
                source: source.to_owned(),
                read_write: !options.split(',').any(|o| o == "ro"),
            });
        }
    }
    for mount in objects(host_config, "Mounts") {
        if matches!(text(&mount, "Type"), "volume" | "bind") && !text(&mount, "Source").is_empty() {
            wanted.push(WantedMount {
                destination: clean_path(text(&mount, "Target")),
                source: text(&mount, "Source").to_owned(),
                read_write: !mount.get("ReadOnly").and_then(Value::as_bool).unwrap_or(false),
            });
        }
    }
    wanted
}
