//! Every commit of the journal going wrong in every way.

use std::time::Duration;

use lodeman_engine::fake::Behaviour;
use lodeman_store::fake::CommitFault;
use lodeman_store::{Store, Write};
use lodeman_updater::janitor;

use crate::world::World;

const FAULTS: [CommitFault; 6] = [
    CommitFault::Busy,
    CommitFault::Full,
    CommitFault::FailedBefore,
    CommitFault::FailedAfter,
    CommitFault::KilledBefore,
    CommitFault::KilledAfter,
];

fn crashing() -> Behaviour {
    Behaviour { exits_after: Some((Duration::from_secs(3), 1)), ..Behaviour::default() }
}

async fn commits_of(behaviour: Behaviour) -> u64 {
    let world = World::new(behaviour);
    world.update().await;
    world.store.commits()
}

/// Runs an update to its end, or until the process is as good as killed.
async fn run(world: &World) {
    let (swapper, request) = (world.swapper(), world.request());
    let task = tokio::spawn(async move { swapper.swap(request).await });
    for _ in 0..30 {
        if task.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    task.abort();
}

async fn matrix(behaviour: Behaviour) -> usize {
    let commits = commits_of(behaviour.clone()).await;
    let mut cells = 0;
    for fault in FAULTS {
        for nth in 1..=commits {
            let world = World::new(behaviour.clone());
            world.store.fail_commit(nth, fault);
            run(&world).await;
            let what = format!("{fault:?} at commit {nth}");
            world.settle(&what).await;
            world.assert_at_rest(&what).await;
            cells += 1;
        }
    }
    cells
}

#[tokio::test(start_paused = true)]
async fn an_update_survives_any_fault_of_any_commit() {
    let cells = matrix(Behaviour::default()).await;
    assert!(cells >= 90, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_survives_any_fault_of_any_commit() {
    let cells = matrix(crashing()).await;
    assert!(cells >= 120, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_was_lost_in_the_dark_is_not_taken_for_someone_elses() {
    let commits = commits_of(Behaviour::default()).await;
    let mut in_the_dark = 0;
    for nth in 1..=commits {
        let world = World::new(Behaviour::default());
        world.store.fail_commit(nth, CommitFault::FailedAfter);
        let report = world.swapper().swap(world.request()).await;
        let stopped = world.faulty.calls().iter().any(|c| c.action == "stop");
        let judged = report.as_ref().is_ok_and(|r| r.outcome.is_accepted());
        in_the_dark += usize::from(stopped && judged);
        world.settle(&format!("commit {nth}")).await;
    }
    assert!(in_the_dark >= 5, "{in_the_dark} commits lost their answer in the dark and went on");
}

#[tokio::test(start_paused = true)]
async fn several_lost_answers_in_a_row_are_read_back_as_well() {
    for behaviour in [Behaviour::default(), crashing()] {
        let commits = commits_of(behaviour.clone()).await;
        for nth in 1..=commits {
            for faults in [
                [CommitFault::Full, CommitFault::FailedAfter, CommitFault::Busy],
                [CommitFault::FailedAfter, CommitFault::FailedBefore, CommitFault::FailedAfter],
            ] {
                let world = World::new(behaviour.clone());
                for (nth, fault) in (nth..).zip(faults) {
                    world.store.fail_commit(nth, fault);
                }
                run(&world).await;
                let what = format!("{faults:?} from commit {nth}");
                world.settle(&what).await;
                world.assert_at_rest(&what).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_could_not_be_recorded_is_taken_up_without_a_new_start() {
    let commits = commits_of(Behaviour::default()).await;
    for nth in 1..=commits {
        for fault in [CommitFault::FailedBefore, CommitFault::FailedAfter] {
            let world = World::new(Behaviour::default());
            world.store.fail_commit(nth, fault);
            let swapper = world.swapper();
            let _ = swapper.swap(world.request()).await;
            for _ in 0..3 {
                tokio::time::advance(Duration::from_secs(700)).await;
                janitor::tidy(&swapper).await.unwrap();
            }
            let open = world.store.list_open_operations().await.unwrap();
            assert!(open.is_empty(), "{fault:?} at commit {nth}: {open:?}");
            world.assert_at_rest(&format!("{fault:?} at commit {nth}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_someone_else_wrote_meanwhile_stays_theirs() {
    let commits = commits_of(Behaviour::default()).await;
    let mut met = 0;
    for nth in 1..=commits {
        let world = World::new(Behaviour::default());
        world.store.fail_commit(nth, CommitFault::Busy);
        let (swapper, request) = (world.swapper(), world.request());
        let task = tokio::spawn(async move { swapper.swap(request).await });
        while world.store.commits() < nth {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // In the pause before the next try.
        let Some(mut op) = world.store.list_open_operations().await.unwrap().pop() else { continue };
        op.boot_id = "another machine".to_owned();
        world.store.commit(vec![Write::SaveOperation(Box::new(op))]).await.unwrap();
        let calls = world.faulty.calls().len();
        let report = task.await.unwrap();
        if report.as_ref().is_ok_and(|r| r.outcome.is_accepted()) {
            // What was tried again touched no row.
            continue;
        }
        met += 1;
        // An intent by itself is not guarded; the next save of the row is.
        let followed = world.faulty.calls().len() - calls;
        assert!(followed <= 2, "commit {nth}: {followed} calls followed a lost row");
        let op = world.store.list_open_operations().await.unwrap().pop().unwrap();
        assert_eq!(op.boot_id, "another machine", "commit {nth}");
        world.settle(&format!("commit {nth}")).await;
        world.assert_whole(&format!("commit {nth}"));
    }
    assert!(met >= 5, "{met} conflicts");
}
