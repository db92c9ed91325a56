//! How a swap ends when nothing interferes.

use std::time::Duration;

use lodeman_domain::update::{Outcome, Phase};
use lodeman_engine::fake::{Behaviour, FakeOptions};
use lodeman_store::Store;
use lodeman_store::fake::CommitFault;
use lodeman_updater::swap::SwapError;
use lodeman_updater::{janitor, rollback};
use serde_json::json;

use crate::world::{IMAGE, NAME, World};

#[tokio::test(start_paused = true)]
async fn a_healthy_image_replaces_the_old_one_with_everything_it_had() {
    for options in [FakeOptions::default(), FakeOptions::containerd()] {
        let world = World::on(options, Behaviour::default());
        let report = world.update().await;
        assert_eq!(report.outcome, Outcome::Updated, "{report:?}");
        assert!(world.runs_new());
        world.assert_whole("updated");
        world.assert_no_leftovers("updated");
        let web = world.engine.container(NAME).unwrap();
        assert_eq!(web.image_reference(), IMAGE, "the user's reference is kept");
        assert!(world.store.commits() <= 25, "{} commits", world.store.commits());
        let history = world.store.list_history(None, None, 10).await.unwrap();
        assert_eq!(history.len(), 1);
        assert!(history[0].row.dark_ms.is_some_and(|ms| ms < 2_000), "{:?}", history[0].row);
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_crashes_is_rolled_back_and_remembered() {
    let world = World::new(Behaviour::crashes(3));
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::RolledBack);
    assert!(report.reason.as_deref().is_some_and(|r| r.contains("exit code 3")), "{report:?}");
    assert!(!world.runs_new());
    world.assert_whole("rolled back");
    world.assert_no_leftovers("rolled back");
    let bad = world.store.list_bad_digests().await.unwrap();
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].manifest, world.new.manifest_digest);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_sets_the_policy_that_is_configured_for_it() {
    let world = World::new(Behaviour::crashes(3));
    let mut deps = world.swapper().deps().clone();
    deps.swap.rollback_policy = Some(lodeman_domain::policy::Policy::Pinned);
    let swapper = lodeman_updater::swap::Swapper::new(deps, tokio_util::sync::CancellationToken::new());
    assert_eq!(swapper.swap(world.request()).await.unwrap().outcome, Outcome::RolledBack);
    let overrides = world.store.list_overrides().await.unwrap();
    assert_eq!(overrides.len(), 1);
    assert_eq!((overrides[0].workload.clone(), overrides[0].policy.as_str()), (World::key(), "pinned"));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_ends_within_its_grace_is_rolled_back() {
    let behaviour = Behaviour { exits_after: Some((Duration::from_secs(3), 1)), ..Behaviour::default() };
    let world = World::new(behaviour);
    assert_eq!(world.update().await.outcome, Outcome::RolledBack);
    world.assert_whole("rolled back");
}

#[tokio::test(start_paused = true)]
async fn a_failed_pull_touches_nothing() {
    let world = World::new(Behaviour::default());
    world.images.fail_next_pull(IMAGE, 500, "no such layer");
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Aborted);
    assert!(report.reason.as_deref().is_some_and(|r| r.contains("no such layer")), "{report:?}");
    world.assert_whole("aborted");
    world.assert_no_leftovers("aborted");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_deletes_itself_is_refused_untouched() {
    let world = World::new(Behaviour::default());
    world.engine.force_remove(NAME);
    world.engine.run(NAME, &json!({ "Image": IMAGE, "HostConfig": { "AutoRemove": true } })).unwrap();
    let error = world.swapper().swap(world.request()).await.unwrap_err();
    assert!(matches!(error, SwapError::Refused { .. }), "{error}");
    assert!(world.faulty.calls().is_empty(), "{:?}", world.faulty.calls());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_not_there_is_named() {
    let world = World::new(Behaviour::default());
    world.engine.force_remove(NAME);
    let error = world.swapper().swap(world.request()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no container `web`");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_container_is_exchanged_and_left_stopped() {
    let world = World::new(Behaviour::default());
    world.engine.force_remove(NAME);
    world.engine.seed(NAME, &json!({ "Image": IMAGE })).unwrap();
    world.engine.force_remove(NAME);
    // Made from the old image again, never started.
    let _ = world.images.publish(IMAGE, &lodeman_engine::fake::FakeImage::new("old"));
    world.engine.load(IMAGE).unwrap();
    world.engine.seed(NAME, &json!({ "Image": IMAGE })).unwrap();
    let _ = world.images.publish(IMAGE, &world.new);
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::UpdatedUnproven, "{report:?}");
    assert!(world.runs_new());
    assert!(!world.engine.container(NAME).unwrap().is_up());
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_before_the_stop_fails_the_update_and_nothing_else() {
    for nth in 1..=5 {
        let world = World::new(Behaviour::default());
        world.store.fail_commit(nth, CommitFault::Full);
        let result = world.swapper().swap(world.request()).await;
        let web = world.engine.container(NAME).unwrap();
        assert!(web.is_up(), "commit {nth}");
        if let Ok(report) = &result {
            assert!(!report.outcome.is_accepted(), "commit {nth}: {report:?}");
        }
        // What it left open is settled once the journal can be written again.
        lodeman_updater::recover::run(&world.swapper()).await.unwrap();
        world.assert_whole(&format!("commit {nth}"));
        world.assert_no_leftovers(&format!("commit {nth}"));
        assert_eq!(world.store.list_open_operations().await.unwrap().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_old_container_is_kept_for_its_soak_and_a_person_can_go_back_to_it() {
    let world = World::new(Behaviour::default());
    let swapper = world.swapper();
    let mut request = world.request();
    request.soak = None;
    assert_eq!(swapper.swap(request).await.unwrap().outcome, Outcome::Updated);
    assert_eq!(world.engine.names().len(), 3, "the old one is retained");
    janitor::tidy(&swapper).await.unwrap();
    assert_eq!(world.engine.names().len(), 3, "and stays during its soak");
    tokio::time::advance(Duration::from_mins(5)).await;
    let back = rollback::roll_back(&swapper, World::key(), "ann", None).await.unwrap();
    assert_eq!(back.outcome, Some(Outcome::Restored));
    assert!(back.dark_ms.unwrap() < 60_000, "the replacement served meanwhile: {back:?}");
    assert!(!world.runs_new());
    world.assert_whole("gone back");
    world.assert_no_leftovers("gone back");
    assert_eq!(world.store.list_bad_digests().await.unwrap().len(), 1, "it is not installed again by itself");
}

#[tokio::test(start_paused = true)]
async fn after_the_soak_one_goes_back_by_the_image_and_the_recorded_settings() {
    let world = World::new(Behaviour::default());
    let swapper = world.swapper();
    let mut request = world.request();
    request.soak = None;
    swapper.swap(request).await.unwrap();
    tokio::time::advance(Duration::from_secs(601)).await;
    janitor::tidy(&swapper).await.unwrap();
    world.assert_no_leftovers("the soak is over");
    let back = rollback::roll_back(&swapper, World::key(), "ann", None).await.unwrap();
    assert_eq!(back.outcome, Some(Outcome::Restored), "{back:?}");
    assert!(!world.runs_new());
    assert_eq!(world.engine.container(NAME).unwrap().image_reference(), IMAGE);
    world.assert_whole("gone back");
}

#[tokio::test(start_paused = true)]
async fn what_another_server_pinned_stays() {
    let world = World::new(Behaviour::default());
    let engine: &dyn lodeman_engine::ContainerEngine = &world.engine.outsider();
    let image = world.engine.container(NAME).unwrap().image_id().unwrap();
    engine.tag_image(&image, "lodeman.local/pin/0badf00d", "latest").await.unwrap();
    let swapper = world.swapper();
    assert_eq!(swapper.swap(world.request()).await.unwrap().outcome, Outcome::Updated);
    tokio::time::advance(Duration::from_hours(24 * 30)).await;
    janitor::tidy(&swapper).await.unwrap();
    assert!(engine.inspect_image("lodeman.local/pin/0badf00d:latest").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_backup_keeps_the_replaced_image_beyond_its_rollback_point_and_then_lets_it_go() {
    const DAY: Duration = Duration::from_hours(24);
    let kept = async |backup: Option<Duration>, days: &[u32]| {
        let world = World::new(Behaviour::default());
        let swapper = world.swapper();
        assert_eq!(swapper.swap(world.request()).await.unwrap().outcome, Outcome::Updated);
        let pin = world.store.find_rollback_point(&World::key()).await.unwrap().unwrap().pin;
        let config =
            lodeman_updater::deps::SwapConfig { image_backup: backup, ..swapper.deps().swap.clone() };
        let swapper = swapper.with_config(config);
        let engine: &dyn lodeman_engine::ContainerEngine = &world.engine.outsider();
        let mut kept = Vec::new();
        for days in days {
            tokio::time::advance(DAY * *days).await;
            janitor::tidy(&swapper).await.unwrap();
            kept.push(engine.inspect_image(&pin).await.is_ok());
        }
        assert_eq!(world.store.find_rollback_point(&World::key()).await.unwrap(), None);
        kept
    };
    assert_eq!(kept(None, &[6, 2]).await, [true, false]);
    assert_eq!(kept(Some(30 * DAY), &[6, 2, 21, 2]).await, [true, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn the_container_that_the_server_runs_in_is_never_replaced() {
    let world = World::new(Behaviour::default());
    let swapper = world.swapper();
    let own = world.engine.container(World::key().name.as_str()).unwrap();
    let config = lodeman_updater::deps::SwapConfig {
        own_container: Some(own.id().clone()),
        ..swapper.deps().swap.clone()
    };
    let refused = swapper.with_config(config).swap(world.request()).await.unwrap_err();
    assert!(refused.to_string().contains("the server's own container"), "{refused}");
    assert_eq!(world.engine.container(World::key().name.as_str()).unwrap().id(), own.id());
    assert!(world.store.log().is_empty(), "nothing was begun");
}

#[tokio::test(start_paused = true)]
async fn going_back_without_the_image_is_refused_before_anything_is_touched() {
    let world = World::new(Behaviour::default());
    let swapper = world.swapper();
    assert_eq!(swapper.swap(world.request()).await.unwrap().outcome, Outcome::Updated);
    let point = world.store.find_rollback_point(&World::key()).await.unwrap().unwrap();
    world.engine.force_remove("bystander");
    world.images.unpublish(IMAGE);
    let engine: &dyn lodeman_engine::ContainerEngine = &world.engine.outsider();
    engine.remove_image(&point.pin).await.unwrap();
    let _ = engine.remove_image(point.image_id.as_str()).await;
    let calls = world.faulty.calls().len();
    world.images.fail_next_pull(IMAGE, 404, "not found");
    let result = rollback::roll_back(&swapper, World::key(), "ann", None).await;
    if let Err(error) = result {
        assert!(error.message.contains("nothing was touched"), "{error}");
        let touched = world.faulty.calls().split_off(calls);
        assert!(touched.iter().all(|c| c.action == "pull"), "{touched:?}");
    }
    assert!(world.engine.container(NAME).unwrap().is_up());
}

#[tokio::test(start_paused = true)]
async fn only_one_operation_has_a_container() {
    let world = World::new(Behaviour::default());
    let swapper = world.swapper();
    let (a, b) = tokio::join!(swapper.swap(world.request()), swapper.swap(world.request()));
    let busy = [&a, &b].iter().filter(|r| matches!(r, Err(SwapError::Busy { .. }))).count();
    assert_eq!(busy, 1, "{a:?} {b:?}");
    world.assert_whole("once");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_while_judging_leaves_the_rest_to_recovery() {
    let world = World::new(Behaviour::default());
    let stopping = tokio_util::sync::CancellationToken::new();
    let swapper = world.swapper_until(stopping.clone());
    let running = tokio::spawn({
        let (swapper, request) = (swapper.clone(), world.request());
        async move { swapper.swap(request).await }
    });
    while world.store.list_open_operations().await.unwrap().first().map(|o| o.phase)
        != Some(Phase::Validating)
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stopping.cancel();
    let report = running.await.unwrap().unwrap();
    assert_eq!(report.outcome, Outcome::Held);
    let items = lodeman_updater::recover::run(&world.swapper()).await.unwrap();
    assert_eq!(items[0].outcome, Some(Outcome::Updated), "{items:?}");
    assert!(world.runs_new());
    world.assert_whole("resumed");
}

#[tokio::test(start_paused = true)]
async fn the_old_container_outlives_its_soak_while_the_accepted_one_is_down() {
    let world = World::new(Behaviour::default());
    let swapper = world.swapper();
    let mut request = world.request();
    request.soak = None;
    swapper.swap(request).await.unwrap();
    let accepted = world.engine.container(NAME).unwrap();
    let engine: &dyn lodeman_engine::ContainerEngine = &world.engine.outsider();
    engine.stop(accepted.id(), Duration::from_secs(1)).await.unwrap();
    tokio::time::advance(Duration::from_secs(700)).await;
    janitor::tidy(&swapper).await.unwrap();
    assert_eq!(world.engine.names().len(), 3, "{}", world.engine.describe());
    engine.start(accepted.id()).await.unwrap();
    janitor::tidy(&swapper).await.unwrap();
    world.assert_no_leftovers("it runs again");
}
