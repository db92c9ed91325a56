//! Every call answered wrongly in every way, while the process lives.

use std::time::Duration;

use lodeman_engine::fake::{Behaviour, Fault, Shutdown};
use lodeman_store::Store;
use lodeman_updater::{janitor, recover};

use crate::world::World;

const FAULTS: [Fault; 9] = [
    Fault::ErrorBefore,
    Fault::ErrorAfterEffect,
    Fault::ReplyLost,
    Fault::ReplyLostEffectDelayed(Duration::from_secs(2)),
    Fault::Hang,
    Fault::NoEffectSuccess,
    Fault::Lie404,
    Fault::Lie304,
    Fault::RestartAfter(Shutdown::Killed),
];

async fn settles(world: &World, what: &str) {
    let swapper = world.swapper();
    let result = swapper.swap(world.request()).await;
    world.faulty.heal();
    // What could not be settled then is settled by the next look.
    recover::run(&swapper).await.unwrap();
    tokio::time::advance(Duration::from_secs(700)).await;
    janitor::tidy(&swapper).await.unwrap();
    let what = format!("{what}: {result:?}");
    world.assert_whole(&what);
    world.assert_no_leftovers(&what);
    assert!(world.store.list_open_operations().await.unwrap().is_empty(), "{what}");
}

async fn matrix(behaviour: Behaviour) -> usize {
    let calls = {
        let world = World::new(behaviour.clone());
        let _ = world.swapper().swap(world.request()).await;
        world.faulty.calls().len()
    };
    let mut played = 0;
    for fault in FAULTS {
        for k in 1..=calls {
            let world = World::new(behaviour.clone());
            let engine = world.engine.clone();
            world.faulty.set_restart(move |how| engine.restart_engine(how));
            world.faulty.fault(k, fault);
            settles(&world, &format!("{fault:?} at call {k}")).await;
            played += 1;
        }
    }
    played
}

#[tokio::test(start_paused = true)]
async fn an_update_settles_whatever_one_call_answers() {
    let cells = matrix(Behaviour::default()).await;
    assert!(cells >= 90, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_settles_whatever_one_call_answers() {
    let cells =
        matrix(Behaviour { exits_after: Some((Duration::from_secs(3), 1)), ..Behaviour::default() }).await;
    assert!(cells >= 120, "{cells} cells");
}
