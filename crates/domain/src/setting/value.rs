//! Reading and writing the values of settings. Errors say what is wrong; what is allowed stands in
//! the registry.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::DashboardColumn;
use crate::policy::{Policy, Selector};
use crate::schedule::parse_duration;
use crate::version::Scope;

pub(super) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

pub(super) fn shown<T: Display>(value: Option<&T>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

pub(super) fn optional<T: FromStr<Err: Display>>(text: &str) -> Result<Option<T>, String> {
    if text.trim().is_empty() { Ok(None) } else { parsed(text).map(Some) }
}

/// Truth values as Go spells them: what Docker Sentinel's environment and stored settings hold.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
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

pub(super) fn duration(text: &str, (low, high): (Duration, Duration)) -> Result<Duration, String> {
    let span = parse_duration(text).map_err(|error| error.to_string())?;
    if (low..=high).contains(&span) { Ok(span) } else { Err("this is out of bounds".to_owned()) }
}

pub(super) fn scope(text: &str) -> Result<Option<Scope>, String> {
    let word = text.trim().to_ascii_lowercase();
    match word.as_str() {
        "" => Ok(None),
        word => word.parse().map(Some).map_err(|_| "this is no version scope".to_owned()),
    }
}

pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Default => "default",
        Scope::Strict => "strict",
        Scope::Patch => "patch",
        Scope::Minor => "minor",
        Scope::Major => "major",
    }
}

pub(super) fn rollback_policy(text: &str) -> Result<Option<Policy>, String> {
    match optional(text)? {
        Some(Policy::Auto) => Err("after a rollback a person decides".to_owned()),
        other => Ok(other),
    }
}

const MAX_SELECTORS: usize = 500;

/// Selectors, one a line; blank lines do not count.
pub(super) fn selectors(text: &str) -> Result<Vec<Selector>, String> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() > MAX_SELECTORS {
        return Err(format!("there are more than {MAX_SELECTORS} selectors"));
    }
    lines.into_iter().map(parsed).collect()
}

pub(super) fn lines(selectors: &[Selector]) -> String {
    selectors.iter().map(Selector::as_str).collect::<Vec<_>>().join("\n")
}

/// Texts as a JSON array, or one a line.
fn texts(text: &str) -> Result<Vec<String>, String> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|_| "this is no JSON array of texts".to_owned());
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

const MAX_NAMES: usize = 500;
const MAX_NAME: usize = 255;

pub(super) fn names(text: &str) -> Result<Vec<String>, String> {
    let names = texts(text)?;
    if names.len() > MAX_NAMES {
        return Err(format!("there are more than {MAX_NAMES} names"));
    }
    if names.iter().any(|name| name.len() > MAX_NAME) {
        return Err(format!("a name has more than {MAX_NAME} bytes"));
    }
    Ok(names)
}

pub(super) fn columns(text: &str) -> Result<Vec<DashboardColumn>, String> {
    let columns: Vec<DashboardColumn> =
        texts(text)?.iter().map(|name| parsed(name)).collect::<Result<_, _>>()?;
    if columns.len() > MAX_NAMES {
        return Err(format!("there are more than {MAX_NAMES} columns"));
    }
    Ok(columns)
}

pub(super) fn json<T: serde::Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).unwrap_or_else(|_| "[]".to_owned())
}
