//! Time zones by name.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A time zone and the name it goes by: `Europe/Berlin`, `UTC`, or a POSIX rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamedZone {
    name: String,
    zone: TimeZone,
}

/// Why a text is not a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time zone is a name such as `Europe/Berlin` or `UTC`")]
pub struct ParseZoneError;

impl NamedZone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The zone's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone's rules.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

impl FromStr for NamedZone {
    type Err = ParseZoneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let plain = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+' | ',' | '.' | '<' | '>' | ':')
        };
        // A path is a file name, and names of files are not ours to open.
        if name.is_empty()
            || name.len() > 100
            || name.starts_with('/')
            || name.contains("..")
            || !name.chars().all(plain)
        {
            return Err(ParseZoneError);
        }
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
            return Ok(Self::utc());
        }
        let zone = TimeZone::get(name).or_else(|_| TimeZone::posix(name)).map_err(|_| ParseZoneError)?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, zone })
    }
}

impl Default for NamedZone {
    fn default() -> Self {
        Self::utc()
    }
}

impl PartialEq for NamedZone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for NamedZone {}

impl TryFrom<String> for NamedZone {
    type Error = ParseZoneError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<NamedZone> for String {
    fn from(zone: NamedZone) -> Self {
        zone.name
    }
}

impl fmt::Display for NamedZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_name() {
        for (text, name) in [
            ("UTC", "UTC"),
            ("utc", "UTC"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("europe/berlin", "Europe/Berlin"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ] {
            assert_eq!(text.parse::<NamedZone>().unwrap().name(), name, "{text}");
        }
        for text in ["", "Europe/Atlantis", "/etc/localtime", "../x", "a b", "Europe/Berlin\n\n;"] {
            assert_eq!(text.parse::<NamedZone>(), Err(ParseZoneError), "{text}");
        }
    }
}
