use http::StatusCode;
use lodeman_testkit::until;
use serde_json::json;

use super::world::World;

/// Two updates of one container, both told.
async fn updated_twice() -> World {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    for (tag, count) in [("1.0.1", 1), ("1.0.2", 2)] {
        world.host.push(tag, tag);
        world.post("/api/update/proxy", "").await;
        until(|| async {
            let records = world.get("/api/history").await.json();
            (records.as_array().is_some_and(|records| records.len() == count)).then_some(())
        })
        .await;
        until(|| async {
            let shown = world.get("/api/containers/proxy").await.json();
            (shown["maintenance"] == false).then_some(())
        })
        .await;
    }
    world
}

#[tokio::test]
async fn history_is_paged_by_time_and_exported_whole() {
    let world = updated_twice().await;
    let page = world.get("/api/history?limit=1").await.json();
    assert_eq!(page.as_array().unwrap().len(), 1);
    assert_eq!(
        (&page[0]["new_image"], &page[0]["outcome"]),
        (&json!("reg.example/app:1.0.2"), &json!("success"))
    );
    let before = page[0]["timestamp"].as_str().unwrap();
    let next = world.get(&format!("/api/history?limit=1&before={before}")).await.json();
    assert_eq!((next.as_array().unwrap().len(), &next[0]["new_image"]), (1, &json!("reg.example/app:1.0.1")));
    let all = world.get("/api/history?limit=0&before=yesterday").await.json();
    assert_eq!(all.as_array().unwrap().len(), 2, "what cannot be read counts as not given");

    let file = world.get("/api/history/export").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=sentinel-history.json");
    assert_eq!(file.json().as_array().unwrap().len(), 2);
    let file = world.get("/api/history/export?format=csv").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=sentinel-history.csv");
    let lines: Vec<&str> = file.text.lines().collect();
    let head = "timestamp,container,type,old_image,new_image,outcome,duration_s,error,host_id,host_name";
    assert_eq!((lines.len(), lines[0]), (3, head));
    assert!(
        lines[1].contains(",proxy,,reg.example/app:1.0.1,reg.example/app:1.0.2,success,"),
        "{}",
        lines[1]
    );
}

#[tokio::test]
async fn what_this_server_cannot_do_yet_is_said_so() {
    let world = World::new().await;
    for (path, message) in [
        ("/api/self-update", "self-update not available"),
        ("/api/containers/proxy/switch-ghcr", "GHCR detection not available"),
    ] {
        let refused = world.post(path, "").await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::NOT_IMPLEMENTED, message));
    }
}
