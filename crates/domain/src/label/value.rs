//! Values that labels carry.

use std::time::Duration;

use super::known::WATCHTOWER_PREFIX;
use crate::schedule::parse_duration;
use crate::version::Scope;

/// A truth value. Watchtower's labels follow Go's spelling, the others what people write.
pub(super) fn boolean(label: &str, text: &str) -> Result<bool, String> {
    if label.starts_with(WATCHTOWER_PREFIX) {
        return match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        };
    }
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true, false, 1, 0, yes, no, on or off".to_owned()),
    }
}

/// A span of time.
pub(super) fn duration(_label: &str, text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| format!("expected a duration such as 72h or 3d ({error})"))
}

/// A version scope, any case; `all` is another word for `major`.
pub(super) fn scope(_label: &str, text: &str) -> Result<Scope, String> {
    let word = text.trim().to_ascii_lowercase();
    let word = if word == "all" { "major" } else { &word };
    word.parse().map_err(|_| "expected patch, minor, major, all, default or strict".to_owned())
}

/// Foreign text for people: at most 80 characters, none of them a control character.
pub(super) fn clipped(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(81).collect();
    if shown.chars().count() > 80 {
        shown.pop();
        shown.push('…');
    }
    shown
}
