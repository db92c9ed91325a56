//! Every call answered wrongly in every way, or cut off by a kill, and a second time after the first.
//!
//! The ordinary run plays every first fault, and a second one with some. `LODEMAN_FAULTS=all` plays every
//! pair.

use std::time::Duration;

use lodeman_engine::fake::{Answer, Behaviour, Fault, Moment, Shutdown};
use lodeman_updater::swap::Swapper;
use lodeman_updater::{janitor, recover};
use tokio::sync::mpsc;

use crate::recreate;
use crate::world::World;

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Answered(Fault),
    /// The process is killed.
    Killed(Moment),
}

pub const WRONGS: [Wrong; 17] = [
    Wrong::Answered(Fault::ErrorBefore),
    Wrong::Answered(Fault::ErrorAfterEffect),
    Wrong::Answered(Fault::ReplyLost),
    Wrong::Answered(Fault::ReplyLostEffectDelayed(Duration::from_secs(2))),
    Wrong::Answered(Fault::ReplyLostEffectDelayed(Duration::from_secs(9))),
    Wrong::Answered(Fault::Hang),
    Wrong::Answered(Fault::NoEffectSuccess),
    Wrong::Answered(Fault::Lie404),
    Wrong::Answered(Fault::Lie304),
    Wrong::Answered(Fault::RestartBefore(Shutdown::Clean)),
    Wrong::Answered(Fault::RestartBefore(Shutdown::Killed)),
    Wrong::Answered(Fault::RestartBefore(Shutdown::PowerCut)),
    Wrong::Answered(Fault::RestartAfter(Shutdown::Clean)),
    Wrong::Answered(Fault::RestartAfter(Shutdown::Killed)),
    Wrong::Answered(Fault::RestartAfter(Shutdown::PowerCut)),
    Wrong::Killed(Moment::Before),
    Wrong::Killed(Moment::After),
];

/// The `k`th call goes wrong.
pub type Cell = (usize, Wrong);

/// Runs `work` until it ends, or its process is killed.
async fn until_killed<F>(killed: &mut mpsc::UnboundedReceiver<()>, work: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut task = tokio::spawn(work);
    tokio::select! {
        _ = killed.recv() => task.abort(),
        ended = &mut task => ended.unwrap(),
    }
}

/// An update, a start of the server after it and the janitor's next round; then all faults are over and
/// everything must be at rest. Gives how many calls were made while faults were possible.
pub async fn play(world: World, script: Vec<Cell>) -> usize {
    let engine = world.engine.clone();
    world.faulty.set_restart(move |how| engine.restart_engine(how));
    let mut kills = Vec::new();
    for &(k, wrong) in &script {
        match wrong {
            Wrong::Answered(fault) => world.faulty.fault(k, fault),
            Wrong::Killed(moment) => kills.push((k, moment)),
        }
    }
    let (kill, mut killed) = mpsc::unbounded_channel();
    world.faulty.set_hook(move |call, at| {
        if kills.contains(&(call.number, at)) {
            let _ = kill.send(());
            return Answer::Never;
        }
        Answer::Continue
    });
    let (swapper, request) = (world.swapper(), world.request());
    until_killed(&mut killed, async move { drop(swapper.swap(request).await) }).await;
    // Once more for each kill that may come in it.
    for _ in 0..2 {
        let swapper = world.swapper();
        until_killed(&mut killed, restart(swapper)).await;
    }
    let calls = world.faulty.calls().len();
    let what = format!("{script:?} of {:?}", world.faulty.calls());
    world.settle(&what).await;
    world.assert_at_rest(&what).await;
    calls
}

async fn restart(swapper: Swapper) {
    recover::run(&swapper).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    janitor::tidy(&swapper).await.unwrap();
}

#[derive(Default)]
struct Tally {
    cells: usize,
    failed: Vec<String>,
}

impl Tally {
    async fn play(&mut self, make: &dyn Fn() -> World, script: Vec<Cell>) -> usize {
        self.cells += 1;
        let task = tokio::spawn(play(make(), script.clone()));
        match tokio::time::timeout(Duration::from_hours(24), task).await {
            Ok(Ok(calls)) => return calls,
            Ok(Err(error)) => self.failed.push(format!("{script:?}: {error}")),
            Err(_) => self.failed.push(format!("{script:?}: does not come to an end")),
        }
        0
    }

    fn verdict(&self, at_least: usize) {
        eprintln!("{} cells, {} failed", self.cells, self.failed.len());
        assert!(self.failed.is_empty(), "{} failed: {:#?}", self.failed.len(), self.failed);
        assert!(self.cells >= at_least, "{} cells", self.cells);
    }
}

async fn matrix(behaviour: Behaviour) -> Tally {
    let make = || World::new(behaviour.clone());
    let all = std::env::var("LODEMAN_FAULTS").is_ok_and(|v| v == "all");
    let mut tally = Tally::default();
    let plain = tally.play(&make, Vec::new()).await;
    // Any sequence will do that reaches all pairs of faults in time, and the same ones each time.
    let mut draw = 1usize;
    for k in 1..=plain {
        for first in WRONGS {
            let calls = tally.play(&make, vec![(k, first)]).await;
            let pairs = (k + 1..=calls).flat_map(|later| WRONGS.map(|second| (later, second)));
            let pairs: Vec<Cell> = pairs.collect();
            if all {
                for second in pairs {
                    tally.play(&make, vec![(k, first), second]).await;
                }
                continue;
            }
            // What once went wrong: a request that takes effect after it was asked for again.
            if first == Wrong::Answered(Fault::ReplyLostEffectDelayed(Duration::from_secs(9))) {
                for second in [Wrong::Killed(Moment::After), Wrong::Answered(Fault::ErrorBefore)] {
                    tally.play(&make, vec![(k, first), (k + 1, second)]).await;
                }
            }
            if !pairs.is_empty() && k % 2 == 0 {
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                tally.play(&make, vec![(k, first), pairs[(draw >> 33) % pairs.len()]]).await;
            }
        }
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn an_update_settles_whatever_two_calls_answer() {
    matrix(Behaviour::default()).await.verdict(260);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_settles_whatever_two_calls_answer() {
    let ends = Behaviour { exits_after: Some((Duration::from_secs(3), 1)), ..Behaviour::default() };
    matrix(ends).await.verdict(350);
}

#[tokio::test(start_paused = true)]
async fn making_a_container_anew_settles_whatever_one_call_answers() {
    /// The old container's stop. An engine that restarts before it takes the container down by itself.
    const STOP: usize = 6;
    let mut tally = Tally::default();
    let plain = tally.play(&recreate::world, Vec::new()).await;
    for k in STOP..=plain {
        for wrong in WRONGS {
            tally.play(&recreate::world, vec![(k, wrong)]).await;
        }
    }
    tally.verdict(280);
}
