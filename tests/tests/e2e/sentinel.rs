//! What clients of Docker Sentinel do over HTTP, with a real engine behind it.

use lodeman_tests::api::Api;
use lodeman_tests::lab::wait;
use lodeman_tests::lodeman::Running;
use serde_json::{Value, json};

use crate::support::{Corner, PATIENCE, failing, steady};

/// The first administrator's password.
const PASSWORD: &str = "correct horse 42";

/// A server in this corner that only acts when asked, and a client of it.
pub fn serve(corner: &mut Corner) -> (Running, Api) {
    corner.lodeman.set("SECURITY_ADMIN_PASSWORD", PASSWORD);
    corner.lodeman.set("UPDATES_DEFAULT_POLICY", "manual");
    let server = corner.lodeman.serve().unwrap();
    let api = Api::sign_in(server.http().unwrap(), "admin", PASSWORD).unwrap();
    (server, api)
}

fn item(api: &Api, name: &str) -> Option<Value> {
    let queue = api.get("/api/queue").unwrap();
    queue.as_array().unwrap().iter().find(|item| item["container_name"] == name).cloned()
}

/// Waits until the newest record of this container has this outcome.
fn ended(api: &Api, name: &str, outcome: &str) {
    let look = || {
        let history = api.get("/api/history")?;
        let records = history.as_array().cloned().unwrap_or_default();
        let newest = records.into_iter().find(|record| record["container_name"] == name);
        Ok(newest.filter(|record| record["outcome"] == outcome))
    };
    wait(PATIENCE, look).unwrap();
}

#[test]
fn a_script_checks_approves_and_sees_the_update_happen() {
    let Some(mut corner) = Corner::new("sapprove") else { return };
    corner.push("app", "stable", &steady("1"));
    let id = corner.run("app", "app", "stable", "manual", json!({}));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    let events = api.follow("/api/events", None).unwrap();
    events.wait_for(PATIENCE, |told| told.name == "connected").unwrap();
    let listed = api.get("/api/containers").unwrap();
    let shown = listed.as_array().unwrap().iter().find(|row| row["name"] == name.as_str()).unwrap();
    assert_eq!(
        (&shown["id"], &shown["policy"], &shown["state"]),
        (&json!(id), &json!("manual"), &json!("running"))
    );
    let checked = api.post(&format!("/api/check/{name}"), &json!({})).unwrap();
    assert_eq!(checked["status"], "up_to_date", "{checked:#}");

    let digest = corner.push("app", "stable", &steady("2"));
    let checked = api.post(&format!("/api/check/{name}"), &json!({})).unwrap();
    assert_eq!((&checked["status"], &checked["newer_versions"]), (&json!("update_available"), &json!([])));
    let waiting = item(&api, &name).unwrap();
    assert_eq!((&waiting["remote_digest"], &waiting["container_id"]), (&json!(digest), &json!(id)));
    assert_eq!(api.get("/api/stats").unwrap()["pending"], 1);

    // The tag moves once more: what was shown is what is installed.
    corner.push("app", "stable", &steady("3"));
    let approved = api.post(&format!("/api/approve/{name}"), &json!({})).unwrap();
    assert_eq!(approved["status"], "approved", "{approved:#}");
    ended(&api, &name, "success");
    assert_eq!((corner.version("app"), corner.digest("app")), ("2".to_owned(), digest));
    corner.wait_settled("app");
    let of_it = |word: &'static str, name: String| {
        move |told: &lodeman_tests::api::Told| {
            told.data["container_name"] == name.as_str() && told.data["message"].as_str() == Some(word)
        }
    };
    for word in ["update available", "update started", "update succeeded"] {
        events.wait_for(PATIENCE, of_it(word, name.clone())).unwrap();
    }
    let log = api.get("/api/logs").unwrap().to_string();
    for noted in ["Manual registry check triggered", "Update approved and started"] {
        assert!(log.contains(noted), "{noted}: {log}");
    }
}

#[test]
fn what_is_rejected_or_ignored_stays_away_until_something_newer() {
    let Some(mut corner) = Corner::new("sreject") else { return };
    corner.push("app", "1.0.0", &steady("1"));
    let id = corner.run("app", "app", "1.0.0", "manual", json!({}));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    for (verb, tag) in [("ignore", "1.0.1"), ("reject", "1.0.2")] {
        corner.push("app", tag, &steady(tag));
        api.post(&format!("/api/check/{name}"), &json!({})).unwrap();
        assert!(item(&api, &name).is_some(), "{verb}");
        api.post(&format!("/api/{verb}/{name}"), &json!({})).unwrap();
        assert_eq!(item(&api, &name), None, "{verb}");
        api.post(&format!("/api/check/{name}"), &json!({})).unwrap();
        assert_eq!(item(&api, &name), None, "{verb}: it stays away");
    }
    corner.push("app", "1.0.3", &steady("1.0.3"));
    let checked = api.post(&format!("/api/check/{name}"), &json!({})).unwrap();
    let newer = checked["newer_versions"].as_array().unwrap();
    assert!(newer[0] == "1.0.3" && !newer.contains(&json!("1.0.1")), "{checked:#}");
    api.post(&format!("/api/reject/{name}"), &json!({})).unwrap();
    assert_eq!(corner.inspect("app")["Id"], id, "nothing was changed");
    assert_eq!(api.ask("POST", &format!("/api/approve/{name}"), None).unwrap().status, 404);
}

