//! Room on the engine's disk.

use lodeman_domain::update::Outcome;
use lodeman_engine::fake::{Answer, Behaviour, Moment};
use lodeman_store::Store;
use serde_json::json;

use crate::world::World;

const MIB: u64 = 1 << 20;

fn world() -> World {
    World::new(Behaviour::default(), Behaviour::default(), json!({}))
}

#[tokio::test(start_paused = true)]
async fn without_room_nothing_is_asked_of_the_engine_and_the_numbers_are_told() {
    let world = world();
    world.engine.set_free_bytes(Some(63 * MIB));
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    let reason = report.reason.unwrap_or_default();
    assert!(reason.contains("63 MiB free") && reason.contains("64 MiB are needed"), "{reason}");
    assert_eq!(world.faulty.calls(), [], "nothing is changed");
    assert!(!world.runs_new());
    world.assert_settled();
    assert_eq!(world.store.list_bad_digests().await.unwrap(), [], "the image is not to blame");

    world.engine.set_free_bytes(Some(64 * MIB));
    assert_eq!(world.update().await.outcome, Outcome::Updated);
}

#[tokio::test(start_paused = true)]
async fn a_pull_that_fills_the_disk_ends_the_update_with_the_container_untouched() {
    for (action, created) in [("pull", false), ("create", true)] {
        let world = world();
        let engine = world.engine.clone();
        world.faulty.set_hook(move |call, at| {
            if call.action == action && at == Moment::After {
                engine.set_free_bytes(Some(MIB));
            }
            Answer::Continue
        });
        let started = world.engine.container("web").unwrap().started_at().to_owned();
        let report = world.update().await;
        assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
        let calls = world.faulty.calls();
        assert!(calls.iter().all(|c| !matches!(c.action, "stop" | "rename" | "start")), "{calls:?}");
        assert_eq!(calls.iter().any(|c| c.action == "create"), created, "{calls:?}");
        world.assert_settled();
        assert_eq!(world.engine.container("web").unwrap().started_at(), started);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_known_is_told_once_and_passes() {
    let world = world();
    world.engine.set_free_bytes(None);
    let (report, told) = world.watched().await;
    assert_eq!(report.outcome, Outcome::Updated, "{report:?}");
    let unknown = told.iter().filter(|m| m.contains("free space") && m.contains("cannot be known"));
    assert_eq!(unknown.count(), 1, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reserve_of_nothing_switches_the_question_off() {
    let mut world = world();
    world.swap.space_reserve_bytes = 0;
    world.engine.set_free_bytes(Some(0));
    assert_eq!(world.update().await.outcome, Outcome::Updated);
}
