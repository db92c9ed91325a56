//! Which API version is spoken, and how it is put into requests.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use futures::StreamExt;
use lodeman_engine::spec::{CreateSpec, EndpointSpec};
use lodeman_engine::{ContainerEngine, EngineError, RestartPolicy, SilentPull};
use lodeman_engine_docker::DockerEngine;
use support::{Asked, ID, IMAGE, Scripted, inspect, refuses, says};

fn script(asked: &Asked) -> axum::http::Response<axum::body::Body> {
    let path = asked.path.split('?').next().unwrap_or_default();
    if path.ends_with("/info") {
        says(200, r#"{"ID":"E","Driver":"overlay2","OSType":"linux","Architecture":"x86_64"}"#)
    } else if path.ends_with("/version") {
        says(200, r#"{"Version":"20.10.24","Arch":"amd64","Os":"linux"}"#)
    } else if path.ends_with("containers/json") || path.ends_with("images/json") {
        says(200, "[]")
    } else if path.contains("/images/") && path.ends_with("/json") {
        says(200, format!(r#"{{"Id":"{IMAGE}"}}"#))
    } else if path.ends_with("/json") {
        says(200, inspect(ID, "web"))
    } else if path.ends_with("containers/create") {
        says(201, format!(r#"{{"Id":"{ID}","Warnings":[]}}"#))
    } else {
        says(200, "")
    }
}

/// Asks everything the port can ask.
async fn ask_everything(engine: &DockerEngine) {
    let id = ID.parse().unwrap();
    let name = "web".parse().unwrap();
    let spec = CreateSpec(serde_json::Map::new());
    let endpoint = EndpointSpec { network: "front".to_owned(), config: serde_json::Map::new() };
    let info = engine.info().await.unwrap();
    engine.list_containers().await.unwrap();
    engine.inspect_container(&id).await.unwrap();
    engine.find_container(&name).await.unwrap();
    engine.list_images().await.unwrap();
    engine.inspect_image("web:1").await.unwrap();
    engine.tag_image(&IMAGE.parse().unwrap(), "lodeman.local/pin/0a", "keep").await.unwrap();
    engine.remove_image("web:1").await.unwrap();
    engine.pull(&"web:2".parse().unwrap(), &info.platform, None, &SilentPull).await.unwrap();
    engine.create_container(&name, &spec, &info.platform).await.unwrap();
    engine.connect_network(&id, &endpoint).await.unwrap();
    engine.start(&id).await.unwrap();
    engine.stop(&id, Duration::from_millis(1500)).await.unwrap();
    engine.kill(&id).await.unwrap();
    engine.pause(&id).await.unwrap();
    engine.unpause(&id).await.unwrap();
    engine.rename(&id, &name).await.unwrap();
    engine.set_restart_policy(&id, &RestartPolicy::no()).await.unwrap();
    engine.remove_container(&id).await.unwrap();
    engine.tail_logs(&id, 20).await.unwrap();
    let _ = engine.events().await.unwrap().next().await;
}

#[tokio::test]
async fn every_request_but_the_ping_carries_the_agreed_version_once() {
    let scripted = Scripted::start("1.41", script);
    ask_everything(&scripted.engine()).await;
    let web = format!("/v1.41/containers/{ID}");
    assert_eq!(
        scripted.lines(),
        [
            "GET /v1.41/info".to_owned(),
            "GET /v1.41/version".to_owned(),
            "GET /v1.41/containers/json?all=1".to_owned(),
            format!("GET {web}/json"),
            "GET /v1.41/containers/web/json".to_owned(),
            "GET /v1.41/images/json".to_owned(),
            "GET /v1.41/images/web:1/json".to_owned(),
            format!("POST /v1.41/images/{IMAGE}/tag?repo=lodeman.local%2Fpin%2F0a&tag=keep"),
            "DELETE /v1.41/images/web:1?force=0&noprune=1".to_owned(),
            "POST /v1.41/images/create?fromImage=web&tag=2&platform=linux%2Famd64".to_owned(),
            "POST /v1.41/containers/create?name=web&platform=linux%2Famd64".to_owned(),
            "GET /v1.41/networks/front".to_owned(),
            "POST /v1.41/networks/front/connect".to_owned(),
            format!("POST {web}/start"),
            format!("POST {web}/stop?t=2"),
            format!("POST {web}/kill"),
            format!("POST {web}/pause"),
            format!("POST {web}/unpause"),
            format!("POST {web}/rename?name=web"),
            format!("POST {web}/update"),
            format!("DELETE {web}?v=0&force=0"),
            format!(
                "GET {web}/logs?follow=false&stdout=true&stderr=true&since=0&until=0&timestamps=false&tail=20"
            ),
            "GET /v1.41/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22image%22%5D%7D".to_owned(),
        ]
    );
    assert_eq!(scripted.pings(), 1, "the version is asked for once");
}

#[tokio::test]
async fn a_newer_engine_is_spoken_to_in_the_newest_version_we_know() {
    let scripted = Scripted::start("1.56", script);
    ask_everything(&scripted.engine()).await;
    for line in scripted.lines() {
        assert_eq!(line.matches("/v1.").count(), 1, "{line}");
        // An image's origin is the one thing that only a newer version tells.
        let origin = line == "GET /v1.53/images/web:1/json";
        assert!(line.contains(" /v1.51/") || origin, "{line}");
    }
    assert_eq!(scripted.engine().info().await.unwrap().api_version, "1.51");
}

/// What an engine says of an image in the version that tells origins, and what becomes known.
async fn origin(answer: axum::http::Response<axum::body::Body>) -> Option<serde_json::Value> {
    let answer = std::sync::Mutex::new(Some(answer));
    let scripted = Scripted::start("1.56", move |asked| {
        let newer = asked.path.starts_with("/v1.53/").then(|| answer.lock().unwrap().take()).flatten();
        newer.unwrap_or_else(|| script(asked))
    });
    let image = scripted.engine().inspect_image("web:1").await.unwrap();
    assert_eq!(scripted.lines(), ["GET /v1.51/images/web:1/json", "GET /v1.53/images/web:1/json"]);
    image.raw().get("Identity").cloned()
}

#[tokio::test]
async fn an_images_origin_is_told_where_the_engine_keeps_it() {
    let pulled =
        format!(r#"{{"Id":"{IMAGE}","Descriptor":{{}},"Identity":{{"Pull":[{{"Repository":"web"}}]}}}}"#);
    assert_eq!(origin(says(200, pulled)).await.unwrap()["Pull"][0]["Repository"], "web");
    let local = format!(r#"{{"Id":"{IMAGE}","Descriptor":{{}}}}"#);
    assert_eq!(origin(says(200, local)).await, Some(serde_json::json!({})), "it was not pulled");
}

#[tokio::test]
async fn an_images_origin_that_is_not_told_is_not_known() {
    let classic = format!(r#"{{"Id":"{IMAGE}"}}"#);
    assert_eq!(origin(says(200, classic)).await, None);
    let moved =
        format!(r#"{{"Id":"sha256:{}","Descriptor":{{}},"Identity":{{"Pull":[]}}}}"#, "3f".repeat(32));
    assert_eq!(origin(says(200, moved)).await, None, "the tag moved in between");
    assert_eq!(origin(refuses(404, "no such image")).await, None);
    assert_eq!(origin(refuses(500, "no")).await, None);
    assert_eq!(origin(says(200, "nonsense")).await, None);
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_told_so_and_asked_nothing() {
    let scripted = Scripted::start("1.40", script);
    let error = scripted.engine().start(&ID.parse().unwrap()).await.unwrap_err();
    let EngineError::Unreachable(source) = error else { panic!("{error}") };
    assert_eq!(
        source.to_string(),
        "the engine speaks API 1.40 at most; Lodeman needs 1.41 or newer (Docker Engine 20.10)"
    );
    assert!(scripted.lines().is_empty());
}

#[tokio::test]
async fn an_engine_that_comes_back_in_another_version_is_asked_again() {
    let mut scripted = Scripted::start("1.41", script);
    let engine = scripted.engine();
    engine.list_images().await.unwrap();
    scripted.stop().await;
    assert!(matches!(engine.list_images().await, Err(EngineError::Unreachable(_))));
    scripted.replace("1.44", script).await;
    engine.list_images().await.unwrap();
    assert_eq!(scripted.lines(), ["GET /v1.41/images/json", "GET /v1.44/images/json"]);
}

#[tokio::test]
async fn a_version_the_engine_finds_too_new_is_not_used_twice() {
    let mut scripted = Scripted::start("1.51", script);
    let engine = scripted.engine();
    engine.list_images().await.unwrap();
    // The engine was exchanged between two calls: nothing failed that could have told.
    scripted
        .replace("1.41", |asked| {
            if asked.path.starts_with("/v1.41/") {
                says(200, "[]")
            } else {
                refuses(400, "client version 1.51 is too new")
            }
        })
        .await;
    assert_eq!(engine.list_images().await.unwrap_err().status(), Some(400));
    engine.list_images().await.unwrap();
    assert_eq!(scripted.lines().last().map(String::as_str), Some("GET /v1.41/images/json"));
}

#[tokio::test]
async fn a_ping_renews_the_version() {
    let mut scripted = Scripted::start("1.41", script);
    let engine = scripted.engine();
    engine.ping().await.unwrap();
    scripted.replace("1.45", script).await;
    engine.ping().await.unwrap();
    assert_eq!(engine.api_version().await.unwrap().to_string(), "1.45");
}
