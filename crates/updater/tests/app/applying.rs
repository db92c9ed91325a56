//! What is applied, what is remembered of it.

use std::time::Duration;

use lodeman_domain::explain::{Action, ReasonCode as R};
use lodeman_domain::update::Outcome;
use lodeman_engine::fake::Behaviour;
use lodeman_store::Store;
use lodeman_updater::control::Control;
use serde_json::json;

use crate::world::{REPO, World, action, has, name};

fn auto() -> serde_json::Value {
    json!({ "lodeman.policy": "auto" })
}

#[tokio::test(start_paused = true)]
async fn two_containers_on_one_moving_tag_are_both_updated() {
    let world = World::new();
    world.push("stable", "a");
    world.run("one", "stable", &auto());
    world.run("two", "stable", &auto());
    let before = world.image_of("one");
    world.push("stable", "b");
    let report = world.scan().await;
    assert_eq!(report.updates.len(), 2, "{report:?}");
    assert_ne!(world.image_of("one"), before);
    assert_eq!(world.image_of("one"), world.image_of("two"));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_was_pulled_by_hand_is_still_an_update() {
    let world = World::new();
    world.push("stable", "a");
    world.run("web", "stable", &auto());
    let before = world.image_of("web");
    world.push("stable", "b");
    world.engine.load(&format!("{REPO}:stable")).unwrap();
    world.scan().await;
    assert_ne!(world.image_of("web"), before);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_rolled_back_is_not_tried_again_but_a_newer_one_is() {
    let world = World::new();
    world.push("stable", "a");
    world.run("web", "stable", &auto());
    let good = world.image_of("web");
    world.push_behaving("stable", "bad", Behaviour::crashes(1));
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::RolledBack), "{report:?}");
    for _ in 0..3 {
        tokio::time::advance(Duration::from_hours(6)).await;
        let report = world.scan().await;
        assert!(report.updates.is_empty(), "{report:?}");
        assert!(has(&report.explanations[0], R::BadDigest), "{report:?}");
        assert_eq!(world.image_of("web"), good);
    }
    world.push("stable", "mended");
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::Updated), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_bad_version_the_next_lower_one_is_offered() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &auto());
    world.push("1.0.1", "b");
    world.push_behaving("1.0.2", "c", Behaviour::crashes(1));
    world.scan().await;
    assert_eq!(world.tag_of("web"), "1.0.0");
    world.scan().await;
    assert_eq!(world.tag_of("web"), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn a_failed_pull_is_tried_again_after_an_hour() {
    let world = World::new();
    world.push("stable", "a");
    world.run("web", "stable", &auto());
    world.push("stable", "b");
    world.images.fail_next_pull(&format!("{REPO}:stable"), 500, "broken");
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::Aborted), "{report:?}");
    let said = world.verdict("web").await;
    assert_eq!(action(&said), Some(Action::Wait));
    assert!(has(&said, R::LastAttemptFailed), "{said:?}");
    tokio::time::advance(Duration::from_secs(3601)).await;
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::Updated), "{report:?}");
    assert_eq!(world.store.list_history(None, None, 10).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_person_can_update_what_policy_does_not() {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &json!({}));
    let none = world.app.update(name("web"), "ann").await.unwrap();
    assert_eq!(none.outcome, None);
    world.push("1.0.1", "b");
    let done = world.app.update(name("web"), "ann").await.unwrap();
    assert_eq!(done.outcome, Some(Outcome::Updated));
    assert_eq!(world.tag_of("web"), "1.0.1");
    let history = world.app.history(Some(name("web")), None, 10).await.unwrap();
    assert_eq!(history[0].row.actor, "ann");
}
