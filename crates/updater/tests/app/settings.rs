//! Settings that change while the application runs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::event::EventKind;
use lodeman_domain::policy::Policy;
use lodeman_domain::setting::{SettingSource, Settings};
use lodeman_engine::ContainerEngine as _;
use lodeman_store::{ScanRecord, Store as _, Write};
use lodeman_updater::app::Loops;
use lodeman_updater::control::{Control as _, ErrorKind, Health, SettingView};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{World, name};

const SECOND: Duration = Duration::from_secs(1);

/// The scan loop, as a server runs it, after its first scan.
async fn scanning(world: &World) -> JoinHandle<()> {
    let loops = Loops::new(world.app.clone(), CancellationToken::new());
    let task = tokio::spawn(async move { loops.scan().await });
    tokio::time::sleep(SECOND).await;
    assert_eq!(last_scan(world).await.trigger, "start");
    task
}

async fn last_scan(world: &World) -> ScanRecord {
    world.store.find_last_scan().await.unwrap().unwrap()
}

async fn next_scan(world: &World) -> Timestamp {
    world.app.readiness().await.unwrap().next_scan.unwrap()
}

async fn view(world: &World, key: &str) -> SettingView {
    world.app.settings().await.unwrap().into_iter().find(|view| view.key == key).unwrap()
}

fn change(key: &str, value: Option<&str>) -> BTreeMap<String, Option<String>> {
    BTreeMap::from([(key.to_owned(), value.map(str::to_owned))])
}

