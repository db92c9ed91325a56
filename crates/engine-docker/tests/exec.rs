//! Commands in containers: what an engine may answer, and what is made of it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use lodeman_engine::{ContainerEngine, EngineError, ExecEnding, ExecReport, ExecRequest};
use serde_json::{Value, json};
use support::{Asked, ID, Scripted, inspect, refuses, says, says_and_hangs};
use tokio::task::JoinSet;

const EXEC: &str = "e0";

fn request(timeout: Duration) -> ExecRequest {
    ExecRequest {
        command: vec!["dump".to_owned(), "all".to_owned()],
        environment: vec![("WHY".to_owned(), "update".to_owned())],
        timeout,
    }
}

/// What is known of the exec.
fn state(running: bool, code: Option<i64>) -> Response<Body> {
    says(200, json!({ "ID": EXEC, "Running": running, "ExitCode": code, "Pid": 0 }).to_string())
}

/// Answers the making of an exec, and the rest by `script`.
fn engine(script: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> Scripted {
    Scripted::start("1.41", move |asked| {
        if asked.path.ends_with(&format!("/containers/{ID}/exec")) {
            return says(201, json!({ "Id": EXEC }).to_string());
        }
        script(asked)
    })
}

async fn run(scripted: &Scripted, timeout: Duration) -> Result<ExecReport, EngineError> {
    scripted.impatient().exec(&ID.parse().unwrap(), &request(timeout)).await
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_command_is_made_without_terminal_or_input_and_both_streams_come_back() {
    let scripted = engine(|asked| {
        if asked.path.ends_with("/start") {
            says(200, "\u{1}\0\0\0\0\0\0\u{3}out\u{2}\0\0\0\0\0\0\u{3}err")
        } else {
            state(false, Some(4))
        }
    });
    let report = run(&scripted, LONG).await.unwrap();
    assert_eq!(report.ending, ExecEnding::Exited { code: 4 });
    assert_eq!((report.output.as_str(), report.error_output.as_str()), ("out", "err"));
    let asked = scripted.asked();
    let made = asked.iter().find(|a| a.path.ends_with("/exec")).unwrap();
    let body: Value = serde_json::from_str(&made.body).unwrap();
    assert_eq!((&body["AttachStdin"], &body["Tty"]), (&json!(false), &json!(false)));
    assert_eq!(body["Cmd"], json!(["dump", "all"]));
    assert_eq!(body["Env"][0], "WHY=update");
    assert!(body.get("User").is_none() && body.get("Privileged").is_none(), "as the container's own user");
    let started: Vec<_> = asked.iter().filter(|a| a.path.ends_with("/start")).collect();
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].path, "/v1.41/exec/e0/start");
}

#[tokio::test]
async fn what_the_engine_refuses_to_make_was_not_run() {
    for (status, message) in [(404, "No such container"), (409, "Container is paused"), (403, "no exec here")]
    {
        let scripted = Scripted::start("1.41", move |_| refuses(status, message));
        let refused = run(&scripted, LONG).await.unwrap_err();
        assert_eq!(refused.status(), Some(status), "{refused}");
    }
    let silent = Scripted::start("1.41", |asked| {
        if asked.path.ends_with("/exec") { says(201, "no json") } else { state(false, Some(0)) }
    });
    assert!(matches!(
        run(&silent, LONG).await,
        Err(EngineError::Unreachable(_) | EngineError::Malformed { .. })
    ));
    assert!(!silent.lines().iter().any(|line| line.ends_with("/start")));
}

#[tokio::test]
async fn a_stream_that_ends_early_does_not_end_the_command() {
    let looks = AtomicUsize::new(0);
    let scripted = engine(move |asked| {
        if asked.path.ends_with("/start") {
            says(200, "\u{1}\0\0\0\0\0\0\u{4}half")
        } else {
            state(looks.fetch_add(1, Ordering::Relaxed) < 3, Some(75))
        }
    });
    let report = run(&scripted, LONG).await.unwrap();
    assert_eq!((report.ending, report.output.as_str()), (ExecEnding::Exited { code: 75 }, "half"));
    assert_eq!(scripted.lines().iter().filter(|line| line.ends_with("/start")).count(), 1, "never again");
}

