//! `?host=`: which host is meant. This server has one, and no other may be mistaken for it.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use http::StatusCode;
use http::request::Parts;

use super::envelope::Failure;

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

    /// Refuses what is asked of another host: done here it would hit another container of that name.
    ///
    /// # Errors
    /// 400 for a host that another product manages, 503 for any other.
    pub fn here(&self) -> Result<(), Failure> {
        match self.host() {
            None => Ok(()),
            Some(host) if host.starts_with("portainer:") => {
                Err(Failure::bad_request("action not supported for this host"))
            }
            Some(_) => Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "cluster not available")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let query = Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        Ok(Self(query.map(|Query(query)| query).unwrap_or_default()))
    }
}
