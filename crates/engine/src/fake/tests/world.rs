//! The world around a container: restarts of the engine, a full disk, image stores, the oracle.

use std::time::Duration;

use futures::StreamExt as _;
use lodeman_domain::container::RunState;
use serde_json::json;

use crate::fake::{Behaviour, FakeEngine, FakeImage, FakeImages, FakeOptions, Shutdown};
use crate::spec::CreateSpec;
use crate::{ContainerEngine, EventAction, ImageStore, RestartPolicy, SilentPull};

fn world(options: FakeOptions) -> (FakeEngine, FakeImages) {
    let images = FakeImages::default();
    let _ = images.publish("app:1", &FakeImage::new("one"));
    (FakeEngine::new(options, images.clone()), images)
}

fn request(policy: &str) -> serde_json::Value {
    json!({ "Image": "app:1", "HostConfig": { "RestartPolicy": { "Name": policy } } })
}

fn state(engine: &FakeEngine, name: &str) -> RunState {
    engine.container(name).and_then(|c| c.state()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn policies_decide_what_a_restart_of_the_engine_brings_back() {
    for (live_restore, how, expected) in [
        // always, unless-stopped, on-failure, no; then the same four stopped on request before.
        (false, Shutdown::Clean, [true, true, false, false, true, false, false, false]),
        (false, Shutdown::Killed, [true, false, false, false, true, false, false, false]),
        (false, Shutdown::PowerCut, [true, true, true, false, true, false, false, false]),
        (true, Shutdown::Killed, [true, true, true, true, true, false, false, false]),
        (true, Shutdown::PowerCut, [true, true, true, false, true, false, false, false]),
    ] {
        let (engine, _) = world(FakeOptions { live_restore, ..FakeOptions::default() });
        let policies = ["always", "unless-stopped", "on-failure", "no"];
        for policy in policies {
            engine.run(&format!("up-{policy}"), &request(policy)).unwrap();
            let id = engine.run(&format!("down-{policy}"), &request(policy)).unwrap();
            engine.stop(&id, Duration::from_secs(1)).await.unwrap();
            engine.seed(&format!("new-{policy}"), &request(policy)).unwrap();
        }
        engine.restart_engine(how);
        let names = ["up", "down"].iter().flat_map(|s| policies.map(|p| format!("{s}-{p}")));
        let found: Vec<bool> = names.map(|n| state(&engine, &n) == RunState::Running).collect();
        assert_eq!(found, expected, "live restore {live_restore}, {how:?}");
        for policy in policies {
            assert_eq!(state(&engine, &format!("new-{policy}")), RunState::Created, "{policy}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_changes_but_a_stop_really_stops() {
    let (engine, _) = world(FakeOptions::default());
    let id = engine.run("web", &request("no")).unwrap();
    engine.set_disk_full(true);
    assert_eq!(engine.rename(&id, &"other".parse().unwrap()).await.unwrap_err().status(), Some(500));
    assert_eq!(engine.set_restart_policy(&id, &RestartPolicy::no()).await.unwrap_err().status(), Some(500));
    engine.stop(&id, Duration::from_secs(1)).await.unwrap();
    assert_eq!(engine.inspect_container(&id).await.unwrap().state(), Some(RunState::Exited));
    assert_eq!(engine.list_containers().await.unwrap()[0].state, RunState::Running, "the list is stale");
    assert_eq!(engine.start(&id).await.unwrap_err().status(), Some(500));
    engine.restart_engine(Shutdown::Killed);
    assert_eq!(engine.list_containers().await.unwrap(), [], "the list is empty after a restart");
    engine.set_disk_full(false);
    engine.start(&id).await.unwrap();
    assert_eq!(engine.list_containers().await.unwrap()[0].state, RunState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_stop_outlives_the_client_that_asked_for_it() {
    let (engine, images) = world(FakeOptions::default());
    let stubborn = Behaviour { stops_after: None, ..Behaviour::default() };
    let _ = images.publish("app:1", &FakeImage::new("stubborn").with_behaviour(stubborn));
    let id = engine.run("web", &request("no")).unwrap();
    let asked = tokio::time::timeout(Duration::from_secs(1), engine.stop(&id, Duration::from_secs(10))).await;
    assert!(asked.is_err(), "the client gave up");
    engine.start(&id).await.unwrap();
    assert_eq!(state(&engine, "web"), RunState::Running, "the start found it running");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(state(&engine, "web"), RunState::Exited);
    assert_eq!(engine.inspect_container(&id).await.unwrap().exit_code(), 137);
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_backs_off_and_counts_its_restarts() {
    let (engine, _) = world(FakeOptions::default());
    let id = engine.seed("web", &request("always")).unwrap();
    engine.set_behaviour("web", Behaviour::crashes(3));
    let mut events = engine.events().await.unwrap();
    engine.start(&id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let restarts = engine.inspect_container(&id).await.unwrap().restart_count();
    assert!((4..=7).contains(&restarts), "{restarts}");
    let first: Vec<EventAction> = [events.next().await, events.next().await, events.next().await]
        .into_iter()
        .map(|event| event.unwrap().unwrap().action)
        .collect();
    assert_eq!(first, [EventAction::Start, EventAction::Die(Some(3)), EventAction::Start]);
}

#[tokio::test(start_paused = true)]
async fn event_streams_wake_up_for_what_happens_by_itself_and_end_with_the_engine() {
    let (engine, images) = world(FakeOptions::default());
    let check = json!({ "Healthcheck": { "Test": ["CMD", "ok"] } });
    let _ = images.publish("app:1", &FakeImage::new("checked").with_config(&check));
    let mut events = engine.events().await.unwrap();
    engine.run("web", &request("no")).unwrap();
    let mut seen = Vec::new();
    while seen.last() != Some(&EventAction::Health("healthy".to_owned())) {
        seen.push(events.next().await.unwrap().unwrap().action);
    }
    assert_eq!(engine.container("web").unwrap().health(), Some("healthy"));
    engine.restart_engine(Shutdown::Clean);
    let last = loop {
        match events.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(last, Some(Err(_))));
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_two_image_stores_name_the_same_image_differently() {
    let old = FakeImage::new("one");
    let new = FakeImage::new("two");
    for (options, old_id) in [
        (FakeOptions::default(), old.config_digest.clone()),
        (FakeOptions::containerd(), old.manifest_digest.clone()),
    ] {
        let store = options.image_store;
        let (engine, images) = world(options);
        engine.run("web", &request("no")).unwrap();
        let at_old = format!("app@{}", old.manifest_digest);
        assert_eq!(engine.inspect_image("app:1").await.unwrap().id(), &old_id);
        assert_eq!(
            engine.inspect_image(&at_old).await.unwrap().repo_digests(),
            std::slice::from_ref(&at_old)
        );

        let _ = images.publish("app:1", &new);
        let platform = engine.info().await.unwrap().platform;
        engine.pull(&"app:1".parse().unwrap(), &platform, None, &SilentPull).await.unwrap();
        let moved = engine.inspect_image(old_id.as_str()).await.unwrap();
        assert_eq!(moved.repo_tags(), Vec::<String>::new());
        match store {
            ImageStore::Classic => assert_eq!(moved.repo_digests(), [at_old]),
            ImageStore::Containerd => {
                assert_eq!(moved.repo_digests(), Vec::<String>::new());
                assert!(engine.inspect_image(&at_old).await.unwrap_err().is_not_found());
                let shown = engine.container("web").unwrap();
                assert_eq!(shown.manifest_digest(), Some(old.manifest_digest.clone()));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_oracle_reports_two_running_and_a_lost_last_candidate() {
    let (engine, _) = world(FakeOptions::default());
    let old = engine.run("web", &request("always")).unwrap();
    let platform = engine.info().await.unwrap().platform;
    let spec = CreateSpec(request("always").as_object().cloned().unwrap());
    let new =
        engine.create_container(&"web__new__0123abcd".parse().unwrap(), &spec, &platform).await.unwrap();
    assert_eq!(engine.violations(), Vec::<String>::new());
    engine.start(&new).await.unwrap();
    assert_eq!(engine.violations().len(), 2, "both run, both armed: {:?}", engine.violations());

    engine.stop(&old, Duration::from_secs(1)).await.unwrap();
    engine.stop(&new, Duration::from_secs(1)).await.unwrap();
    engine.remove_container(&old).await.unwrap();
    let last = engine.violations().pop().unwrap();
    assert!(last.starts_with("I1"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn the_oracle_is_silent_on_a_proper_swap_and_on_the_deeds_of_others() {
    let (engine, _) = world(FakeOptions::default());
    let old = engine.run("web", &request("always")).unwrap();
    let platform = engine.info().await.unwrap().platform;
    let spec = CreateSpec(request("always").as_object().cloned().unwrap());
    let new =
        engine.create_container(&"web__new__0123abcd".parse().unwrap(), &spec, &platform).await.unwrap();
    engine.stop(&old, Duration::from_secs(1)).await.unwrap();
    engine.rename(&old, &"web__old__0123abcd".parse().unwrap()).await.unwrap();
    engine.rename(&new, &"web".parse().unwrap()).await.unwrap();
    engine.set_restart_policy(&old, &RestartPolicy::no()).await.unwrap();
    engine.start(&new).await.unwrap();
    engine.outsider().start(&old).await.unwrap();
    engine.outsider().stop(&old, Duration::from_secs(1)).await.unwrap();
    engine.remove_container(&old).await.unwrap();
    assert_eq!(engine.violations(), Vec::<String>::new());
    assert_eq!(engine.names(), ["web"]);
}
