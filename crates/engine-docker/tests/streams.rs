//! Pulls, logs and events.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use futures::StreamExt;
use lodeman_domain::image::Platform;
use lodeman_engine::{
    ContainerEngine, EngineError, EventAction, PullAuth, PullProgress, PullProgressSink, SilentPull,
};
use support::{Asked, ID, Scripted, refuses, says, says_and_hangs};

fn amd64() -> Platform {
    Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
}

#[derive(Default)]
struct Seen(Mutex<Vec<PullProgress>>);

impl PullProgressSink for Seen {
    fn progress(&self, progress: PullProgress) {
        self.0.lock().unwrap().push(progress);
    }
}

/// Pulls `web:2` from an engine that answers so.
async fn pull(answer: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> Result<(), EngineError> {
    let scripted = Scripted::start("1.41", answer);
    scripted.impatient().pull(&"web:2".parse().unwrap(), &amd64(), None, &SilentPull).await
}

#[tokio::test]
async fn a_pull_reports_its_progress() {
    let lines = concat!(
        r#"{"status":"Pulling from library/web","id":"2"}"#,
        "\r\n",
        r#"{"status":"Downloading","progressDetail":{"current":5,"total":10},"progress":"[=>]","id":"ab12"}"#,
        "\r\n",
        r#"{"status":"Digest: sha256:00"}"#,
        "\r\n",
    );
    let scripted = Scripted::start("1.41", move |_| says(200, lines));
    let seen = Seen::default();
    let auth = PullAuth { header: "e30=".to_owned() };
    let reference = format!("h:5000/a/web:2@{}", support::IMAGE).parse().unwrap();
    scripted.engine().pull(&reference, &amd64(), Some(&auth), &seen).await.unwrap();
    let seen = seen.0.into_inner().unwrap();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].layer, None);
    assert_eq!(
        (seen[1].layer.as_deref(), seen[1].current_bytes, seen[1].total_bytes),
        (Some("ab12"), Some(5), Some(10))
    );
    let asked = scripted.asked().last().unwrap().clone();
    assert_eq!(asked.headers["x-registry-auth"], "e30=");
    let digest = support::IMAGE.replace(':', "%3A");
    let query = format!("fromImage=h%3A5000%2Fa%2Fweb&tag={digest}&platform=linux%2Famd64");
    assert_eq!(asked.path, format!("/v1.41/images/create?{query}"));
}

#[tokio::test]
async fn a_reference_without_a_tag_pulls_latest_only() {
    let scripted = Scripted::start("1.41", |_| says(200, ""));
    scripted.engine().pull(&"web".parse().unwrap(), &amd64(), None, &SilentPull).await.unwrap();
    assert!(scripted.lines()[0].contains("fromImage=web&tag=latest&"), "{:?}", scripted.lines());
}

#[tokio::test]
async fn an_error_inside_the_progress_is_a_refusal() {
    let error = pull(|_| {
        let detail = r#"{"errorDetail":{"message":"manifest\u001b unknown"},"error":"manifest unknown"}"#;
        says(200, format!("{{\"status\":\"Pulling\"}}\n{detail}\n"))
    });
    let error = error.await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Refused { message, .. } if message == "manifest  unknown"),
        "{error}"
    );
    for short in [r#"{"error":"denied"}"#, r#"{"errorDetail":{"code":7}}"#] {
        let error = pull(move |_| says(200, format!("{short}\n"))).await.unwrap_err();
        assert!(matches!(error, EngineError::Refused { .. }), "{short}: {error}");
    }
}

#[tokio::test]
async fn a_refused_pull_keeps_its_status() {
    let error = pull(|_| refuses(404, "manifest for web:2 not found")).await.unwrap_err();
    assert!(matches!(&error, EngineError::Refused { status: 404, message, .. } if message.contains("web:2")));
}

#[tokio::test]
async fn a_pull_that_shows_no_progress_is_given_up() {
    let error = pull(|_| says_and_hangs(vec!["{\"status\":\"Pulling\"}\n"])).await.unwrap_err();
    assert!(matches!(error, EngineError::Unknown { .. }), "{error}");
}

#[tokio::test]
async fn a_pull_that_is_cut_or_garbled_does_not_succeed() {
    let cut = |_: &Asked| {
        let pieces = [Ok(Bytes::from("{\"status\":\"Pulling\"}\n")), Err(std::io::Error::other("cut"))];
        says(200, Body::from_stream(futures::stream::iter(pieces)))
    };
    let error = pull(cut).await.unwrap_err();
    assert!(matches!(error, EngineError::Unknown { .. }), "{error}");
    let error = pull(|_| says(200, "<html>\n")).await.unwrap_err();
    assert!(matches!(error, EngineError::Malformed { .. }), "{error}");
    assert!(pull(|_| says(200, "{\"status\":\"Pul")).await.is_err());
}

