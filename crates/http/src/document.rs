//! The OpenAPI document of the surfaces.

use std::collections::BTreeSet;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, Info, License, OpenApi};

/// What the document says of the whole.
const ABOUT: &str = "Keeps containers current without breaking them. Every operation names the permission it \
                     asks for in `x-required-permission`; `public` asks for nothing, `authenticated` for any account.";

/// What is told of each group of operations.
const TAGS: [(&str, &str); 12] = [
    ("Authentication", "Signing in and out, the first administrator, the caller and the caller's tokens."),
    ("Users", "Accounts."),
    ("Containers", "What runs, and why it runs what it runs."),
    ("Container Actions", "Looking for updates, installing them, going back."),
    ("Queue", "Updates that wait, and what people decide about them."),
    ("Policy", "Which updates are installed by themselves, container by container."),
    ("Dependencies", "Which containers need which, and in what order they are updated."),
    ("Hooks", "Commands that run in a container around its update."),
    ("Images", "The images of the host."),
    ("History", "What happened, and who did what."),
    ("Events", "What happens, as it happens."),
    ("Settings", "How the server works, and what it tells of itself."),
];

/// The document of `paths`.
pub(crate) fn of(mut paths: OpenApi) -> OpenApi {
    let mut info = Info::new("Lodeman", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new("Apache-2.0"));
    paths.info = info;
    let operations = paths.paths.paths.values().flat_map(operations_of);
    let used: BTreeSet<String> =
        operations.filter_map(|operation| operation.tags.clone()).flatten().collect();
    let told = TAGS.into_iter().filter(|(name, _)| used.contains(*name));
    let tag = |(name, description)| TagBuilder::new().name(name).description(Some(description)).build();
    paths.tags = Some(told.map(tag).collect());
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

fn operations_of(item: &PathItem) -> impl Iterator<Item = &Operation> {
    [&item.get, &item.put, &item.post, &item.delete, &item.patch].into_iter().flatten()
}

/// The document as text: keys in order, two spaces of indentation, one line feed at the end.
pub(crate) fn text(document: &OpenApi) -> String {
    // Through a value, whose keys are sorted, so that the text is the same for the same document.
    let value = serde_json::to_value(document).unwrap_or_default();
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}
