//! Restart policies, health, and restarts of the engine itself (D1–D5, D21).

use std::time::Duration;

use lodeman_domain::container::{ContainerId, RunState};
use serde_json::{Value, json};

use super::{GRACE, SampleImage, Scene, fresh_name};
use crate::RestartPolicy;
use crate::fake::Shutdown;

fn with_policy(image: &str, policy: &str) -> Value {
    json!({ "Image": image, "HostConfig": { "RestartPolicy": { "Name": policy } } })
}

fn policy(name: &str) -> RestartPolicy {
    RestartPolicy { name: name.to_owned(), maximum_retry_count: 0 }
}

pub(super) async fn a_crash_loop_is_restarted_and_can_be_stopped(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::crashing()).await;
    let id = scene.run("loop", &with_policy(&image, "always")).await;
    scene.until(&id, "restarted twice", |c| c.restart_count() >= 2).await;
    scene.until(&id, "between two runs", |c| c.state() == Some(RunState::Restarting)).await;
    scene.engine().stop(&id, GRACE).await.expect("it can be stopped in between");
    scene.until(&id, "down", |c| c.state() == Some(RunState::Exited)).await;
    let count = scene.inspect(&id).await.restart_count();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let down = scene.inspect(&id).await;
    assert_eq!((down.state(), down.restart_count()), (Some(RunState::Exited), count), "and stays down");
}

pub(super) async fn retries_on_failure_are_bounded(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::crashing()).await;
    let policy = json!({ "Name": "on-failure", "MaximumRetryCount": 2 });
    let request = json!({ "Image": image, "HostConfig": { "RestartPolicy": policy } });
    let id = scene.run("retries", &request).await;
    let given_up =
        |c: &crate::ContainerInspect| c.restart_count() == 2 && c.state() == Some(RunState::Exited);
    scene.until(&id, "given up", given_up).await;
    assert_eq!(scene.inspect(&id).await.exit_code(), 3);
    assert_eq!(scene.inspect(&id).await.restart_policy().maximum_retry_count, 2);
}

pub(super) async fn a_policy_can_be_changed_in_every_state(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let id = scene.create(&fresh_name("policy"), &with_policy(&image, "always")).await;
    let set = async |name: &str| {
        scene.engine().set_restart_policy(&id, &policy(name)).await.expect("it can be set");
        assert_eq!(scene.inspect(&id).await.restart_policy().name, name);
    };
    set("no").await;
    scene.engine().start(&id).await.expect("it starts");
    set("unless-stopped").await;
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    set("no").await;
    set("always").await;
    assert_eq!(scene.state(&id).await, Some(RunState::Exited), "a policy starts nothing by itself");
}

pub(super) async fn a_container_that_removes_itself_keeps_its_policy(scene: &Scene) {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let request = json!({ "Image": image, "HostConfig": { "AutoRemove": true } });
    let id = scene.run("auto", &request).await;
    assert!(scene.inspect(&id).await.auto_remove());
    scene.engine().set_restart_policy(&id, &RestartPolicy::no()).await.expect("`no` changes nothing");
    let refused = scene.engine().set_restart_policy(&id, &policy("always")).await;
    assert!(super::status(refused) >= 400);
    scene.engine().stop(&id, GRACE).await.expect("it stops");
    scene.until_gone(&id).await;
}

pub(super) async fn health_becomes_known(scene: &Scene) {
    for (healthy, word) in [(true, "healthy"), (false, "unhealthy")] {
        let image = scene.world.provide(&SampleImage::checked(healthy)).await;
        let id = scene.run(word, &json!({ "Image": image })).await;
        assert!(matches!(scene.inspect(&id).await.health(), Some("starting" | "healthy")));
        scene.until(&id, word, |c| c.health() == Some(word)).await;
    }
    let image = scene.world.provide(&SampleImage::checked(false)).await;
    let request = json!({ "Image": image, "Healthcheck": { "Test": ["NONE"] } });
    let id = scene.run("unchecked", &request).await;
    assert_eq!(scene.inspect(&id).await.health(), None, "a check that was switched off is none");
}

/// A container of each policy that runs, one that was stopped on request, one never started.
async fn fleet(scene: &Scene) -> Vec<(&'static str, ContainerId, ContainerId, ContainerId)> {
    let image = scene.world.provide(&SampleImage::steady(1)).await;
    let mut fleet = Vec::new();
    for policy in ["always", "unless-stopped", "on-failure", "no"] {
        let request = with_policy(&image, policy);
        let up = scene.run("up", &request).await;
        let down = scene.run("down", &request).await;
        scene.engine().stop(&down, GRACE).await.expect("it stops");
        let fresh = scene.create(&fresh_name("fresh"), &request).await;
        fleet.push((policy, up, down, fresh));
    }
    fleet
}

async fn after(scene: &Scene, how: Shutdown, came_back: [bool; 4]) {
    let fleet = fleet(scene).await;
    let survives = scene.engine().info().await.expect("it answers").live_restore;
    if !scene.world.restart(how).await {
        return scene.skip();
    }
    // The engine answers before it has started what it starts.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for ((policy, up, down, fresh), came_back) in fleet.iter().zip(came_back) {
        assert_eq!(scene.inspect(up).await.is_up(), came_back || survives, "running, {policy}");
        assert_eq!(scene.inspect(down).await.is_up(), *policy == "always", "stopped on request, {policy}");
        assert_eq!(scene.state(fresh).await, Some(RunState::Created), "never started, {policy}");
    }
}

pub(super) async fn a_clean_restart_of_the_engine_starts_what_its_policy_says(scene: &Scene) {
    // A process that ends with 0 on its stop signal did not fail.
    after(scene, Shutdown::Clean, [true, true, false, false]).await;
}

pub(super) async fn a_killed_engine_leaves_unless_stopped_containers_down(scene: &Scene) {
    // It stops them when it comes back: with 0, on their stop signal.
    after(scene, Shutdown::Killed, [true, false, false, false]).await;
}
