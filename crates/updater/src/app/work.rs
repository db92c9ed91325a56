//! Work that a request begins and does not wait for.

use std::collections::BTreeSet;

use lodeman_domain::container::ContainerName;
use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::explain::Explanation;
use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_domain::schedule::Trigger;
use lodeman_store::Write;
use serde_json::json;

use super::App;
use crate::control::{Control as _, ControlError, ErrorKind, Which};

impl App {
    /// Approves a queue entry without applying it.
    ///
    /// # Errors
    /// As for applying it, but for what only shows then.
    pub async fn approve_entry(
        &self,
        name: ContainerName,
        which: Which,
        by: &str,
    ) -> Result<QueueEntry, ControlError> {
        self.ready_to_act()?;
        let entry = self.entry(&name, &which).await?;
        let note = self.activity("approve", "Update approved and started", Some(&name), by);
        self.decide_entry(entry, QueueState::Approved, by, vec![note]).await
    }

    /// Applies an approved entry; how that ends is told by events and history.
    pub fn begin_approved(&self, entry: QueueEntry) {
        let (app, name) = (self.clone(), entry.workload.name.clone());
        tokio::spawn(async move {
            if let Err(error) = app.apply_decided(entry).await {
                app.tell_failure(name, "update", &error).await;
            }
        });
    }

    /// Updates a container now, whatever its policy; how that ends is told by events and history.
    ///
    /// # Errors
    /// While interrupted operations are being recovered.
    pub async fn begin_update(&self, name: ContainerName, by: &str) -> Result<(), ControlError> {
        self.ready_to_act()?;
        self.record_activity("update", "Manual update triggered", Some(&name), by).await?;
        let (app, by) = (self.clone(), by.to_owned());
        tokio::spawn(async move {
            if let Err(error) = app.update(name.clone(), &by).await {
                app.tell_failure(name, "update", &error).await;
            }
        });
        Ok(())
    }

    /// Goes back to what a container ran before; how that ends is told by events and history.
    ///
    /// # Errors
    /// While interrupted operations are being recovered.
    pub async fn begin_rollback(&self, name: ContainerName, by: &str) -> Result<(), ControlError> {
        self.ready_to_act()?;
        self.record_activity("rollback", "Rollback triggered", Some(&name), by).await?;
        let (app, by) = (self.clone(), by.to_owned());
        tokio::spawn(async move {
            if let Err(error) = app.rollback(name.clone(), &by).await {
                app.tell_failure(name, "rollback", &error).await;
            }
        });
        Ok(())
    }

    /// Scans all containers and applies what policy allows; how that ends is told by events.
    ///
    /// # Errors
    /// While interrupted operations are being recovered.
    pub async fn begin_scan(&self, by: &str) -> Result<(), ControlError> {
        self.ready_to_act()?;
        self.record_activity("scan", "Manual scan triggered", None, by).await?;
        let app = self.clone();
        tokio::spawn(async move {
            if let Err(error) = app.run_scan(Trigger::Manual, BTreeSet::new()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a scan that was asked for failed");
            }
        });
        Ok(())
    }

    /// Asks the registry about one container now, and queues what is found; nothing is applied.
    ///
    /// # Errors
    /// When there is no such container, or engine or store cannot be asked.
    pub async fn check_container(&self, name: ContainerName, by: &str) -> Result<Explanation, ControlError> {
        self.record_activity("check", "Manual registry check triggered", Some(&name), by).await?;
        let outcome = self.scan(Trigger::Manual, BTreeSet::from([name.clone()])).await?;
        outcome
            .findings
            .into_iter()
            .next()
            .map(|finding| finding.explanation)
            .ok_or_else(|| ControlError::new(ErrorKind::NotFound, format!("there is no container `{name}`")))
    }

    /// What was begun did not come to an operation, so no operation tells of its end.
    pub(super) async fn tell_failure(&self, name: ContainerName, action: &str, error: &ControlError) {
        tracing::warn!(container.name = %name, error = error as &dyn std::error::Error, "{action} failed");
        let deps = self.swapper.deps();
        let event = Event {
            kind: EventKind::ActionFailed,
            at: deps.clock.now(),
            workload: Some(self.key(name)),
            operation: None,
            message: format!("{action} failed: {error}"),
            data: json!({ "action": action, "kind": error.kind }),
        };
        if let Err(error) = deps.store.commit(vec![Write::AppendEvent(event)]).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an event cannot be stored");
        }
    }
}
