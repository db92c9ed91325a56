//! The engine cannot start the old container: one made anew stands in, and the original is kept.

use std::time::Duration;

use lodeman_domain::event::EventKind;
use lodeman_domain::update::{Outcome, Phase, Step};
use lodeman_engine::fake::{Answer, Behaviour, FakeOptions, Moment};
use lodeman_store::Store;
use lodeman_updater::janitor;

use crate::kill::killed_at;
use crate::world::{NAME, World};

const BROKEN: &str = "OCI runtime create failed: the root file system is gone";

fn unstartable() -> Behaviour {
    Behaviour { start_error: Some(BROKEN.to_owned()), ..Behaviour::default() }
}

/// The new image crashes, and the old container does not start again.
fn world_on(options: FakeOptions) -> World {
    let world = World::on(options, Behaviour::crashes(3));
    world.engine.set_behaviour(NAME, unstartable());
    world
}

pub fn world() -> World {
    world_on(FakeOptions::default())
}

/// The same, and what is made from the old image does not start either.
fn hopeless() -> World {
    let world = World::of(FakeOptions::default(), unstartable(), Behaviour::crashes(3));
    world.engine.set_behaviour(NAME, unstartable());
    world
}

fn retained(world: &World) -> Vec<String> {
    world.engine.names().into_iter().filter(|n| n.contains("__old__")).collect()
}

