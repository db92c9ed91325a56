//! What is remembered of containers.

use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_store::{RollbackPoint, StoredHistory};

use super::App;
use crate::control::ControlError;

/// How many rows are read at once.
const PAGE: u32 = 200;

impl App {
    /// History, newest first: at most `limit` rows that ended before an instant.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history_before(
        &self,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, ControlError> {
        let store = &self.swapper.deps().store;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut rows, mut below) = (Vec::new(), None);
        while rows.len() < wanted {
            let page = store.list_history(None, below, PAGE).await?;
            let Some(last) = page.last() else { break };
            below = Some(last.seq);
            rows.extend(page.into_iter().filter(|row| before.is_none_or(|before| row.row.at < before)));
        }
        rows.truncate(wanted);
        Ok(rows)
    }

    /// What a container can be rolled back to, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rollback_points(&self, name: &ContainerName) -> Result<Vec<RollbackPoint>, ControlError> {
        let key = self.key(name.clone());
        let mut points = self.swapper.deps().store.list_rollback_points().await?;
        points.retain(|point| point.workload == key);
        points.sort_by_key(|point| std::cmp::Reverse(point.created_at));
        Ok(points)
    }
}
