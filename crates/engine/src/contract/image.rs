//! Images: names, pins, defaults, and what a pull leaves of the old one (D18, section 1.1).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{SampleImage, Scene, fresh_name, is_gone, status};
use crate::spec::merge_image_defaults;
use crate::{ImageStore, SilentPull};

pub(super) async fn an_image_in_use_is_not_removed(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(7)).await;
    let id = scene.create(&fresh_name("user"), &json!({ "Image": image })).await;
    let image_id = scene.inspect(&id).await.image_id().expect("an image id");
    assert_eq!(scene.engine().inspect_image(&image).await.expect("it is there").id(), &image_id);
    assert_eq!(status(scene.engine().remove_image(image_id.as_str()).await), 409);
    assert!(scene.engine().inspect_image(image_id.as_str()).await.is_ok());
    scene.engine().remove_container(&id).await.expect("its user goes");
    for _ in 0..2 {
        scene.engine().remove_image(&image).await.expect("removing succeeds, also what is gone");
    }
    assert!(is_gone(&scene.engine().inspect_image(image_id.as_str()).await));
}

pub(super) async fn a_pin_is_one_more_name(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(8)).await;
    let id = scene.create(&fresh_name("pinned"), &json!({ "Image": image })).await;
    let image_id = scene.inspect(&id).await.image_id().expect("an image id");
    let pin = "contract.local/pin/0123abcd:latest";
    for _ in 0..2 {
        let tagged = scene.engine().tag_image(&image_id, "contract.local/pin/0123abcd", "latest").await;
        tagged.expect("an image takes one more name, twice if need be");
    }
    let pinned = scene.engine().inspect_image(pin).await.expect("it is known by it");
    assert_eq!(pinned.id(), &image_id);
    assert!(pinned.repo_tags().contains(&pin.to_owned()), "{:?}", pinned.repo_tags());
    let listed = scene.engine().list_images().await.expect("images are listed");
    let row = listed.into_iter().find(|row| row.id == image_id).expect("this one too");
    assert!(row.repo_tags.contains(&pin.to_owned()));

    scene.engine().remove_image(&image).await.expect("the other name can go while the pin holds it");
    assert!(scene.engine().inspect_image(pin).await.is_ok());
    assert_eq!(status(scene.engine().remove_image(pin).await), 409, "the last name of an image in use stays");
    scene.engine().remove_container(&id).await.expect("its user goes");
    scene.engine().remove_image(pin).await.expect("and the pin after it");
    assert!(is_gone(&scene.engine().inspect_image(image_id.as_str()).await));
    let missing = scene.engine().tag_image(&image_id, "contract.local/pin/0123abcd", "latest").await;
    assert_eq!(status(missing), 404);
}

pub(super) async fn a_listed_image_tells_its_names_its_size_and_its_age(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(9)).await;
    let id = scene.engine().inspect_image(&image).await.expect("it is there").id().clone();
    let row = async || {
        let listed = scene.engine().list_images().await.expect("images are listed");
        listed.into_iter().find(|row| row.id == id)
    };
    let named = row().await.expect("it is listed");
    assert_eq!(named.repo_tags, std::slice::from_ref(&image));
    assert!(named.size_bytes > 0, "{named:?}");
    assert_eq!(named.created_at.map(Timestamp::as_second), Some(SampleImage::CREATED_SECONDS));
    scene.engine().remove_image(id.as_str()).await.expect("by its id it goes whole");
    assert!(row().await.is_none());
}

