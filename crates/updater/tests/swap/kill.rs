//! Killed before, after, and at the answer of every call that changes something.

use std::time::Duration;

use lodeman_engine::fake::{Answer, Behaviour, Moment};
use lodeman_store::Store;
use lodeman_updater::{janitor, recover};
use tokio::sync::mpsc;

use crate::world::World;

/// Runs an update that never gets past `moment` of its `k`th call; `false` when it has fewer calls.
pub async fn killed_at(world: &World, k: usize, moment: Moment) -> bool {
    let (killed, mut was_killed) = mpsc::unbounded_channel();
    world.faulty.set_hook(move |call, at| {
        if call.number == k && at == moment {
            let _ = killed.send(());
            return Answer::Never;
        }
        Answer::Continue
    });
    let swapper = world.swapper();
    let request = world.request();
    let task = tokio::spawn(async move { swapper.swap(request).await });
    let hit = tokio::select! {
        hit = was_killed.recv() => hit.is_some(),
        () = tokio::time::sleep(Duration::from_mins(2)) => false,
    };
    task.abort();
    world.faulty.heal();
    hit
}

async fn recovers(world: &World, what: &str) {
    // Another process: nothing but the journal and the engine is left of the first.
    let swapper = world.swapper();
    recover::run(&swapper).await.unwrap();
    world.assert_whole(what);
    tokio::time::advance(Duration::from_secs(700)).await;
    janitor::tidy(&swapper).await.unwrap();
    world.assert_no_leftovers(what);
    world.assert_whole(what);
    let open = world.store.list_open_operations().await.unwrap();
    assert!(open.is_empty(), "{what}: {open:?}");
}

async fn matrix(behaviour: Behaviour) -> usize {
    let mut cells = 0;
    for moment in [Moment::Before, Moment::After] {
        for k in 1.. {
            let world = World::new(behaviour.clone());
            if !killed_at(&world, k, moment).await {
                break;
            }
            cells += 1;
            recovers(&world, &format!("killed {moment:?} call {k} {:?}", world.faulty.calls().get(k - 1)))
                .await;
        }
    }
    cells
}

#[tokio::test(start_paused = true)]
async fn an_update_killed_at_any_call_leaves_one_whole_container() {
    let cells = matrix(Behaviour::default()).await;
    assert!(cells >= 20, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_killed_at_any_call_leaves_one_whole_container() {
    let cells =
        matrix(Behaviour { exits_after: Some((Duration::from_secs(3), 1)), ..Behaviour::default() }).await;
    assert!(cells >= 26, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_kill_on_the_way_back_does_not_forget_that_the_image_was_bad() {
    let behaviour = || Behaviour { exits_after: Some((Duration::from_secs(3), 1)), ..Behaviour::default() };
    let world = World::new(behaviour());
    world.update().await;
    let calls = world.faulty.calls();
    let start = calls.iter().position(|c| c.action == "start").unwrap() + 1;
    for k in start + 1..=calls.len() {
        let world = World::new(behaviour());
        assert!(killed_at(&world, k, Moment::After).await);
        recovers(&world, &format!("killed after {:?}", calls[k - 1])).await;
        assert_eq!(world.store.list_bad_digests().await.unwrap().len(), 1, "killed after {:?}", calls[k - 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_recovery_killed_at_any_call_is_recovered() {
    for first in 1..40 {
        let world = World::new(Behaviour::default());
        if !killed_at(&world, first, Moment::After).await {
            return;
        }
        let so_far = world.faulty.calls().len();
        let (killed, mut was_killed) = mpsc::unbounded_channel();
        world.faulty.set_hook(move |call, at| {
            if call.number == so_far + 1 && at == Moment::After {
                let _ = killed.send(());
                return Answer::Never;
            }
            Answer::Continue
        });
        let swapper = world.swapper();
        let task = tokio::spawn(async move { recover::run(&swapper).await });
        tokio::select! {
            _ = was_killed.recv() => {}
            () = tokio::time::sleep(Duration::from_mins(2)) => {}
        }
        task.abort();
        world.faulty.heal();
        recovers(&world, &format!("killed at call {first}, then at the first of recovery")).await;
    }
}
