//! The table of keys: what each is called, what it may be, how it is read and shown.

mod registry;
mod table;
mod value;

use lodeman_domain::setting::{SETTINGS, SettingKind, SettingSpec};
use serde::Serialize;

use crate::model::Config;

use table::KEYS;

pub(crate) use value::boolean;

/// One key that is no setting.
pub(crate) struct KeySpec {
    pub key: &'static str,
    pub default: &'static str,
    pub allowed: &'static str,
    pub summary: &'static str,
    pub kind: Kind,
    /// Reads a value; on error says what is wrong.
    pub set: fn(&mut Config, &str) -> Result<(), String>,
    /// Writes the value in force; secrets as whether they are set.
    pub get: fn(&Config) -> String,
}

/// What matters about a value before it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// Several values: an array in TOML, commas or lines in the environment.
    List,
    /// Never shown; also readable from the file that `…_file` names.
    Secret,
    /// Never shown; the key `…_file` is one of its own.
    SecretWithoutFile,
}

/// A key of the configuration.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Own(&'static KeySpec),
    Setting(&'static SettingSpec),
}

impl Key {
    /// Every key that one value fills. `registry.credentials` is a list of tables and not among them.
    pub fn all() -> impl Iterator<Item = Self> {
        KEYS.iter().chain(registry::KEYS).map(Self::Own).chain(SETTINGS.iter().map(Self::Setting))
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|key| key.name() == name)
    }

    /// `section.name`
    pub fn name(self) -> &'static str {
        match self {
            Self::Own(spec) => spec.key,
            Self::Setting(spec) => spec.config_key,
        }
    }

    pub fn allowed(self) -> &'static str {
        match self {
            Self::Own(spec) => spec.allowed,
            Self::Setting(spec) => spec.allowed,
        }
    }

    pub fn is_secret(self) -> bool {
        match self {
            Self::Own(spec) => matches!(spec.kind, Kind::Secret | Kind::SecretWithoutFile),
            Self::Setting(spec) => spec.secret,
        }
    }

    /// Whether the value may also come from the file that `…_file` names.
    pub fn has_file_form(self) -> bool {
        match self {
            Self::Own(spec) => spec.kind == Kind::Secret,
            Self::Setting(spec) => spec.secret,
        }
    }

    pub fn is_list(self) -> bool {
        match self {
            Self::Own(spec) => spec.kind == Kind::List,
            Self::Setting(spec) => spec.kind == SettingKind::List,
        }
    }

    /// The environment variable: `LODEMAN_SECTION_NAME`.
    pub fn variable(self) -> String {
        variable_of(self.name())
    }
}

pub(crate) fn variable_of(key: &str) -> String {
    format!("LODEMAN_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The list of tables that is read apart from the other keys.
pub(crate) const CREDENTIALS: &str = "registry.credentials";
pub(crate) const CREDENTIALS_ALLOWED: &str = "tables with registry, username and password or password_file \
                                              (in the environment: the same as a JSON array)";

/// What documentation says about a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// `section.name`
    pub key: &'static str,
    /// Its environment variable.
    pub variable: String,
    /// Its built-in value.
    pub default: &'static str,
    /// What it may be.
    pub allowed: &'static str,
    /// What it does, in one clause.
    pub summary: &'static str,
    /// Whether its value is never shown, and may come from the file that `…_file` names.
    pub secret: bool,
}

/// Every key, sorted, for documentation.
#[must_use]
pub fn key_infos() -> Vec<KeyInfo> {
    let describe = |key: Key| {
        let (default, summary) = match key {
            Key::Own(spec) => (spec.default, spec.summary),
            Key::Setting(spec) => (spec.default, spec.summary),
        };
        let secret = key.is_secret();
        KeyInfo {
            key: key.name(),
            variable: key.variable(),
            default,
            allowed: key.allowed(),
            summary,
            secret,
        }
    };
    let mut infos: Vec<_> = Key::all().map(describe).collect();
    infos.push(KeyInfo {
        key: CREDENTIALS,
        variable: variable_of(CREDENTIALS),
        default: "",
        allowed: CREDENTIALS_ALLOWED,
        summary: "accounts at registries",
        secret: true,
    });
    infos.sort_by_key(|info| info.key);
    infos
}
