//! A restart, and everything that can come in between.

use std::time::Duration;

use lodeman_domain::container::RunState;
use lodeman_domain::update::{OperationKind, Outcome, Phase};
use lodeman_engine::fake::{Answer, Behaviour, Fault, Moment, Shutdown};
use lodeman_engine::{ContainerEngine as _, RestartPolicy};
use lodeman_store::Store;
use lodeman_updater::recover;
use lodeman_updater::swap::{SwapError, SwapReport, Swapper};
use tokio::sync::mpsc;

use crate::world::{NAME, World};

async fn restart(swapper: Swapper) -> Result<SwapReport, SwapError> {
    let guard = swapper.locks().try_container(&World::key()).unwrap();
    swapper.restart(&World::key(), "me", &guard).await
}

fn world() -> World {
    World::new(Behaviour::default())
}

/// What was there runs, nothing else came or went, and nothing is under way.
async fn assert_same(world: &World, id: &lodeman_domain::container::ContainerId, what: &str) {
    world.assert_whole(what);
    world.assert_no_leftovers(what);
    assert_eq!(world.engine.container(NAME).unwrap().id(), id, "{what}");
    assert!(world.store.list_open_operations().await.unwrap().is_empty(), "{what}");
    assert!(
        world.store.list_history(None, None, 9).await.unwrap().is_empty(),
        "{what}: a restart is no update"
    );
}

async fn messages(world: &World) -> Vec<String> {
    let events = world.store.list_events(0, 100).await.unwrap().into_iter();
    let told = events.filter(|e| e.event.kind == lodeman_domain::event::EventKind::OperationEnded);
    told.map(|e| e.event.message).collect()
}

/// Runs `task` until `moment` of the mutating call `k`, and kills it there; `false` when there is no such.
async fn killed_at<F>(world: &World, k: usize, moment: Moment, task: F) -> bool
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (killed, mut was_killed) = mpsc::unbounded_channel();
    world.faulty.set_hook(move |call, at| {
        if call.number == k && at == moment {
            let _ = killed.send(());
            return Answer::Never;
        }
        Answer::Continue
    });
    let task = tokio::spawn(task);
    let hit = tokio::select! {
        hit = was_killed.recv() => hit.is_some(),
        () = tokio::time::sleep(Duration::from_mins(2)) => false,
    };
    task.abort();
    world.faulty.heal();
    hit
}