pub(super) async fn a_container_inherits_what_its_image_declares(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::rich(1)).await;
    let defaults = scene.engine().inspect_image(&image).await.expect("it is there").config();
    for request in [
        json!({}),
        json!({ "Cmd": ["exit 0"], "Env": ["SHARED=mine", "OWN=1"], "Labels": { "stage": "mine" },
            "Healthcheck": { "Retries": 5 }, "WorkingDir": "/else/", "User": "0", "StopTimeout": 0 }),
        json!({ "Entrypoint": ["/bin/busybox"] }),
        json!({ "Entrypoint": [""], "Cmd": ["/bin/busybox", "true"] }),
        json!({ "Entrypoint": [] }),
        json!({ "ExposedPorts": { "99/udp": {} }, "Volumes": { "/own": {} } }),
    ] {
        let mut request = request.as_object().cloned().unwrap_or_default();
        request.insert("Image".to_owned(), json!(image));
        let id = scene.create(&fresh_name("inherits"), &Value::Object(request.clone())).await;
        let seen = scene.inspect(&id).await.section("Config");
        let expected = merge_image_defaults(&request, &defaults);
        for (key, value) in &expected {
            let value = super::recreate::without_blanks(value);
            let found = super::recreate::without_blanks(seen.get(key).unwrap_or(&Value::Null));
            assert_eq!(found, value, "{key} of {request:?}");
        }
    }
}

pub(super) async fn a_pull_moves_the_tag_and_keeps_the_old_image(scene: &Scene) {
    let tag = fresh_name("pulled").to_string();
    let Some(reference) = scene.world.publish(&tag, &SampleImage::steady(11)).await else {
        return scene.skip();
    };
    let parsed = reference.parse().expect("a reference");
    let platform = scene.platform().await;
    let pull = async || scene.engine().pull(&parsed, &platform, None, &SilentPull).await;
    pull().await.expect("it can be pulled");
    let id = scene.create(&fresh_name("behind"), &json!({ "Image": reference })).await;
    let old = scene.engine().inspect_image(&reference).await.expect("it is there");
    assert_eq!(old.repo_digests().len(), 1, "{:?}", old.repo_digests());
    pull().await.expect("pulling again is no harm");
    assert_eq!(scene.engine().inspect_image(&reference).await.expect("still there").id(), old.id());

    scene.world.publish(&tag, &SampleImage::steady(12)).await.expect("the registry is still there");
    pull().await.expect("the new one comes");
    let new = scene.engine().inspect_image(&reference).await.expect("the tag is there");
    assert_ne!(new.id(), old.id(), "the tag moved");
    let behind = scene.engine().inspect_image(old.id().as_str()).await.expect("the old image is kept");
    assert!(!behind.repo_tags().contains(&reference), "{:?}", behind.repo_tags());
    assert_eq!(scene.inspect(&id).await.image_id().as_ref(), Some(old.id()), "its container too");
    let digest = old.repo_digests()[0].clone();
    let found = scene.engine().inspect_image(&digest).await;
    match scene.engine().info().await.expect("it answers").image_store {
        ImageStore::Classic => assert_eq!(found.expect("its digest is remembered").id(), old.id()),
        ImageStore::Containerd => assert!(is_gone(&found)),
    }
    let again = json!({ "Image": old.id().as_str() });
    scene.create(&fresh_name("again"), &again).await;
    let gone = format!("{reference}-never-pushed").parse().expect("a reference");
    let missing = scene.engine().pull(&gone, &platform, None, &SilentPull).await;
    assert!(missing.is_err(), "what is not there cannot be pulled");
}

/// Which tells a local image from one whose registry does not answer. Only the containerd store keeps it.
pub(super) async fn an_image_tells_whether_it_was_pulled_or_nothing_of_it(scene: &Scene) {
    let tag = fresh_name("origin").to_string();
    let Some(pulled) = scene.world.publish(&tag, &SampleImage::steady(13)).await else {
        return scene.skip();
    };
    let (reference, platform) = (pulled.parse().expect("a reference"), scene.platform().await);
    scene.engine().pull(&reference, &platform, None, &SilentPull).await.expect("it can be pulled");
    let loaded = scene.world.provide(&SampleImage::steady(14)).await;
    let origin = async |image: &str| {
        let image = scene.engine().inspect_image(image).await.expect("it is there");
        image.raw().get("Identity").cloned()
    };
    match (origin(&pulled).await, origin(&loaded).await) {
        (None, None) => {}
        (Some(pulled), Some(loaded)) => {
            assert!(pulled["Pull"].is_array(), "{pulled}");
            assert!(loaded["Pull"].is_null(), "{loaded}");
        }
        other => panic!("told of one and not of the other: {other:?}"),
    }
}
