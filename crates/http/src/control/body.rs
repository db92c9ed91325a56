//! A JSON body of bounded size, refused in words that name the field.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use lodeman_updater::control::ErrorKind;
use serde::de::DeserializeOwned;

use super::MAX_BODY;
use crate::envelope::Failure;

pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(refusal(&rejection)),
        }
    }
}

fn refusal(rejection: &JsonRejection) -> Failure {
    let invalid = |status, message: String| Failure::new(status, ErrorKind::Invalid, message);
    match rejection {
        JsonRejection::MissingJsonContentType(_) => invalid(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type: is not JSON; allowed is `application/json`".to_owned(),
        ),
        // The source is the deserializer's own message, with the path of the field where it has one.
        JsonRejection::JsonDataError(error) => invalid(StatusCode::BAD_REQUEST, source_of(error)),
        JsonRejection::JsonSyntaxError(error) => {
            let message = format!("the body is no JSON: {}", source_of(error));
            invalid(StatusCode::BAD_REQUEST, message)
        }
        other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("the body has more than {MAX_BODY} bytes");
            invalid(StatusCode::PAYLOAD_TOO_LARGE, message)
        }
        other => invalid(other.status(), format!("the body cannot be read: {other}")),
    }
}

fn source_of(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