async fn alerts(world: &World) -> Vec<String> {
    let events = world.store.list_events(0, 1000).await.unwrap();
    events.into_iter().filter(|e| e.event.kind == EventKind::Alert).map(|e| e.event.message).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_made_anew_and_the_original_is_kept_for_the_soak() {
    for options in [FakeOptions::default(), FakeOptions::containerd()] {
        let world = world_on(options);
        let old = world.engine.container(NAME).unwrap();
        let report = world.update().await;
        assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
        assert!(report.reason.as_deref().is_some_and(|r| r.contains("exit code 3")), "{report:?}");
        world.assert_whole("made anew");
        assert!(!world.runs_new());
        assert_ne!(world.engine.container(NAME).unwrap().id(), old.id());
        let [kept] = &retained(&world)[..] else { panic!("{:?}", world.engine.names()) };
        let kept = world.engine.container(kept).unwrap();
        assert_eq!(kept.id(), old.id());
        assert!(kept.restart_policy().is_no() && !kept.is_up());
        let alerts = alerts(&world).await;
        assert!(alerts.iter().any(|a| a.contains("made anew")), "{alerts:?}");
        assert_eq!(world.store.list_bad_digests().await.unwrap().len(), 1);

        let swapper = world.swapper();
        janitor::tidy(&swapper).await.unwrap();
        assert_eq!(retained(&world).len(), 1, "its soak is not over");
        world.settle("made anew").await;
        world.assert_at_rest("made anew").await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_original_is_kept_as_long_as_what_stands_in_does_not_run() {
    let world = world();
    world.update().await;
    world.engine.go_down(lodeman_engine::fake::Shutdown::Clean);
    world.engine.come_up();
    let anew = world.engine.container(NAME).unwrap();
    let engine: &dyn lodeman_engine::ContainerEngine = &world.engine.outsider();
    engine.stop(anew.id(), Duration::from_secs(1)).await.unwrap();
    world.settle("stopped").await;
    assert_eq!(retained(&world).len(), 1);
    engine.start(anew.id()).await.unwrap();
    world.settle("started").await;
    world.assert_at_rest("started").await;
}

#[tokio::test(start_paused = true)]
async fn where_neither_starts_it_is_held_with_the_original_in_place_and_comes_through_by_itself() {
    let world = hopeless();
    let old = world.engine.container(NAME).unwrap();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    let reason = report.reason.unwrap_or_default();
    assert!(reason.contains(BROKEN) && reason.contains("made anew"), "{reason}");
    world.assert_no_leftovers("held");
    let now = world.engine.container(NAME).unwrap();
    assert_eq!((now.id(), now.restart_policy().name.as_str()), (old.id(), "always"));
    let swapper = world.swapper();
    for _ in 0..20 {
        tokio::time::advance(Duration::from_mins(1)).await;
        janitor::tidy(&swapper).await.unwrap();
    }
    let op = world.store.list_open_operations().await.unwrap().remove(0);
    assert_eq!(op.phase, Phase::Held);
    assert!(op.reason.as_deref().is_some_and(|r| r.contains("exit code 3")), "the true reason: {op:?}");
    let steps = world.store.list_steps(op.id).await.unwrap();
    let made = steps.iter().filter(|s| s.step == Step::RecreateOld).count();
    assert!(made <= 3, "made anew {made} times");
    assert_eq!(world.store.list_history(None, None, 50).await.unwrap().len(), 1, "told once");
    assert_eq!(alerts(&world).await.len(), 1, "told once");

    world.engine.set_behaviour(NAME, Behaviour::default());
    world.settle("healed").await;
    world.assert_at_rest("healed").await;
    assert_eq!(world.engine.container(NAME).unwrap().id(), old.id());
    let history = world.store.list_history(None, None, 50).await.unwrap();
    assert_eq!(history[0].row.outcome, Outcome::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_cannot_start_the_old_container_makes_it_anew_too() {
    let world = World::new(Behaviour::default());
    world.engine.set_behaviour(NAME, unstartable());
    let stop = |world: &World| world.faulty.calls().iter().position(|c| c.action == "stop");
    world.update().await;
    let stop = stop(&world).unwrap() + 1;

    let world = World::new(Behaviour::default());
    world.engine.set_behaviour(NAME, unstartable());
    assert!(killed_at(&world, stop, Moment::After).await);
    world.settle("killed at the stop").await;
    world.assert_at_rest("killed at the stop").await;
}

async fn killed_everywhere(make: impl Fn() -> World, mend: impl Fn(&World)) -> usize {
    let mut cells = 0;
    for moment in [Moment::Before, Moment::After] {
        for k in 1.. {
            let world = make();
            if !killed_at(&world, k, moment).await {
                break;
            }
            cells += 1;
            let what = format!("killed {moment:?} call {k} {:?}", world.faulty.calls().get(k - 1));
            mend(&world);
            world.settle(&what).await;
            world.assert_at_rest(&what).await;
        }
    }
    cells
}

#[tokio::test(start_paused = true)]
async fn making_it_anew_can_be_killed_at_any_call() {
    let cells = killed_everywhere(world, |_| ()).await;
    assert!(cells >= 40, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn giving_up_on_both_can_be_killed_at_any_call() {
    let cells = killed_everywhere(hopeless, |world| {
        for name in world.engine.names() {
            world.engine.set_behaviour(&name, Behaviour::default());
        }
    })
    .await;
    assert!(cells >= 48, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_makes_it_anew_can_be_killed_at_any_call() {
    let plain = {
        let world = world();
        world.update().await;
        world.faulty.calls()
    };
    let first = plain.iter().position(|c| c.action == "start").unwrap() + 1;
    let mut cells = 0;
    for k in 1..20 {
        let world = world();
        assert!(killed_at(&world, first, Moment::After).await);
        let done = world.faulty.calls().len();
        world.faulty.set_hook(move |call, at| {
            if call.number == done + k && at == Moment::After { Answer::Never } else { Answer::Continue }
        });
        let swapper = world.swapper();
        let task = tokio::spawn(async move { lodeman_updater::recover::run(&swapper).await });
        tokio::time::sleep(Duration::from_mins(2)).await;
        if task.is_finished() {
            break;
        }
        task.abort();
        cells += 1;
        let what = format!("recovery killed after its call {k}: {:?}", world.faulty.calls().last());
        world.settle(&what).await;
        world.assert_at_rest(&what).await;
    }
    assert!(cells >= 9, "{cells} cells");
}
