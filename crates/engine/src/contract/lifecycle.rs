//! Starting, stopping, naming, and what is said about it (D12–D16, D20–D22).

use std::time::Duration;

use futures::StreamExt as _;
use lodeman_domain::container::{ContainerId, RunState};
use serde_json::json;

use super::{GRACE, PATIENCE, SampleImage, Scene, fresh_name, is_gone, status};
use crate::{EventAction, LogStream};

async fn until_it_says(scene: &Scene, id: &ContainerId, line: &str) {
    for _ in 0..PATIENCE.as_millis() / 100 {
        let log = scene.engine().tail_logs(id, 1).await.expect("logs can be read");
        if log.trim_end() == line {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never said {line:?}");
}

pub(super) async fn a_repeated_start_or_stop_succeeds(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.run("twice", &json!({ "Image": image })).await;
    // A start is answered before the program runs, and a stop in between ends the runtime's own process,
    // with its code.
    until_it_says(scene, &id, "ready").await;
    let first = scene.inspect(&id).await.started_at().to_owned();
    scene.engine().start(&id).await.expect("starting what runs succeeds");
    assert_eq!(scene.inspect(&id).await.started_at(), first, "and changes nothing");
    assert_eq!(status(scene.engine().remove_container(&id).await), 409, "it runs, so it stays");
    for _ in 0..2 {
        scene.engine().stop(&id, GRACE).await.expect("stopping succeeds, also what is stopped");
    }
    let stopped = scene.inspect(&id).await;
    assert_eq!((stopped.state(), stopped.pid(), stopped.exit_code()), (Some(RunState::Exited), 0, 0));
    scene.engine().start(&id).await.expect("it starts again");
    assert_ne!(scene.inspect(&id).await.started_at(), first, "a new start has a new date");
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    for _ in 0..2 {
        scene.engine().remove_container(&id).await.expect("removing succeeds, also what is gone");
    }
    assert!(is_gone(&scene.engine().inspect_container(&id).await));
}

pub(super) async fn a_name_belongs_to_one_container(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let request = json!({ "Image": image });
    let (one, two) = (fresh_name("one"), fresh_name("two"));
    let first = scene.create(&one, &request).await;
    let second = scene.create(&two, &request).await;
    assert_eq!(status(scene.try_create(&one, &request).await), 409, "the name is taken");
    assert_eq!(status(scene.engine().rename(&second, &one).await), 409, "the name is taken");
    assert_eq!(status(scene.engine().rename(&first, &one).await), 400, "it is its own name");
    let free = fresh_name("free");
    scene.engine().rename(&first, &free).await.expect("a free name can be had");
    scene.engine().rename(&second, &one).await.expect("and what was left is free");
    assert_eq!(scene.inspect(&first).await.name(), &free);
    assert_eq!(scene.inspect(&second).await.name(), &one);
}

pub(super) async fn what_is_not_there_is_reported_as_such(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.create(&fresh_name("gone"), &json!({ "Image": image })).await;
    scene.engine().remove_container(&id).await.expect("it goes");
    assert!(is_gone(&scene.engine().inspect_container(&id).await));
    assert_eq!(status(scene.engine().start(&id).await), 404);
    assert_eq!(status(scene.engine().stop(&id, GRACE).await), 404);
    assert_eq!(status(scene.engine().rename(&id, &fresh_name("other")).await), 404);
    let missing = json!({ "Image": "lodeman-contract/never-made:1" });
    assert_eq!(status(scene.try_create(&fresh_name("noimage"), &missing).await), 404);
    let image = scene.engine().inspect_image("lodeman-contract/never-made:1").await;
    assert!(is_gone(&image));
}

pub(super) async fn a_container_is_found_by_its_name_and_never_by_a_short_id(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let name = fresh_name("found");
    let id = scene.create(&name, &json!({ "Image": image })).await;
    let short = id.short().parse().expect("a short id reads like a name");
    let nobody = fresh_name("nobody");
    let find = async |name| scene.engine().find_container(name).await.expect("it answers");
    assert_eq!(find(&name).await.expect("it is there").id(), &id);
    assert!(find(&nobody).await.is_none());
    assert!(find(&short).await.is_none(), "the beginning of an id is no name");
    let shadow = scene.create(&short, &json!({ "Image": image })).await;
    assert_eq!(find(&short).await.expect("now it is one").id(), &shadow);
    assert_eq!(scene.inspect(&id).await.name(), &name, "the full id still means the first");
}

pub(super) async fn long_names_are_accepted(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let stem = fresh_name("long");
    let long = format!("{stem}-{}", "x".repeat(199 - stem.as_str().len())).parse().expect("200 bytes");
    let id = scene.create(&long, &json!({ "Image": image })).await;
    assert_eq!(scene.inspect(&id).await.name(), &long);
}

pub(super) async fn a_paused_container_can_be_stopped(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.run("paused", &json!({ "Image": image })).await;
    scene.engine().pause(&id).await.expect("it freezes");
    assert_eq!(scene.state(&id).await, Some(RunState::Paused));
    scene.engine().unpause(&id).await.expect("it thaws");
    assert_eq!(scene.state(&id).await, Some(RunState::Running));
    scene.engine().pause(&id).await.expect("it freezes again");
    scene.engine().stop(&id, GRACE).await.expect("it stops all the same");
    assert_eq!(scene.state(&id).await, Some(RunState::Exited));
    assert!(scene.engine().pause(&id).await.is_err(), "what is down cannot be frozen");
}

pub(super) async fn a_killed_container_stays_down(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::stubborn()).await;
    let request = json!({ "Image": image, "HostConfig": { "RestartPolicy": { "Name": "always" } } });
    let id = scene.run("killed", &request).await;
    scene.engine().kill(&id).await.expect("it is killed");
    scene.until(&id, "down", |c| !c.is_up()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let down = scene.inspect(&id).await;
    assert_eq!((down.state(), down.exit_code()), (Some(RunState::Exited), 137), "no policy revives it");
    assert_eq!(status(scene.engine().kill(&id).await), 409, "there is nothing left to kill");
}

pub(super) async fn an_abandoned_stop_still_happens_and_a_start_does_not_undo_it(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::stubborn()).await;
    let id = scene.run("abandoned", &json!({ "Image": image })).await;
    let before = scene.inspect(&id).await.started_at().to_owned();
    let stop = scene.engine().stop(&id, Duration::from_secs(3));
    assert!(tokio::time::timeout(Duration::from_millis(500), stop).await.is_err(), "its client hangs up");
    assert!(scene.inspect(&id).await.is_up());
    scene.engine().start(&id).await.expect("a start meanwhile finds it running");
    // Issuing the stop again joins the pending one.
    scene.engine().stop(&id, Duration::from_secs(3)).await.expect("it returns when it is down");
    let down = scene.inspect(&id).await;
    assert_eq!((down.state(), down.exit_code()), (Some(RunState::Exited), 137));
    assert_eq!(down.started_at(), before, "the start in between was none");
    scene.engine().start(&id).await.expect("now a start counts");
    assert!(scene.inspect(&id).await.is_up());
}

pub(super) async fn a_failed_start_leaves_its_reason(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::broken()).await;
    let id = scene.create(&fresh_name("broken"), &json!({ "Image": image })).await;
    assert!((400..=500).contains(&status(scene.engine().start(&id).await)));
    let failed = scene.inspect(&id).await;
    assert_eq!(failed.state(), Some(RunState::Created));
    assert!(!failed.was_ever_started());
    assert_ne!(failed.exit_code(), 0);
    assert!(!failed.state_error().is_empty());
}

