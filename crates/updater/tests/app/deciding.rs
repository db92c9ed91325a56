//! What is found, and what is said about it.

use std::time::Duration;

use lodeman_domain::explain::{Action, ReasonCode as R, Verdict};
use lodeman_domain::policy::Policy;
use lodeman_domain::setting::Settings;
use lodeman_registry::RegistryError;
use serde_json::json;

use crate::world::{REPO, World, action, has};

fn auto() -> serde_json::Value {
    json!({ "lodeman.policy": "auto" })
}

#[tokio::test(start_paused = true)]
async fn a_container_on_the_newest_image_is_up_to_date() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &auto());
    let said = world.verdict("web").await;
    assert_eq!(said.verdict, Verdict::UpToDate);
    assert_eq!(said.sentence, format!("web runs {REPO}:1.0.0, the newest its rules admit."));
}

#[tokio::test(start_paused = true)]
async fn manual_asks_and_auto_applies_a_patch_and_asks_for_more() {
    let world = World::new();
    world.push("1.2", "a");
    world.push("1.2.0", "b");
    world.run("manual", "1.2.0", &json!({}));
    world.run("auto", "1.2.0", &auto());
    world.push("1.2.1", "c");
    let said = world.verdict("manual").await;
    assert_eq!(action(&said), Some(Action::Ask));
    assert!(has(&said, R::PolicyManual));
    assert_eq!(world.tag_of("auto"), "1.2.1");
    assert_eq!(world.tag_of("manual"), "1.2.0");

    world.run("minor", "1.2", &auto());
    world.push("1.3", "d");
    let said = world.verdict("minor").await;
    assert_eq!(action(&said), Some(Action::Ask), "{said:?}");
    assert!(has(&said, R::BeyondAutoScope));
    assert_eq!(world.tag_of("minor"), "1.2");
}

#[tokio::test(start_paused = true)]
async fn pinned_disabled_and_excluded_containers_are_not_asked_about() {
    let world = World::with(Settings { filters: vec!["db-*".parse().unwrap()], ..Settings::default() });
    world.push("1.0.0", "a");
    world.run("pinned", "1.0.0", &json!({ "lodeman.policy": "pinned" }));
    world.run("off", "1.0.0", &json!({ "com.centurylinklabs.watchtower.enable": "false" }));
    world.run("db-1", "1.0.0", &auto());
    let report = world.scan().await;
    assert_eq!(world.registry.counts().total(), 0);
    for said in &report.explanations {
        assert_eq!(said.verdict, Verdict::NotApplicable, "{said:?}");
    }
    assert_eq!(report.scan.skipped, 3);
}

#[tokio::test(start_paused = true)]
async fn everything_that_holds_an_automatic_update_is_told_at_once() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run(
        "web",
        "1.0.0",
        &json!({ "lodeman.policy": "auto", "lodeman.delay": "3d", "lodeman.window": "02:00-03:00" }),
    );
    world.set(|s| s.paused = true).await;
    world.push("1.0.1", "b");
    let said = world.verdict("web").await;
    assert_eq!(action(&said), Some(Action::Wait));
    for code in [R::Paused, R::MinimumAge, R::WindowClosed] {
        assert!(has(&said, code), "{code}: {:?}", said.reasons);
    }
    assert_eq!(said.next_at, None, "a pause has no end of its own");
    assert_eq!(world.tag_of("web"), "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn the_minimum_age_counts_for_each_digest_of_its_own() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &json!({ "lodeman.policy": "auto", "lodeman.delay": "3d" }));
    world.push("1.0.1", "b");
    assert_eq!(action(&world.verdict("web").await), Some(Action::Wait));
    tokio::time::advance(Duration::from_hours(48)).await;
    world.push("1.0.2", "c");
    let said = world.verdict("web").await;
    assert_eq!(action(&said), Some(Action::Wait));
    tokio::time::advance(Duration::from_hours(48)).await;
    assert_eq!(action(&world.verdict("web").await), Some(Action::Wait), "1.0.2 is two days old only");
    assert_eq!(world.tag_of("web"), "1.0.0");
    tokio::time::advance(Duration::from_secs(86_401)).await;
    world.scan().await;
    assert_eq!(world.tag_of("web"), "1.0.2");
}

#[tokio::test(start_paused = true)]
async fn a_closed_window_names_when_it_opens_and_what_waits_is_applied_then() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &json!({ "lodeman.policy": "auto", "lodeman.window": "02:00-03:00" }));
    world.push("1.0.1", "b");
    let said = world.verdict("web").await;
    assert_eq!(said.next_at, Some("2026-01-01T02:00:00Z".parse().unwrap()));
    tokio::time::advance(Duration::from_mins(121)).await;
    world.scan().await;
    assert_eq!(world.tag_of("web"), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_fails_is_told_for_its_containers_and_holds_nobody_else_up() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &auto());
    world.push("1.0.1", "b");
    let other = lodeman_engine::fake::FakeImage::new("other");
    let _ = world.images.publish("dead.example/x:1", &other);
    world.engine.run("dead", &json!({ "Image": "dead.example/x:1" })).unwrap();
    let error = RegistryError::Server { registry: "dead.example".into(), status: 503 };
    world.registry.fail_registry("dead.example", error, None);
    let report = world.scan().await;
    assert_eq!(report.scan.failed, 1);
    let dead = report.explanations.iter().find(|e| e.workload.name.as_str() == "dead").unwrap();
    assert_eq!(dead.verdict, Verdict::Unknown);
    assert!(has(dead, R::CheckFailed), "{dead:?}");
    assert_eq!(world.tag_of("web"), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_label_is_told_and_fails_closed() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &json!({ "lodeman.policy": "auto", "lodeman.include-tags": "(" }));
    world.push("1.0.1", "b");
    let said = world.verdict("web").await;
    assert!(has(&said, R::InvalidLabel), "{said:?}");
    assert_eq!(world.tag_of("web"), "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn latest_updates_by_digest_and_keeps_its_tag() {
    let world = World::with(Settings { latest_auto_update: true, ..Settings::default() });
    world.push("latest", "a");
    world.run("web", "latest", &json!({}));
    let before = world.image_of("web");
    world.push("1.27.5", "b");
    world.push("latest", "b");
    world.scan().await;
    assert_ne!(world.image_of("web"), before);
    assert_eq!(world.tag_of("web"), "latest");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_and_pull_only_leave_the_container() {
    let world = World::with(Settings { default_policy: Policy::Auto, dry_run: true, ..Settings::default() });
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &json!({}));
    let before = world.image_of("web");
    world.push("1.0.0", "b");
    let said = world.verdict("web").await;
    assert!(has(&said, R::DryRun));
    assert_eq!(action(&said), Some(Action::Tell));
    world
        .set(|s| {
            s.dry_run = false;
            s.pull_only = true;
        })
        .await;
    assert_eq!(action(&world.verdict("web").await), Some(Action::PullOnly));
    assert_eq!(world.image_of("web"), before);
    // Pulled, and still offered: nothing is lost by having pulled.
    world.set(|s| s.pull_only = false).await;
    world.scan().await;
    assert_ne!(world.image_of("web"), before);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_containers_of_one_image_cost_one_question() {
    let world = World::new();
    world.push("1.0.0", "a");
    for i in 0..100 {
        world.run(&format!("web-{i}"), "1.0.0", &json!({}));
    }
    world.scan().await;
    let counts = world.registry.counts();
    assert_eq!((counts.resolve, counts.tags), (1, 1), "{counts:?}");
}
