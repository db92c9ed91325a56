//! Containers and images as people handle them over HTTP, with a real engine behind it.

use lodeman_tests::lab::wait;
use serde_json::json;

use crate::sentinel::serve;
use crate::support::{Corner, PATIENCE, steady};

#[test]
fn a_container_is_restarted_stopped_and_started_and_its_log_is_followed() {
    let Some(mut corner) = Corner::new("power") else { return };
    let talking =
        "trap 'echo bye; exit 0' TERM; echo hello; while :; do /bin/busybox sleep 1 & wait $!; done";
    corner.push("app", "stable", &steady("1").script(talking));
    let id = corner.run("app", "app", "stable", "manual", json!({}));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    let events = api.follow("/api/events", None).unwrap();
    events.wait_for(PATIENCE, |told| told.name == "connected").unwrap();
    let said = || {
        let shown = api.get(&format!("/api/containers/{name}/logs"))?;
        Ok((shown["logs"] == "hello\n").then_some(()))
    };
    wait(PATIENCE, said).unwrap();
    let log = api.follow(&format!("/api/containers/{name}/logs/stream"), None).unwrap();
    log.wait_for(PATIENCE, |told| told.name.is_empty() && told.data == "hello").unwrap();

    let before = corner.inspect("app")["State"]["StartedAt"].clone();
    let begun = api.post(&format!("/api/containers/{name}/restart"), &json!({})).unwrap();
    assert_eq!(begun["status"], "restarting", "{begun:#}");
    let of_it = |word: &'static str| {
        let message = format!("Container {word}: {name}");
        move |told: &lodeman_tests::api::Told| {
            told.name == "container_state" && told.data["message"] == message.as_str()
        }
    };
    events.wait_for(PATIENCE, of_it("restarted")).unwrap();
    log.wait_for(PATIENCE, |told| told.data == "bye").unwrap();
    log.wait_for(PATIENCE, |told| told.name == "eof").unwrap();
    let after = corner.inspect("app");
    assert_eq!((&after["Id"], &after["State"]["Running"]), (&json!(id), &json!(true)));
    assert_ne!(after["State"]["StartedAt"], before);

    api.post(&format!("/api/containers/{name}/stop"), &json!({})).unwrap();
    events.wait_for(PATIENCE, of_it("stopped")).unwrap();
    assert_eq!(corner.inspect("app")["State"]["Running"], false);
    api.post(&format!("/api/containers/{name}/start"), &json!({})).unwrap();
    events.wait_for(PATIENCE, of_it("started")).unwrap();
    assert_eq!(corner.inspect("app")["State"]["Running"], true);
    corner.wait_settled("app");
}

#[test]
fn images_that_nothing_needs_are_pruned_and_removed() {
    // An engine of its own: pruning takes what other tests have just pulled.
    let Some((mut corner, _)) = Corner::with_disk("images", 512 << 20) else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    let repository = corner.reference("app", "stable").rsplit_once(':').unwrap().0.to_owned();
    corner.push("app", "stable", &steady("2"));
    corner.docker.pull(&repository, "stable").unwrap();
    corner.push("app", "stable", &steady("3"));
    corner.docker.pull(&repository, "stable").unwrap();
    let (_server, api) = serve(&mut corner);
    let images = || api.get("/api/images").unwrap()["images"].as_array().cloned().unwrap();
    assert_eq!(images().iter().filter(|image| image["repo_tags"] == json!([])).count(), 2, "{:#?}", images());
    let pruned = api.post("/api/images/prune", &json!({})).unwrap();
    assert_eq!(pruned["images_deleted"], 1, "{pruned:#}");
    assert!(pruned["space_reclaimed"].as_u64().unwrap() > 0);
    let left = images();
    let used = left.iter().find(|image| image["repo_tags"] == json!([])).unwrap();
    assert_eq!(used["in_use"], true, "{used:#}");
    let path = |image: &str| format!("/api/images/{}", image.replace('/', "%2F").replace(':', "%3A"));
    let refused = api.ask("DELETE", &path(used["id"].as_str().unwrap()), None).unwrap();
    assert_eq!(refused.status, 409, "{refused:?}");
    let named = corner.reference("app", "stable");
    assert_eq!(api.delete(&path(&named)).unwrap(), json!({ "status": "ok" }));
    assert_eq!(api.ask("DELETE", &path(&named), None).unwrap().status, 404);
    assert_eq!(corner.version("app"), "1", "what runs is untouched");
}
