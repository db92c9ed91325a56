//! What becomes of an update that a container's hook puts off.

use std::time::Duration;

use lodeman_domain::explain::{Action, ReasonCode as R};
use lodeman_domain::queue::QueueState;
use lodeman_domain::setting::Settings;
use lodeman_domain::update::Outcome;
use lodeman_engine::fake::{Behaviour, ExecScript};
use lodeman_store::Store;
use lodeman_updater::control::{Control, Which};
use serde_json::json;

use crate::world::{World, action, has, name};

/// A container with a hook that puts updates off, and an update for it.
fn world(policy: &str) -> World {
    let world = World::with(Settings { hooks_enabled: true, ..Settings::default() });
    let busy = Behaviour::default().with_command("is anybody there?", ExecScript::exits(75));
    world.push_behaving("stable", "a", busy);
    world.run(
        "web",
        "stable",
        &json!({ "lodeman.policy": policy, "lodeman.hook.pre-update": "is anybody there?" }),
    );
    world.push("stable", "b");
    world
}

fn nobody_is_there(world: &World) {
    world.engine.set_behaviour("web", Behaviour::default());
}

#[tokio::test(start_paused = true)]
async fn an_update_that_was_put_off_waits_an_hour_and_is_tried_again() {
    let world = world("auto");
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::SkippedByHook), "{report:?}");
    assert_eq!(action(&report.explanations[0]), Some(Action::Wait));
    for _ in 0..2 {
        tokio::time::advance(Duration::from_mins(10)).await;
        let said = world.verdict("web").await;
        assert!(has(&said, R::SkippedByHook) && action(&said) == Some(Action::Wait), "{said:?}");
    }
    assert_eq!(world.engine.executed().len(), 1, "it is not asked all the time");
    tokio::time::advance(Duration::from_mins(41)).await;
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::SkippedByHook), "{report:?}");
    nobody_is_there(&world);
    tokio::time::advance(Duration::from_secs(3601)).await;
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::Updated), "{report:?}");
    assert_eq!(world.engine.executed().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_was_put_off_stays_one() {
    let world = world("manual");
    world.scan().await;
    let done = world.app.approve(name("web"), Which::Current, "ann").await.unwrap();
    assert_eq!(done.outcome, Some(Outcome::SkippedByHook), "{done:?}");
    nobody_is_there(&world);
    assert!(world.scan().await.updates.is_empty(), "not before its time");
    let queue = world.store.list_queue().await.unwrap();
    assert_eq!((queue[0].state, queue[0].decided_by.as_deref()), (QueueState::Approved, Some("ann")));
    tokio::time::advance(Duration::from_secs(3601)).await;
    let report = world.scan().await;
    assert_eq!(report.updates[0].outcome, Some(Outcome::Updated), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_person_who_approves_again_does_not_wait() {
    let world = world("manual");
    world.scan().await;
    world.app.approve(name("web"), Which::Current, "ann").await.unwrap();
    nobody_is_there(&world);
    let done = world.app.update(name("web"), "ann").await.unwrap();
    assert_eq!(done.outcome, Some(Outcome::Updated), "{done:?}");
}
