//! Stopping and starting what an update has to do with.

use lodeman_domain::setting::Settings;
use lodeman_domain::update::Phase;
use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{Store, Write};
use lodeman_updater::app::PowerAction;
use lodeman_updater::control::Control;
use serde_json::json;

use crate::world::{World, name};

/// `web`, updated, with its old container kept.
async fn updated() -> World {
    let world = World::server(Settings::default());
    world.app.recover().await.unwrap();
    world.push("stable", "a");
    world.run("web", "stable", &json!({ "lodeman.policy": "auto" }));
    world.push("stable", "b");
    let report = world.scan().await;
    assert_eq!(report.updates.len(), 1, "{report:?}");
    world
}

fn key() -> WorkloadKey {
    WorkloadKey::local(name("web"))
}

/// Stops `web`; what is told last.
async fn stop(world: &World) -> String {
    world.app.begin_power(PowerAction::Stop, name("web"), "ann").await.unwrap();
    let _over = world.app.swapper().locks().container(&key()).await;
    let events = world.store.list_events(0, 1000).await.unwrap();
    events.into_iter().max_by_key(|event| event.seq).unwrap().event.message
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_soak_of_an_update() {
    let world = updated().await;
    let open = world.store.find_open_operation(&key()).await.unwrap().unwrap();
    assert_eq!(open.phase, Phase::Committed);
    assert_eq!(stop(&world).await, "Container stopped: web");
    assert!(!world.engine.container("web").unwrap().is_up());
    assert!(world.store.find_open_operation(&key()).await.unwrap().is_none());
    world.app.recover().await.unwrap();
    assert!(!world.engine.container("web").unwrap().is_up(), "recovery leaves it stopped");
}

#[tokio::test(start_paused = true)]
async fn what_recovery_would_start_again_is_not_stopped() {
    let world = updated().await;
    let mut open = world.store.find_open_operation(&key()).await.unwrap().unwrap();
    let operation = open.id.to_string();
    // Its replacement cannot be told, so the old container is kept.
    open.new_id = None;
    world.store.commit(vec![Write::SaveOperation(Box::new(open))]).await.unwrap();
    let told = stop(&world).await;
    assert!(told.starts_with("stop failed: ") && told.contains(&operation), "{told}");
    assert!(world.engine.container("web").unwrap().is_up());
    assert!(world.store.find_open_operation(&key()).await.unwrap().is_some());
}
