//! Small reads on the engine's JSON.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// SHA-256 of a text, as 64 hex digits.
pub(crate) fn sha256_hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    Sha256::digest(text.as_bytes()).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The object at `key`; empty where there is none.
pub(crate) fn object(map: &Map<String, Value>, key: &str) -> Map<String, Value> {
    map.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The text at `key`; empty where there is none.
pub(crate) fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The texts in the list at `key`; empty where there is none.
pub(crate) fn strings(map: &Map<String, Value>, key: &str) -> Vec<String> {
    let list = map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The objects in the list at `key`; empty where there is none.
pub(crate) fn objects(map: &Map<String, Value>, key: &str) -> Vec<Map<String, Value>> {
    let list = map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_object).cloned().collect()
}

/// Whether a value says nothing: null, or an empty text, list or object. `0` and `false` do say
/// something: a stop timeout of 0 is not the default.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a value is what an engine shows for a setting nobody made: blank, `0` or `false`.
pub(crate) fn is_default(value: &Value) -> bool {
    is_blank(value) || value == &Value::Bool(false) || value.as_i64() == Some(0)
}

/// The value without blank members, at every depth.
pub(crate) fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(k, v)| (k.clone(), pruned(v))).filter(|(_, v)| !is_blank(v));
            Value::Object(kept.collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(pruned).collect()),
        other => other.clone(),
    }
}

/// Sets `key`, or removes it where the value is blank.
pub(crate) fn set_or_remove(map: &mut Map<String, Value>, key: &str, value: Value) {
    if is_blank(&value) {
        map.remove(key);
    } else {
        map.insert(key.to_owned(), value);
    }
}

/// Removes `keys`.
pub(crate) fn remove_all(map: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        map.remove(*key);
    }
}

/// A path without a slash at its end, without `.` segments and without doubled slashes.
pub(crate) fn clean_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|s| !s.is_empty() && *s != ".") {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    let joined = segments.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

/// `1.41` as a pair that sorts; `(0, 0)` for what is no version.
pub(crate) fn version(text: &str) -> (u32, u32) {
    let parse = |part: Option<&str>| part.and_then(|p| p.parse().ok());
    let mut parts = text.split('.');
    match (parse(parts.next()), parse(parts.next())) {
        (Some(major), Some(minor)) => (major, minor),
        _ => (0, 0),
    }
}
