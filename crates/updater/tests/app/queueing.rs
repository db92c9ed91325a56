//! What waits for a person, and what a person may do with it.

use lodeman_domain::explain::{Action, ReasonCode as R};
use lodeman_domain::queue::QueueState;
use lodeman_domain::update::Outcome;
use lodeman_updater::control::{Control, ErrorKind, Which};
use serde_json::json;

use crate::world::{World, action, has, name};

async fn queued() -> World {
    let world = World::new();
    world.push("1.0.0", "a");
    world.run("web", "1.0.0", &json!({}));
    world.push("1.0.1", "b");
    world.scan().await;
    world
}

#[tokio::test(start_paused = true)]
async fn what_was_approved_is_installed_although_the_tag_moved_again() {
    let world = World::new();
    world.push("stable", "a");
    world.run("web", "stable", &json!({}));
    world.push("stable", "b");
    world.scan().await;
    let shown = world.app.queue().await.unwrap().remove(0);
    world.push("stable", "c");
    let done = world.app.approve(name("web"), Which::Revision(shown.revision), "ann").await.unwrap();
    assert_eq!(done.outcome, Some(Outcome::Updated), "{done:?}");
    assert_eq!(Some(world.image_of("web")), shown.target.config.map(|d| d.to_string()));
    // And the newer one is offered next.
    let said = world.verdict("web").await;
    assert_eq!(action(&said), Some(Action::Ask));
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_what_was_shown_before_is_a_conflict() {
    let world = queued().await;
    let shown = world.app.queue().await.unwrap().remove(0);
    world.push("1.0.2", "c");
    world.scan().await;
    let now = world.app.queue().await.unwrap();
    assert_eq!(now.len(), 1);
    assert_eq!(now[0].revision, shown.revision + 1);
    for which in [Which::Revision(shown.revision), Which::Digest(shown.target.digest)] {
        let error = world.app.approve(name("web"), which, "ann").await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    }
    assert_eq!(world.tag_of("web"), "1.0.0");
    world.app.approve(name("web"), Which::Current, "ann").await.unwrap();
    assert_eq!(world.tag_of("web"), "1.0.2");
    assert!(world.app.queue().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_no_holds_until_something_newer_appears() {
    let world = queued().await;
    let entry = world.app.reject(name("web"), Which::Current, "ann").await.unwrap();
    assert_eq!(entry.state, QueueState::Rejected);
    let said = world.verdict("web").await;
    assert_eq!(action(&said), Some(Action::Tell));
    assert!(has(&said, R::Rejected), "{said:?}");
    assert_eq!(world.app.queue().await.unwrap()[0].state, QueueState::Rejected);
    world.push("1.0.2", "c");
    assert_eq!(action(&world.verdict("web").await), Some(Action::Ask));
    assert_eq!(world.app.queue().await.unwrap()[0].state, QueueState::Pending);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_version_makes_way_for_the_next_lower_one() {
    let world = queued().await;
    world.push("1.0.2", "c");
    world.scan().await;
    world.app.ignore(name("web"), Which::Current, "ann").await.unwrap();
    world.scan().await;
    let entry = world.app.queue().await.unwrap().remove(0);
    assert_eq!(entry.target.version.unwrap().as_str(), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_not_found() {
    let world = queued().await;
    for error in [
        world.app.approve(name("nope"), Which::Current, "ann").await.unwrap_err(),
        world.app.run(vec![name("nope")], "ann").await.unwrap_err(),
        world.app.rollback(name("web"), "ann").await.unwrap_err(),
    ] {
        assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_goes_when_the_container_runs_it_already() {
    let world = queued().await;
    world.engine.force_remove("web");
    world.run("web", "1.0.1", &json!({}));
    world.scan().await;
    assert!(world.app.queue().await.unwrap().is_empty());
}
