//! `?host=`: which host is meant. This server has one, and no other may be mistaken for it.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;

/// What a query says, the last of each key.
#[derive(Debug, Clone, Default)]
pub struct Asked(HashMap<String, String>);

impl Asked {
    /// The value of a key, unless it is empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The other host that is meant, if any.
    pub fn host(&self) -> Option<&str> {
        self.get("host")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let query = Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        Ok(Self(query.map(|Query(query)| query).unwrap_or_default()))
    }
}
