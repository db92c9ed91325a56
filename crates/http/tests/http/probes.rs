//! What orchestrators and scrapers see.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use lodeman_http::fake::{Answers, FakeControl};
use lodeman_http::{Exporter, MetricsAccess, ProbeConfig, probes};
use lodeman_updater::control::{ControlError, ErrorKind};
use tower_service::Service as _;

use crate::sample::{answers, readiness};

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn ask(control: &Arc<FakeControl>, config: ProbeConfig, request: Request<Body>) -> Seen {
    let response = probes(control.clone(), config).call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Seen { status: head.status, headers: head.headers, body }
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn config(metrics: MetricsAccess) -> ProbeConfig {
    ProbeConfig { metrics, detail: true, docs: true }
}

fn control(answers: Answers) -> Arc<FakeControl> {
    Arc::new(FakeControl::new(answers))
}

#[tokio::test]
async fn a_live_process_says_so_without_asking_anybody() {
    let control = control(Answers::default());
    let seen = ask(&control, config(MetricsAccess::Off), get("/healthz")).await;
    assert_eq!((seen.status, seen.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
    assert_eq!(seen.headers["cache-control"], "no-store");
    assert_eq!(seen.headers["x-content-type-options"], "nosniff");
    assert_eq!(control.asked(), [""; 0]);
}

#[tokio::test]
async fn readiness_names_every_part_with_its_reason() {
    let ready = ask(&control(answers()), config(MetricsAccess::Off), get("/readyz")).await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.json()["components"][1]["reason"], "the dry run is on");

    let away = control(Answers { readiness: Some(readiness(false)), ..answers() });
    let away = ask(&away, config(MetricsAccess::Off), get("/readyz")).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(away.json()["ready"], false);
    assert_eq!(away.json()["components"][0]["reason"], "the engine does not answer");
}

#[tokio::test]
async fn a_server_that_cannot_tell_its_readiness_is_not_ready() {
    let error = ControlError::new(ErrorKind::Unavailable, "the database is busy");
    let control = control(Answers { error: Some(error), ..answers() });
    let seen = ask(&control, config(MetricsAccess::Off), get("/readyz")).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(seen.json()["components"][0]["reason"], "the database is busy");
}

#[tokio::test]
async fn without_detail_only_ready_or_not_is_said() {
    let config = ProbeConfig { metrics: MetricsAccess::Off, detail: false, docs: true };
    let seen = ask(&control(answers()), config, get("/readyz")).await;
    assert_eq!(seen.json(), serde_json::json!({ "ready": true, "recovering": false }));
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_cost_one_question() {
    let control = control(answers());
    let mut router = probes(control.clone(), config(MetricsAccess::Off));
    for _ in 0..20 {
        assert_eq!(router.call(get("/readyz")).await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(control.asked(), ["readiness"]);
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert_eq!(router.call(get("/readyz")).await.unwrap().status(), StatusCode::OK);
    assert_eq!(control.asked().len(), 2);
}

#[tokio::test]
async fn metrics_that_are_off_are_not_there_and_say_how_to_switch_them_on() {
    let seen = ask(&control(answers()), config(MetricsAccess::Off), get("/metrics")).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert_eq!(seen.json()["message"], "metrics are off; `metrics.enabled = true` switches them on");
    let seen = ask(&control(answers()), config(MetricsAccess::Nobody), get("/metrics")).await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn metrics_show_the_present_state() {
    let exporter = Exporter::new();
    let seen = ask(&control(answers()), config(MetricsAccess::Public(exporter)), get("/metrics")).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let build = format!("lodeman_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    for line in [
        build.as_str(),
        "lodeman_ready 1",
        "lodeman_recovering 0",
        "lodeman_queue_entries{state=\"pending\"} 1",
        "lodeman_queue_entries{state=\"approved\"} 0",
        "lodeman_component_up{component=\"engine\"} 1",
        "lodeman_component_up{component=\"updates\"} 0",
        "lodeman_last_scan_timestamp_seconds 1795168802",
        "# TYPE lodeman_queue_entries gauge",
        "# HELP lodeman_ready Whether the server can do its work.",
    ] {
        assert!(seen.body.lines().any(|l| l == line), "{line} is missing in\n{}", seen.body);
    }
}

#[tokio::test]
async fn metrics_with_a_token_are_for_who_shows_it() {
    let access = || MetricsAccess::Token(Exporter::new(), "0123456789abcdef".into());
    let with =
        |value: &str| Request::get("/metrics").header("authorization", value).body(Body::empty()).unwrap();
    let control = control(answers());
    for refused in [get("/metrics"), with("Bearer 0123456789abcdee"), with("Basic 0123456789abcdef")] {
        let seen = ask(&control, config(access()), refused).await;
        assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
        assert_eq!(seen.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(control.asked(), [""; 0]);
    let seen = ask(&control, config(access()), with("Bearer 0123456789abcdef")).await;
    assert_eq!(seen.status, StatusCode::OK);
}

#[tokio::test]
async fn methods_and_paths_that_do_not_exist_are_told_in_json() {
    let control = control(answers());
    let request =
        |method: Method, path: &str| Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let head = ask(&control, config(MetricsAccess::Off), request(Method::HEAD, "/healthz")).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        let seen = ask(&control, config(MetricsAccess::Off), request(method, "/readyz")).await;
        assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(seen.headers["allow"], "GET,HEAD");
        assert_eq!(seen.json()["kind"], "invalid");
    }
    let seen = ask(&control, config(MetricsAccess::Off), get("/readyz/")).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert_eq!(seen.json()["message"], "there is nothing at `/readyz/`");
}
