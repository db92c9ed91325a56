//! What a failed call says: never sent, refused, absent, malformed, or not known.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::image::Platform;
use lodeman_engine::spec::{CreateSpec, EndpointSpec};
use lodeman_engine::{ContainerEngine, EngineError, ImageStore};
use lodeman_engine_docker::DockerEngine;
use support::{Asked, ID, Raw, Scripted, engine, impatient, inspect, refuses, says};

fn id() -> ContainerId {
    ID.parse().unwrap()
}

fn amd64() -> Platform {
    Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
}

async fn create(
    engine: &DockerEngine,
    spec: serde_json::Map<String, serde_json::Value>,
) -> Result<ContainerId, EngineError> {
    engine.create_container(&"web".parse().unwrap(), &CreateSpec(spec), &amd64()).await
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_unreachable_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("none.sock");
    let engine = engine(&nowhere, impatient());
    for error in [engine.ping().await.unwrap_err(), engine.start(&id()).await.unwrap_err()] {
        let EngineError::Unreachable(source) = &error else { panic!("{error}") };
        assert!(source.to_string().contains("none.sock"), "{source}");
        assert!(!error.may_have_happened());
    }
}

#[tokio::test]
async fn a_request_without_an_answer_is_unknown() {
    let raw = Raw::start(b"", true);
    let engine = engine(&raw.socket, impatient());
    let error = engine.start(&id()).await.unwrap_err();
    assert!(matches!(error, EngineError::Unknown { action: "start a container", .. }), "{error}");
    assert!(error.may_have_happened());
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_unknown() {
    let cut_answers: [&'static [u8]; 3] =
        [b"", b"HTTP/1.1 20", b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{\"Id\":"];
    for bytes in cut_answers {
        let raw = Raw::start(bytes, false);
        let engine = engine(&raw.socket, impatient());
        let error = create(&engine, serde_json::Map::new()).await.unwrap_err();
        assert!(matches!(error, EngineError::Unknown { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_engine_that_hangs_at_the_ping_was_never_sent_the_call() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("engine.sock");
    // Connections queue up in the kernel and nobody reads them.
    let _listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let engine = engine(&socket, impatient());
    assert!(matches!(engine.start(&id()).await, Err(EngineError::Unreachable(_))));
    assert!(matches!(engine.ping().await, Err(EngineError::Unknown { action: "ping", .. })));
}

#[tokio::test]
async fn a_refusal_carries_status_and_words() {
    let scripted = Scripted::start("1.41", |_| refuses(409, "the name is\ntaken"));
    let error = scripted.engine().rename(&id(), &"web".parse().unwrap()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the container engine refused to rename a container: the name is taken (status 409)"
    );
}

#[tokio::test]
async fn a_404_is_absence_only_when_an_inspect_says_it() {
    let scripted = Scripted::start("1.41", |_| refuses(404, "no such thing"));
    let engine = scripted.engine();
    assert!(engine.inspect_container(&id()).await.unwrap_err().is_not_found());
    assert!(engine.inspect_image("web:1").await.unwrap_err().is_not_found());
    assert_eq!(engine.find_container(&"web".parse().unwrap()).await.unwrap(), None);
    let network = EndpointSpec { network: "front".to_owned(), config: serde_json::Map::new() };
    for error in [
        engine.rename(&id(), &"web".parse().unwrap()).await.unwrap_err(),
        engine.start(&id()).await.unwrap_err(),
        engine.connect_network(&id(), &network).await.unwrap_err(),
        engine.tail_logs(&id(), 5).await.unwrap_err(),
    ] {
        assert!(matches!(error, EngineError::Refused { status: 404, .. }), "{error}");
    }
}

#[tokio::test]
async fn removing_what_is_absent_succeeds() {
    let scripted = Scripted::start("1.41", |_| refuses(404, "no such thing"));
    scripted.engine().remove_container(&id()).await.unwrap();
    scripted.engine().remove_image("web:1").await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_knows_no_such_page_proves_no_absence() {
    let scripted = Scripted::start("1.41", |_| says(404, "<html>not found</html>"));
    let engine = scripted.engine();
    let errors = [
        engine.inspect_container(&id()).await.unwrap_err(),
        engine.find_container(&"web".parse().unwrap()).await.unwrap_err(),
        engine.remove_container(&id()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.status(), Some(404), "{error}");
    }
}

#[tokio::test]
async fn starting_the_running_and_stopping_the_stopped_succeeds() {
    let scripted = Scripted::start("1.41", |_| says(304, ""));
    scripted.engine().start(&id()).await.unwrap();
    scripted.engine().stop(&id(), Duration::from_secs(1)).await.unwrap();
}

#[tokio::test]
async fn a_stop_waits_for_the_containers_grace() {
    let raw = Raw::start(b"", true);
    let engine = engine(&raw.socket, impatient());
    let asked_at = tokio::time::Instant::now();
    let error = engine.stop(&id(), Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, EngineError::Unknown { .. }), "{error}");
    assert!(asked_at.elapsed() >= Duration::from_secs(1), "{:?}", asked_at.elapsed());
}

#[tokio::test]
async fn what_is_no_json_or_no_container_is_malformed() {
    for body in ["", "no json", "[]", "null", "{}", r#"{"Id":"1f1f"}"#, "{\"Id\":"] {
        let scripted = Scripted::start("1.41", move |_| says(200, body));
        let error = scripted.engine().inspect_container(&id()).await.unwrap_err();
        assert!(matches!(error, EngineError::Malformed { .. }), "{body}: {error}");
    }
    let scripted = Scripted::start("1.41", |_| says(200, "{}"));
    assert!(matches!(scripted.engine().list_containers().await, Err(EngineError::Malformed { .. })));
    assert!(matches!(scripted.engine().info().await, Err(EngineError::Malformed { .. })));
    let created = create(&scripted.engine(), serde_json::Map::new()).await;
    assert!(matches!(created, Err(EngineError::Malformed { .. })));
}

#[tokio::test]
async fn an_engine_without_a_version_is_malformed() {
    let scripted = Scripted::start("soon", |_| says(200, "[]"));
    assert!(matches!(scripted.engine().ping().await, Err(EngineError::Malformed { .. })));
}

#[tokio::test]
async fn a_field_we_do_not_know_survives_an_inspect() {
    let scripted = Scripted::start("1.41", |_| says(200, inspect(ID, "web")));
    let found = scripted.engine().inspect_container(&id()).await.unwrap();
    assert_eq!(found.value(&["NewField", "kept"]), Some(&serde_json::Value::Bool(true)));
}

#[tokio::test]
async fn a_create_sends_the_spec_as_it_is() {
    let scripted = Scripted::start("1.41", |_| says(201, format!(r#"{{"Id":"{ID}"}}"#)));
    let spec = serde_json::json!({"Image": IMAGE_REF, "Unheard": [1, null, {"Of": "x"}]});
    let spec_map = spec.as_object().unwrap().clone();
    assert_eq!(create(&scripted.engine(), spec_map).await.unwrap(), id());
    let asked = scripted.asked();
    let sent: serde_json::Value = serde_json::from_str(&asked.last().unwrap().body).unwrap();
    assert_eq!(sent, spec);
    assert_eq!(asked.last().unwrap().headers["content-type"], "application/json");
}

const IMAGE_REF: &str = "reg.example:5000/a/web:1";

#[tokio::test]
async fn a_name_is_never_another_containers_id() {
    let other = "3d".repeat(32);
    let shown = inspect(&other, "database");
    let scripted = Scripted::start("1.41", move |asked: &Asked| {
        if asked.path.ends_with("all=1") { says(200, "[]") } else { says(200, shown.clone()) }
    });
    let engine = scripted.engine();
    // A name that begins like the id of `database`, and an id the engine takes for something else.
    let name: ContainerName = "3d3d3d".parse().unwrap();
    assert_eq!(engine.find_container(&name).await.unwrap(), None);
    assert!(engine.inspect_container(&id()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_container_whose_name_reads_like_anothers_id_is_found_by_the_list() {
    let other = "3d".repeat(32);
    let row = format!(r#"[{{"Id":"{ID}","Names":["/other/{other}","/{other}"],"State":"running"}}]"#);
    let ours = inspect(ID, &other);
    let theirs = inspect(&other, "database");
    let scripted = Scripted::start("1.41", move |asked: &Asked| {
        if asked.path.ends_with("all=1") {
            says(200, row.clone())
        } else if asked.path.contains(ID) {
            says(200, ours.clone())
        } else {
            says(200, theirs.clone())
        }
    });
    let name: ContainerName = "3d".repeat(32).parse().unwrap();
    let found = scripted.engine().find_container(&name).await.unwrap().unwrap();
    assert_eq!(found.id(), &id());
}

#[tokio::test]
async fn an_image_name_cannot_leave_its_place_in_the_path() {
    let scripted = Scripted::start("1.41", |_| says(200, "{}"));
    let engine = scripted.engine();
    for bad in ["../containers/x", "a/../b", "", "/"] {
        let error = engine.remove_image(bad).await.unwrap_err();
        assert!(matches!(error, EngineError::Refused { status: 400, .. }), "{bad}: {error}");
    }
    assert!(scripted.lines().is_empty());
    engine.remove_image("a?force=1#x").await.unwrap();
    assert_eq!(scripted.lines(), ["DELETE /v1.41/images/a%3Fforce%3D1%23x?force=0&noprune=1"]);
}

#[tokio::test]
async fn rows_that_make_no_sense_do_not_hide_the_others() {
    let rows = format!(
        r#"[{{"Id":"short"}}, 7, {{"Id":"{ID}","Names":["/web"],"Image":"web:1","ImageID":"x","Labels":null,"State":"odd"}}]"#
    );
    let scripted = Scripted::start("1.41", move |_| says(200, rows.clone()));
    let listed = scripted.engine().list_containers().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name().unwrap().as_str(), "web");
    assert_eq!(listed[0].image_id, None);
}

#[tokio::test]
async fn the_image_store_is_told_by_the_drivers_type() {
    for (status, store) in [
        (r#"[["Backing Filesystem","extfs"]]"#, ImageStore::Classic),
        (r#"[["driver-type","io.containerd.snapshotter.v1"]]"#, ImageStore::Containerd),
        ("null", ImageStore::Classic),
    ] {
        let body = format!(
            r#"{{"ID":"E","Driver":"overlayfs","DriverStatus":{status},"Version":"29","Arch":"arm","Architecture":"armv6l","LiveRestoreEnabled":true,"Name":"pi"}}"#
        );
        let scripted = Scripted::start("1.51", move |_| says(200, body.clone()));
        let info = scripted.engine().info().await.unwrap();
        assert_eq!(info.image_store, store, "{status}");
        assert_eq!(info.platform.to_string(), "linux/arm/v6");
        assert!(info.live_restore);
        assert_eq!(info.host_name, "pi");
    }
}

#[tokio::test]
async fn eight_calls_that_hang_do_not_take_the_place_of_events() {
    use futures::StreamExt;
    let scripted = Scripted::start("1.41", |asked: &Asked| {
        if asked.path.contains("/events") {
            support::says_and_hangs(vec![])
        } else {
            support::says_and_hangs(vec!["["])
        }
    });
    let mut deadlines = impatient();
    deadlines.list = Duration::from_secs(30);
    let engine = std::sync::Arc::new(support::engine(&scripted.socket, deadlines));
    engine.ping().await.unwrap();
    let hung: Vec<_> = (0..8)
        .map(|_| {
            let engine = std::sync::Arc::clone(&engine);
            tokio::spawn(async move { engine.list_containers().await })
        })
        .collect();
    while scripted.lines().len() < 8 {
        tokio::task::yield_now().await;
    }
    let error = engine.inspect_container(&id()).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Unreachable(source) if source.to_string().contains("busy")),
        "{error}"
    );
    let mut events = engine.events().await.unwrap();
    assert!(futures::poll!(events.next()).is_pending());
    for call in &hung {
        call.abort();
    }
}
