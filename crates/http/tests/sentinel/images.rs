use http::{Method, StatusCode};
use lodeman_testkit::engine::ContainerEngine as _;
use lodeman_testkit::engine::fake::FakeImage;
use serde_json::{Value, json};

use super::world::{Answer, World};

/// Two containers' worth of images: `proxy` runs `1.0.0`, which has moved on at the engine.
async fn world() -> World {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world.host.push("1.0.0", "two");
    world.host.engine.load("reg.example/app:1.0.0").unwrap();
    world
}

async fn ids(world: &World) -> Vec<(Vec<Value>, bool)> {
    let listed = world.get("/api/images").await.json();
    let row = |row: &Value| (row["repo_tags"].as_array().unwrap().clone(), row["in_use"] == true);
    listed["images"].as_array().unwrap().iter().map(row).collect()
}

async fn delete(world: &World, id: &str) -> Answer {
    let id = id.replace(':', "%3A").replace('/', "%2F").replace('@', "%40");
    world.ask("admin", Method::DELETE, &format!("/api/images/{id}"), None).await
}

#[tokio::test]
async fn images_are_listed_with_what_uses_them() {
    let world = World::new().await;
    assert_eq!(world.get("/api/images").await.json(), json!({ "images": [] }));
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    let image = world.host.engine.inspect_image("reg.example/app:1.0.0").await.unwrap();
    let made = FakeImage::new("one");
    let expected = json!({ "images": [{
        "id": image.id().as_str(), "repo_tags": ["reg.example/app:1.0.0"], "size": made.size_bytes,
        "created": made.created_at.as_second(), "in_use": true
    }] });
    assert_eq!(world.get("/api/images").await.json(), expected);
    world.host.engine.go_down(lodeman_testkit::engine::fake::Shutdown::Clean);
    let refused = world.get("/api/images").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(refused.error().starts_with("failed to list images: "), "{refused:?}");
}

#[tokio::test]
async fn pruning_takes_what_has_no_name_and_no_use_and_nothing_else() {
    let world = world().await;
    let engine = &world.host.engine;
    // Two more that nothing uses: one with a name, one whose name moved on.
    world.host.push("2.0.0", "three");
    engine.load("reg.example/app:2.0.0").unwrap();
    let left = engine.inspect_image("reg.example/app:2.0.0").await.unwrap().id().clone();
    world.host.push("2.0.0", "four");
    engine.load("reg.example/app:2.0.0").unwrap();
    assert_eq!(ids(&world).await.len(), 4);
    let size = FakeImage::new("three").size_bytes;
    let pruned = world.post("/api/images/prune", "").await;
    assert_eq!(pruned.json(), json!({ "images_deleted": 1, "space_reclaimed": size }));
    assert!(engine.inspect_image(left.as_str()).await.unwrap_err().is_not_found());
    let mut kept = ids(&world).await;
    kept.sort_by_key(|(tags, _)| tags.first().map(ToString::to_string));
    assert_eq!(
        kept,
        [
            (vec![], true),
            (vec![json!("reg.example/app:1.0.0")], false),
            (vec![json!("reg.example/app:2.0.0")], false)
        ]
    );
    let noted = &world.get("/api/logs").await.json()[0];
    assert_eq!((&noted["type"], &noted["message"]), (&json!("image_prune"), &json!("pruned images")));
    let again = world.post("/api/images/prune", "").await.json();
    assert_eq!(again, json!({ "images_deleted": 0, "space_reclaimed": 0 }));
}

#[tokio::test]
async fn an_image_goes_by_its_id_or_its_name_unless_it_is_used() {
    let world = world().await;
    let engine = &world.host.engine;
    let used = engine.container("proxy").unwrap().image_id().unwrap();
    let refused = delete(&world, used.as_str()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.error(), "failed to remove image: container `proxy` uses it");
    let unknown = delete(&world, "reg.example/none:1").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.error(), "failed to remove image: no such image: reg.example/none:1");
    let gone = delete(&world, "reg.example/app:1.0.0").await;
    assert_eq!((gone.status, gone.json()), (StatusCode::OK, json!({ "status": "ok" })));
    assert_eq!(ids(&world).await, [(vec![], true)]);
    let noted = &world.get("/api/logs").await.json()[0];
    assert_eq!(noted["type"], "image_remove");
    assert_eq!(noted["message"], "removed image: reg.example/app:1.0");
    for wrong in ["a//b", "../secret", "a b", "%2E%2E", "%FF", "x?force=1"] {
        let wrong = wrong.replace(' ', "%20").replace('?', "%3F").replace('/', "%2F");
        let refused = world.ask("admin", Method::DELETE, &format!("/api/images/{wrong}"), None).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(refused.error(), "failed to remove image: invalid image name");
    }
}

#[tokio::test]
async fn what_a_way_back_needs_is_kept_and_so_is_every_pin() {
    let world = World::new().await;
    let engine = &world.host.engine;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    let before = engine.container("proxy").unwrap().image_id().unwrap();
    world.host.push("1.0.0", "two");
    let done =
        lodeman_updater::control::Control::update(&world.host.app, "proxy".parse().unwrap(), "me").await;
    assert!(done.unwrap().outcome.unwrap().is_accepted());
    assert_eq!(world.post("/api/images/prune", "").await.json()["images_deleted"], 0);
    let pinned = engine.inspect_image(before.as_str()).await.unwrap();
    let pin = pinned.repo_tags().into_iter().find(|tag| tag.starts_with("lodeman.local/pin/")).unwrap();
    for id in [before.as_str(), &pin] {
        let refused = delete(&world, id).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
        assert!(refused.error().starts_with("failed to remove image: "), "{refused:?}");
    }
    // A pin of another server, that no journal of ours knows.
    engine.load("reg.example/app:1.0.0").unwrap();
    world.host.push("9.0.0", "nine");
    engine.load("reg.example/app:9.0.0").unwrap();
    let nine = engine.inspect_image("reg.example/app:9.0.0").await.unwrap().id().clone();
    engine.tag_image(&nine, "lodeman.local/pin/0badcafe", "latest").await.unwrap();
    let refused = delete(&world, nine.as_str()).await;
    let message = "failed to remove image: it is kept as `lodeman.local/pin/0badcafe:latest`";
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::CONFLICT, message));
    assert!(engine.inspect_image(nine.as_str()).await.is_ok());
}