#[test]
fn an_update_and_the_way_back_are_asked_for_by_name() {
    let Some(mut corner) = Corner::new("sback") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    corner.push("app", "stable", &steady("2"));
    let begun = api.post(&format!("/api/update/{name}"), &json!({})).unwrap();
    assert_eq!(begun["status"], "started");
    ended(&api, &name, "success");
    // The update is over once it has cleaned up after itself.
    corner.wait_settled("app");
    assert_eq!(corner.version("app"), "2");
    let shown = api.get(&format!("/api/containers/{name}")).unwrap();
    assert_eq!(shown["snapshots"].as_array().map(Vec::len), Some(1), "{shown:#}");

    let begun = api.post(&format!("/api/containers/{name}/rollback"), &json!({})).unwrap();
    assert_eq!(begun["message"], format!("rollback started for {name}"));
    ended(&api, &name, "rollback");
    assert_eq!(corner.version("app"), "1");
    corner.wait_settled("app");
    let none = api.ask("POST", "/api/update/nobody-of-this-name", None).unwrap();
    assert_eq!((none.status, none.json().unwrap()["error"].as_str().is_some()), (404, true));
}

#[test]
fn a_broken_image_is_told_as_failed_and_rolled_back() {
    let Some(mut corner) = Corner::new("sbroken") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    let events = api.follow("/api/events", None).unwrap();
    corner.push("app", "stable", &failing("2"));
    api.post(&format!("/api/update/{name}"), &json!({})).unwrap();
    let failed = events.wait_for(PATIENCE, |told| {
        told.data["message"].as_str().is_some_and(|message| message.starts_with("update failed: "))
    });
    assert_eq!(failed.unwrap().data["container_name"], name.as_str());
    events.wait_for(PATIENCE, |told| told.data["message"] == "rollback succeeded").unwrap();
    corner.wait_settled("app");
    assert_eq!(corner.version("app"), "1");
    let before = corner.inspect("app")["Id"].clone();
    api.post(&format!("/api/containers/{name}/policy"), &json!({ "policy": "auto" })).unwrap();
    let events = api.follow("/api/events", None).unwrap();
    events.wait_for(PATIENCE, |told| told.name == "connected").unwrap();
    api.post("/api/scan", &json!({})).unwrap();
    events.wait_for(PATIENCE, |told| told.name == "scan_complete").unwrap();
    assert_eq!(corner.inspect("app")["Id"], before, "nothing installs it by itself");
}

#[test]
fn a_policy_that_is_set_over_http_decides_the_next_scan() {
    let Some(mut corner) = Corner::new("spolicy") else { return };
    corner.push("app", "stable", &steady("1"));
    for container in ["pinned", "auto"] {
        corner.run_unlabelled(container, "app", "stable");
    }
    let (_server, api) = serve(&mut corner);
    for policy in ["pinned", "auto"] {
        let path = format!("/api/containers/{}/policy", corner.named(policy));
        api.post(&path, &json!({ "policy": policy })).unwrap();
    }
    corner.push("app", "stable", &steady("2"));
    api.post("/api/scan", &json!({})).unwrap();
    ended(&api, &corner.named("auto"), "success");
    assert_eq!((corner.version("auto"), corner.version("pinned")), ("2".to_owned(), "1".to_owned()));
    let path = format!("/api/containers/{}/policy", corner.named("pinned"));
    api.delete(&path).unwrap();
    let listed = api.get("/api/containers").unwrap();
    let policy = |what: &str| {
        let name = corner.named(what);
        listed.as_array().unwrap().iter().find(|row| row["name"] == name.as_str()).unwrap()["policy"].clone()
    };
    assert_eq!((policy("pinned"), policy("auto")), (json!("manual"), json!("auto")));
}

#[test]
fn a_listener_that_was_cut_off_by_a_kill_resumes_without_a_gap() {
    let Some(mut corner) = Corner::new("sresume") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    let (server, api) = serve(&mut corner);
    let name = corner.named("app");
    let first = api.follow("/api/events", None).unwrap();
    first.wait_for(PATIENCE, |told| told.name == "connected").unwrap();
    corner.push("app", "stable", &steady("2"));
    api.post(&format!("/api/update/{name}"), &json!({})).unwrap();
    ended(&api, &name, "success");
    server.kill().unwrap();
    let server = corner.lodeman.serve().unwrap();
    let api = Api::sign_in(server.http().unwrap(), "admin", PASSWORD).unwrap();
    let again = api.follow("/api/events", Some("0")).unwrap();
    for word in ["update started", "update succeeded"] {
        again.wait_for(PATIENCE, |told| told.data["message"] == word).unwrap();
    }
    ended(&api, &name, "success");
}

#[test]
fn a_version_that_is_named_is_installed_whatever_the_policy() {
    let Some(mut corner) = Corner::new("sversion") else { return };
    for tag in ["1.0.0", "1.0.1", "1.1.0"] {
        corner.push("app", tag, &steady(tag));
    }
    corner.run("app", "app", "1.0.0", "pinned", json!({}));
    let (_server, api) = serve(&mut corner);
    let name = corner.named("app");
    assert_eq!(api.get(&format!("/api/containers/{name}/versions")).unwrap(), json!(["1.0.1"]));
    let tags = api.get(&format!("/api/containers/{name}/tags")).unwrap();
    assert_eq!(tags.as_array().map(Vec::len), Some(3), "{tags:#}");
    let path = format!("/api/containers/{name}/update-to-version");
    let begun = api.post(&path, &json!({ "tag": "1.1.0" })).unwrap();
    assert_eq!(begun["status"], "started", "{begun:#}");
    ended(&api, &name, "success");
    assert_eq!(corner.version("app"), "1.1.0");
    corner.wait_settled("app");
    let refused = api.ask("POST", &path, Some(&json!({ "tag": "no/tag" }))).unwrap();
    assert_eq!(
        (refused.status, refused.json().unwrap()["error"].clone()),
        (400, json!("invalid tag format"))
    );
}
