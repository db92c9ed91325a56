use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::World;

fn compose(service: &str, needs: &str) -> Value {
    json!({
        "com.docker.compose.project": "shop", "com.docker.compose.service": service,
        "com.docker.compose.depends_on": needs,
    })
}

#[tokio::test]
async fn what_labels_and_compose_declare_is_told_with_its_order() {
    let world = World::new().await;
    // The engine was not reached yet when the first asks.
    let reached = || async { Some(world.get("/api/deps").await).filter(|all| all.status == StatusCode::OK) };
    let empty = lodeman_testkit::until(reached).await.json();
    assert_eq!(empty, json!({ "containers": [], "has_cycles": false, "order": [] }));
    world.host.push("1.0.0", "one");
    world.host.run("shop-store-1", "1.0.0", compose("store", "")).await;
    world.host.run("shop-api-1", "1.0.0", compose("api", "store:service_healthy:true")).await;
    world.host.run("front", "1.0.0", json!({ "sentinel.depends-on": "shop-api-1, ghost" })).await;
    let all = world.ask("viewer", Method::GET, "/api/deps", None).await;
    let expected = json!({
        "containers": [
            { "dependencies": ["shop-api-1"], "dependents": [], "name": "front" },
            { "dependencies": ["shop-store-1"], "dependents": ["front"], "name": "shop-api-1" },
            { "dependencies": [], "dependents": ["shop-api-1"], "name": "shop-store-1" },
        ],
        "has_cycles": false,
        "order": ["shop-store-1", "shop-api-1", "front"],
    });
    assert_eq!((all.status, all.json()), (StatusCode::OK, expected));
    let one = world.get("/api/deps/shop-api-1").await.json();
    let expected = json!({ "dependencies": ["shop-store-1"], "dependents": ["front"], "name": "shop-api-1" });
    assert_eq!(one, expected);
}

#[tokio::test]
async fn a_cycle_is_told_with_what_can_be_sorted() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    for (name, needs) in [("aa", "bb"), ("bb", "aa"), ("behind", "bb"), ("free", "")] {
        world.host.run(name, "1.0.0", json!({ "lodeman.depends-on": needs })).await;
    }
    let all = world.get("/api/deps").await.json();
    assert_eq!(all["error"], "dependency cycle detected: processed 1 of 4 containers");
    assert_eq!((&all["has_cycles"], &all["order"]), (&json!(true), &json!(["free"])));
    assert_eq!(all["containers"][0]["dependencies"], json!(["bb"]));
}

#[tokio::test]
async fn a_name_that_is_not_known_needs_nothing() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    for (path, name) in [
        ("ghost", "ghost"),
        ("no%20name%2F..", "no name/.."),
        ("h1%3A%3Aproxy", "h1::proxy"),
        ("proxy?host=h1", "h1::proxy"),
        ("proxy?host=", "proxy"),
        ("proxy?more=%FF", "proxy"),
    ] {
        let one = world.get(&format!("/api/deps/{path}")).await;
        let expected = json!({ "dependencies": [], "dependents": [], "name": name });
        assert_eq!((one.status, one.json()), (StatusCode::OK, expected), "{path}");
    }
    let refused = world.get("/api/deps/%FF%FE").await;
    assert_eq!((refused.status, refused.error()), (StatusCode::BAD_REQUEST, "invalid container name".into()));
    for path in ["/api/deps/", "/api/deps/a/b"] {
        assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
