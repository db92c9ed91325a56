//! What a container has from its image, and what is left without it.
//!
//! [`merge_image_defaults`] is what an engine does when it makes a container; [`subtract`] is its
//! inverse, as far as there is one: a user's setting that equals the image's cannot be told from the
//! image's, and follows the image from then on.

use serde_json::{Map, Value};

use super::command;
use super::value::{clean_path, is_blank, object, set_or_remove, strings, text};

/// Settings where a request's value simply replaces the image's.
const SCALARS: [&str; 4] = ["User", "StopSignal", "Shell", "WorkingDir"];

/// Settings that say whose image this is and are never part of a request.
const NEVER_SENT: [&str; 2] = ["OnBuild", "ArgsEscaped"];

fn env_key(entry: &str) -> &str {
    entry.split_once('=').map_or(entry, |(key, _)| key)
}

fn same_scalar(key: &str, ours: &Value, images: &Value) -> bool {
    if key == "WorkingDir" {
        // The engine stores the image's path cleaned.
        return clean_path(ours.as_str().unwrap_or_default())
            == clean_path(images.as_str().unwrap_or_default());
    }
    ours == images
}

/// Takes out of a container's `Config` everything it has from its image's.
///
/// Volumes and exposed ports that the image declares go too; what must stay for another reason
/// (a published port, a volume with data) is put back by the caller.
pub(super) fn subtract(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let image_env = strings(image, "Env");
    let env: Vec<Value> =
        strings(config, "Env").into_iter().filter(|e| !image_env.contains(e)).map(Value::String).collect();
    set_or_remove(config, "Env", Value::Array(env));

    command::subtract(config, image);

    for key in SCALARS {
        let ours = config.get(key).cloned().unwrap_or_default();
        let images = image.get(key).cloned().unwrap_or_default();
        if is_blank(&ours) || same_scalar(key, &ours, &images) {
            config.remove(key);
        }
    }

    let image_labels = object(image, "Labels");
    let mut labels = object(config, "Labels");
    labels.retain(|key, value| image_labels.get(key) != Some(value));
    set_or_remove(config, "Labels", Value::Object(labels));

    let image_ports = object(image, "ExposedPorts");
    let mut ports = object(config, "ExposedPorts");
    ports.retain(|port, _| !image_ports.contains_key(port));
    set_or_remove(config, "ExposedPorts", Value::Object(ports));

    let image_volumes: Vec<String> = object(image, "Volumes").keys().map(|p| clean_path(p)).collect();
    let mut volumes = object(config, "Volumes");
    volumes.retain(|path, _| !image_volumes.contains(&clean_path(path)));
    set_or_remove(config, "Volumes", Value::Object(volumes));

    subtract_healthcheck(config, image);
    for key in NEVER_SENT {
        config.remove(key);
    }
}

fn subtract_healthcheck(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let images = object(image, "Healthcheck");
    let mut ours = object(config, "Healthcheck");
    ours.retain(|key, value| {
        let unset = is_blank(value) || value.as_i64() == Some(0);
        !unset && images.get(key) != Some(value)
    });
    set_or_remove(config, "Healthcheck", Value::Object(ours));
}

/// The `Config` a container gets when an engine makes it from `request` and an image with `image`.
///
/// A model of Docker Engine's rule, held against real engines by the contract suite. Used by the fake,
/// and to tell whether a container is the one a plan describes.
#[must_use]
pub fn merge_image_defaults(request: &Map<String, Value>, image: &Map<String, Value>) -> Map<String, Value> {
    let mut config = request.clone();
    for key in SCALARS {
        if config.get(key).is_none_or(is_blank)
            && let Some(default) = image.get(key).filter(|v| !is_blank(v))
        {
            config.insert(key.to_owned(), default.clone());
        }
    }
    let directory = text(&config, "WorkingDir").to_owned();
    if !directory.is_empty() {
        config.insert("WorkingDir".to_owned(), Value::String(clean_path(&directory)));
    }

    let mut env = strings(&config, "Env");
    let stated: Vec<String> = env.iter().map(|e| env_key(e).to_owned()).collect();
    env.extend(strings(image, "Env").into_iter().filter(|e| !stated.iter().any(|k| k == env_key(e))));
    config.insert("Env".to_owned(), Value::Array(env.into_iter().map(Value::String).collect()));

    for key in ["Labels", "ExposedPorts", "Volumes"] {
        let mut merged = object(image, key);
        merged.extend(object(&config, key));
        // The engine always shows labels, and shows the others only where there are any.
        if !merged.is_empty() || key == "Labels" {
            config.insert(key.to_owned(), Value::Object(merged));
        }
    }
    command::merge(&mut config, image);

    let images = object(image, "Healthcheck");
    let mut check = object(&config, "Healthcheck");
    for (key, default) in &images {
        if check.get(key).is_none_or(|v| is_blank(v) || v.as_i64() == Some(0)) {
            check.insert(key.clone(), default.clone());
        }
    }
    set_or_remove(&mut config, "Healthcheck", Value::Object(check));
    config
}
