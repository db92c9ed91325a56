//! The page of the document needs nothing but the program.

use std::io::Read as _;

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tower_service::Service as _;

use super::world::World;

/// What is at a path, unpacked.
async fn fetch(world: &World, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let (parts, body) = world.router().call(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let mut unpacked = Vec::new();
    if parts.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).unwrap();
    } else {
        unpacked.extend_from_slice(&bytes);
    }
    (parts.status, parts.headers, String::from_utf8_lossy(&unpacked).into_owned())
}

/// What a page refers to.
fn references(page: &str) -> Vec<String> {
    let after = |mark: &'static str| {
        page.split(mark)
            .skip(1)
            .filter_map(|rest| rest.split_once('"'))
            .map(|(reference, _)| reference.to_owned())
    };
    after("src=\"").chain(after("href=\"")).collect()
}

#[tokio::test]
async fn the_page_loads_the_document_and_is_whole_without_a_network() {
    let world = World::empty().await;
    let (status, headers, _) = fetch(&world, "/docs").await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::PERMANENT_REDIRECT, "/docs/"));
    let (status, headers, page) = fetch(&world, "/docs/").await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/html"));
    let needed = references(&page);
    assert!(needed.len() >= 5, "{needed:?}");
    for file in &needed {
        assert!(!file.contains("//") && !file.starts_with("data:"), "{file} is elsewhere");
        let path = format!("/docs/{}", file.trim_start_matches("./"));
        let (status, headers, text) = fetch(&world, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let kind = headers["content-type"].to_str().unwrap();
        let known = ["text/javascript", "text/css", "image/png"].contains(&kind);
        assert!(!text.is_empty() && known, "{path}: {kind}");
        let styles = if kind == "text/css" { text.as_str() } else { "" };
        for picture in styles.split("url(").skip(1) {
            let picture = picture.trim_start_matches(['"', '\'']);
            assert!(picture.starts_with("data:"), "{path}: {}", picture.chars().take(60).collect::<String>());
        }
        assert!(!styles.contains("@import"), "{path}");
    }
    let (_, _, set_up) = fetch(&world, "/docs/swagger-initializer.js").await;
    assert!(set_up.contains("\"url\": \"/openapi.json\""), "{set_up}");
    assert!(set_up.contains("\"validatorUrl\": \"none\""), "{set_up}");
    assert!(!set_up.contains("://"), "{set_up}");
    let (status, _, document) = fetch(&world, "/openapi.json").await;
    assert_eq!((status, document), (StatusCode::OK, lodeman_http::openapi()));
}

#[tokio::test]
async fn the_page_may_run_its_own_scripts_and_fetch_from_here_only() {
    let world = World::empty().await;
    for path in ["/docs/", "/docs/swagger-ui-bundle.js"] {
        let (_, headers, _) = fetch(&world, path).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in
            ["default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
        assert_eq!(headers.get_all("content-security-policy").iter().count(), 1);
        assert_eq!(headers["x-frame-options"], "DENY");
    }
    let (_, headers, _) = fetch(&world, "/openapi.json").await;
    assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
}

#[tokio::test]
async fn there_is_nothing_beside_the_page() {
    let world = World::empty().await;
    for path in
        ["/docs/nothing.js", "/docs/..%2fCargo.toml", "/docs/%2e%2e/openapi.json", "/docs//etc/passwd"]
    {
        let (status, headers, text) = fetch(&world, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(headers["content-type"].to_str().unwrap().starts_with("application/json"), "{path}: {text}");
    }
}