#[tokio::test]
async fn a_stream_that_stays_open_does_not_keep_a_command_that_has_ended() {
    let scripted = engine(|asked| {
        if asked.path.ends_with("/start") {
            says_and_hangs(vec!["\u{1}\0\0\0\0\0\0\u{4}done"])
        } else {
            state(false, Some(0))
        }
    });
    let report = run(&scripted, LONG).await.unwrap();
    assert_eq!((report.ending, report.output.as_str()), (ExecEnding::Exited { code: 0 }, "done"));
}

#[tokio::test]
async fn a_command_that_the_engine_forgot_or_does_not_tell_of_is_not_known() {
    let forgot = engine(|asked| {
        if asked.path.ends_with("/start") { says(200, "") } else { refuses(404, "No such exec instance") }
    });
    assert!(matches!(run(&forgot, LONG).await, Err(EngineError::Unknown { .. })));
    let silent =
        engine(
            |asked| {
                if asked.path.ends_with("/start") { says(200, "") } else { refuses(500, "not today") }
            },
        );
    assert!(matches!(run(&silent, Duration::from_secs(1)).await, Err(EngineError::Unknown { .. })));
}

#[tokio::test]
async fn what_cannot_be_killed_is_told() {
    let scripted = Scripted::start("1.41", |asked| {
        if asked.path.ends_with(&format!("/containers/{ID}/exec")) {
            let helper = asked.body.contains("kill -9");
            return if helper {
                refuses(409, "no helper")
            } else {
                says(201, json!({ "Id": EXEC }).to_string())
            };
        }
        if asked.path.ends_with("/start") {
            says_and_hangs(vec!["\u{1}\0\0\0\0\0\0\u{4}slow"])
        } else {
            state(true, None)
        }
    });
    let report = run(&scripted, Duration::from_millis(300)).await.unwrap();
    assert_eq!(report.output, "slow");
    match report.ending {
        ExecEnding::TimedOut { left_running: Some(why) } => {
            assert!(why.contains("cannot be seen") && why.contains("no shell"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn commands_that_take_long_stand_in_no_other_calls_way() {
    let scripted = engine(|asked| match asked.path.rsplit('/').next() {
        Some("start") => says_and_hangs(vec!["\u{1}\0\0\0\0\0\0\u{4}slow"]),
        _ if asked.path.contains("/exec/") => state(true, None),
        _ => says(200, inspect(ID, "web")),
    });
    let engine = Arc::new(scripted.engine());
    let mut running = JoinSet::new();
    for _ in 0..12 {
        let engine = Arc::clone(&engine);
        running
            .spawn(async move { engine.exec(&ID.parse().unwrap(), &request(Duration::from_mins(1))).await });
    }
    let all_started = async {
        while scripted.lines().iter().filter(|line| line.ends_with("/start")).count() < 12 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all_started).await.unwrap();
    let id = ID.parse().unwrap();
    tokio::time::timeout(Duration::from_secs(10), engine.inspect_container(&id)).await.unwrap().unwrap();
    assert!(running.try_join_next().is_none(), "all of them still run");
}

#[tokio::test]
async fn each_command_has_a_mark_that_no_other_has_or_begins_with() {
    let scripted =
        engine(|asked| if asked.path.ends_with("/start") { says(200, "") } else { state(false, Some(0)) });
    for _ in 0..3 {
        run(&scripted, LONG).await.unwrap();
    }
    let made = scripted.asked().into_iter().filter(|a| a.path.ends_with(&format!("/{ID}/exec")));
    let marks: BTreeSet<String> = made
        .map(|asked| {
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            body["Env"][1].as_str().unwrap().strip_prefix("LODEMAN_EXEC=").unwrap().to_owned()
        })
        .collect();
    assert_eq!(marks.len(), 3);
    assert!(marks.iter().all(|m| m.len() == 32 && m.chars().all(|c| c.is_ascii_hexdigit())), "{marks:?}");
}

#[tokio::test]
async fn a_time_beyond_every_clock_is_only_a_long_one() {
    let scripted =
        engine(|asked| if asked.path.ends_with("/start") { says(200, "") } else { state(false, Some(0)) });
    for timeout in [Duration::MAX, Duration::from_secs(i64::MAX.unsigned_abs())] {
        assert_eq!(run(&scripted, timeout).await.unwrap().ending, ExecEnding::Exited { code: 0 });
    }
}
