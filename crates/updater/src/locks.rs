//! In-memory locks on top of the lock of record: one change of a container at a time, and a bounded
//! number of containers down at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use lodeman_domain::workload::WorkloadKey;
use tokio::sync::{
    Mutex as AsyncMutex, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit,
    RwLock, Semaphore,
};

/// Locks of one host.
#[derive(Debug, Clone)]
pub struct Locks {
    containers: Arc<Mutex<HashMap<WorkloadKey, Weak<AsyncMutex<()>>>>>,
    dark: Arc<Dark>,
    /// Shared by operations, taken whole by whoever removes images.
    images: Arc<RwLock<()>>,
}

/// How many containers may be down at once. The number can change while some are.
#[derive(Debug)]
struct Dark {
    permits: Arc<Semaphore>,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    limit: usize,
    /// Permits that are to go as soon as they come back.
    surplus: usize,
}

/// Held while a container is down.
#[derive(Debug)]
pub(crate) struct DarkPermit {
    permit: Option<OwnedSemaphorePermit>,
    dark: Arc<Dark>,
}

impl Drop for DarkPermit {
    fn drop(&mut self) {
        let mut size = self.dark.size.lock().unwrap_or_else(PoisonError::into_inner);
        if size.surplus > 0
            && let Some(permit) = self.permit.take()
        {
            size.surplus -= 1;
            permit.forget();
        }
    }
}

impl Dark {
    fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        let size = Mutex::new(Size { limit, surplus: 0 });
        Self { permits: Arc::new(Semaphore::new(limit)), size }
    }

    fn resize(&self, limit: usize) {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if limit > size.limit {
            let more = limit - size.limit;
            let kept = more.min(size.surplus);
            size.surplus -= kept;
            self.permits.add_permits(more - kept);
        } else {
            let fewer = size.limit - limit;
            size.surplus += fewer - self.permits.forget_permits(fewer);
        }
        size.limit = limit;
    }
}

/// Held while a container is changed.
#[derive(Debug)]
pub struct ContainerGuard(#[expect(dead_code, reason = "held for its drop")] OwnedMutexGuard<()>);

/// Held by an operation while it relies on images that nothing else may name yet.
#[derive(Debug)]
pub struct ImagesKept(#[expect(dead_code, reason = "held for its drop")] OwnedRwLockReadGuard<()>);

/// Held while images are removed: no operation begins meanwhile.
#[derive(Debug)]
pub struct ImagesFree(#[expect(dead_code, reason = "held for its drop")] OwnedRwLockWriteGuard<()>);

impl Locks {
    /// Locks that let `max_parallel` containers be down at once.
    #[must_use]
    pub fn new(max_parallel: usize) -> Self {
        Self { containers: Arc::default(), dark: Arc::new(Dark::new(max_parallel)), images: Arc::default() }
    }

    /// Lets another number of containers be down at once. Those that are down already stay so.
    pub(crate) fn set_max_parallel(&self, max_parallel: usize) {
        self.dark.resize(max_parallel);
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

    /// No image is removed while this is held.
    pub(crate) async fn keep_images(&self) -> ImagesKept {
        ImagesKept(self.images.clone().read_owned().await)
    }

    /// The right to remove images, unless an operation relies on some.
    #[must_use]
    pub fn try_free_images(&self) -> Option<ImagesFree> {
        self.images.clone().try_write_owned().ok().map(ImagesFree)
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
    pub(crate) async fn dark_window(&self) -> DarkPermit {
        // The semaphore is never closed.
        let permit = self.dark.permits.clone().acquire_owned().await.ok();
        DarkPermit { permit, dark: self.dark.clone() }
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

    #[tokio::test]
    async fn images_are_removed_only_while_no_operation_relies_on_them() {
        let locks = Locks::new(1);
        let one = locks.keep_images().await;
        let two = locks.keep_images().await;
        drop(one);
        assert!(locks.try_free_images().is_none());
        drop(two);
        let freed = locks.try_free_images().unwrap();
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(10), locks.keep_images()).await.is_err()
        );
        drop(freed);
        locks.keep_images().await;
    }

    #[tokio::test]
    async fn how_many_may_be_down_changes_while_some_are() {
        let locks = Locks::new(3);
        let free = |locks: &Locks| locks.dark.permits.available_permits();
        let (one, two) = (locks.dark_window().await, locks.dark_window().await);
        locks.set_max_parallel(1);
        assert_eq!(free(&locks), 0);
        drop(one);
        assert_eq!(free(&locks), 0, "one is still down");
        drop(two);
        assert_eq!(free(&locks), 1);
        let held = locks.dark_window().await;
        locks.set_max_parallel(0);
        locks.set_max_parallel(2);
        assert_eq!(free(&locks), 1, "none is allowed less than one");
        drop(held);
        assert_eq!(free(&locks), 2);
    }

    #[tokio::test]
    async fn what_was_to_go_may_stay_when_the_number_grows_again() {
        let locks = Locks::new(2);
        let held = (locks.dark_window().await, locks.dark_window().await);
        locks.set_max_parallel(1);
        locks.set_max_parallel(3);
        assert_eq!(locks.dark.permits.available_permits(), 1);
        drop(held);
        assert_eq!(locks.dark.permits.available_permits(), 3);
    }
}
