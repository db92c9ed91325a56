//! The activity log: what people did.

use lodeman_domain::container::ContainerName;
use lodeman_store::{ActivityEntry, StoredActivity, Write};

use super::App;
use crate::control::ControlError;

impl App {
    /// An entry of the activity log, to commit with what it tells of.
    pub(super) fn activity(
        &self,
        entry_type: &str,
        message: &str,
        container: Option<&ContainerName>,
        by: &str,
    ) -> Write {
        Write::AppendActivity(ActivityEntry {
            at: self.swapper.deps().clock.now(),
            entry_type: entry_type.to_owned(),
            message: message.to_owned(),
            container: container.map(ToString::to_string),
            host: None,
            user: Some(by.to_owned()),
            kind: None,
        })
    }

    /// One more entry of the activity log.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn record_activity(
        &self,
        entry_type: &str,
        message: &str,
        container: Option<&ContainerName>,
        by: &str,
    ) -> Result<(), ControlError> {
        let entry = self.activity(entry_type, message, container, by);
        Ok(self.swapper.deps().store.commit(vec![entry]).await?)
    }

    /// The activity log, newest first, at most `limit` entries.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_activity(&self, limit: u32) -> Result<Vec<StoredActivity>, ControlError> {
        Ok(self.swapper.deps().store.list_activity(None, limit).await?)
    }
}
