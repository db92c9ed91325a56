//! The wrapper that lets calls go wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lodeman_domain::container::RunState;
use serde_json::json;

use crate::fake::{Answer, FakeEngine, FakeImage, FakeImages, FakeOptions, Fault, Faulty, Moment, Shutdown};
use crate::{ContainerEngine, EngineError};

fn faulty() -> (FakeEngine, Faulty<FakeEngine>) {
    let images = FakeImages::default();
    let _ = images.publish("app:1", &FakeImage::new("one"));
    let engine = FakeEngine::new(FakeOptions::default(), images);
    let faulty = Faulty::new(engine.clone());
    let restarted = engine.clone();
    faulty.set_restart(move |how| restarted.restart_engine(how));
    (engine, faulty)
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_what_it_says_to_the_effect_and_to_the_answer() {
    let later = Duration::from_secs(5);
    for (fault, acted, status) in [
        (Fault::ErrorBefore, false, Some(500)),
        (Fault::ErrorAfterEffect, true, Some(500)),
        (Fault::ReplyLost, true, None),
        (Fault::ReplyLostEffectDelayed(later), false, None),
        (Fault::Hang, false, None),
        (Fault::Lie404, false, Some(404)),
        (Fault::RestartBefore(Shutdown::Clean), false, None),
        (Fault::RestartAfter(Shutdown::Killed), true, None),
    ] {
        let (engine, faulty) = faulty();
        let id = engine.seed("web", &json!({ "Image": "app:1" })).unwrap();
        faulty.fault(1, fault);
        let error = faulty.rename(&id, &"other".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.status(), status, "{fault:?}");
        assert_eq!(matches!(error, EngineError::Unknown { .. }), status.is_none(), "{fault:?}");
        assert_eq!(engine.names() == ["other"], acted, "{fault:?}");
        if fault == Fault::ReplyLostEffectDelayed(later) {
            tokio::time::sleep(later * 2).await;
            assert_eq!(engine.names(), ["other"], "it happens in the end");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_without_effect_looks_like_a_success() {
    for fault in [Fault::NoEffectSuccess, Fault::Lie304] {
        let (engine, faulty) = faulty();
        let id = engine.seed("web", &json!({ "Image": "app:1" })).unwrap();
        faulty.fault(1, fault);
        faulty.start(&id).await.unwrap();
        assert_eq!(engine.container("web").unwrap().state(), Some(RunState::Created));
        faulty.start(&id).await.unwrap();
        assert_eq!(engine.container("web").unwrap().state(), Some(RunState::Running), "only once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_sees_every_mutating_call_and_can_keep_it_from_returning() {
    let (engine, faulty) = faulty();
    let id = engine.seed("web", &json!({ "Image": "app:1" })).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    faulty.set_hook(move |call, moment| {
        notes.lock().unwrap().push((call.number, call.action, moment));
        if (call.number, moment) == (2, Moment::After) { Answer::Never } else { Answer::Continue }
    });
    faulty.start(&id).await.unwrap();
    faulty.inspect_container(&id).await.unwrap();
    let stop = faulty.stop(&id, Duration::from_secs(1));
    assert!(tokio::time::timeout(Duration::from_mins(10), stop).await.is_err(), "the caller never hears");
    assert_eq!(engine.container("web").unwrap().state(), Some(RunState::Exited), "but it happened");
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (1, "start", Moment::Before),
            (1, "start", Moment::After),
            (2, "stop", Moment::Before),
            (2, "stop", Moment::After)
        ]
    );
    let actions: Vec<&str> = faulty.calls().iter().map(|c| c.action).collect();
    assert_eq!(actions, ["start", "stop"]);
}
