//! The port's part on accounts.

use async_trait::async_trait;
use lodeman_store::{AccountStore, ApiTokenRecord, RoleRecord, SessionRecord, StoreError, UserRecord};
use uuid::Uuid;

use crate::adapter::SqliteStore;
use crate::adapter::read::{accounts, credentials};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn find_user(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        accounts::find_user(&self.readers, name).await
    }

    async fn find_user_by_id(&self, id: Uuid) -> Result<Option<UserRecord>, StoreError> {
        accounts::find_user_by_id(&self.readers, id).await
    }

    async fn list_users(&self) -> Result<Vec<UserRecord>, StoreError> {
        accounts::list_users(&self.readers).await
    }

    async fn count_users(&self) -> Result<u64, StoreError> {
        accounts::count_users(&self.readers).await
    }

    async fn find_role(&self, id: &str) -> Result<Option<RoleRecord>, StoreError> {
        accounts::find_role(&self.readers, id).await
    }

    async fn list_roles(&self) -> Result<Vec<RoleRecord>, StoreError> {
        accounts::list_roles(&self.readers).await
    }

    async fn find_session(
        &self,
        token_hash: &str,
    ) -> Result<Option<(SessionRecord, UserRecord)>, StoreError> {
        credentials::find_session(&self.readers, token_hash).await
    }

    async fn list_sessions(&self, user: Uuid) -> Result<Vec<SessionRecord>, StoreError> {
        credentials::list_sessions(&self.readers, user).await
    }

    async fn find_token(&self, token_hash: &str) -> Result<Option<(ApiTokenRecord, UserRecord)>, StoreError> {
        credentials::find_token(&self.readers, token_hash).await
    }

    async fn list_tokens(&self, user: Uuid) -> Result<Vec<ApiTokenRecord>, StoreError> {
        credentials::list_tokens(&self.readers, user).await
    }
}
