//! Hooks around a swap.

use std::time::Duration;

use lodeman_domain::clock::{IdSource, SystemIds};
use lodeman_domain::event::EventKind;
use lodeman_domain::hook::{
    Hook, HookKey, HookPhase, HookReport, HookVerdict, LONGEST_HOOK_TIMEOUT, OnFailure, StoredHook,
};
use lodeman_domain::queue::{QueueEntry, QueueState, Target};
use lodeman_domain::update::{OperationId, Outcome, Step, StepOutcome};
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_engine::ContainerEngine as _;
use lodeman_engine::fake::{Behaviour, ExecScript, Executed, FakeImage, Fault};
use lodeman_store::{SpecKind, Store, Write};
use lodeman_updater::swap::{SwapReport, SwapRequest};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::world::{HELPER, NAME, World};

pub const BEFORE: &str = "dump --password s3cret";
pub const AFTER: &str = "warm up";

/// Stores a hook of `web`.
pub async fn store(world: &World, phase: HookPhase, line: &str, on_failure: OnFailure) {
    let hook = Hook::shell(line, Duration::from_secs(30), on_failure);
    store_hook(world, phase, hook).await;
}

async fn store_hook(world: &World, phase: HookPhase, hook: Hook) {
    let hook = StoredHook {
        key: HookKey { host: HostId::local(), name: NAME.to_owned() },
        phase,
        hook,
        by: "ann".to_owned(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    world.store.commit(vec![Write::PutHook(hook)]).await.unwrap();
}

/// A world with a hook before and one after, which do this.
pub async fn with_hooks(before: ExecScript, after: ExecScript, new: Behaviour) -> World {
    let world = World { hooks: true, ..World::new(new.with_command(AFTER, after)) };
    world.engine.set_behaviour(NAME, Behaviour::default().with_command(BEFORE, before));
    store(&world, HookPhase::PreUpdate, BEFORE, OnFailure::Abort).await;
    store(&world, HookPhase::PostUpdate, AFTER, OnFailure::Abort).await;
    world
}

async fn well(before: ExecScript, after: ExecScript) -> World {
    with_hooks(before, after, Behaviour::default()).await
}

fn ran(world: &World, line: &str) -> Vec<Executed> {
    world.engine.executed().into_iter().filter(|e| e.command.last().is_some_and(|c| c == line)).collect()
}

async fn report_of(world: &World, op: OperationId, kind: SpecKind) -> HookReport {
    let kept = world.store.find_spec(op, kind).await.unwrap().expect("what the hook wrote is kept");
    serde_json::from_value(kept.json).unwrap()
}

async fn told(world: &World) -> Vec<String> {
    let events = world.store.list_events(0, 500).await.unwrap();
    events.into_iter().filter(|e| e.event.kind == EventKind::HookEnded).map(|e| e.event.message).collect()
}

fn position(world: &World, action: &str) -> usize {
    world.faulty.calls().iter().position(|call| call.action == action).unwrap()
}

#[tokio::test(start_paused = true)]
async fn hooks_run_once_in_the_old_container_before_its_stop_and_in_the_new_one_after() {
    let before = ExecScript::exits(0).saying("saved $LODEMAN_CONTAINER", "careful");
    let world = well(before, ExecScript::exits(0).saying("warm", "")).await;
    let old = world.engine.container(NAME).unwrap();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Updated, "{report:?}");
    world.assert_at_rest("updated").await;
    let (pre, post) = (ran(&world, BEFORE), ran(&world, AFTER));
    assert_eq!((pre.len(), post.len()), (1, 1));
    assert_eq!((&pre[0].id, pre[0].name.as_str()), (old.id(), NAME));
    let new = world.engine.container(NAME).unwrap();
    assert_eq!((&post[0].id, post[0].name.as_str()), (new.id(), NAME));
    let calls = world.faulty.calls();
    assert!(position(&world, "exec") < position(&world, "stop"));
    assert!(calls.iter().rposition(|c| c.action == "exec") > calls.iter().position(|c| c.action == "start"));

    let environment = &pre[0].environment;
    let manifest = world.new.manifest_digest.to_string();
    for (name, value) in [
        ("LODEMAN_HOOK", "pre-update"),
        ("LODEMAN_CONTAINER", NAME),
        ("LODEMAN_OPERATION", &report.operation.to_string()),
        ("LODEMAN_OLD_IMAGE", crate::world::IMAGE),
        ("LODEMAN_NEW_IMAGE", crate::world::IMAGE),
        ("LODEMAN_NEW_DIGEST", &manifest),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    let old_digest = &environment["LODEMAN_OLD_DIGEST"];
    assert!(old_digest.starts_with("sha256:") && *old_digest != manifest, "{old_digest}");
    assert_eq!(environment.len(), 7);
    assert_eq!(post[0].environment["LODEMAN_HOOK"], "post-update");

    let kept = report_of(&world, report.operation, SpecKind::PreHook).await;
    assert_eq!((kept.verdict, kept.exit_code), (HookVerdict::Done, Some(0)));
    assert_eq!((kept.output.as_str(), kept.error_output.as_str()), ("saved web", "careful"));
    assert_eq!(report_of(&world, report.operation, SpecKind::PostHook).await.output, "warm");
    assert_eq!(
        told(&world).await,
        ["the pre-update hook of web: it ended well", "the post-update hook of web: it ended well"]
    );
}

#[tokio::test(start_paused = true)]
async fn neither_the_command_nor_what_it_wrote_leaves_its_seal() {
    let world = well(ExecScript::exits(3).saying("token s3cret", "s3cret"), ExecScript::exits(0)).await;
    let report = world.update().await;
    let sealed = |w: &Write| matches!(w, Write::PutSpec(_) | Write::PutHook(_));
    let written: Vec<String> =
        world.store.log().iter().filter(|w| !sealed(w)).map(|w| format!("{w:?}")).collect();
    assert!(!format!("{written:?} {report:?}").contains("s3cret"));
    assert!(report_of(&world, report.operation, SpecKind::PreHook).await.output.contains("s3cret"));
}

/// An entry of the queue that `by` approved.
async fn entry(world: &World, by: Option<&str>) -> QueueEntry {
    let request = world.request();
    let entry = QueueEntry {
        id: IdSource::next(&SystemIds),
        workload: World::key(),
        revision: 1,
        state: QueueState::Approved,
        current_reference: crate::world::IMAGE.to_owned(),
        current_image: world.engine.container(NAME).unwrap().image_id().unwrap(),
        target: request.target,
        newer_versions: Vec::new(),
        detected_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        decided_by: by.map(str::to_owned),
        operation: None,
        note: None,
        retry_at: None,
    };
    world.store.commit(vec![Write::InsertQueueEntry(Box::new(entry.clone()))]).await.unwrap();
    entry
}

async fn update_entry(world: &World, by: Option<&str>) -> (SwapReport, QueueEntry) {
    let entry = entry(world, by).await;
    let request = SwapRequest { by: by.map(str::to_owned), entry: Some(entry), ..world.request() };
    let report = world.swapper().swap(request).await.unwrap();
    (report, world.store.find_queue_entry(&World::key()).await.unwrap().expect("the entry is kept"))
}

#[tokio::test(start_paused = true)]
async fn exit_75_changes_nothing_and_keeps_the_entry_for_later() {
    for (by, state) in [(None, QueueState::Waiting), (Some("ann"), QueueState::Approved)] {
        let world = well(ExecScript::exits(75), ExecScript::exits(0)).await;
        let before = world.engine.container(NAME).unwrap();
        let (report, entry) = update_entry(&world, by).await;
        assert_eq!(report.outcome, Outcome::SkippedByHook, "{report:?}");
        assert!(report.reason.as_deref().is_some_and(|why| why.contains("exit code 75")), "{report:?}");
        assert_eq!(world.engine.container(NAME).unwrap(), before, "nothing was changed");
        assert!(!world.faulty.calls().iter().any(|call| call.action == "stop"));
        assert_eq!((entry.state, entry.decided_by.as_deref()), (state, by));
        assert!(entry.retry_at.is_some_and(|at| at > entry.updated_at), "{entry:?}");
        let history = world.store.list_history(None, None, 10).await.unwrap();
        assert_eq!((history.len(), history[0].row.outcome), (1, Outcome::SkippedByHook));
        assert_eq!(ran(&world, AFTER), []);
        world.assert_at_rest("put off").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_ends_the_update_before_anything_is_changed() {
    for (script, why) in [
        (ExecScript::exits(1), "it ended with exit code 1"),
        (ExecScript::exits(127), "its program cannot be executed (exit code 127)"),
        (ExecScript::hangs(), "it was not done within 30 s and was killed"),
        (
            ExecScript { unkillable: Some("it cannot be seen".to_owned()), ..ExecScript::hangs() },
            "it was not done within 30 s and may still run: it cannot be seen",
        ),
    ] {
        let world = well(script, ExecScript::exits(0)).await;
        let before = world.engine.container(NAME).unwrap();
        let (report, entry) = update_entry(&world, None).await;
        assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
        assert_eq!(report.reason.unwrap(), format!("its pre-update hook failed: {why}"));
        assert_eq!(world.engine.container(NAME).unwrap(), before);
        assert_eq!(entry.state, QueueState::Failed);
        assert!(entry.retry_at.is_some());
        world.assert_at_rest("given up").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_may_fail_does_not_hold_the_update_up_but_may_put_it_off() {
    for (script, outcome) in [
        (ExecScript::exits(1), Outcome::Updated),
        (ExecScript::hangs(), Outcome::Updated),
        (ExecScript::exits(75), Outcome::SkippedByHook),
    ] {
        let world = well(script, ExecScript::exits(0)).await;
        store(&world, HookPhase::PreUpdate, BEFORE, OnFailure::Continue).await;
        assert_eq!(world.update().await.outcome, outcome);
        assert_eq!(ran(&world, BEFORE).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_which_nothing_is_known_ends_the_update_also_where_it_may_fail() {
    let world = well(ExecScript::exits(0), ExecScript::exits(0)).await;
    assert_eq!(world.update().await.outcome, Outcome::Updated);
    let number = world.faulty.calls().iter().find(|call| call.action == "exec").unwrap().number;

    let world = well(ExecScript::exits(0), ExecScript::exits(0)).await;
    store(&world, HookPhase::PreUpdate, BEFORE, OnFailure::Continue).await;
    let before = world.engine.container(NAME).unwrap();
    world.faulty.fault(number, Fault::ReplyLost);
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    assert!(report.reason.as_deref().is_some_and(|why| why.contains("is not known")), "{report:?}");
    assert_eq!(world.engine.container(NAME).unwrap(), before, "nothing was changed");
    assert_eq!(ran(&world, BEFORE).len(), 1, "it is not run again");
    let kept = report_of(&world, report.operation, SpecKind::PreHook).await;
    assert_eq!(kept.verdict, HookVerdict::Unknown);
    world.assert_at_rest("given up").await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_stored_with_a_time_beyond_measure_has_the_longest_that_one_may_have() {
    let world = well(ExecScript::hangs(), ExecScript::exits(0)).await;
    let beyond = Duration::from_secs(i64::MAX.unsigned_abs());
    store_hook(&world, HookPhase::PreUpdate, Hook::shell(BEFORE, beyond, OnFailure::Abort)).await;
    let began = Instant::now();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    assert!(report.reason.as_deref().is_some_and(|why| why.contains("within 86400 s")), "{report:?}");
    assert!(began.elapsed() >= LONGEST_HOOK_TIMEOUT);
    world.assert_at_rest("given up").await;
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_of_the_hook_after_it_the_update_stands() {
    for (script, verdict) in [
        (ExecScript::exits(1), HookVerdict::Failed),
        (ExecScript::exits(75), HookVerdict::Failed),
        (ExecScript::hangs(), HookVerdict::TimedOut),
    ] {
        let world = well(ExecScript::exits(0), script).await;
        let report = world.update().await;
        assert_eq!(report.outcome, Outcome::Updated);
        world.assert_at_rest("updated").await;
        assert!(world.runs_new());
        assert_eq!(report_of(&world, report.operation, SpecKind::PostHook).await.verdict, verdict);
        assert_eq!(told(&world).await.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_fails_runs_no_hook_after_it() {
    let world = with_hooks(ExecScript::exits(0), ExecScript::exits(0), Behaviour::crashes(1)).await;
    assert_eq!(world.update().await.outcome, Outcome::RolledBack);
    assert_eq!((ran(&world, BEFORE).len(), ran(&world, AFTER).len()), (1, 0));
}

/// The same container with hooks by label.
fn labelled(world: &World) {
    let mut request = crate::world::request();
    request["Labels"] = json!({ "team": "a", "sentinel.hook.pre-update": "by label",
        "com.centurylinklabs.watchtower.lifecycle.post-update": "by label after" });
    world.engine.force_remove(NAME);
    world.engine.run(NAME, &request).unwrap();
}

async fn lines(world: &World) -> Vec<String> {
    assert_eq!(world.update().await.outcome, Outcome::Updated);
    world.engine.executed().into_iter().map(|e| e.command.join(" ")).collect()
}

#[tokio::test(start_paused = true)]
async fn labels_state_hooks_where_hooks_are_on_and_labels_trusted_and_a_stored_one_wins() {
    let world = World { hooks: true, ..World::new(Behaviour::default()) };
    labelled(&world);
    assert_eq!(lines(&world).await, ["sh -c by label", "sh -c by label after"]);

    let world = World { hooks: true, ..World::new(Behaviour::default()) };
    labelled(&world);
    store(&world, HookPhase::PreUpdate, BEFORE, OnFailure::Abort).await;
    assert_eq!(lines(&world).await, [format!("sh -c {BEFORE}"), "sh -c by label after".to_owned()]);

    let world = World { hooks: true, trusted: false, ..World::new(Behaviour::default()) };
    labelled(&world);
    store(&world, HookPhase::PostUpdate, AFTER, OnFailure::Abort).await;
    assert_eq!(lines(&world).await, [format!("sh -c {AFTER}")]);

    let world = World { hooks: false, ..World::new(Behaviour::default()) };
    labelled(&world);
    store(&world, HookPhase::PreUpdate, BEFORE, OnFailure::Abort).await;
    assert_eq!(lines(&world).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_does_not_run_has_no_hooks_and_a_frozen_one_cannot_run_them() {
    let world = well(ExecScript::exits(1), ExecScript::exits(1)).await;
    let id = world.engine.container(NAME).unwrap().id().clone();
    world.engine.outsider().stop(&id, Duration::from_secs(1)).await.unwrap();
    assert_eq!(world.update().await.outcome, Outcome::UpdatedUnproven);
    assert_eq!(world.engine.executed(), []);

    let world = well(ExecScript::exits(0), ExecScript::exits(0)).await;
    let id = world.engine.container(NAME).unwrap().id().clone();
    world.engine.outsider().pause(&id).await.unwrap();
    let report = world.update().await;
    assert_eq!(report.outcome, Outcome::Aborted);
    assert!(report.reason.as_deref().is_some_and(|why| why.contains("paused")), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn while_a_hook_runs_another_container_is_updated() {
    let slow = ExecScript { takes: Some(Duration::from_secs(25)), ..ExecScript::exits(0) };
    let world = well(slow.clone(), slow).await;
    let newer = FakeImage::new("helper 2");
    let _ = world.images.publish(HELPER, &newer);
    let other = SwapRequest {
        key: WorkloadKey::local("bystander".parse().unwrap()),
        target: Target {
            reference: HELPER.parse().unwrap(),
            digest: newer.manifest_digest.clone(),
            manifest: newer.manifest_digest.clone(),
            config: Some(newer.config_digest.clone()),
            ..world.request().target
        },
        ..world.request()
    };
    let swapper = world.swapper();
    let hooked = tokio::spawn({
        let (swapper, request) = (swapper.clone(), world.request());
        async move { swapper.swap(request).await }
    });
    while ran(&world, BEFORE).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    assert_eq!(swapper.swap(other).await.unwrap().outcome, Outcome::Updated);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(hooked.await.unwrap().unwrap().outcome, Outcome::Updated);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_does_not_wait_long_for_a_hook_and_changes_nothing() {
    let world = well(ExecScript::hangs(), ExecScript::exits(0)).await;
    let stopping = CancellationToken::new();
    let swapper = world.swapper_until(stopping.clone());
    let entry = entry(&world, None).await;
    let request = SwapRequest { entry: Some(entry), ..world.request() };
    let task = tokio::spawn(async move { swapper.swap(request).await });
    while world.engine.executed().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    stopping.cancel();
    let report = task.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert_eq!(report.outcome, Outcome::Aborted);
    let steps = world.store.list_steps(report.operation).await.unwrap();
    let hook = steps.iter().find(|s| s.step == Step::PreHook).unwrap();
    assert_eq!(hook.outcome, Some(StepOutcome::Unknown));
    let entry = world.store.find_queue_entry(&World::key()).await.unwrap().unwrap();
    assert_eq!(entry.state, QueueState::Approved, "it is tried again after the start");
    world.assert_whole("stopped");
}
