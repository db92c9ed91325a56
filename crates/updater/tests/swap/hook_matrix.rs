//! Hooks in the middle of everything that can go wrong: they never run twice, a container is never lost for
//! them, and one that was cut off before the stop ends the update.

use std::time::Duration;

use lodeman_domain::hook::HookVerdict;
use lodeman_domain::update::{Outcome, Step, StepOutcome};
use lodeman_engine::fake::{Behaviour, ExecScript, Moment};
use lodeman_store::Store;
use lodeman_store::fake::CommitFault;
use lodeman_updater::recover;

use crate::faults::{self, WRONGS};
use crate::hooks::{AFTER, BEFORE, with_hooks};
use crate::kill::killed_at;
use crate::world::World;

async fn world() -> World {
    let slow = ExecScript { takes: Some(Duration::from_secs(2)), ..ExecScript::exits(0) };
    with_hooks(slow.clone(), slow, Behaviour::default()).await
}

/// The number of the hook before and of the one after among the calls of an update.
async fn hooks_at() -> [usize; 2] {
    let world = world().await;
    world.update().await;
    let calls = world.faulty.calls();
    let hooks: Vec<usize> = calls.iter().filter(|c| c.action == "exec").map(|c| c.number).collect();
    hooks.try_into().unwrap()
}

fn count(world: &World, line: &str) -> usize {
    world.engine.executed().iter().filter(|e| e.command.last().is_some_and(|c| c == line)).count()
}

#[tokio::test(start_paused = true)]
async fn an_update_with_hooks_settles_whatever_any_call_answers() {
    let plain = Box::pin(faults::play(world().await, Vec::new())).await;
    let mut cells = 0;
    for k in 1..=plain {
        for wrong in WRONGS {
            Box::pin(faults::play(world().await, vec![(k, wrong)])).await;
            cells += 1;
        }
    }
    assert!(cells >= 200, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_hook_whose_process_was_killed_is_not_run_again() {
    let [pre, post] = hooks_at().await;
    for moment in [Moment::Before, Moment::After] {
        let world = world().await;
        assert!(killed_at(&world, pre, moment).await);
        let items = recover::run(&world.swapper()).await.unwrap();
        assert_eq!(items[0].outcome, Some(Outcome::Aborted), "{items:?}");
        assert_eq!(count(&world, BEFORE), usize::from(moment == Moment::After));
        let steps = world.store.list_steps(items[0].operation).await.unwrap();
        let hook = steps.iter().find(|s| s.step == Step::PreHook).unwrap();
        assert_eq!(hook.outcome, Some(StepOutcome::Unknown));
        let history = world.store.list_history(None, None, 1).await.unwrap();
        let why = history[0].row.reason.as_deref().unwrap_or_default();
        assert!(why.contains("interrupted while its pre-update hook ran"), "{why}");
        assert!(!world.faulty.calls().iter().any(|call| call.action == "stop"));
        world.assert_at_rest("before").await;
    }
    for moment in [Moment::Before, Moment::After] {
        let world = world().await;
        assert!(killed_at(&world, post, moment).await);
        for _ in 0..2 {
            recover::run(&world.swapper()).await.unwrap();
        }
        assert_eq!(count(&world, AFTER), usize::from(moment == Moment::After));
        let events = world.store.list_events(0, 500).await.unwrap();
        let unknown = serde_json::to_value(HookVerdict::Unknown).unwrap();
        let told = events.iter().filter(|e| e.event.data["verdict"] == unknown).count();
        assert_eq!(told, 1, "that it is not known is told once");
        world.settle("after").await;
        world.assert_at_rest("after").await;
        assert!(world.runs_new());
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_with_hooks_survives_any_fault_of_any_commit() {
    let commits = {
        let world = world().await;
        let before = world.store.commits();
        world.update().await;
        before + 1..=world.store.commits()
    };
    let mut hooked_by_recovery = 0;
    for fault in [
        CommitFault::Busy,
        CommitFault::Full,
        CommitFault::FailedBefore,
        CommitFault::FailedAfter,
        CommitFault::KilledBefore,
        CommitFault::KilledAfter,
    ] {
        for nth in commits.clone() {
            let world = world().await;
            world.store.fail_commit(nth, fault);
            let (swapper, request) = (world.swapper(), world.request());
            let task = tokio::spawn(async move { swapper.swap(request).await });
            for _ in 0..30 {
                if !task.is_finished() {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                }
            }
            task.abort();
            let by_itself = count(&world, AFTER);
            let what = format!("{fault:?} at commit {nth}");
            world.settle(&what).await;
            world.assert_at_rest(&what).await;
            assert!(count(&world, BEFORE) <= 1, "{what}");
            hooked_by_recovery += count(&world, AFTER) - by_itself;
        }
    }
    assert!(hooked_by_recovery > 0, "a hook that is due after a crash is run by recovery");
}