pub(super) async fn logs_end_with_the_last_lines(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::crashing()).await;
    let id = scene.run("talking", &json!({ "Image": image })).await;
    scene.until(&id, "ended", |c| c.state() == Some(RunState::Exited)).await;
    let log = scene.engine().tail_logs(&id, 1).await.expect("logs can be read");
    assert_eq!(log.trim_end(), "failing");
}

/// The next line within the patience; `None` at the end.
async fn next_line(log: &mut LogStream) -> Option<String> {
    let next = tokio::time::timeout(PATIENCE, log.next()).await.expect("a line or the end comes in time");
    next.map(|line| line.expect("the log can be read"))
}

pub(super) async fn a_log_is_followed_from_its_tail_until_the_end(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.run("followed", &json!({ "Image": image })).await;
    until_it_says(scene, &id, "ready").await;
    let mut log = scene.engine().follow_logs(&id, 10).await.expect("it can be followed");
    assert_eq!(next_line(&mut log).await.as_deref(), Some("ready"));
    let quiet = tokio::time::timeout(Duration::from_millis(500), log.next()).await;
    assert!(quiet.is_err(), "it says nothing more as long as it runs: {quiet:?}");
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    assert_eq!(next_line(&mut log).await, None, "and its log ends with it");
    let mut log = scene.engine().follow_logs(&id, 10).await.expect("one that is down has a log too");
    assert_eq!(next_line(&mut log).await.as_deref(), Some("ready"));
    assert_eq!(next_line(&mut log).await, None);
    scene.engine().remove_container(&id).await.expect("it goes");
    assert!(is_gone(&scene.engine().follow_logs(&id, 10).await.map(drop)));
}

