use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use lodeman_auth::BuiltInRole;
use lodeman_http::surface::{Gate, Registered};
use serde_json::Value;
use tower_service::Service as _;

use super::world::World;

/// Every operation of the document is one of the router's, with the same gate, and the other way round.
#[tokio::test]
async fn routes_and_document_agree() {
    let world = World::new().await;
    let document = world.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut told = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            told.push((method.to_uppercase(), path.clone(), operation["x-required-permission"].clone()));
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{path}: operationId twice"
            );
            assert!(operation["tags"][0].is_string(), "{method} {path}: no tag");
            assert!(operation["summary"].is_string(), "{method} {path}: no summary");
            let has_error = operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .any(|status| status.starts_with(['4', '5']));
            assert!(has_error || path == "/api/auth/me", "{method} {path}: no error is told");
        }
    }
    let mut served: Vec<_> = world
        .registered
        .iter()
        .map(|r| (r.method.to_string(), r.path.clone(), Value::from(r.gate.id())))
        .collect();
    told.sort_by_key(|entry| (entry.1.clone(), entry.0.clone()));
    served.sort_by_key(|entry| (entry.1.clone(), entry.0.clone()));
    assert_eq!(told, served);
}

/// The published document is the one that is served.
#[tokio::test]
async fn the_published_document_is_the_one_that_is_served() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/lodeman.json");
    let published = std::fs::read_to_string(&path).expect("openapi/lodeman.json is there");
    let world = World::new().await;
    let served = world.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await;
    assert_eq!(served.text, lodeman_http::openapi());
    assert!(published == served.text, "`cargo xtask openapi` writes openapi/lodeman.json anew");
}

/// Every operation, asked by everybody: who may not is refused before anything is looked at or changed.
#[tokio::test]
async fn every_route_is_open_to_exactly_those_who_may() {
    let world = World::new().await;
    let made = world.post("/api/auth/tokens", r#"{"name":"revoked"}"#).await.json();
    let path = format!("/api/auth/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(world.ask("admin", Method::DELETE, &path, None).await.status, StatusCode::OK);
    let revoked = format!("Bearer {}", made["token"].as_str().unwrap());
    let gated: Vec<_> =
        world.registered.iter().filter(|route| !matches!(route.gate, Gate::Public(_))).collect();
    let roles = [BuiltInRole::Viewer, BuiltInRole::Operator, BuiltInRole::Admin];
    let mut asked = 0;
    let before = world.host.store().generation();
    for route in &gated {
        let path = path_of(route);
        for (shown, message) in
            [(None, "authentication required"), (Some(&revoked), "invalid or expired token")]
        {
            let mut request = Request::builder().method(route.method.clone()).uri(&path);
            if let Some(token) = shown {
                request = request.header(header::AUTHORIZATION, token);
            }
            let refused = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                (refused.status, refused.error().as_str()),
                (StatusCode::UNAUTHORIZED, message),
                "{route:?}"
            );
            asked += 1;
        }
        for role in roles.iter().filter(|role| !may(**role, route)) {
            let refused = world.ask(role.id(), route.method.clone(), &path, None).await;
            assert_eq!(
                (refused.status, refused.error().as_str()),
                (StatusCode::FORBIDDEN, "insufficient permissions"),
                "{role:?} {route:?}"
            );
            asked += 1;
        }
    }
    assert_eq!(world.host.store().generation(), before, "a refusal changes nothing");
    for route in &gated {
        let path = path_of(route);
        for role in roles.iter().filter(|role| may(**role, route)) {
            asked += 1;
            if path == "/api/events" {
                // It does not end, so only its beginning is looked at.
                let request = Request::get(&path)
                    .header(header::AUTHORIZATION, format!("Bearer {}", world.token(role.id())));
                let begun = world.router().call(request.body(Body::empty()).unwrap()).await.unwrap();
                assert_eq!(begun.status(), StatusCode::OK, "{role:?}");
                continue;
            }
            let answer = world.ask(role.id(), route.method.clone(), &path, None).await;
            assert_ne!(answer.status, StatusCode::FORBIDDEN, "{role:?} {route:?}: {answer:?}");
            assert!(
                !answer.status.is_server_error() || answer.status == StatusCode::NOT_IMPLEMENTED,
                "{route:?}: {answer:?}"
            );
            assert_eq!(answer.headers["x-content-type-options"], "nosniff");
            assert_eq!(answer.headers["cache-control"], "no-store");
        }
    }
    assert_eq!(asked, gated.len() * 5, "each is asked by everybody");
    assert!(gated.len() >= 72, "{}", gated.len());
}

fn path_of(route: &Registered) -> String {
    let ghost = ["{name}", "{key}", "{id}", "{container}"];
    let path = ghost.iter().fold(route.path.clone(), |path, part| path.replace(part, "ghost"));
    path.replace("{phase}", "pre-update")
}

fn may(role: BuiltInRole, route: &Registered) -> bool {
    match route.gate {
        Gate::Permission(permission) => role.permissions().contains(permission),
        _ => true,
    }
}

/// What is open to everybody is a short list, each with its reason.
#[tokio::test]
async fn few_routes_are_public() {
    let world = World::new().await;
    let mut public: Vec<String> = Vec::new();
    for route in &world.registered {
        if let Gate::Public(reason) = route.gate {
            assert!(!reason.is_empty());
            public.push(format!("{} {}", route.method, route.path));
        }
    }
    public.sort();
    assert_eq!(public, ["POST /api/setup", "POST /login", "POST /logout", "POST /setup"]);
}
