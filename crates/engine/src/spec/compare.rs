//! Telling whether a container is what a plan asked for, and whether two differ by their image only.

use lodeman_domain::container::ContainerName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::defaults::{merge_image_defaults, subtract};
use super::derive::{COMPOSE_IMAGE, build, expose_published, plain_link};
use super::mounts::{WantedMount, wanted};
use super::network::{Mode, SHARED, mode_of, network_of_mode, user_settings};
use super::value::{clean_path, is_blank, is_default, object, pruned, sha256_hex, strings, text};
use super::{CreateSpec, Plan, Source};
use crate::ContainerInspect;

/// One setting in which two containers differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldDiff {
    /// Path of the setting in a create request, or `Networks.<name>`.
    pub field: String,
    /// Its value in the first; null where it is not set.
    pub old: Value,
    /// Its value in the second; null where it is not set.
    pub new: Value,
}

/// SHA-256, in hex, over the create request of a plan in canonical form: keys sorted, blank settings
/// left out. The networks connected later are not part of it, because a create call that was
/// interrupted left a container without them.
#[must_use]
pub fn plan_hash(plan: &Plan) -> String {
    hash_json(&normalised(&plan.spec))
}

/// SHA-256 over a JSON value in a canonical order of keys, in hex.
#[must_use]
pub fn hash_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    sha256_hex(&text)
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The request without blank settings and with one spelling for the default network.
fn normalised(spec: &CreateSpec) -> Value {
    let mut request = spec.0.clone();
    let mut host_config = spec.host_config();
    if mode_of(text(&host_config, "NetworkMode")) == Mode::Connected {
        let network = network_of_mode(text(&host_config, "NetworkMode")).to_owned();
        host_config.insert("NetworkMode".to_owned(), json!(network));
    }
    host_config.retain(|_, value| !is_default(value));
    request.insert("HostConfig".to_owned(), Value::Object(host_config));
    pruned(&Value::Object(request))
}

/// Whether `created` is a container made from the plan's create request, its later networks aside:
/// how our own replacement is recognised after the answer to its creation was lost.
#[must_use]
pub fn is_made_by(plan: &Plan, created: &Source<'_>) -> bool {
    let Ok(again) = build(created, plan.spec.image(), None) else { return false };
    let primary_kept = super::network::primary_of(&again.spec) == super::network::primary_of(&plan.spec);
    // Volumes that were declared and not named are new ones, which the plan cannot have known.
    let wanted: Vec<String> = wanted(&plan.spec.host_config()).into_iter().map(|m| m.destination).collect();
    let fresh: Vec<String> = again.anonymous_volumes.iter().map(|v| v.destination.clone()).collect();
    let fresh: Vec<String> = fresh.into_iter().filter(|path| !wanted.contains(path)).collect();
    let declared = |config: &Map<String, Value>| {
        object(config, "Volumes").keys().map(|path| clean_path(path)).collect::<Vec<String>>()
    };
    let (by_user, by_image) = (declared(&plan.spec.0), declared(created.image_config));
    let explained = fresh.iter().all(|path| by_user.contains(path) || by_image.contains(path));
    let expected = CreateSpec(seen_through(&plan.spec, created.image_config));
    let same_image = created.container.image_reference() == plan.spec.image();
    let same_endpoint = sorted(plan.spec.endpoints()) == sorted(again.spec.endpoints());
    let same_rest = flat(&expected, &[]) == flat(&again.spec, &fresh);
    same_image && primary_kept && same_endpoint && explained && same_rest
}

/// The request as it reads once its container was made from an image with `image_config` and what
/// comes from that image is taken away again: a user's setting that equals the new image's default
/// is gone from both sides.
fn seen_through(spec: &CreateSpec, image_config: &Map<String, Value>) -> Map<String, Value> {
    let mut config = merge_image_defaults(&spec.config(), image_config);
    subtract(&mut config, image_config);
    expose_published(&spec.host_config(), &mut config);
    for key in ["HostConfig", "NetworkingConfig"] {
        if let Some(value) = spec.0.get(key) {
            config.insert(key.to_owned(), value.clone());
        }
    }
    config
}