pub(super) async fn a_terminals_log_is_told_like_any_other(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::crashing()).await;
    let id = scene.run("terminal", &json!({ "Image": image, "Tty": true })).await;
    scene.until(&id, "ended", |c| c.state() == Some(RunState::Exited)).await;
    let mut log = scene.engine().follow_logs(&id, 10).await.expect("it can be followed");
    assert_eq!(next_line(&mut log).await.as_deref(), Some("failing"));
    assert_eq!(next_line(&mut log).await, None);
}

pub(super) async fn the_list_follows_names_and_states(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let request = json!({ "Image": image, "Labels": { "contract": "list" } });
    let id = scene.run("listed", &request).await;
    let row = async || {
        let list = scene.engine().list_containers().await.expect("it lists");
        list.into_iter().find(|row| row.id == id).expect("every state is listed")
    };
    let running = row().await;
    assert_eq!(running.state, RunState::Running);
    assert_eq!(running.labels.get("contract").map(String::as_str), Some("list"));
    assert_eq!(running.image_id, scene.inspect(&id).await.image_id());
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    let name = fresh_name("listed-anew");
    scene.engine().rename(&id, &name).await.expect("it is renamed");
    let stopped = row().await;
    assert_eq!((stopped.state, stopped.name()), (RunState::Exited, Some(&name)));
}

pub(super) async fn events_tell_what_happened_to_which_container(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let mut events = scene.engine().events().await.expect("events can be heard");
    let id = scene.run("heard", &json!({ "Image": image })).await;
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    scene.engine().rename(&id, &fresh_name("heard-anew")).await.expect("it is renamed");
    scene.engine().remove_container(&id).await.expect("it goes");
    let mut seen = Vec::new();
    while seen.last() != Some(&EventAction::Destroy) {
        let next = tokio::time::timeout(super::PATIENCE, events.next()).await.expect("in time");
        let event = next.expect("the stream goes on").expect("and is sound");
        if event.container.as_ref() == Some(&id) {
            seen.push(event.action);
        }
    }
    let wanted = [EventAction::Create, EventAction::Start, EventAction::Die(Some(0)), EventAction::Rename];
    let mut rest = seen.iter();
    for action in &wanted {
        assert!(rest.any(|a| a == action), "{action:?} is missing or late in {seen:?}");
    }
}
