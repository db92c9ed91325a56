//! A failure as this surface tells it: `{"error":"…"}`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use lodeman_updater::control::{ControlError, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::Reply;

/// What every failure looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelError, example = json!({ "error": "invalid container name" }))]
pub struct ErrorBody {
    /// What is wrong, for a person.
    pub error: String,
}

/// A failure and the status it is told by.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    message: String,
    retry_after: Option<u64>,
}

impl Failure {
    /// A failure of this status, in these words.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// 501: a part that this server does not have.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    /// 429, and after how many seconds to ask again.
    pub fn too_many(message: impl Into<String>, retry_after_seconds: u64) -> Self {
        let retry_after = Some(retry_after_seconds.max(1));
        Self { status: StatusCode::TOO_MANY_REQUESTS, message: message.into(), retry_after }
    }

    /// With when to ask again.
    #[must_use]
    pub fn retry_after(self, seconds: Option<u64>) -> Self {
        Self { retry_after: seconds, ..self }
    }

    /// 500 in the words of an endpoint, `failed to list containers`. What went wrong inside is logged.
    pub fn inside(error: &ControlError, said: &str) -> Self {
        tracing::warn!(error = error as &dyn std::error::Error, "{said}");
        Self::internal(said)
    }
}

/// The status a kind of failure is told by.
pub(super) fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict | ErrorKind::Refused => StatusCode::CONFLICT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        Self::new(status_of(error.kind), error.message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let after = self.retry_after.or((self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(5));
        let mut response = Reply(ErrorBody { error: self.message }).into_response();
        *response.status_mut() = self.status;
        if let Some(seconds) = after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
