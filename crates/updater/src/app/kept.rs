//! What was read of the store, kept for as long as it is still so.

use std::sync::{Arc, Mutex, PoisonError};

use lodeman_store::{Store, StoreError};

/// One value that was read, with the store's generation at that time.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<(u64, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// The value, read anew where something was written since it was.
    ///
    /// # Errors
    /// As `read`; what was kept stays.
    pub(super) async fn get(
        &self,
        store: &dyn Store,
        read: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<Arc<T>, StoreError> {
        let generation = store.generation();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, value)) = kept
            && of == generation
        {
            return Ok(value);
        }
        let value = Arc::new(read.await?);
        // Another reader may have been quicker; either holds for its own generation.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((generation, value.clone()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use lodeman_store::Write;
    use lodeman_store::fake::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_value_is_read_again_only_after_a_write() {
        let store = MemoryStore::new();
        let kept = Kept::default();
        let get = || kept.get(&store, store.list_settings());
        let first = get().await.unwrap();
        assert!(Arc::ptr_eq(&first, &get().await.unwrap()));
        store.commit(vec![Write::PutSetting { key: "a".into(), value: "1".into() }]).await.unwrap();
        assert_eq!(*get().await.unwrap(), [("a".to_owned(), "1".to_owned())]);
    }
}
