use http::{Method, StatusCode};
use lodeman_domain::update::Outcome;
use lodeman_updater::control::Control as _;
use serde_json::{Value, json};

use super::world::{Answer, World};

const PRE: &str = r#"{"phase":"pre-update","command":["sh","-c","dump all"],"timeout":60}"#;

async fn delete(world: &World, path: &str) -> Answer {
    world.ask("admin", Method::DELETE, path, None).await
}

fn noted(log: &Value) -> (&str, &str, &str, &str) {
    let text = |key: &str| log[0][key].as_str().unwrap_or_default();
    (text("type"), text("message"), text("container"), text("user"))
}

#[tokio::test]
async fn a_container_has_one_hook_a_phase_that_is_read_replaced_and_taken_back() {
    let world = World::new().await;
    assert_eq!(world.get("/api/hooks/proxy").await.json(), json!([]));
    let set = world.post("/api/hooks/proxy", PRE).await;
    let expected = json!({
        "container_name": "proxy", "phase": "pre-update", "command": ["sh", "-c", "dump all"], "timeout": 60
    });
    assert_eq!((set.status, set.json()), (StatusCode::OK, expected.clone()));
    assert_eq!(
        noted(&world.get("/api/logs").await.json()),
        ("hooks", "Saved pre-update hook", "proxy", "the-admin")
    );
    let post = world.post("/api/hooks/proxy", r#"{"PHASE":"post-update","Command":["/warm"]}"#).await.json();
    assert_eq!(post["timeout"], 30);
    let other = r#"{"phase":"pre-update","command":["x"],"timeout":-5,"on_failure":"continue"}"#;
    let replaced = world.post("/api/hooks/proxy", other).await.json();
    assert_eq!((&replaced["timeout"], &replaced["on_failure"]), (&json!(30), &json!("continue")));
    assert_eq!(world.get("/api/hooks/proxy").await.json(), json!([replaced, post]));
    let endless = format!(r#"{{"phase":"post-update","command":["x"],"timeout":{}}}"#, i64::MAX);
    let endless = world.post("/api/hooks/other", &endless).await;
    assert_eq!((endless.status, &endless.json()["timeout"]), (StatusCode::OK, &json!(i64::MAX)));

    for phase in ["pre-update", "pre-update", "sideways"] {
        let gone = delete(&world, &format!("/api/hooks/proxy/{phase}")).await;
        assert_eq!((gone.status, gone.json()), (StatusCode::OK, json!({ "message": "hook deleted" })));
        let message = format!("Deleted {phase} hook");
        assert_eq!(noted(&world.get("/api/logs").await.json()).1, message);
    }
    assert_eq!(world.get("/api/hooks/proxy").await.json(), json!([post]));
}

#[tokio::test]
async fn hooks_of_other_hosts_and_of_what_there_is_not_are_kept_apart() {
    let world = World::new().await;
    let far = world.post("/api/hooks/proxy?host=h1", PRE).await.json();
    assert_eq!(far["container_name"], "h1::proxy");
    assert_eq!(world.get("/api/hooks/proxy").await.json(), json!([]));
    for same in ["proxy?host=h1", "h1::proxy", "h1%3A%3Aproxy"] {
        assert_eq!(world.get(&format!("/api/hooks/{same}")).await.json(), json!([far]), "{same}");
    }
    let odd = world.post("/api/hooks/no%20such%2Fname%3F", PRE).await.json();
    assert_eq!(odd["container_name"], "no such/name?");
    assert_eq!(delete(&world, "/api/hooks/proxy/pre-update").await.status, StatusCode::OK);
    assert_eq!(world.get("/api/hooks/proxy?host=h1").await.json(), json!([far]));
    delete(&world, "/api/hooks/proxy/pre-update?host=h1").await;
    assert_eq!(world.get("/api/hooks/proxy?host=h1").await.json(), json!([]));
}

#[tokio::test]
async fn what_is_no_hook_is_refused_in_the_known_words_and_changes_nothing() {
    let world = World::new().await;
    let before = world.host.writes();
    for (body, said) in [
        ("", "invalid JSON body"),
        ("[]", "invalid JSON body"),
        (r#"{"phase":"pre-update","command":"dump"}"#, "invalid JSON body"),
        (r#"{"phase":"pre-update","command":["dump",1]}"#, "invalid JSON body"),
        (r#"{"phase":"pre-update","command":["dump"],"timeout":"60"}"#, "invalid JSON body"),
        (r#"{"phase":"pre-update","command":["dump"],"timeout":1e99}"#, "invalid JSON body"),
        ("{}", "phase must be pre-update or post-update"),
        (r#"{"phase":"Pre-Update","command":["dump"]}"#, "phase must be pre-update or post-update"),
        (r#"{"phase":"pre-stop","command":["dump"]}"#, "phase must be pre-update or post-update"),
        (r#"{"phase":"pre-update"}"#, "command is required"),
        (r#"{"phase":"post-update","command":[]}"#, "command is required"),
        (r#"{"phase":"post-update","command":["a\u0000b"]}"#, "command must not contain a zero byte"),
        (
            r#"{"phase":"pre-update","command":["a"],"on_failure":"retry"}"#,
            "on_failure must be abort or continue",
        ),
    ] {
        let refused = world.post("/api/hooks/proxy", body).await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::BAD_REQUEST, said), "{body}");
    }
    let long = "x".repeat(256);
    for path in [&*format!("/api/hooks/{long}"), "/api/hooks/%FF", "/api/hooks/h1::"] {
        for refused in [world.get(path).await, world.post(path, PRE).await] {
            let expected = (StatusCode::BAD_REQUEST, "invalid container name".to_owned());
            assert_eq!((refused.status, refused.error()), expected, "{path}");
        }
    }
    let large = format!(r#"{{"phase":"pre-update","command":["{}"]}}"#, "x".repeat(1024 * 1024));
    assert_eq!(world.post("/api/hooks/proxy", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.host.writes(), before);
}

#[tokio::test]
async fn only_who_may_write_hooks_writes_them() {
    let world = World::new().await;
    for role in ["viewer", "operator"] {
        let set = world.ask(role, Method::POST, "/api/hooks/proxy", Some(PRE)).await;
        assert_eq!(set.status, StatusCode::FORBIDDEN, "{role}");
        let gone = world.ask(role, Method::DELETE, "/api/hooks/proxy/pre-update", None).await;
        assert_eq!(gone.status, StatusCode::FORBIDDEN, "{role}");
        assert_eq!(world.ask(role, Method::GET, "/api/hooks/proxy", None).await.status, StatusCode::OK);
    }
    assert_eq!(world.get("/api/hooks/proxy").await.json(), json!([]));
}

#[tokio::test]
async fn a_hook_that_is_set_here_runs_at_the_next_update_once_hooks_are_on() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world.host.script_command("proxy", "dump all", 75, "s3cret");
    world.host.push("1.0.0", "two");
    world.post("/api/hooks/proxy", PRE).await;
    world.post("/api/settings/hooks-enabled", r#"{"enabled":true}"#).await;
    let done = world.host.app.update("proxy".parse().unwrap(), "me").await.unwrap();
    assert_eq!(done.outcome, Some(Outcome::SkippedByHook), "{done:?}");
    let executed = world.host.engine.executed();
    assert_eq!((executed.len(), executed[0].command.join(" ")), (1, "sh -c dump all".to_owned()));
    let history = world.get("/api/history").await;
    assert_eq!(history.json()[0]["outcome"], "skipped_by_hook");
    assert!(!history.text.contains("s3cret"));
    assert_eq!(world.get("/api/queue").await.json().as_array().map(Vec::len), Some(1), "the entry is kept");
}