/// In what a container that was just made and connected differs from its plan, as sentences; empty
/// when it is what was asked for. An engine may drop a setting without a word: this notices, while
/// the old container is still untouched.
#[must_use]
pub fn matches_created(plan: &Plan, created: &ContainerInspect) -> Vec<String> {
    let mut differences = Vec::new();
    if created.image_reference() != plan.spec.image() {
        differences.push(format!(
            "its image is `{}`, not `{}`",
            created.image_reference(),
            plan.spec.image()
        ));
    }
    let mounts = created.mounts();
    for WantedMount { destination, source, read_write } in wanted(&plan.spec.host_config()) {
        let found = mounts.iter().any(|m| {
            clean_path(&m.destination) == destination
                && m.read_write == read_write
                && (if m.kind == "volume" { m.name == source } else { m.source == source })
        });
        if !found {
            differences.push(format!("`{source}` is not mounted at `{destination}` as asked"));
        }
    }
    compare_networks(plan, created, &mut differences);
    compare_host_config(plan, created, &mut differences);
    compare_config(plan, created, &mut differences);
    differences
}

fn compare_networks(plan: &Plan, created: &ContainerInspect, differences: &mut Vec<String>) {
    let host_config = plan.spec.host_config();
    if mode_of(text(&host_config, "NetworkMode")) == Mode::Detached {
        return;
    }
    let (asked, got) = (plan.network_names(), created.networks());
    if asked != got {
        differences.push(format!("its networks are [{}], not [{}]", got.join(", "), asked.join(", ")));
    }
    let networks = object(&created.section("NetworkSettings"), "Networks");
    let first = plan.spec.endpoints();
    let first = first.iter().map(|(name, config)| (name, config.as_object().cloned().unwrap_or_default()));
    let others = plan.networks.iter().map(|n| (&n.network, n.config.clone()));
    for (name, mut asked) in first.chain(others) {
        let endpoint = networks.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut got = user_settings(name, &endpoint, created.id().short(), "1.51").unwrap_or_default();
        // An address of the link layer cannot be told from a generated one.
        asked.remove("MacAddress");
        sort_lists(&mut asked);
        sort_lists(&mut got);
        if asked != got {
            differences.push(format!("its settings on network `{name}` are not the ones asked for"));
        }
    }
}

fn sort_lists(endpoint: &mut Map<String, Value>) {
    for key in ["Aliases", "Links"] {
        let mut list = strings(endpoint, key);
        list.sort();
        list.dedup();
        if !list.is_empty() {
            endpoint.insert(key.to_owned(), json!(list));
        }
    }
}

fn compare_host_config(plan: &Plan, created: &ContainerInspect, differences: &mut Vec<String>) {
    let got = created.section("HostConfig");
    for (key, asked) in &plan.spec.host_config() {
        let seen = got.get(key).unwrap_or(&Value::Null);
        let same = match key.as_str() {
            "NetworkMode" | "IpcMode" | "PidMode" | "UsernsMode" => same_mode(asked, seen),
            "Links" => {
                let mut links: Vec<String> =
                    strings(&got, key).iter().filter_map(|l| plain_link(l)).collect();
                links.sort();
                json!(links) == *asked || is_default(asked)
            }
            // Written with a name, shown with a name or an id.
            "VolumesFrom" => {
                asked.as_array().map(Vec::len) == seen.as_array().map(Vec::len) || is_default(asked)
            }
            _ => is_default(asked) || pruned(asked) == pruned(seen),
        };
        if !same {
            differences.push(format!("`HostConfig.{key}` is {seen}, not {asked}"));
        }
    }
}

fn same_mode(asked: &Value, seen: &Value) -> bool {
    let (asked, seen) = (asked.as_str().unwrap_or_default(), seen.as_str().unwrap_or_default());
    let shared = asked.starts_with(SHARED) && seen.starts_with(SHARED);
    asked == seen || shared || network_of_mode(asked) == network_of_mode(seen)
}

fn compare_config(plan: &Plan, created: &ContainerInspect, differences: &mut Vec<String>) {
    let got = created.section("Config");
    for (key, asked) in &plan.spec.config() {
        let seen = got.get(key).unwrap_or(&Value::Null);
        let same = match key.as_str() {
            "Image" => true,
            "Env" => {
                let seen = strings(&got, key);
                strings(&plan.spec.0, key).iter().all(|entry| seen.contains(entry))
            }
            "Labels" | "Volumes" | "ExposedPorts" | "Healthcheck" => {
                let seen = object(&got, key);
                object(&plan.spec.0, key).iter().all(|(k, v)| seen.get(k) == Some(v))
            }
            "Entrypoint" => {
                let cleared = asked == &json!([""]) || is_default(asked);
                if cleared { is_default(seen) } else { asked == seen }
            }
            _ => is_default(asked) || asked == seen,
        };
        if !same {
            differences.push(format!("`{key}` is {seen}, not {asked}"));
        }
    }
}

