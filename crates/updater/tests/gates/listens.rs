//! A replacement without a health check listens where the old container did.

use std::time::Duration;

use lodeman_domain::update::Outcome;
use lodeman_engine::fake::{Answer, Behaviour, FakeImage, Moment};
use lodeman_store::Store;
use lodeman_updater::recover;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{GRACE, World};

const PORT: u16 = 8080;

fn listening(after: u64) -> Behaviour {
    Behaviour::listening(PORT, Duration::from_secs(after))
}

fn mute() -> Behaviour {
    Behaviour::default()
}

fn published() -> Value {
    json!({ "HostConfig": { "PortBindings": { "8080/tcp": [{ "HostPort": "80" }] } } })
}

fn exposing() -> Value {
    json!({ "Cmd": ["/serve"], "ExposedPorts": { "8080/tcp": {} } })
}

#[tokio::test(start_paused = true)]
async fn one_that_stays_up_and_does_not_listen_is_rolled_back_and_remembered() {
    let world = World::new(listening(0), mute(), published());
    let (report, told) = world.watched().await;
    assert_eq!(report.outcome, Outcome::RolledBack, "{report:?}");
    let reason = report.reason.unwrap_or_default();
    assert!(reason.contains("does not listen on 8080/tcp"), "{reason}");
    assert!(told.iter().any(|m| m.contains("it listens on 8080/tcp")), "{told:?}");
    assert!(told.iter().any(|m| m.contains("must stay up") && m.contains("listen on 8080/tcp")), "{told:?}");
    assert!(!world.runs_new());
    world.assert_settled();
    assert_eq!(world.store.list_bad_digests().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_listens_is_accepted_once_its_grace_is_over_and_no_later() {
    let world = World::new(listening(0), listening(2), published());
    let began = Instant::now();
    assert_eq!(world.update().await.outcome, Outcome::Updated);
    assert!(began.elapsed() < GRACE + Duration::from_secs(5), "{:?}", began.elapsed());
    world.assert_settled();
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_longer_than_its_grace_to_listen_is_waited_for() {
    let world = World::new(listening(0), listening(15), published());
    assert_eq!(world.update().await.outcome, Outcome::Updated);
    let world = World::new(listening(0), listening(25), published());
    assert_eq!(world.update().await.outcome, Outcome::RolledBack, "four times its grace is enough");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_heard_before_is_told_and_not_judged() {
    for out_of_reach in [false, true] {
        let old = if out_of_reach { listening(0) } else { mute() };
        let world = World::new(old, mute(), published());
        world.engine.set_in_reach(!out_of_reach);
        let (report, told) = world.watched().await;
        assert_eq!(report.outcome, Outcome::Updated, "{report:?}");
        assert!(told.iter().any(|m| m.contains("8080/tcp") && m.contains("not judged")), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_the_newer_image_no_longer_declares_is_not_asked_for() {
    let old = FakeImage::new("old").with_config(&exposing()).with_behaviour(listening(0));
    let moved = json!({ "Cmd": ["/serve"], "ExposedPorts": { "9090/tcp": {} } });
    let new = FakeImage::new("new").with_config(&moved);
    let world = World::of(&old, new, json!({}));
    assert_eq!(world.update().await.outcome, Outcome::Updated);
    let new = FakeImage::new("new").with_config(&exposing());
    let world = World::of(&old, new, json!({}));
    assert_eq!(world.update().await.outcome, Outcome::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn a_health_check_is_judged_by_itself() {
    let checked = |seed: &str| {
        let config = json!({ "Cmd": ["/serve"], "Healthcheck": { "Test": ["CMD", "/well"] } });
        FakeImage::new(seed).with_config(&config)
    };
    let world = World::of(&checked("old").with_behaviour(listening(0)), checked("new"), published());
    assert_eq!(world.update().await.outcome, Outcome::Updated);
}

#[tokio::test(start_paused = true)]
async fn label_and_setting_switch_it_off() {
    let mut labelled = published();
    labelled["Labels"] = json!({ "lodeman.listen-check": "false" });
    let world = World::new(listening(0), mute(), labelled.clone());
    assert_eq!(world.update().await.outcome, Outcome::Updated);
    let mut world = World::new(listening(0), mute(), labelled);
    world.swap.labels_are_trusted = false;
    assert_eq!(world.update().await.outcome, Outcome::RolledBack);
    let mut world = World::new(listening(0), mute(), published());
    world.swap.listen_check = false;
    assert_eq!(world.update().await.outcome, Outcome::Updated);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_killed_in_between_still_knows_where_it_listened() {
    for (new, outcome) in [(mute(), false), (listening(1), true)] {
        let world = World::new(listening(0), new, published());
        world.faulty.set_hook(|call, at| match (call.action, at) {
            ("start", Moment::After) => Answer::Never,
            _ => Answer::Continue,
        });
        let (swapper, request) = (world.swapper(), world.request());
        let task = tokio::spawn(async move { swapper.swap(request).await });
        tokio::time::sleep(Duration::from_mins(1)).await;
        task.abort();
        world.faulty.heal();
        recover::run(&world.swapper()).await.unwrap();
        assert_eq!(world.runs_new(), outcome, "{}", world.engine.describe());
        assert!(world.engine.container("web").unwrap().is_up());
    }
}
