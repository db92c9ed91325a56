//! What the document says of every operation alike: what its gate asks, and how that and the reading of a
//! body can fail. What an operation says itself stands.

use http::Method;
use serde_json::json;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr};

use super::gate::Gate;

/// A failure that many operations share.
struct Shared {
    status: &'static str,
    description: &'static str,
    example: &'static str,
}

const STRANGER: Shared = Shared {
    status: "401",
    description: "Nobody, or a token or session that is not valid",
    example: "authentication required",
};
const NOT_ALLOWED: Shared = Shared {
    status: "403",
    description: "The permission is missing, or the second token of a session",
    example: "insufficient permissions",
};
const NOT_OURS: Shared = Shared {
    status: "403",
    description: "The second token of a session is missing",
    example: "CSRF validation failed",
};
const TOO_LARGE: Shared = Shared {
    status: "413",
    description: "The body is too large",
    example: "the body has more than 1048576 bytes",
};
const NO_JSON: Shared = Shared {
    status: "415",
    description: "A session was shown, and the body does not say that it is JSON",
    example: "Content-Type must be application/json",
};
const TOO_MANY: Shared = Shared {
    status: "429",
    description: "Too many requests or failures from this address",
    example: "too many requests, try again later",
};
const INSIDE: Shared =
    Shared { status: "500", description: "The store cannot be read or written", example: "the store failed" };
const NOT_NOW: Shared =
    Shared { status: "503", description: "Not now", example: "the store is busy, try again" };

/// `{name}` of a path; anything else is refused before anything is looked at.
const NAME: &str = "^[A-Za-z0-9_.-]{1,255}$";

/// Says in the document what the gate asks, and how an operation can fail whatever it does. `refusal` names
/// the schema of a failure.
pub(super) fn declare(operation: &mut Operation, method: &Method, gate: Gate, refusal: &str) {
    let extension = ExtensionsBuilder::new().add("x-required-permission", gate.id()).build();
    match &mut operation.extensions {
        Some(extensions) => extensions.merge(extension),
        none => *none = Some(extension),
    }
    let is_public = matches!(gate, Gate::Public(_));
    operation.security = Some(if is_public {
        Vec::new()
    } else {
        vec![
            SecurityRequirement::new::<_, [&str; 0], &str>("bearer", []),
            SecurityRequirement::new::<_, [&str; 0], &str>("session", []),
        ]
    });
    let mut shared = vec![INSIDE, NOT_NOW];
    match gate {
        Gate::Public(_) => {}
        Gate::Permission(_) => shared.extend([STRANGER, NOT_ALLOWED, TOO_MANY]),
        Gate::Authenticated if *method == Method::GET => shared.extend([STRANGER, TOO_MANY]),
        Gate::Authenticated => shared.extend([STRANGER, NOT_OURS, TOO_MANY]),
    }
    if operation.request_body.is_some() {
        shared.push(TOO_LARGE);
        if !is_public {
            shared.push(NO_JSON);
        }
    }
    for failure in shared {
        let response = || RefOr::T(response(&failure, refusal));
        operation.responses.responses.entry(failure.status.to_owned()).or_insert_with(response);
    }
    if !is_public {
        let to_set_up = || RefOr::T(Response::new("Before there is any account: to `/setup`"));
        operation.responses.responses.entry("303".to_owned()).or_insert_with(to_set_up);
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Path, "name") => {
                let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(NAME)).build();
                parameter.schema = Some(name.into());
            }
            (ParameterIn::Query, "host") => {
                *parameter = ParameterBuilder::from(parameter.clone()).example(Some(json!(""))).build();
            }
            _ => {}
        }
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            say_headers(status, response);
        }
    }
}

fn response(failure: &Shared, refusal: &str) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(refusal)))
        .example(Some(json!({ "error": failure.example })))
        .build();
    let mut response = Response::new(failure.description);
    response.content.insert("application/json".to_owned(), RefOr::T(content));
    response
}

/// The headers that go with a status.
fn say_headers(status: &str, response: &mut Response) {
    let (name, kind, description) = match status {
        "303" => ("Location", Type::String, "Where to go on"),
        "401" => ("WWW-Authenticate", Type::String, "`Bearer`"),
        "429" | "503" => ("Retry-After", Type::Integer, "After how many seconds to ask again"),
        _ => return,
    };
    let format = matches!(kind, Type::Integer).then_some(SchemaFormat::KnownFormat(KnownFormat::Int64));
    let schema = ObjectBuilder::new().schema_type(kind).format(format).build();
    let mut header = Header::new(schema);
    header.description = Some(description.to_owned());
    response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
}
