//! A full disk and taken ports on the way back: waited out, named, never at the container's cost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use lodeman_domain::update::{Outcome, Phase};
use lodeman_engine::ContainerEngine;
use lodeman_engine::fake::{Answer, Behaviour, FakeEngine, Moment, Shutdown};
use lodeman_store::Store;
use lodeman_updater::janitor;
use serde_json::json;
use tokio::time::Instant;

use crate::kill::killed_at;
use crate::world::{HELPER, NAME, World};

/// Has `then` happen right before the replacement is started.
fn before_the_start(world: &World, then: impl Fn(&FakeEngine) + Send + Sync + 'static) {
    let engine = world.engine.clone();
    let starts = AtomicUsize::new(0);
    world.faulty.set_hook(move |call, at| {
        let start = call.action == "start" && at == Moment::Before;
        if start && starts.fetch_add(1, Ordering::SeqCst) == 0 {
            then(&engine);
        }
        Answer::Continue
    });
}

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_the_pulled_image_makes_room_and_is_not_blamed() {
    let world = World::new(Behaviour::default());
    let (engine, image) = (world.engine.clone(), world.new.config_digest.to_string());
    let starts = AtomicUsize::new(0);
    world.faulty.set_hook(move |call, at| {
        match (call.action, at) {
            ("start", Moment::Before) if starts.fetch_add(1, Ordering::SeqCst) == 0 => {
                engine.set_disk_full(true);
            }
            ("remove_image", Moment::After) if call.detail == image => engine.set_disk_full(false),
            _ => {}
        }
        Answer::Continue
    });
    let began = Instant::now();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    let calls = world.faulty.calls();
    let removed = calls.iter().position(|c| c.action == "remove").unwrap();
    let image = calls.iter().position(|c| c.action == "remove_image" && c.detail.contains("sha256")).unwrap();
    assert!(removed < image, "the replacement goes first: {calls:?}");
    assert_eq!(world.store.list_bad_digests().await.unwrap(), [], "a full disk is not the image's fault");
    world.settle("full disk").await;
    world.assert_at_rest("full disk").await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_was_there_before_or_has_another_name_is_not_removed_to_make_room() {
    for other_name in [false, true] {
        let world = World::new(Behaviour::default());
        if other_name {
            let (engine, image) = (world.engine.outsider(), world.new.config_digest.clone());
            before_the_start(&world, move |fake| {
                let tagged = engine.tag_image(&image, "mine.example/kept", "1").now_or_never();
                assert!(matches!(tagged, Some(Ok(()))));
                fake.set_disk_full(true);
            });
        } else {
            world.engine.load(crate::world::IMAGE).unwrap();
            before_the_start(&world, |engine| engine.set_disk_full(true));
        }
        let report = world.update().await;
        assert_eq!(report.outcome, Outcome::Held, "{report:?}");
        assert!(world.faulty.calls().iter().all(|c| c.action != "remove_image"), "{other_name}");
        world.engine.set_disk_full(false);
        world.settle("freed").await;
        world.assert_whole("freed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stays_full_is_held_after_ten_minutes_and_comes_through_once_it_is_freed() {
    let world = World::new(Behaviour::default());
    before_the_start(&world, |engine| engine.set_disk_full(true));
    let began = Instant::now();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    assert!(report.reason.as_deref().is_some_and(|r| r.contains("disk is full")), "{report:?}");
    let took = began.elapsed();
    assert!(took >= Duration::from_mins(10) && took < Duration::from_mins(14), "{took:?}");
    assert!(world.engine.names().iter().any(|n| n.contains("__old__")), "the old container is kept");
    let swapper = world.swapper();
    janitor::tidy(&swapper).await.unwrap();
    assert_eq!(world.store.list_open_operations().await.unwrap()[0].phase, Phase::Held);
    world.engine.set_disk_full(false);
    tokio::time::advance(Duration::from_mins(1)).await;
    janitor::tidy(&swapper).await.unwrap();
    world.assert_whole("freed");
    world.settle("freed").await;
    world.assert_at_rest("freed").await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_nobody_holds_is_told_and_the_start_tried_until_it_is_free() {
    let world = World::new(Behaviour::default());
    before_the_start(&world, |engine| engine.leak_port(8080));
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    let reason = report.reason.unwrap_or_default();
    assert!(reason.contains("port_blocked") && reason.contains("restart the container engine"), "{reason}");
    assert_eq!(world.store.list_bad_digests().await.unwrap(), [], "the image is not blamed");
    world.assert_no_leftovers("blocked");
    let swapper = world.swapper();
    for _ in 0..10 {
        tokio::time::advance(Duration::from_mins(1)).await;
        janitor::tidy(&swapper).await.unwrap();
    }
    let open = world.store.list_open_operations().await.unwrap();
    assert_eq!((open[0].phase, &open[0].recreation), (Phase::Held, &None), "nothing is made anew for it");
    world.engine.restart_engine(Shutdown::Clean);
    tokio::time::advance(Duration::from_mins(1)).await;
    janitor::tidy(&swapper).await.unwrap();
    world.assert_whole("freed");
    world.settle("freed").await;
    world.assert_at_rest("freed").await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_that_took_the_port_is_named_and_left_alone() {
    let world = World::new(Behaviour::default());
    before_the_start(&world, |engine| {
        let ports = json!({ "90/tcp": [{ "HostPort": "8080" }] });
        engine.run("thief", &json!({ "Image": HELPER, "HostConfig": { "PortBindings": ports } })).unwrap();
    });
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    let reason = report.reason.unwrap_or_default();
    assert!(reason.contains("port_blocked") && reason.contains("`thief`"), "{reason}");
    assert!(world.engine.container("thief").unwrap().is_up());
    world.engine.force_remove("thief");
    world.settle("gone").await;
    world.assert_at_rest("gone").await;
    assert!(world.engine.container(NAME).unwrap().is_up());
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_call_while_the_disk_is_full_is_recovered() {
    let calls = {
        let world = World::new(Behaviour::default());
        world.update().await;
        world.faulty.calls()
    };
    let disarm = calls.iter().position(|c| c.action == "update").unwrap() + 1;
    for k in 1..=disarm {
        let world = World::new(Behaviour::default());
        assert!(killed_at(&world, k, Moment::After).await);
        world.engine.set_disk_full(true);
        let swapper = world.swapper();
        lodeman_updater::recover::run(&swapper).await.unwrap();
        tokio::time::advance(Duration::from_mins(1)).await;
        janitor::tidy(&swapper).await.unwrap();
        world.engine.set_disk_full(false);
        let what = format!("full after call {k} {:?}", calls[k - 1]);
        world.settle(&what).await;
        world.assert_at_rest(&what).await;
    }
}
