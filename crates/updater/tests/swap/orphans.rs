//! The journal is lost: what it explained is found, told, and restored on request.

use std::time::Duration;

use lodeman_engine::ContainerEngine;
use lodeman_engine::fake::{Answer, Behaviour, Moment};
use lodeman_store::fake::MemoryStore;
use lodeman_updater::recover::orphans::{Finding, find, restore};

use crate::world::{NAME, World};

/// A world whose update was killed at the answer of its first call of this kind, and then lost its journal.
async fn left_behind(action: &'static str) -> World {
    let mut world = World::new(Behaviour::default());
    world.faulty.set_hook(move |call, at| {
        if call.action == action && at == Moment::After { Answer::Never } else { Answer::Continue }
    });
    let (swapper, request) = (world.swapper(), world.request());
    let task = tokio::spawn(async move { swapper.swap(request).await });
    tokio::time::sleep(Duration::from_mins(1)).await;
    task.abort();
    world.faulty.heal();
    world.store = std::sync::Arc::new(MemoryStore::new());
    world
}

#[tokio::test(start_paused = true)]
async fn a_container_that_lost_its_name_is_restored() {
    let world = left_behind("rename").await;
    assert!(world.engine.container(NAME).is_none());
    let deps = world.swapper().deps().clone();
    let found = find(&deps).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].canonical.as_str(), found[0].finding), (NAME, Finding::OnlyOld));
    restore(&world.engine.outsider() as &dyn ContainerEngine, &found[0]).await.unwrap();
    world.assert_whole("restored");
    world.assert_no_leftovers("restored");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_was_never_started_is_told_and_left() {
    let world = left_behind("create").await;
    let deps = world.swapper().deps().clone();
    let found = find(&deps).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].finding, Finding::RunningWithNew);
    restore(&*deps.engine, &found[0]).await.unwrap();
    assert_eq!(world.engine.names().len(), 3, "nothing is removed without a journal");
    world.assert_whole("left");
}

#[tokio::test(start_paused = true)]
async fn what_the_journal_explains_is_no_orphan() {
    let world = World::new(Behaviour::default());
    let mut request = world.request();
    request.soak = None;
    let swapper = world.swapper();
    swapper.swap(request).await.unwrap();
    assert_eq!(find(swapper.deps()).await.unwrap(), []);
}