#[tokio::test(start_paused = true)]
async fn a_restart_stops_and_starts_the_same_container() {
    let world = world();
    let before = world.engine.container(NAME).unwrap();
    let report = restart(world.swapper()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Restarted);
    let calls: Vec<_> = world.faulty.calls().iter().map(|call| call.action).collect();
    assert_eq!(calls, ["stop", "start"]);
    assert_same(&world, before.id(), "restarted").await;
    assert_ne!(world.engine.container(NAME).unwrap().started_at(), before.started_at());
    let op = world.store.find_operation(report.operation).await.unwrap().unwrap();
    assert_eq!((op.kind, op.phase), (OperationKind::Restart, Phase::RolledBack));
    assert_eq!(messages(&world).await, ["Container restarted: web"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_killed_at_any_call_leaves_the_container_running() {
    let mut cells = 0;
    for moment in [Moment::Before, Moment::After] {
        for k in 1.. {
            let world = world();
            let id = world.engine.container(NAME).unwrap().id().clone();
            let swapper = world.swapper();
            if !killed_at(&world, k, moment, restart(swapper)).await {
                break;
            }
            cells += 1;
            let what = format!("killed {moment:?} call {k}");
            recover::run(&world.swapper()).await.unwrap();
            assert_same(&world, &id, &what).await;
            assert_eq!(messages(&world).await.len(), 1, "{what}: its end is told once");
        }
    }
    assert_eq!(cells, 4);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_of_a_restart_killed_at_any_call_is_recovered() {
    let mut cells = 0;
    for first in 1..=2 {
        for moment in [Moment::Before, Moment::After] {
            let world = world();
            let id = world.engine.container(NAME).unwrap().id().clone();
            let swapper = world.swapper();
            assert!(killed_at(&world, first, Moment::After, restart(swapper)).await);
            let so_far = world.faulty.calls().len();
            let swapper = world.swapper();
            let again = async move { recover::run(&swapper).await };
            cells += usize::from(killed_at(&world, so_far + 1, moment, again).await);
            recover::run(&world.swapper()).await.unwrap();
            assert_same(&world, &id, &format!("killed after call {first}, recovery {moment:?} its first"))
                .await;
        }
    }
    assert!(cells >= 2, "{cells}");
}

#[tokio::test(start_paused = true)]
async fn no_fault_of_the_engine_leaves_a_restarted_container_down() {
    let faults = [
        Fault::ErrorBefore,
        Fault::ErrorAfterEffect,
        Fault::ReplyLost,
        Fault::ReplyLostEffectDelayed(Duration::from_secs(5)),
        Fault::Hang,
        Fault::NoEffectSuccess,
        Fault::Lie404,
        Fault::Lie304,
        Fault::RestartBefore(Shutdown::Clean),
        Fault::RestartAfter(Shutdown::Clean),
        Fault::RestartBefore(Shutdown::Killed),
        Fault::RestartAfter(Shutdown::Killed),
    ];
    for fault in faults {
        for k in 1..=2 {
            let world = world();
            let id = world.engine.container(NAME).unwrap().id().clone();
            let engine = world.engine.clone();
            world.faulty.set_restart(move |how| engine.restart_engine(how));
            world.faulty.fault(k, fault);
            let report = restart(world.swapper()).await.unwrap();
            let what = format!("{fault:?} at call {k}: {report:?}");
            world.settle(&what).await;
            assert_same(&world, &id, &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_started_again_is_held_and_comes_up_once_it_can() {
    let world = world();
    let id = world.engine.container(NAME).unwrap().id().clone();
    let broken = Behaviour { start_error: Some("no such device".to_owned()), ..Behaviour::default() };
    world.engine.set_behaviour(NAME, broken);
    let report = restart(world.swapper()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    assert!(messages(&world).await[0].starts_with("restart failed: "), "{:?}", messages(&world).await);
    let busy = restart(world.swapper()).await.unwrap_err();
    assert!(matches!(busy, SwapError::Busy { .. }), "{busy}");
    world.engine.set_behaviour(NAME, Behaviour::default());
    world.settle("the device is back").await;
    assert_same(&world, &id, "the device is back").await;
}

#[tokio::test(start_paused = true)]
async fn what_ends_by_itself_or_is_taken_away_is_left_alone() {
    let world = world();
    world.engine.set_behaviour(NAME, Behaviour::crashes(3));
    let report = restart(world.swapper()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    assert!(report.reason.unwrap().contains("exit code 3"));
    assert!(world.store.list_open_operations().await.unwrap().is_empty());

    let world = self::world();
    let swapper = world.swapper();
    assert!(killed_at(&world, 1, Moment::After, restart(swapper)).await);
    world.engine.force_remove(NAME);
    recover::run(&world.swapper()).await.unwrap();
    assert_eq!(world.engine.names(), ["bystander"], "what a person removed is not brought back");
    assert!(world.store.list_open_operations().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_would_remove_is_not_stopped() {
    let world = world();
    let spec = serde_json::json!({ "Image": crate::world::HELPER, "HostConfig": { "AutoRemove": true } });
    world.engine.run("job", &spec).unwrap();
    let swapper = world.swapper();
    let key = lodeman_domain::workload::WorkloadKey::local("job".parse().unwrap());
    let guard = swapper.locks().try_container(&key).unwrap();
    let refused = swapper.restart(&key, "me", &guard).await.unwrap_err();
    assert!(matches!(refused, SwapError::Refused { .. }), "{refused}");
    assert!(world.faulty.calls().is_empty() && world.engine.container("job").unwrap().is_up());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stay_up_after_a_reboot_is_excused_once_and_then_given_up() {
    let mut world = world();
    let id = world.engine.container(NAME).unwrap().id().clone();
    // So that every start seen is one of ours.
    world.engine.outsider().set_restart_policy(&id, &RestartPolicy::no()).await.unwrap();
    let swapper = world.swapper();
    assert!(killed_at(&world, 1, Moment::After, restart(swapper)).await);
    world.rebooted = true;
    world.engine.set_behaviour(NAME, Behaviour::crashes(3));
    let before = world.faulty.calls().len();
    let swapper = world.swapper();
    let recovered = tokio::time::timeout(Duration::from_mins(10), recover::run(&swapper)).await;
    let items = recovered.expect("recovery comes to its end").unwrap();
    assert_eq!(items[0].outcome, Some(Outcome::Aborted), "{items:?}");
    let calls: Vec<_> = world.faulty.calls()[before..].iter().map(|call| call.action).collect();
    assert_eq!(calls, ["start", "start"]);
    let op = world.store.find_operation(items[0].operation).await.unwrap().unwrap();
    assert!(op.restarted_after_explained_exit && op.phase == Phase::Aborted, "{op:?}");
    assert!(op.reason.unwrap().contains("exit code 3"));
    assert!(world.store.list_open_operations().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_stays_up_after_a_reboot_is_restarted() {
    let mut world = world();
    let id = world.engine.container(NAME).unwrap().id().clone();
    let swapper = world.swapper();
    assert!(killed_at(&world, 1, Moment::After, restart(swapper)).await);
    world.rebooted = true;
    let items = recover::run(&world.swapper()).await.unwrap();
    assert_eq!(items[0].outcome, Some(Outcome::Restarted), "{items:?}");
    assert_same(&world, &id, "after a reboot").await;
}

async fn frozen_world() -> World {
    let world = world();
    let id = world.engine.container(NAME).unwrap().id().clone();
    world.engine.outsider().pause(&id).await.unwrap();
    world
}

fn state(world: &World) -> Option<RunState> {
    world.engine.container(NAME).unwrap().state()
}

#[tokio::test(start_paused = true)]
async fn what_was_frozen_runs_after_its_restart() {
    let world = frozen_world().await;
    let report = restart(world.swapper()).await.unwrap();
    assert_eq!((report.outcome, state(&world)), (Outcome::Restarted, Some(RunState::Running)));
    let calls: Vec<_> = world.faulty.calls().iter().map(|call| call.action).collect();
    assert_eq!(calls, ["unpause", "stop", "start"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_frozen_and_is_not_restarted_is_frozen_again() {
    let world = frozen_world().await;
    let id = world.engine.container(NAME).unwrap().id().clone();
    let faulty = world.faulty.clone();
    // No stop takes effect, however often it is asked for.
    world.faulty.set_hook(move |call, _| {
        if call.action == "unpause" || call.action == "stop" {
            faulty.fault(call.number + 1, Fault::ErrorBefore);
        }
        Answer::Continue
    });
    let swapper = world.swapper();
    let task = tokio::spawn(restart(swapper));
    let report = task.await.unwrap().unwrap();
    assert_eq!((report.outcome, state(&world)), (Outcome::Aborted, Some(RunState::Paused)), "{report:?}");
    assert_same(&world, &id, "not restarted").await;

    let world = frozen_world().await;
    let id = world.engine.container(NAME).unwrap().id().clone();
    let swapper = world.swapper();
    assert!(killed_at(&world, 1, Moment::After, restart(swapper)).await);
    assert_eq!(state(&world), Some(RunState::Running));
    recover::run(&world.swapper()).await.unwrap();
    assert_eq!(state(&world), Some(RunState::Paused));
    assert_same(&world, &id, "killed when it was thawed").await;
}
