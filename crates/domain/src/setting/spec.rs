//! What the registry says about a setting.

use super::{Settings, Via};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingSpec {
    /// Its key in the database and the API.
    pub key: &'static str,
    /// Its place in the configuration: `section.name`.
    pub config_key: &'static str,
    /// What kind of value it holds, for forms.
    pub kind: SettingKind,
    /// Its built-in value, as text.
    pub default: &'static str,
    /// What may be stored, for people.
    pub allowed: &'static str,
    /// What it does, in one clause.
    pub summary: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Whether a change waits for the next start.
    pub needs_restart: bool,
    /// What happens when a stored value cannot be used.
    pub on_invalid: OnInvalid,
    /// Reads a value; on error says what is wrong and changes nothing.
    pub(super) set: fn(&mut Settings, &str, Via) -> Result<(), String>,
    /// Writes the value in force.
    pub(super) get: fn(&Settings) -> String,
}

/// What kind of value a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A span of time.
    Duration,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Free text with a grammar of its own.
    Text,
    /// Lines.
    List,
}

/// What happens when a stored value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInvalid {
    /// The value from the next lower source holds.
    KeepOther,
    /// Maintenance windows never open.
    CloseWindows,
    /// Automatic actions pause: a restriction was lost.
    Pause,
}
