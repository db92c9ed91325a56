//! What a replacement said before it was taken away.

use std::time::Duration;

use lodeman_domain::update::Outcome;
use lodeman_engine::fake::{Answer, Behaviour, FakeImage, Moment};
use lodeman_store::fake::CommitFault;
use lodeman_store::{LastWords, SpecKind, Store, Write};
use serde_json::json;
use tokio::time::Instant;

use crate::world::World;

const SECRET: &str = "password=hunter2";

/// One whose replacement writes a lot, the secret last, and ends.
fn talking() -> World {
    let mut log_lines: Vec<String> = (0..300).map(|n| format!("line {n}")).collect();
    log_lines.push(SECRET.to_owned());
    let behaviour = Behaviour { log_lines, ..Behaviour::crashes(3) };
    World::new(Behaviour::default(), behaviour, json!({}))
}

async fn kept(world: &World) -> Option<LastWords> {
    let op = world.store.list_history(None, None, 1).await.unwrap()[0].row.operation.unwrap();
    let found = world.store.find_spec(op, SpecKind::LastWords).await.unwrap()?;
    Some(serde_json::from_value(found.json).unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_last_lines_of_a_replacement_are_kept_sealed_and_nowhere_else() {
    let world = talking();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    let words = kept(&world).await.unwrap();
    let log = words.log.clone().unwrap();
    assert_eq!(log.lines().count(), 200);
    assert!(log.ends_with(&format!("{SECRET}\n")), "{log}");
    assert_eq!((words.exit_code, words.oom_killed, words.health.clone()), (3, false, None));
    assert!(!format!("{words:?}").contains(SECRET));
    assert!(!format!("{report:?}").contains(SECRET));
    for write in world.store.log() {
        assert!(!format!("{write:?}").contains(SECRET), "what is logged of a write tells nothing");
        if !matches!(write, Write::PutSpec(_)) {
            assert!(!format!("{write:#?}").contains("line 299"), "only sealed documents carry it");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_failed_is_kept_with_its_state() {
    let check = json!({ "Healthcheck": { "Test": ["CMD", "/well"] }, "Cmd": ["/serve"] });
    let old = FakeImage::new("old").with_config(&check);
    let new = FakeImage::new("new")
        .with_config(&check)
        .with_behaviour(Behaviour::unhealthy_after(Duration::from_secs(2)));
    let world = World::of(&old, new, json!({}));
    assert_eq!(world.update().await.outcome, Outcome::RolledBack);
    let words = kept(&world).await.unwrap();
    let health = words.health.unwrap();
    assert_eq!((health["ExitCode"].clone(), words.exit_code), (json!(1), 0));
    assert_eq!(words.log.as_deref(), Some("ready\n"));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_never_comes_delays_going_back_by_five_seconds_at_most() {
    let measure = async |hang: bool| {
        let world = talking();
        world.engine.hang_logs(hang);
        let began = Instant::now();
        assert_eq!(world.update().await.outcome, Outcome::RolledBack);
        world.assert_settled();
        (began.elapsed(), kept(&world).await.unwrap())
    };
    let (usual, whole) = measure(false).await;
    let (hanging, partly) = measure(true).await;
    assert!(whole.log.is_some());
    assert!(hanging > usual && hanging <= usual + Duration::from_secs(5), "{usual:?} {hanging:?}");
    assert_eq!((partly.log, partly.exit_code), (None, 3), "the rest is kept all the same");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_take_it_stands_in_nobodys_way() {
    let commits = {
        let world = talking();
        world.update().await;
        let all = world.store.log();
        let is_it = |w: &Write| matches!(w, Write::PutSpec(s) if s.kind == SpecKind::LastWords);
        assert_eq!(all.iter().filter(|w| is_it(w)).count(), 1);
        world.store.commits()
    };
    for fault in [CommitFault::Full, CommitFault::KilledBefore] {
        let mut without = 0;
        for nth in 1..=commits {
            let world = talking();
            world.store.fail_commit(nth, fault);
            let swapper = world.swapper();
            let update = tokio::time::timeout(Duration::from_mins(2), swapper.swap(world.request()));
            let Ok(Ok(report)) = update.await else { continue };
            if report.outcome == Outcome::RolledBack && kept(&world).await.is_none() {
                without += 1;
                world.assert_settled();
            }
        }
        assert_eq!(without, 1, "{fault:?}: the one commit that may fail");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_never_ran_has_nothing_to_say() {
    let world = World::new(Behaviour::default(), Behaviour::default(), json!({}));
    let engine = world.engine.clone();
    world.faulty.set_hook(move |call, at| {
        if call.action == "create" && at == Moment::After {
            engine.set_free_bytes(Some(1));
        }
        Answer::Continue
    });
    assert_eq!(world.update().await.outcome, Outcome::Aborted);
    assert_eq!(kept(&world).await, None);
}
