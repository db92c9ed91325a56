//! `/docs`: the document as a page, with everything the page needs in the program.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use utoipa_swagger_ui::Config;

use crate::sentinel::Failure;

/// The page runs scripts of its own files only, and nothing in it may be fetched from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// The page at `/docs`, which reads the document at `document`.
pub(crate) fn docs(document: &'static str) -> Router {
    let config = Config::from(document)
        // Otherwise the page shows a badge of a service on the internet, which is told the address.
        .validator_url("none")
        .display_operation_id(true)
        .try_it_out_enabled(false)
        .filter(true);
    Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|State(config)| async { file("", config) }))
        .route(
            "/docs/{*file}",
            get(|State(config), Path(path): Path<String>| async move { file(&path, config) }),
        )
        .with_state(Arc::new(config))
}

fn file(path: &str, config: Arc<Config<'static>>) -> Response {
    let file = match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(file)) => file,
        Ok(None) => return Failure::not_found("there is nothing at this path").into_response(),
        Err(error) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "the page of the document is broken");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let kind = HeaderValue::from_str(&file.content_type);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = ([(header::CONTENT_TYPE, kind)], file.bytes.into_owned()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // With the next version of the program the files are others.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
