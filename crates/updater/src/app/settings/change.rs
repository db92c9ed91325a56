//! Changing what is stored.

use std::collections::BTreeMap;

use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::setting::find_setting;
use lodeman_store::Write;
use serde_json::json;

use super::App;
use crate::control::{ControlError, ErrorKind, FieldProblem, SettingView};

/// How a change of a setting is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingNote {
    /// What who made it is answered, and those who follow events are told.
    pub said: String,
    /// Type and message of its entry in the activity log.
    pub noted: Option<(String, String)>,
}

impl App {
    pub(in crate::app) async fn list_settings(&self) -> Result<Vec<SettingView>, ControlError> {
        let stored = self.swapper.deps().store.list_settings().await?;
        Ok(self.settings.view(&stored.into_iter().collect()))
    }

    /// Everything that is stored as a setting, also what is none of the updater's.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_stored_values(&self) -> Result<BTreeMap<String, String>, ControlError> {
        Ok(self.swapper.deps().store.list_settings().await?.into_iter().collect())
    }

    /// Takes up what others stored.
    pub async fn reload_settings(&self) {
        if let Err(error) = self.settings.reload(&*self.swapper.deps().store).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the stored settings cannot be read; those in force stay so");
        }
    }

    /// Stores a setting, or takes back what was stored, and tells it as `note` says, even when the value
    /// was the same before.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a value that is not allowed, [`ErrorKind::Conflict`] for a setting that
    /// environment or flag fix, and when it cannot be stored.
    pub async fn set_setting(
        &self,
        key: &str,
        value: Option<String>,
        note: SettingNote,
        by: &str,
    ) -> Result<(), ControlError> {
        self.change_stored(BTreeMap::from([(key.to_owned(), value)]), Some(note), by).await.map(drop)
    }

    /// Stores all of `changes`, or none of them.
    pub(in crate::app) async fn store_settings(
        &self,
        changes: BTreeMap<String, Option<String>>,
        by: &str,
    ) -> Result<Vec<SettingView>, ControlError> {
        let stored = self.change_stored(changes, None, by).await?;
        Ok(self.settings.view(&stored))
    }

    /// Checks `changes`, commits them with their events, puts them in force, and gives all that is stored.
    async fn change_stored(
        &self,
        changes: BTreeMap<String, Option<String>>,
        note: Option<SettingNote>,
        by: &str,
    ) -> Result<BTreeMap<String, String>, ControlError> {
        let refused = changes.iter().filter_map(|(key, value)| self.settings.refusal(key, value.as_deref()));
        let (kinds, refused): (Vec<ErrorKind>, Vec<FieldProblem>) = refused.unzip();
        if !refused.is_empty() {
            let only_fixed = kinds.iter().all(|kind| *kind == ErrorKind::Conflict);
            let kind = if only_fixed { ErrorKind::Conflict } else { ErrorKind::Invalid };
            return Err(ControlError::of_fields(kind, refused));
        }
        let deps = self.swapper.deps();
        let _one = self.settings.changing.lock().await;
        let mut stored: BTreeMap<String, String> = deps.store.list_settings().await?.into_iter().collect();
        let said = note.as_ref().map(|note| note.said.as_str());
        let mut writes = Vec::new();
        for (key, value) in changes {
            let before = stored.get(&key).cloned();
            if before == value && note.is_none() {
                continue;
            }
            let event = changed(&key, before.as_deref(), value.as_deref(), said, by);
            writes.push(Write::AppendEvent(Event { at: deps.clock.now(), ..event }));
            if let Some(value) = value {
                stored.insert(key.clone(), value.clone());
                writes.push(Write::PutSetting { key, value });
            } else {
                stored.remove(&key);
                writes.push(Write::DropSetting(key));
            }
        }
        if let Some((entry_type, message)) = note.as_ref().and_then(|note| note.noted.as_ref()) {
            writes.push(self.activity(entry_type, message, None, by));
        }
        if !writes.is_empty() {
            deps.store.commit(writes).await?;
            self.settings.take(&stored);
        }
        Ok(stored)
    }
}

/// The event of a changed setting, with what who changed it was answered.
fn changed(key: &str, from: Option<&str>, to: Option<&str>, said: Option<&str>, by: &str) -> Event {
    let secret = find_setting(key).is_some_and(|spec| spec.secret);
    let message = match (to, secret) {
        (Some(value), false) => format!("{by} set `{key}` to `{value}`"),
        (Some(_), true) => format!("{by} set `{key}`"),
        (None, _) => format!("{by} took back what was stored for `{key}`"),
    };
    let shown = |text: Option<&str>| if secret { None } else { text.map(str::to_owned) };
    let mut data = json!({ "key": key, "from": shown(from), "to": shown(to), "by": by });
    if let Some(said) = said {
        data["said"] = said.into();
    }
    Event {
        kind: EventKind::SettingsChanged,
        at: jiff::Timestamp::UNIX_EPOCH,
        workload: None,
        operation: None,
        message,
        data,
    }
}
