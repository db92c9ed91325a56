//! The OpenAPI document of the surfaces.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, License, OpenApi};

/// What the document says of the whole.
const ABOUT: &str = "Keeps containers current without breaking them. Every operation names the permission it \
                     asks for in `x-required-permission`; `public` asks for nothing, `authenticated` for any account.";

/// The document of `paths`.
pub(crate) fn of(mut paths: OpenApi) -> OpenApi {
    let mut info = Info::new("Lodeman", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new("Apache-2.0"));
    paths.info = info;
    let components = paths.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some("A token of `POST /api/auth/tokens`.")).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let session = ApiKeyValue::with_description(
        "sentinel_session",
        "The session of `POST /login`; what changes something also sends the cookie `sentinel_csrf` back as the \
         header `X-CSRF-Token`.",
    );
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    paths
}

/// The document as text: keys in order, two spaces of indentation, one line feed at the end.
pub(crate) fn text(document: &OpenApi) -> String {
    // Through a value, whose keys are sorted, so that the text is the same for the same document.
    let value = serde_json::to_value(document).unwrap_or_default();
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}
