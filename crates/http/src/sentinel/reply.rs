//! A JSON answer as this surface writes it: UTF-8, and one line feed at the end for people at a shell.

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// An answer of JSON.
#[derive(Debug, Clone)]
pub struct Reply<T>(pub T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                written(bytes.into())
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "an answer cannot be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// An answer of JSON that is written already.
pub fn written(json: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], json).into_response()
}

/// An answer that only says what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = SentinelMessage, example = json!({ "message": "default policy set to auto" }))]
pub struct Message {
    /// What was done.
    pub message: String,
}

/// The answer that only says what was done.
pub fn message(text: impl Into<String>) -> Reply<Message> {
    Reply(Message { message: text.into() })
}
