//! What containers need each other for, and what follows for their updates.

use std::collections::BTreeMap;

use lodeman_domain::container::ContainerName;
use lodeman_domain::depend::DependencyGraph;
use lodeman_domain::explain::Explanation;
use lodeman_store::{CheckRecord, Write};

use super::App;
use crate::control::{ControlError, ErrorKind};
use crate::dependency::members;
use crate::explain::held_back;

impl App {
    /// What people declared that the containers of the host need of each other.
    ///
    /// # Errors
    /// When the engine was not reached yet.
    pub fn declared_dependencies(&self) -> Result<DependencyGraph, ControlError> {
        let snapshot = self.model.snapshot();
        if snapshot.engine.is_none() {
            let message = "the engine was not reached yet";
            return Err(ControlError::new(ErrorKind::Unavailable, message));
        }
        Ok(DependencyGraph::declared(&members(&snapshot)))
    }

    /// The order in which updates are applied: none where dependencies are not to be heeded.
    pub(super) fn order_of_updates(&self) -> DependencyGraph {
        if !self.settings().dependency_aware {
            return DependencyGraph::default();
        }
        DependencyGraph::new(&members(&self.model.snapshot()))
    }

    /// What is said of containers that were held back, here and in what is stored.
    pub(super) async fn tell_held_back(
        &self,
        explanations: &mut [Explanation],
        held: &BTreeMap<ContainerName, String>,
    ) -> Result<(), ControlError> {
        let store = &self.swapper.deps().store;
        let mut writes = Vec::new();
        for explanation in explanations {
            let Some(why) = held.get(&explanation.workload.name) else { continue };
            *explanation = held_back(explanation.clone(), why);
            if let Some(record) = store.find_check(&explanation.workload).await? {
                let explanation = serde_json::to_value(&*explanation).unwrap_or_default();
                writes.push(Write::PutCheck(CheckRecord { explanation, ..record }));
            }
        }
        if !writes.is_empty() {
            store.commit(writes).await?;
        }
        Ok(())
    }
}
