//! What the model knows, when it learns it, and what it does not believe.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use lodeman_domain::container::RunState;
use lodeman_engine::fake::{FakeImage, Shutdown};
use lodeman_engine::{ContainerEngine, EngineEvent, EventAction, RestartPolicy, SilentPull};
use lodeman_inventory::HostChange;
use support::{World, within};
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn one_look_knows_every_container_and_its_image() {
    let world = World::with(&["api", "db"]);
    world.engine.fake.seed("cron", &serde_json::json!({"Image": "web:1"})).unwrap();
    assert_eq!(world.model.snapshot().revision, 0);
    world.model.refresh_once().await.unwrap();
    let snapshot = world.model.snapshot();
    assert_eq!(world.names(), ["api", "cron", "db"]);
    let cron = snapshot.find(&"cron".parse().unwrap()).unwrap();
    assert_eq!(cron.inspect.state(), Some(RunState::Created));
    let facts = snapshot.image_of(cron).unwrap();
    assert!(facts.present);
    assert_eq!(facts.repo_tags(), ["web:1"]);
    assert_eq!(facts.repo_digests().len(), 1);
    assert_eq!(facts.platform().to_string(), "linux/amd64");
    assert_eq!(snapshot.images.len(), 1, "one image is kept once");
    assert_eq!(snapshot.engine.as_ref().unwrap().engine_id, "FAKE:ENGINE");
    let status = world.model.status();
    assert!(!status.connected && status.last_resync.is_some());
    assert_eq!(status.degraded(), None);
}