fn frame(stream: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn a_log_is_both_streams_together() {
    let body = [frame(1, "out\n"), frame(2, "err\n"), frame(1, "end")].concat();
    let scripted = Scripted::start("1.41", move |_| says(200, body.clone()));
    assert_eq!(scripted.engine().tail_logs(&ID.parse().unwrap(), 9).await.unwrap(), "out\nerr\nend");
}

#[tokio::test]
async fn a_terminals_log_has_no_frames() {
    let scripted = Scripted::start("1.41", |_| says(200, "prompt> ls\r\nprompt> "));
    assert_eq!(scripted.engine().tail_logs(&ID.parse().unwrap(), 9).await.unwrap(), "prompt> ls\r\nprompt> ");
}

#[tokio::test]
async fn only_the_end_of_a_long_log_is_kept() {
    let mut body = Vec::new();
    for count in 0..5_000 {
        body.extend(frame(1, &format!("line {count} {}\n", "x".repeat(30))));
    }
    let scripted = Scripted::start("1.41", move |_| says(200, body.clone()));
    let log = scripted.engine().tail_logs(&ID.parse().unwrap(), 100_000).await.unwrap();
    assert!(log.len() <= 64 * 1024 && log.contains("line 4999 "), "{}", log.len());
}

#[tokio::test]
async fn events_are_told_in_order_with_nanoseconds() {
    let id = ID;
    let line = move |rest: &str| {
        format!(
            r#"{{"Type":"container","Actor":{{"ID":"{id}","Attributes":{{"name":"web","exitCode":"137"}}}},{rest}}}"#
        ) + "\n"
    };
    let body = line(r#""Action":"die","time":1700000000,"timeNano":1700000000123456789"#)
        + &line(r#""Action":"health_status: unhealthy","time":1700000001"#)
        + &line(r#""Action":"exec_create: sh -c x","time":1700000002"#)
        + &line(r#""Action":"start""#)
        + "{\"Type\":\"image\",\"Action\":\"pull\",\"Actor\":{\"ID\":\"web:2\"},\"time\":1700000003}\n";
    let scripted = Scripted::start("1.41", move |_| says(200, body.clone()));
    let told: Vec<_> = scripted.engine().events().await.unwrap().collect().await;
    assert_eq!(told.len(), 5, "the event without a time is left out, the end is an error: {told:?}");
    let die = told[0].as_ref().unwrap();
    assert_eq!(die.action, EventAction::Die(Some(137)));
    assert_eq!(die.at.as_nanosecond(), 1_700_000_000_123_456_789);
    assert_eq!(die.container.as_ref().unwrap().as_str(), ID);
    assert_eq!(die.name.as_ref().unwrap().as_str(), "web");
    assert_eq!(told[1].as_ref().unwrap().action, EventAction::Health("unhealthy".to_owned()));
    assert_eq!(told[2].as_ref().unwrap().action, EventAction::Other("exec_create: sh -c x".to_owned()));
    assert_eq!(told[3].as_ref().unwrap().action, EventAction::Image("pull".to_owned()));
    assert!(matches!(told[4], Err(EngineError::Unknown { .. })));
}

#[tokio::test]
async fn garbage_among_events_ends_the_stream_with_an_error() {
    for garbage in ["not json\n", "{\"Type\": 7}\n", "{\n{}\n", "\u{0}\n", "[]\n"] {
        let scripted = Scripted::start("1.41", move |_| says(200, garbage));
        // Garbage that comes with the answer's beginning is told at once.
        let told: Vec<_> = match scripted.engine().events().await {
            Ok(events) => events.collect().await,
            Err(error) => vec![Err(error)],
        };
        assert!(!told.is_empty() && told.iter().all(Result::is_err), "{garbage}: {told:?}");
    }
}

#[tokio::test]
async fn opening_events_waits_until_the_engine_tells_them() {
    let scripted = Scripted::start("1.41", |_| says_and_hangs(vec![]));
    let mut events = scripted.engine().events().await.unwrap();
    assert_eq!(scripted.lines().len(), 1, "the request was sent before any event was asked for");
    assert!(futures::poll!(events.next()).is_pending());

    let scripted = Scripted::start("1.41", |_| refuses(403, "no events here"));
    assert_eq!(scripted.engine().events().await.err().and_then(|e| e.status()), Some(403));
}

#[tokio::test]
async fn dropping_the_events_gives_their_connection_up() {
    let scripted = Scripted::start("1.41", |_| says_and_hangs(vec![]));
    let engine = scripted.impatient();
    for _ in 0..20 {
        drop(engine.events().await.expect("the places of dropped streams are free again"));
    }
}

#[tokio::test]
async fn a_silent_event_stream_stays_open() {
    let scripted = Scripted::start("1.41", |_| says_and_hangs(vec![]));
    let mut events = scripted.impatient().events().await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(400), events.next()).await;
    assert!(waited.is_err(), "no deadline ends it: {waited:?}");
}
