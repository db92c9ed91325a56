//! The effective value of every key, and where it comes from.

use std::collections::BTreeMap;

use lodeman_domain::setting::SettingSource;
use serde::Serialize;

use crate::key::{CREDENTIALS, Key};
use crate::model::Config;
use crate::problem::Origin;

/// One key as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveKey {
    /// `section.name`
    pub key: &'static str,
    /// Its value as text, lists one a line; of a secret only whether it is set.
    pub value: String,
    /// The kind of source that the value comes from.
    pub source: SettingSource,
    /// The very place.
    pub origin: Origin,
}

impl Config {
    /// Every key in force, sorted, as far as it does not depend on stored settings.
    #[must_use]
    pub fn explain(&self) -> Vec<EffectiveKey> {
        self.explain_with(&BTreeMap::new())
    }

    /// Every key in force, sorted, given the stored settings.
    #[must_use]
    pub fn explain_with(&self, stored: &BTreeMap<String, String>) -> Vec<EffectiveKey> {
        let (settings, problems) = self.settings(stored);
        let row = |key: Key| {
            let (mut source, mut origin) = self.origin(key.name());
            let value = match key {
                Key::Own(spec) => (spec.get)(self),
                Key::Setting(spec) => {
                    let usable = problems.iter().all(|problem| problem.key != spec.key);
                    if stored.contains_key(spec.key) && !self.is_fixed(spec.key) && usable {
                        (source, origin) = (SettingSource::Stored, &Origin::Stored);
                    }
                    match settings.text_of(spec.key) {
                        Some(_) if spec.secret => "(set)".to_owned(),
                        text => text.unwrap_or_default(),
                    }
                }
            };
            EffectiveKey { key: key.name(), value, source, origin: origin.clone() }
        };
        let mut rows: Vec<_> = Key::all().map(row).collect();
        let (source, origin) = self.origin(CREDENTIALS);
        let accounts = self.registry.credentials.iter();
        let value = accounts.map(|account| format!("{} as {}", account.prefix(), account.username));
        let value = value.collect::<Vec<_>>().join("\n");
        rows.push(EffectiveKey { key: CREDENTIALS, value, source, origin: origin.clone() });
        rows.sort_by_key(|row| row.key);
        rows
    }
}