#[tokio::test(start_paused = true)]
async fn a_look_asks_for_a_few_containers_at_a_time() {
    let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
    let world = World::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    world.model.refresh_once().await.unwrap();
    assert_eq!(world.engine.get(|m| m.at_once.1), 4);
    assert_eq!(world.names().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_away_is_an_error_and_the_reason() {
    let world = World::with(&["api"]);
    world.model.refresh_once().await.unwrap();
    world.engine.fake.go_down(Shutdown::Clean);
    assert!(world.model.refresh_once().await.is_err());
    assert_eq!(world.names(), ["api"], "what was known stays known");
    assert!(world.model.status().degraded().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_started_container_is_known_at_once() {
    let world = World::followed(&["api"]).await;
    let mut changes = world.model.changes();
    let asked_at = Instant::now();
    let id = world.run("new");
    let name: lodeman_domain::container::ContainerName = "new".parse().unwrap();
    let appeared = within(Duration::from_mins(1), changes.recv()).await.unwrap();
    assert_eq!(appeared, HostChange::Appeared { id: id.clone(), name: name.clone() });
    assert!(appeared.calls_for_a_check());
    assert_eq!(changes.recv().await.unwrap(), HostChange::Started { id: id.clone(), name });
    assert!(asked_at.elapsed() < Duration::from_secs(2), "{:?}", asked_at.elapsed());
    assert_eq!(world.engine.inspects(), [id], "only what changed was inspected, once");
}

#[tokio::test(start_paused = true)]
async fn each_change_of_a_container_is_told() {
    let world = World::followed(&["api"]).await;
    let mut changes = world.model.changes();
    let (engine, id) = (&world.engine.fake, world.id("api"));
    let name = |text: &str| text.parse::<lodeman_domain::container::ContainerName>().unwrap();
    let (api, web) = (name("api"), name("web"));

    engine.stop(&id, Duration::from_secs(1)).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), HostChange::Stopped { id: id.clone(), name: api.clone() });
    engine.rename(&id, &web).await.unwrap();
    let renamed = HostChange::Renamed { id: id.clone(), from: api, to: web.clone() };
    assert_eq!(changes.recv().await.unwrap(), renamed);
    let always = RestartPolicy { name: "always".to_owned(), maximum_retry_count: 0 };
    engine.set_restart_policy(&id, &always).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), HostChange::Updated { id: id.clone(), name: web.clone() });
    engine.start(&id).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), HostChange::Started { id: id.clone(), name: web.clone() });
    engine.outsider().stop(&id, Duration::from_secs(1)).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), HostChange::Stopped { id: id.clone(), name: web.clone() });
    engine.outsider().remove_container(&id).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), HostChange::Removed { id, name: web });
    assert!(world.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_restart_between_two_looks_is_a_start() {
    let world = World::followed(&["api"]).await;
    let mut changes = world.model.changes();
    let id = world.id("api");
    world.engine.fake.stop(&id, Duration::from_secs(1)).await.unwrap();
    world.engine.fake.start(&id).await.unwrap();
    loop {
        if let HostChange::Started { id: started, .. } =
            within(Duration::from_secs(5), changes.recv()).await.unwrap()
        {
            assert_eq!(started, id);
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn containers_of_an_update_are_known_but_not_shown() {
    let world = World::with(&["api", "api__old__0123abcd", "web__new__89abcdef", "web__new__xyz"]);
    world.model.refresh_once().await.unwrap();
    assert_eq!(world.names(), ["api", "web__new__xyz"]);
    let snapshot = world.model.snapshot();
    assert_eq!(snapshot.containers.len(), 4);
    assert!(snapshot.find(&"api__old__0123abcd".parse().unwrap()).unwrap().ours);
}

#[tokio::test(start_paused = true)]
async fn absence_from_the_list_proves_nothing() {
    let world = World::followed(&["api", "db"]).await;
    world.engine.mood(|m| m.empty_list = true);
    world.model.refresh_once().await.unwrap();
    assert_eq!(world.names(), ["api", "db"]);
    world.engine.fake.force_remove("db");
    world.model.refresh_once().await.unwrap();
    assert_eq!(world.names(), ["api"], "an inspect said that it is gone");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_inspected_stays_and_is_asked_for_again() {
    let world = World::followed(&["api", "db"]).await;
    let id = world.id("api");
    world.engine.mood(|m| {
        m.unread.insert(id.clone());
    });
    world.engine.fake.outsider().stop(&id, Duration::from_secs(1)).await.unwrap();
    world.until(|model| model.status().unread_containers == 1).await;
    assert_eq!(world.names(), ["api", "db"]);
    assert!(world.model.status().degraded().unwrap().contains("could not be inspected"));
    world.engine.mood(|m| m.unread.clear());
    let healed_at = Instant::now();
    world.until(|model| model.status().unread_containers == 0).await;
    assert!(healed_at.elapsed() < Duration::from_mins(1), "{:?}", healed_at.elapsed());
    let snapshot = world.model.snapshot();
    assert_eq!(snapshot.containers[&id].inspect.state(), Some(RunState::Exited));
    assert_eq!(world.model.status().degraded(), None);
}

#[tokio::test(start_paused = true)]
async fn silent_loss_of_events_is_made_up_within_ten_minutes() {
    let world = World::with(&["api", "db"]);
    world.engine.mood(|m| m.deaf = true);
    world.follow();
    world.until(|model| model.status().connected).await;
    world.engine.inspects();
    let started = world.run("new");
    let stopped = world.id("db");
    world.engine.fake.crash("db", 1);
    let lost_at = Instant::now();
    world.until(|model| model.snapshot().containers.len() == 3).await;
    assert!(lost_at.elapsed() <= Duration::from_mins(10) + Duration::from_secs(1), "{:?}", lost_at.elapsed());
    assert_eq!(world.model.snapshot().containers[&stopped].inspect.state(), Some(RunState::Exited));
    let mut inspected = world.engine.inspects();
    inspected.sort();
    let mut expected = vec![started, stopped];
    expected.sort();
    assert_eq!(inspected, expected, "a row that tells nothing new is not inspected");
}

#[tokio::test(start_paused = true)]
async fn a_lost_engine_is_connected_to_again_and_looked_at_whole() {
    let world = World::followed(&["api"]).await;
    let mut changes = world.model.changes();
    world.engine.fake.go_down(Shutdown::Killed);
    world.until(|model| !model.status().connected).await;
    let status = world.model.status();
    assert_eq!(status.last_disconnect, Some(jiff::Timestamp::UNIX_EPOCH));
    assert!(status.degraded().is_some());
    assert_eq!(world.names(), ["api"]);

    sleep(Duration::from_mins(3)).await;
    world.engine.fake.come_up();
    let up_at = Instant::now();
    world.run("new");
    world.until(|model| model.status().connected).await;
    assert!(up_at.elapsed() < Duration::from_secs(35), "the back-off has a limit: {:?}", up_at.elapsed());
    assert_eq!(world.names(), ["api", "new"]);
    assert_eq!(world.model.status().degraded(), None);
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(change);
    }
    assert!(told.iter().any(|c| matches!(c, HostChange::Appeared { name, .. } if name.as_str() == "new")));
    assert!(
        told.iter().any(|c| matches!(c, HostChange::Stopped { name, .. } if name.as_str() == "api")),
        "{told:?}"
    );
    assert_eq!(told.last(), Some(&HostChange::Resynced));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_misses_two_pings_is_connected_to_again() {
    let world = World::followed(&["api"]).await;
    world.engine.mood(|m| m.no_ping = true);
    let hung_at = Instant::now();
    world.until(|model| model.status().last_disconnect.is_some()).await;
    assert!(hung_at.elapsed() > Duration::from_secs(45), "{:?}", hung_at.elapsed());
    assert!(hung_at.elapsed() < Duration::from_secs(61), "{:?}", hung_at.elapsed());
    world.engine.mood(|m| m.no_ping = false);
    world.until(|model| model.status().connected).await;
    assert_eq!(world.engine.get(|m| m.streams), 2);
}

#[tokio::test(start_paused = true)]
async fn without_events_the_host_is_polled() {
    let world = World::with(&["api"]);
    world.engine.mood(|m| m.no_events = true);
    world.follow();
    world.until(|model| model.status().last_resync.is_some()).await;
    world.run("new");
    let started_at = Instant::now();
    world.until(|model| model.snapshot().containers.len() == 2).await;
    assert!(started_at.elapsed() < Duration::from_mins(1), "{:?}", started_at.elapsed());
    let reason = world.model.status().degraded().unwrap();
    assert!(reason.contains("polling") && reason.contains("403"), "{reason}");
    world.engine.mood(|m| m.no_events = false);
    world.until(|model| model.status().connected).await;
    assert_eq!(world.model.status().degraded(), None);
}

#[tokio::test(start_paused = true)]
async fn another_engine_at_the_same_socket_starts_the_model_anew() {
    let world = World::followed(&["api", "db"]).await;
    let mut changes = world.model.changes();
    world.engine.mood(|m| {
        m.engine_id = Some("OTHER:ENGINE".to_owned());
        m.no_list = true;
    });
    world.engine.fake.force_remove("db");
    assert!(world.model.refresh_once().await.is_err());
    world.engine.mood(|m| m.no_list = false);
    world.model.refresh_once().await.unwrap();
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(change);
    }
    assert_eq!(told, [HostChange::EngineReplaced, HostChange::Resynced], "no one was removed");
    assert_eq!(world.names(), ["api"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_older_than_what_was_seen_is_not_followed() {
    let world = World::followed(&["api"]).await;
    let id = world.id("api");
    let event = |action: EventAction, at: jiff::Timestamp| EngineEvent {
        container: Some(id.clone()),
        name: None,
        action,
        at,
    };
    let now = world.engine.fake.container("api").unwrap().started_instant().unwrap();
    let later = now + jiff::SignedDuration::from_secs(100);
    world.engine.invent(event(EventAction::Update, later));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.engine.inspects().len(), 1);
    // One that was on its way while the other was looked into.
    world.engine.invent(event(EventAction::Stop, later - jiff::SignedDuration::from_secs(2)));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.engine.inspects(), []);
    // A clock that was set back is believed.
    world.engine.invent(event(EventAction::Stop, later - jiff::SignedDuration::from_hours(1)));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.engine.inspects().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn events_during_a_long_look_are_taken_in_and_followed_after_it() {
    let world = World::followed(&["api", "db", "web"]).await;
    let now = world.engine.fake.container("api").unwrap().started_instant().unwrap();
    let about = |name: &str, step: i64| EngineEvent {
        container: Some(world.id(name)),
        name: None,
        action: EventAction::Update,
        at: now + jiff::SignedDuration::from_millis(step),
    };
    world.engine.mood(|m| m.slow = Duration::from_secs(10));
    world.engine.invent(about("api", 1));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.engine.inspects(), [world.id("api")], "the long look is under way");
    for step in 2..42 {
        // More than the pipe holds, and the first is about another container than the rest.
        world.engine.invent(about(if step == 2 { "web" } else { "db" }, step));
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(30)).await;
    let mut inspected = world.engine.inspects();
    inspected.sort();
    let mut expected = vec![world.id("db"), world.id("web")];
    expected.sort();
    assert_eq!(inspected, expected);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_events_is_one_inspect() {
    let world = World::followed(&["api", "db"]).await;
    let id = world.id("api");
    let now = world.engine.fake.container("api").unwrap().started_instant().unwrap();
    for step in 1..=50 {
        let at = now + jiff::SignedDuration::from_millis(step);
        let action = EventAction::Health("healthy".to_owned());
        world.engine.invent(EngineEvent { container: Some(id.clone()), name: None, action, at });
        let action = EventAction::Other("exec_start".to_owned());
        let other = Some(world.id("db"));
        world.engine.invent(EngineEvent { container: other, name: None, action, at });
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.engine.inspects(), [id]);
}

#[tokio::test(start_paused = true)]
async fn a_moved_tag_changes_what_is_known_of_the_image() {
    let world = World::followed(&["api"]).await;
    let mut changes = world.model.changes();
    let _ = world.images.publish("web:1", &FakeImage::new("two"));
    let platform = world.engine.info().await.unwrap().platform;
    world.engine.fake.pull(&"web:1".parse().unwrap(), &platform, None, &SilentPull).await.unwrap();
    assert_eq!(within(Duration::from_secs(5), changes.recv()).await.unwrap(), HostChange::Images);
    let snapshot = world.model.snapshot();
    let api = snapshot.find(&"api".parse().unwrap()).unwrap();
    let facts = snapshot.image_of(api).unwrap();
    assert!(facts.repo_tags().is_empty(), "{:?}", facts.repo_tags());
    assert!(facts.present);
    assert_eq!(snapshot.images.len(), 1, "an image that nothing runs is not kept");
}

#[tokio::test(start_paused = true)]
async fn nothing_new_is_no_change() {
    let world = World::followed(&["api"]).await;
    let before = world.model.snapshot();
    let mut changes = world.model.changes();
    world.model.refresh_once().await.unwrap();
    assert_eq!(changes.try_recv().unwrap(), HostChange::Resynced);
    assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(world.model.snapshot().revision, before.revision);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_following() {
    let world = World::followed(&["api"]).await;
    world.cancel();
    world.until(|model| !model.status().connected).await;
    assert_eq!(world.names(), ["api"]);
    assert_eq!(world.model.status().last_disconnect, None);
}
