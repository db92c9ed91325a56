//! Addresses, ports and shared namespaces (D9, D10, D12).

use lodeman_domain::container::RunState;
use serde_json::{Map, Value, json};

use super::{GRACE, SampleImage, Scene, fresh_name, status};
use crate::EngineError;
use crate::spec::EndpointSpec;

const FRONT: (&str, [u8; 3]) = ("contract-front", [10, 91, 7]);
const BACK: (&str, [u8; 3]) = ("contract-back", [10, 92, 7]);

fn endpoint(network: &str, config: &Value) -> EndpointSpec {
    EndpointSpec { network: network.to_owned(), config: config.as_object().cloned().unwrap_or_default() }
}

/// On `FRONT`, with these endpoint settings.
fn on_front(image: &str, settings: &Value) -> Value {
    json!({ "Image": image, "HostConfig": { "NetworkMode": FRONT.0 },
        "NetworkingConfig": { "EndpointsConfig": { FRONT.0: settings } } })
}

pub(super) async fn a_taken_host_port_shows_at_the_start_only(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let port = scene.world.free_port().await;
    let request = json!({ "Image": image, "ExposedPorts": { "80/tcp": {} }, "HostConfig": {
        "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }] } } });
    conflict(scene, &request).await;
}

pub(super) async fn a_taken_address_shows_at_the_start_only(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    scene.world.network(FRONT.0, FRONT.1).await;
    conflict(scene, &on_front(&image, &json!({ "IPAMConfig": { "IPv4Address": "10.91.7.77" } }))).await;
}

/// Two containers that cannot both run: both can be made, and the second starts once the first is down.
async fn conflict(scene: &Scene, request: &Value) {
    let holder = scene.run("holder", request).await;
    let waiting = scene.create(&fresh_name("waiting"), request).await;
    assert!(status(scene.engine().start(&waiting).await) >= 400);
    let refused = scene.inspect(&waiting).await;
    assert_eq!(refused.state(), Some(RunState::Created), "it is as it was");
    assert!(!refused.was_ever_started());
    assert!(!refused.state_error().is_empty(), "and says why");
    scene.engine().stop(&holder, GRACE).await.expect("the holder stops");
    scene.engine().start(&waiting).await.expect("what was taken is free");
    let up = scene.inspect(&waiting).await;
    assert!(up.is_up());
    assert_eq!((up.state_error(), up.exit_code()), ("", 0), "the old failure is forgotten");
}

pub(super) async fn networks_connected_before_the_start_keep_their_settings(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    for (name, prefix) in [FRONT, BACK] {
        scene.world.network(name, prefix).await;
    }
    let request = on_front(&image, &json!({ "Aliases": ["www"] }));
    let id = scene.create(&fresh_name("meshed"), &request).await;
    let static_address = json!({ "Aliases": ["db", "data"], "IPAMConfig": { "IPv4Address": "10.92.7.60" } });
    scene.engine().connect_network(&id, &endpoint(BACK.0, &static_address)).await.expect("a second network");
    scene.engine().connect_network(&id, &endpoint("bridge", &json!({}))).await.expect("and the default one");
    let check = async |up: bool| {
        let seen = scene.inspect(&id).await;
        assert_eq!(seen.networks(), ["bridge", BACK.0, FRONT.0]);
        let network = |name: &str| {
            let path = ["NetworkSettings", "Networks", name];
            seen.value(&path).and_then(Value::as_object).cloned().unwrap_or_default()
        };
        let aliases = |endpoint: &Map<String, Value>, wanted: &[&str]| {
            let list = endpoint["Aliases"].as_array().cloned().unwrap_or_default();
            wanted.iter().all(|alias| list.contains(&json!(alias)))
        };
        assert!(aliases(&network(FRONT.0), &["www"]), "{seen:?}");
        assert!(aliases(&network(BACK.0), &["db", "data"]), "{seen:?}");
        assert_eq!(network(BACK.0)["IPAMConfig"]["IPv4Address"], "10.92.7.60");
        assert_eq!(network(BACK.0)["IPAddress"] == "10.92.7.60", up, "an address is had while it is up");
    };
    check(false).await;
    scene.engine().start(&id).await.expect("it starts");
    check(true).await;
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    scene.engine().rename(&id, &fresh_name("meshed-anew")).await.expect("it is renamed");
    check(false).await;
}

pub(super) async fn a_network_is_connected_once_and_must_exist(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    scene.world.network(FRONT.0, FRONT.1).await;
    let id = scene.create(&fresh_name("once"), &on_front(&image, &json!({}))).await;
    let absent = scene.engine().connect_network(&id, &endpoint("contract-never-made", &json!({}))).await;
    assert_eq!(status(absent), 404);
    scene.engine().start(&id).await.expect("it starts");
    let again: Result<(), EngineError> =
        scene.engine().connect_network(&id, &endpoint(FRONT.0, &json!({}))).await;
    assert!(status(again) >= 400, "a running container is told");
    let missing = json!({ "Image": image, "HostConfig": { "NetworkMode": "contract-never-made" } });
    let made = scene.try_create(&fresh_name("nowhere"), &missing).await;
    // Some engines notice at the start only.
    if let Ok(id) = made {
        assert_eq!(status(scene.engine().start(&id).await), 404);
    }
}

pub(super) async fn the_default_network_takes_no_aliases(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.create(&fresh_name("plain"), &json!({ "Image": image })).await;
    assert_eq!(scene.inspect(&id).await.networks(), ["bridge"]);
    scene.engine().start(&id).await.expect("it starts");
    let seen = scene.inspect(&id).await;
    let aliases = seen.value(&["NetworkSettings", "Networks", "bridge", "Aliases"]);
    assert!(aliases.is_none_or(Value::is_null), "{aliases:?}");
}

pub(super) async fn a_shared_namespace_needs_its_provider_running(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let provider_name = fresh_name("provider");
    let provider = scene.create(&provider_name, &json!({ "Image": image })).await;
    let mode = format!("container:{provider_name}");
    let request = json!({ "Image": image, "HostConfig": { "NetworkMode": mode } });
    let consumer = scene.create(&fresh_name("consumer"), &request).await;
    let seen = scene.inspect(&consumer).await;
    assert_eq!(seen.network_mode(), format!("container:{provider}"), "kept with the full id");
    assert_eq!(seen.networks(), Vec::<String>::new());
    assert!(status(scene.engine().start(&consumer).await) >= 400, "the provider does not run");
    scene.engine().start(&provider).await.expect("the provider starts");
    scene.engine().start(&consumer).await.expect("and now the consumer");
    let named = json!({ "Image": image, "Hostname": "own",
        "HostConfig": { "NetworkMode": format!("container:{provider}") } });
    assert_eq!(status(scene.try_create(&fresh_name("named"), &named).await), 400, "no host name of its own");
}
