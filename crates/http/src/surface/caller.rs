//! Who asks.

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use lodeman_auth::Principal;

/// The caller, as the gate found it.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        // Only a route whose gate is `Public` has none; its handler must not ask.
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
