//! The policies that people set for containers.

use std::collections::BTreeMap;

use lodeman_domain::container::ContainerName;
use lodeman_domain::event::{Event, EventKind};
use lodeman_domain::policy::Policy;
use lodeman_store::{Override, Write};
use serde_json::json;

use super::App;
use crate::control::{ControlError, ErrorKind};

/// What setting one policy for several containers would do, or did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyPlan {
    /// Containers that change: name, policy before, policy after.
    pub changes: Vec<(ContainerName, Policy, Policy)>,
    /// Containers that have it already.
    pub unchanged: Vec<ContainerName>,
    /// Containers that must not be changed so: the server's own.
    pub blocked: Vec<ContainerName>,
}

impl App {
    /// Sets the policy of a container, whether it exists or not.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_policy(
        &self,
        name: ContainerName,
        policy: Policy,
        by: &str,
    ) -> Result<(), ControlError> {
        let note = self.activity("policy_set", &format!("Policy set to {policy}"), Some(&name), by);
        let mut writes = self.policy_writes(name, policy, by);
        writes.push(note);
        Ok(self.swapper.deps().store.commit(writes).await?)
    }

    /// Takes back what was set for a container.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when nothing is set; when it cannot be stored.
    pub async fn clear_policy(&self, name: ContainerName, by: &str) -> Result<(), ControlError> {
        let deps = self.swapper.deps();
        let key = self.key(name.clone());
        if !deps.store.list_overrides().await?.iter().any(|set| set.workload == key) {
            let message = format!("no policy override for {name}");
            return Err(ControlError::new(ErrorKind::NotFound, message));
        }
        let note = self.activity("policy_delete", "Policy override removed", Some(&name), by);
        let message = format!("Policy override removed for {name}");
        let event = self.policy_event(name, message, None, by);
        Ok(deps.store.commit(vec![Write::DropOverride(key), Write::AppendEvent(event), note]).await?)
    }

    /// What setting `policy` for `names` would do.
    ///
    /// # Errors
    /// When containers cannot be listed.
    pub async fn plan_policies(
        &self,
        names: &[ContainerName],
        policy: Policy,
    ) -> Result<PolicyPlan, ControlError> {
        let containers = self.list_containers().await?;
        let known: BTreeMap<_, _> = containers.iter().map(|view| (&view.name, view)).collect();
        let overrides = self.swapper.deps().store.list_overrides().await?;
        let default = self.settings().default_policy;
        let mut plan = PolicyPlan::default();
        for name in names {
            let set = overrides.iter().find(|set| set.workload == self.key(name.clone()));
            let before = match known.get(name) {
                Some(view) if view.is_self => {
                    plan.blocked.push(name.clone());
                    continue;
                }
                Some(view) => view.policy,
                None => set.and_then(|set| set.policy.parse().ok()).unwrap_or(default),
            };
            if before == policy {
                plan.unchanged.push(name.clone());
            } else {
                plan.changes.push((name.clone(), before, policy));
            }
        }
        Ok(plan)
    }

    /// Sets `policy` for those of `names` that do not have it, all or none.
    ///
    /// # Errors
    /// As for the plan, and when it cannot be stored.
    pub async fn set_policies(
        &self,
        names: &[ContainerName],
        policy: Policy,
        by: &str,
    ) -> Result<PolicyPlan, ControlError> {
        let plan = self.plan_policies(names, policy).await?;
        let mut writes = Vec::new();
        for (name, _, policy) in &plan.changes {
            writes.extend(self.policy_writes(name.clone(), *policy, by));
            writes.push(self.activity("policy_set", &format!("Bulk policy set to {policy}"), Some(name), by));
        }
        if !writes.is_empty() {
            self.swapper.deps().store.commit(writes).await?;
        }
        Ok(plan)
    }

    fn policy_writes(&self, name: ContainerName, policy: Policy, by: &str) -> Vec<Write> {
        let message = format!("Policy set to {policy} for {name}");
        let event = self.policy_event(name.clone(), message, Some(policy), by);
        let set = Override {
            workload: self.key(name),
            policy: policy.to_string(),
            by: by.to_owned(),
            at: self.swapper.deps().clock.now(),
        };
        vec![Write::PutOverride(set), Write::AppendEvent(event)]
    }

    fn policy_event(&self, name: ContainerName, message: String, to: Option<Policy>, by: &str) -> Event {
        Event {
            kind: EventKind::PolicyChanged,
            at: self.swapper.deps().clock.now(),
            workload: Some(self.key(name)),
            operation: None,
            message,
            data: json!({ "policy": to, "by": by }),
        }
    }
}