#[tokio::test(start_paused = true)]
async fn a_changed_interval_is_the_one_that_the_next_scan_waits_for() {
    let world = World::server(Settings::default());
    world.push("1.0.0", "one");
    world.run("web", "1.0.0", &json!({}));
    let _loop = scanning(&world).await;
    let ended = last_scan(&world).await.ended_at.unwrap();
    assert_eq!(next_scan(&world).await.duration_since(ended), SignedDuration::from_hours(6));

    world.store_setting("poll_interval", "10m").await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(next_scan(&world).await.duration_since(ended), SignedDuration::from_mins(10));
    tokio::time::sleep(Duration::from_mins(10)).await;
    let again = last_scan(&world).await;
    assert_eq!(again.trigger, "schedule");
    let waited = again.started_at.duration_since(ended);
    assert!((600..=601).contains(&waited.as_secs()), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_cron_line_takes_the_place_of_the_interval_and_gives_it_back() {
    let world = World::server(Settings::default());
    let _loop = scanning(&world).await;
    world.store_setting("schedule", "30 3 * * *").await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(next_scan(&world).await, "2026-01-01T03:30:00Z".parse().unwrap());
    world.store_setting("time_zone", "Europe/Berlin").await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(next_scan(&world).await, "2026-01-01T02:30:00Z".parse().unwrap());
    world.app.change_settings(change("schedule", None), "ann").await.unwrap();
    tokio::time::sleep(SECOND).await;
    let ended = last_scan(&world).await.ended_at.unwrap();
    assert_eq!(next_scan(&world).await.duration_since(ended), SignedDuration::from_hours(6));
}

#[tokio::test(start_paused = true)]
async fn what_another_wrote_into_the_store_is_taken_up_at_the_next_turn() {
    let world = World::server(Settings::default());
    let _loop = scanning(&world).await;
    let write = Write::PutSetting { key: "poll_interval".into(), value: "1h".into() };
    world.store.commit(vec![write]).await.unwrap();
    tokio::time::sleep(Duration::from_mins(2)).await;
    let ended = last_scan(&world).await.ended_at.unwrap();
    assert_eq!(next_scan(&world).await.duration_since(ended), SignedDuration::from_hours(1));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_what_would_be_applied_until_it_is_lifted() {
    let world = World::server(Settings { default_policy: Policy::Auto, ..Settings::default() });
    world.push("1.0.0", "one");
    world.run("web", "1.0.0", &json!({}));
    let _loop = scanning(&world).await;
    world.store_setting("paused", "true").await;
    world.push("1.0.1", "two");
    tokio::time::sleep(Duration::from_hours(7)).await;
    assert_eq!(last_scan(&world).await.available, 1);
    assert_eq!(world.tag_of("web"), "1.0.0");
    let scanning = world.app.readiness().await.unwrap().components;
    let scanning = scanning.into_iter().find(|part| part.name == "scanning").unwrap();
    assert_eq!(scanning.reason.as_deref(), Some("automatic updates are paused"));

    world.store_setting("paused", "false").await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(world.tag_of("web"), "1.0.1", "not only at the next scan");
}

#[tokio::test(start_paused = true)]
async fn another_default_policy_decides_on_what_is_queued_already() {
    let world = World::server(Settings::default());
    world.push("1.0.0", "one");
    world.run("web", "1.0.0", &json!({}));
    world.push("1.0.1", "two");
    let _loop = scanning(&world).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!((world.tag_of("web").as_str(), world.app.queue().await.unwrap().len()), ("1.0.0", 1));
    world.store_setting("default_policy", "auto").await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(world.tag_of("web"), "1.0.1");
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_the_swap_are_those_that_hold_when_it_begins() {
    let world = World::server(Settings::default());
    world.push("1.0.0", "one");
    world.run("web", "1.0.0", &json!({}));
    let update = async |tag: &str| {
        world.push(tag, tag);
        let done = world.app.update(name("web"), "ann").await.unwrap();
        assert!(done.outcome.unwrap().is_accepted(), "{done:?}");
        let took = world.app.history(None, None, 1).await.unwrap().remove(0).row.duration_ms;
        (Duration::from_millis(took), world.engine.list_containers().await.unwrap().len())
    };
    let (took, containers) = update("1.0.1").await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(containers, 2, "the old one is kept for its soak");

    world.store_setting("grace_period", "5m").await;
    world.store_setting("soak", "0s").await;
    let (took, containers) = update("1.0.2").await;
    assert!(took > Duration::from_mins(5), "{took:?}");
    assert_eq!(containers, 1, "nothing is kept");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_as_an_event_and_shows_where_its_value_comes_from() {
    let world = World::new();
    let before = view(&world, "soak").await;
    assert_eq!((before.value.as_str(), before.source, before.stored), ("10m", SettingSource::Default, None));
    world.store_setting("soak", "5m").await;
    let after = view(&world, "soak").await;
    assert_eq!((after.value.as_str(), after.source), ("5m", SettingSource::Stored));
    assert_eq!((after.stored.as_deref(), after.config_key.as_str()), (Some("5m"), "updates.soak"));
    // What changes nothing is told to nobody.
    world.store_setting("soak", "5m").await;
    world.app.change_settings(change("soak", None), "bob").await.unwrap();
    assert_eq!(view(&world, "soak").await.value, "10m");

    let events = world.store.list_events(0, 100).await.unwrap();
    let told: Vec<_> = events.iter().filter(|e| e.event.kind == EventKind::SettingsChanged).collect();
    let said: Vec<&str> = told.iter().map(|e| e.event.message.as_str()).collect();
    assert_eq!(said, ["ann set `soak` to `5m`", "bob took back what was stored for `soak`"]);
    assert_eq!(told[1].event.data, json!({ "key": "soak", "from": "5m", "to": null, "by": "bob" }));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_is_named_field_by_field_and_nothing_is_stored() {
    let world = World::new();
    let changes = BTreeMap::from([
        ("image_cleanup".to_owned(), Some("false".to_owned())),
        ("paused".to_owned(), Some("true".to_owned())),
        ("poll_intervall".to_owned(), Some("1h".to_owned())),
        ("soak".to_owned(), Some("30d".to_owned())),
    ]);
    let error = world.app.change_settings(changes, "ann").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    let fields: Vec<&str> = error.fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["image_cleanup", "poll_intervall", "soak"]);
    for said in ["fixed by the command line", "did you mean `poll_interval`?", "a duration from 0s to 7d"] {
        assert!(error.message.contains(said), "{}", error.message);
    }
    assert!(world.store.list_settings().await.unwrap().is_empty());
    assert!(!view(&world, "paused").await.value.parse::<bool>().unwrap());
    assert!(view(&world, "image_cleanup").await.fixed);
}

#[tokio::test(start_paused = true)]
async fn a_stored_value_that_cannot_be_used_shows_in_readiness() {
    let world = World::new();
    let write = |value: &str| Write::PutSetting { key: "soak".into(), value: value.into() };
    world.store.commit(vec![write("soon")]).await.unwrap();
    world.live.reload(&*world.store).await.unwrap();
    let part = async || {
        let parts = world.app.readiness().await.unwrap().components;
        parts.into_iter().find(|part| part.name == "settings").unwrap()
    };
    let told = part().await;
    assert_eq!(told.health, Health::Degraded);
    assert!(told.reason.unwrap().contains("`soak` is `soon`"));
    assert!(view(&world, "soak").await.problem.is_some());
    // It can be mended, and then it is well again.
    world.store_setting("soak", "1m").await;
    assert_eq!(part().await.health, Health::On);
}
