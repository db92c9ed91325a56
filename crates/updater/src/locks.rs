//! In-memory locks on top of the lock of record: one change of a container at a time, and a bounded
//! number of containers down at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use lodeman_domain::workload::WorkloadKey;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// Locks of one host.
#[derive(Debug, Clone)]
pub struct Locks {
    containers: Arc<Mutex<HashMap<WorkloadKey, Weak<AsyncMutex<()>>>>>,
    dark: Arc<Semaphore>,
}

/// Held while a container is changed.
#[derive(Debug)]
pub struct ContainerGuard(#[expect(dead_code, reason = "held for its drop")] OwnedMutexGuard<()>);

impl Locks {
    /// Locks that let `max_parallel` containers be down at once.
    #[must_use]
    pub fn new(max_parallel: usize) -> Self {
        Self { containers: Arc::default(), dark: Arc::new(Semaphore::new(max_parallel.max(1))) }
    }

    /// The lock of a container, if nobody holds it.
    #[must_use]
    pub fn try_container(&self, key: &WorkloadKey) -> Option<ContainerGuard> {
        self.entry(key).try_lock_owned().ok().map(ContainerGuard)
    }

    /// The lock of a container, waiting for it.
    pub async fn container(&self, key: &WorkloadKey) -> ContainerGuard {
        ContainerGuard(self.entry(key).lock_owned().await)
    }

    /// The entry lives as long as somebody holds or awaits it, so two holders cannot have two locks.
    fn entry(&self, key: &WorkloadKey) -> Arc<AsyncMutex<()>> {
        let mut map = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        map.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = map.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(AsyncMutex::new(()));
        map.insert(key.clone(), Arc::downgrade(&lock));
        lock
    }

    /// The right to have one more container down.
    pub(crate) async fn dark_window(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.dark.clone().acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_container_has_one_lock_and_others_are_free() {
        let locks = Locks::new(1);
        let key = |n: &str| WorkloadKey::local(n.parse().unwrap());
        let held = locks.try_container(&key("web")).unwrap();
        assert!(locks.try_container(&key("web")).is_none());
        assert!(locks.try_container(&key("db")).is_some());
        drop(held);
        assert!(locks.try_container(&key("web")).is_some());
    }
}
