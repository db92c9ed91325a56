//! The machine around the engine: its disk.

use lodeman_domain::container::ContainerId;
use serde_json::json;

use super::{SampleImage, Scene, fresh_name};

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
