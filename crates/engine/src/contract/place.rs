//! The machine around the engine: its disk, and what can be dialled on it.

use std::time::Duration;

use lodeman_domain::container::{ContainerId, Way};
use serde_json::{Value, json};

use super::{GRACE, SampleImage, Scene, fresh_name};

pub(super) async fn free_space_is_told_by_the_engines_own_disk_or_not_at_all(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.create(&fresh_name("room"), &json!({ "Image": image })).await;
    let stranger: ContainerId = "0".repeat(64).parse().expect("a full id");
    let told = scene.engine().disk_space(&stranger).await.expect("it answers");
    assert_eq!(told, None, "a directory without the container is not the engine's");
    let Some(space) = scene.engine().disk_space(&id).await.expect("it answers") else {
        return scene.skip();
    };
    assert!(space.path.starts_with('/'), "{space:?}");
    assert!(0 < space.free_bytes && space.free_bytes < space.total_bytes, "{space:?}");
}

pub(super) async fn a_port_takes_connections_only_while_something_listens_on_it(scene: &Scene) {
    if !scene.world.reaches_containers() {
        return scene.skip();
    }
    let port = SampleImage::PORT;
    let published = async |image: &str| -> Value {
        let host = json!([{ "HostIp": "127.0.0.1", "HostPort": scene.world.free_port().await.to_string() }]);
        json!({ "Image": image, "HostConfig": { "PortBindings": { format!("{port}/tcp"): host } } })
    };
    let (talks, mute) = (SampleImage::listening(), SampleImage::steady(1));
    let (talks, mute) = (scene.world.provide(&talks).await, scene.world.provide(&mute).await);
    let talks = scene.run("listening", &published(&talks).await).await;
    let mute = scene.run("mute", &published(&mute).await).await;

    let found = scene.inspect(&talks).await;
    assert_eq!(found.declared_tcp_ports(), [port]);
    let ways = found.ways(port);
    let names: Vec<&Way> = ways.iter().map(|(way, _)| way).collect();
    assert_eq!(names, [&Way::Network("bridge".to_owned()), &Way::Published]);
    for (way, address) in &ways {
        let mut tries = 0;
        while !scene.engine().takes_connections(*address).await {
            assert!(tries < 100, "nothing at {address}, {way:?}");
            tries += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let (_, address) = ways[0].clone();
    let other = std::net::SocketAddr::new(address.ip(), port + 1);
    assert!(!scene.engine().takes_connections(other).await, "nothing listens on that port");
    // An engine that has a proxy of its own takes the connection, and has nobody to give it to.
    for (way, address) in scene.inspect(&mute).await.ways(port) {
        assert!(!scene.engine().takes_connections(address).await, "{address}, {way:?}");
    }
    scene.engine().stop(&talks, GRACE).await.expect("it stops");
    for (way, address) in ways {
        assert!(!scene.engine().takes_connections(address).await, "{address}, {way:?}, after its end");
    }
    assert_eq!(scene.inspect(&talks).await.ways(port), []);
}
