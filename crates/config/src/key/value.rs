//! Reading single values. Errors say what is wrong; what is allowed stands in the table.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lodeman_domain::schedule::parse_duration;
use secrecy::SecretString;

use crate::model::{DockerConfigFile, EngineHost};
use crate::registry::parse_host;

pub(super) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

/// Truth values as Go spells them.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text.trim() {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("this is neither true nor false".to_owned()),
    }
}

pub(super) fn integer(text: &str, low: u32, high: u32) -> Result<u32, String> {
    let number: u32 = text.trim().parse().map_err(|_| "this is no whole number".to_owned())?;
    if (low..=high).contains(&number) { Ok(number) } else { Err("this is out of bounds".to_owned()) }
}

pub(super) fn duration(text: &str, low: Duration, high: Duration) -> Result<Duration, String> {
    let span = parse_duration(text).map_err(|error| error.to_string())?;
    if (low..=high).contains(&span) { Ok(span) } else { Err("this is out of bounds".to_owned()) }
}

pub(super) fn choice<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
    found.map(|(_, value)| *value).ok_or_else(|| "this is none of the words".to_owned())
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    if let Some(port) = text.strip_prefix(':') {
        let port = port.parse().map_err(|_| "this is no port".to_owned())?;
        return Ok(SocketAddr::new(IpAddr::from([0, 0, 0, 0]), port));
    }
    let text =
        text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| "this is no address with a port".to_owned())
}

pub(super) fn absolute_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text.trim());
    if !path.is_absolute() {
        return Err("this is no absolute path".to_owned());
    }
    if text.contains('\0') {
        return Err("this path has a NUL character".to_owned());
    }
    Ok(path)
}

pub(super) fn engine_host(text: &str) -> Result<EngineHost, String> {
    let text = text.trim();
    match text.split_once("://") {
        None => absolute_path(text).map(EngineHost::Unix),
        Some(("unix", path)) => absolute_path(path).map(EngineHost::Unix),
        Some((scheme @ ("tcp" | "tcps" | "http" | "https" | "ssh" | "npipe"), _)) => {
            Err(format!("engines behind {scheme}:// are not supported yet"))
        }
        Some(_) => Err("this is no engine address".to_owned()),
    }
}

pub(super) fn hosts(text: &str) -> Result<Vec<String>, String> {
    let written = text.lines().map(str::trim).filter(|line| !line.is_empty());
    written
        .map(|line| parse_host(line).ok_or_else(|| "there is one that is no registry".to_owned()))
        .collect()
}

pub(super) fn docker_config(text: &str) -> Result<Option<DockerConfigFile>, String> {
    match text.trim() {
        "" | "none" => Ok(None),
        path => absolute_path(path).map(|path| Some(DockerConfigFile { path, explicit: true })),
    }
}

pub(super) fn username(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("this is no such name".to_owned())
    }
}

pub(super) fn password(text: &str) -> Result<Option<SecretString>, String> {
    match text.chars().count() {
        0..8 => Err("the password is too short".to_owned()),
        8..=128 => Ok(Some(text.to_owned().into())),
        _ => Err("the password is too long".to_owned()),
    }
}

pub(super) fn secret_key(text: &str) -> Result<Option<SecretString>, String> {
    let text = text.trim();
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(Some(text.to_owned().into()))
    } else {
        Err("the key is malformed".to_owned())
    }
}

pub(super) fn token(text: &str) -> Result<Option<SecretString>, String> {
    if text.len() >= 16 && text.len() <= 4_096 && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(Some(text.to_owned().into()))
    } else {
        Err("the token is too short, or has characters that cannot be sent".to_owned())
    }
}

/// Neither a secret nor its length is ever shown.
pub(super) fn set_or_not(secret: Option<&SecretString>) -> String {
    secret.map_or_else(String::new, |_| "(set)".to_owned())
}
