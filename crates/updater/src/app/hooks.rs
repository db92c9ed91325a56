//! The hooks that people set for containers.

use lodeman_domain::hook::{Hook, HookKey, HookPhase, StoredHook};
use lodeman_domain::workload::HostId;
use lodeman_store::{ActivityEntry, Write};

use super::App;
use crate::control::ControlError;

/// The longest word of a request that the activity log repeats, in characters.
const MAX_WORD: usize = 100;

impl App {
    /// The host whose containers these are.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.swapper.deps().host.clone()
    }

    /// The hooks that are set for a container, by phase.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_hooks(&self, key: &HookKey) -> Result<Vec<StoredHook>, ControlError> {
        Ok(self.swapper.deps().store.list_hooks(key).await?)
    }

    /// Sets a container's hook of a phase, whether the container exists or not.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set_hook(
        &self,
        key: HookKey,
        phase: HookPhase,
        hook: Hook,
        by: &str,
    ) -> Result<StoredHook, ControlError> {
        let deps = self.swapper.deps();
        let note = self.hook_note(&key, format!("Saved {phase} hook"), by);
        let set = StoredHook { key, phase, hook, by: by.to_owned(), at: deps.clock.now() };
        deps.store.commit(vec![Write::PutHook(set.clone()), note]).await?;
        Ok(set)
    }

    /// Takes back what is set for a container and a phase, as it was asked for: what there is not is gone.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn clear_hook(&self, key: HookKey, phase: &str, by: &str) -> Result<(), ControlError> {
        let shown: String = phase.chars().filter(|c| !c.is_control()).take(MAX_WORD).collect();
        let note = self.hook_note(&key, format!("Deleted {shown} hook"), by);
        let drop = phase.parse().ok().map(|phase| Write::DropHook(key, phase));
        let writes = drop.into_iter().chain([note]).collect();
        Ok(self.swapper.deps().store.commit(writes).await?)
    }

    /// An entry of the activity log about a name that perhaps no container can have.
    fn hook_note(&self, key: &HookKey, message: String, by: &str) -> Write {
        let deps = self.swapper.deps();
        Write::AppendActivity(ActivityEntry {
            at: deps.clock.now(),
            entry_type: "hooks".to_owned(),
            message,
            container: Some(key.name.clone()),
            host: (key.host != deps.host).then(|| key.host.to_string()),
            user: Some(by.to_owned()),
            kind: None,
        })
    }
}