/// In what two containers differ beyond what their images explain: empty when `new` is the faithful
/// replacement of `old`. Generated names, addresses and ids do not count.
#[must_use]
pub fn changed_beyond_image(
    old: &ContainerInspect,
    new: &ContainerInspect,
    old_image_config: &Map<String, Value>,
    new_image_config: &Map<String, Value>,
) -> Vec<FieldDiff> {
    let by_itself = |id: &str| id.parse::<ContainerName>().ok();
    let plan_of = |container, image_config| {
        let source =
            Source { container, image_config, api_version: "1.51", resolve: &by_itself, host_name: "" };
        build(&source, "same", None)
    };
    let (before, after) = match (plan_of(old, old_image_config), plan_of(new, new_image_config)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => {
            let reason = json!(error.to_string());
            return vec![FieldDiff { field: error.field, old: reason.clone(), new: reason }];
        }
    };
    let before_networks = endpoints_of(&before);
    let after_networks = endpoints_of(&after);
    let declared_only = fresh_volumes(&after, old);
    let before = flat(&CreateSpec(seen_through(&before.spec, new_image_config)), &[]);
    let after = flat(&after.spec, &declared_only);

    let mut diffs = differing("", &before, &after);
    diffs.extend(differing("Networks.", &before_networks, &after_networks));
    diffs
}

/// Destinations of volumes that the new image brought and the old container did not mount.
fn fresh_volumes(after: &Plan, old: &ContainerInspect) -> Vec<String> {
    let mounted: Vec<String> = old.mounts().into_iter().map(|m| m.destination).collect();
    let fresh = after.anonymous_volumes.iter().map(|v| v.destination.clone());
    fresh.filter(|path| !mounted.contains(path)).collect()
}

fn endpoints_of(plan: &Plan) -> Map<String, Value> {
    let mut all = Map::new();
    for name in plan.network_names() {
        all.insert(name, json!({}));
    }
    all.extend(plan.spec.endpoints());
    all.extend(plan.networks.iter().map(|n| (n.network.clone(), Value::Object(n.config.clone()))));
    sorted(all)
}

fn sorted(mut endpoints: Map<String, Value>) -> Map<String, Value> {
    for endpoint in endpoints.values_mut().filter_map(Value::as_object_mut) {
        sort_lists(endpoint);
    }
    endpoints
}

/// One level of keys: `HostConfig.X` beside `X`. Without the image and what compose notes about it.
fn flat(spec: &CreateSpec, without_mounts_at: &[String]) -> Map<String, Value> {
    let Value::Object(mut request) = normalised(spec) else { return Map::new() };
    let mut host_config = object(&request, "HostConfig");
    // Declared volumes stand among the mounts once there is a container.
    for key in ["HostConfig", "NetworkingConfig", "Image", "Volumes"] {
        request.remove(key);
    }
    if let Some(labels) = request.get_mut("Labels").and_then(Value::as_object_mut) {
        labels.remove(COMPOSE_IMAGE);
    }
    if let Some(Value::Array(mounts)) = host_config.get_mut("Mounts") {
        mounts.retain(|m| !without_mounts_at.iter().any(|path| m.get("Target") == Some(&json!(path))));
        for mount in mounts.iter_mut().filter_map(Value::as_object_mut) {
            // Attached again by name: the data is the same, whichever way it was asked for.
            if let Some(options) = mount.get_mut("VolumeOptions").and_then(Value::as_object_mut) {
                options.remove("NoCopy");
            }
        }
        mounts.sort_by_key(|m| m.get("Target").map(ToString::to_string));
    }
    request.extend(host_config.into_iter().map(|(key, value)| (format!("HostConfig.{key}"), value)));
    request.into_iter().map(|(key, value)| (key, pruned(&value))).filter(|(_, v)| !is_blank(v)).collect()
}

fn differing(prefix: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<FieldDiff> {
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let value = |map: &Map<String, Value>, key: &String| map.get(key).cloned().unwrap_or_default();
    keys.into_iter()
        .map(|key| FieldDiff { field: format!("{prefix}{key}"), old: value(old, key), new: value(new, key) })
        .filter(|diff| diff.old != diff.new && !(is_default(&diff.old) && is_default(&diff.new)))
        .collect()
}
