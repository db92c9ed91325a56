//! Volumes: who keeps them alive (D6–D8).

use serde_json::json;

use super::{GRACE, SampleImage, Scene, fresh_name};
use crate::ContainerInspect;

fn volume_at(container: &ContainerInspect, path: &str) -> String {
    let mounts = container.mounts();
    let mount = mounts.iter().find(|m| m.destination == path).expect("something is mounted there");
    assert_eq!(mount.kind, "volume");
    mount.name.clone()
}

pub(super) async fn removing_a_container_keeps_its_volumes(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::rich(1)).await;
    let named = fresh_name("kept").to_string();
    let request = json!({ "Image": image, "HostConfig": { "Binds": [format!("{named}:/named")] } });
    let first = scene.run("first", &request).await;
    let anonymous = volume_at(&scene.inspect(&first).await, "/data");
    assert_eq!(anonymous.len(), 64, "a generated name");
    scene.world.write_file(&first, "/data/token", "a1").await;
    scene.world.write_file(&first, "/named/token", "n1").await;

    let second = scene.run("second", &request).await;
    assert_ne!(volume_at(&scene.inspect(&second).await, "/data"), anonymous, "a copy gets an empty one");
    assert_eq!(scene.world.read_file(&second, "/data/token").await, None);
    assert_eq!(scene.world.read_file(&second, "/named/token").await.as_deref(), Some("n1"));

    let by_name = json!({ "Image": image, "HostConfig": { "Mounts": [
        { "Type": "volume", "Source": anonymous, "Target": "/data", "VolumeOptions": { "NoCopy": true } }] } });
    let heir = scene.create(&fresh_name("heir"), &by_name).await;
    assert_eq!(volume_at(&scene.inspect(&heir).await, "/data"), anonymous);
    scene.engine().stop(&first, GRACE).await.expect("it stops");
    scene.engine().remove_container(&first).await.expect("it goes");
    assert!(scene.world.volumes().await.contains(&anonymous));
    assert_eq!(scene.world.read_file(&heir, "/data/token").await.as_deref(), Some("a1"));
    scene.engine().remove_container(&heir).await.expect("it goes");
    assert!(scene.world.volumes().await.contains(&anonymous), "a removal never takes volumes");
    assert!(scene.world.volumes().await.contains(&named));
}

pub(super) async fn a_referenced_volume_outlives_a_container_that_removes_itself(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::rich(1)).await;
    let request = json!({ "Image": image, "HostConfig": { "AutoRemove": true } });
    let kept = scene.run("anchored", &request).await;
    let lost = scene.run("adrift", &request).await;
    let kept_volume = volume_at(&scene.inspect(&kept).await, "/data");
    let lost_volume = volume_at(&scene.inspect(&lost).await, "/data");
    scene.world.write_file(&kept, "/data/token", "k").await;
    let anchor = json!({ "Image": image,
        "HostConfig": { "Mounts": [{ "Type": "volume", "Source": kept_volume, "Target": "/data" }] } });
    let anchor = scene.create(&fresh_name("anchor"), &anchor).await;
    for id in [&kept, &lost] {
        scene.engine().stop(id, GRACE).await.expect("it stops");
        scene.until_gone(id).await;
    }
    let volumes = scene.world.volumes().await;
    assert!(volumes.contains(&kept_volume), "a container that was merely made holds it");
    assert!(!volumes.contains(&lost_volume), "the other one goes with its container");
    assert_eq!(scene.world.read_file(&anchor, "/data/token").await.as_deref(), Some("k"));
}

pub(super) async fn a_read_only_volume_is_reported_as_such(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let (one, two) = (fresh_name("ro").to_string(), fresh_name("rw").to_string());
    let request = json!({ "Image": image, "HostConfig": {
        "Binds": [format!("{one}:/bind:ro"), "/tmp:/host:ro"],
        "Mounts": [{ "Type": "volume", "Source": one, "Target": "/mount", "ReadOnly": true },
            { "Type": "volume", "Source": two, "Target": "/open" }] } });
    let id = scene.create(&fresh_name("modes"), &request).await;
    let mounts = scene.inspect(&id).await.mounts();
    let seen: Vec<(&str, &str, &str, bool)> = mounts
        .iter()
        .map(|m| (m.kind.as_str(), m.destination.as_str(), m.name.as_str(), m.read_write))
        .collect();
    assert_eq!(
        seen,
        [
            ("volume", "/bind", one.as_str(), false),
            ("bind", "/host", "", false),
            ("volume", "/mount", one.as_str(), false),
            ("volume", "/open", two.as_str(), true),
        ]
    );
}
