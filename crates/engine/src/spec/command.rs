//! Entrypoint and command: the pair in which the engine's inheritance has the most traps.
//!
//! The engine takes an image's command only when the request names neither an entrypoint nor a
//! command; it takes the image's entrypoint only when the request's is null. The request
//! `Entrypoint: [""]` clears the image's, is stored as null and keeps the image's command out.

use serde_json::{Map, Value, json};

use super::value::strings;

/// Takes out what a container's entrypoint and command have from its image.
pub(super) fn subtract(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let entrypoint = strings(config, "Entrypoint");
    let stated_empty = config.get("Entrypoint").is_some_and(|e| e.as_array().is_some_and(Vec::is_empty));
    let command = strings(config, "Cmd");
    let image_entrypoint = strings(image, "Entrypoint");
    let image_command = strings(image, "Cmd");
    let command_follows = command == image_command;

    if entrypoint == image_entrypoint {
        // An image's command that is missing here was kept out by an entrypoint of the user's own,
        // which happens to be the image's.
        if !entrypoint.is_empty() && command.is_empty() && !image_command.is_empty() {
            config.remove("Cmd");
            return;
        }
        config.remove("Entrypoint");
        if command_follows {
            config.remove("Cmd");
        }
    } else if entrypoint.is_empty() && stated_empty {
        config.insert("Entrypoint".to_owned(), json!([]));
        if command_follows {
            config.remove("Cmd");
        }
    } else if entrypoint.is_empty() {
        config.insert("Entrypoint".to_owned(), json!([""]));
    }
    if command.is_empty() {
        config.remove("Cmd");
    }
}

/// Gives a request's entrypoint and command what the engine adds from the image.
pub(super) fn merge(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let stated = config.get("Entrypoint").is_some_and(Value::is_array);
    let entrypoint = strings(config, "Entrypoint");
    if entrypoint.is_empty() {
        if strings(config, "Cmd").is_empty() {
            config.insert("Cmd".to_owned(), image.get("Cmd").cloned().unwrap_or(Value::Null));
        }
        if !stated {
            config.insert("Entrypoint".to_owned(), image.get("Entrypoint").cloned().unwrap_or(Value::Null));
        }
    }
    if entrypoint == [""] {
        config.insert("Entrypoint".to_owned(), Value::Null);
    }
    config.entry("Cmd").or_insert(Value::Null);
}
