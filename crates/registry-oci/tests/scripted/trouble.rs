//! Registries that answer garbage, too much, too late or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use jiff::SignedDuration;
use lodeman_domain::image::{Repository, Tag};
use lodeman_registry::{RegistryClient, RegistryError, ScanSession};

use crate::server::{Server, answer, client, client_with};

fn tag() -> Tag {
    "1".parse().expect("a tag")
}

#[tokio::test]
async fn garbage_is_malformed_and_not_quoted() {
    let server = Server::start(|_, _| async { answer(200, &[], "<html>s3cret</html>") }).await;
    let (client, repository) = (client(), server.repository("app"));
    let manifest = client.get_manifest(&repository, &tag().into()).await.unwrap_err();
    let tags = client.list_tags(&repository).await.unwrap_err();
    let digest = client.resolve(&repository, &tag().into()).await.unwrap_err();
    for error in [manifest, tags, digest] {
        assert_eq!(error.category(), "malformed");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_digest_header_that_is_none_is_not_believed() {
    let server =
        Server::start(|_, _| async { answer(200, &[("docker-content-digest", "sha256:zz")], "{}") }).await;
    let error = client().resolve(&server.repository("app"), &tag().into()).await.unwrap_err();
    assert_eq!(error.category(), "malformed");
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let endless = || {
        let chunk = Bytes::from(vec![b' '; 64 * 1024]);
        Body::from_stream(repeat(chunk))
    };
    let server = Server::start(move |_, _| async move { answer(200, &[], endless()) }).await;
    let (client, _) = client_with(|config| {
        config.limits.manifest = 100_000;
        config.limits.config = 100_000;
        config.limits.tags_page = 100_000;
    });
    let repository = server.repository("app");
    let digest = lodeman_registry::blueprint::digest_of(b"x");
    for error in [
        client.get_manifest(&repository, &tag().into()).await.err(),
        client.get_image_config(&repository, &digest).await.err(),
        client.list_tags(&repository).await.err(),
    ] {
        assert!(matches!(error, Some(RegistryError::TooLarge { limit_bytes: 100_000, .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_not_read() {
    let server = Server::start(|_, _| async { answer(200, &[], vec![b' '; 200_000]) }).await;
    let (client, _) = client_with(|config| config.limits.manifest = 100_000);
    let error = client.get_manifest(&server.repository("app"), &tag().into()).await.unwrap_err();
    assert_eq!(error.category(), "too_large");
}

#[tokio::test]
async fn a_failing_server_is_asked_twice_and_named() {
    for status in [500, 502, 503, 504] {
        let server = Server::start(move |_, _| async move { answer(status, &[], "") }).await;
        let error = client().list_tags(&server.repository("app")).await.unwrap_err();
        assert_eq!(error, RegistryError::Server { registry: server.host(), status });
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_server_that_recovers_gives_its_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_, _| {
        let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { answer(502, &[], "") } else { answer(200, &[], r#"{"tags":["a"]}"#) } }
    })
    .await;
    assert_eq!(client().list_tags(&server.repository("app")).await.unwrap().tags.len(), 1);
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone_for_a_while() {
    let server = Server::start(|_, _| async { answer(500, &[], "") }).await;
    let (client, clock) = client_with(|_| ());
    let repository = server.repository("app");
    let mut categories = Vec::new();
    for _ in 0..5 {
        categories.push(client.list_tags(&repository).await.unwrap_err().category());
    }
    assert_eq!(categories, ["server", "server", "server", "circuit_open", "circuit_open"]);
    let before = server.seen().len();
    clock.advance(SignedDuration::from_secs(30));
    assert_eq!(client.list_tags(&repository).await.unwrap_err().category(), "server");
    assert!(server.seen().len() > before);
}

#[tokio::test]
async fn a_dead_registry_costs_one_deadline_however_many_ask() {
    let server = Server::start(|_, _| std::future::pending()).await;
    let (client, _) = client_with(|config| config.timeout = Duration::from_millis(300));
    let session = Arc::new(ScanSession::new(Arc::new(client)));
    let begun = Instant::now();
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (session, repository) = (Arc::clone(&session), server.repository(&format!("app{n}")));
        asked.spawn(async move { session.resolve(&repository, &tag().into()).await.unwrap_err() });
    }
    let errors = asked.join_all().await;
    assert!(errors.iter().all(|error| matches!(error.category(), "timeout" | "circuit_open")), "{errors:?}");
    assert_eq!(server.seen().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(5), "one deadline, not fifty");
    // Later in the same scan, when the circuit may be closed again, it is still not tried.
    let late = session.list_tags(&server.repository("late")).await.unwrap_err();
    assert!(late.is_unreachable(), "{late}");
}

#[tokio::test]
async fn a_body_that_drips_runs_into_the_deadline() {
    let server = Server::start(|_, _| async { answer(200, &[], Body::from_stream(drip())) }).await;
    let (client, _) = client_with(|config| config.timeout = Duration::from_millis(300));
    let error = client.get_manifest(&server.repository("app"), &tag().into()).await.unwrap_err();
    assert_eq!(error.category(), "timeout");
}

#[tokio::test]
async fn nobody_listening_is_a_failed_connection() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let repository = Repository { registry: free.to_string(), path: "app".into() };
    let error = client().list_tags(&repository).await.unwrap_err();
    assert_eq!(error.category(), "connect");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_registry_without_tls_where_tls_is_needed_is_told_apart() {
    let server = Server::start(|_, _| async { answer(200, &[], "{}") }).await;
    // A registry with a root certificate of its own is spoken with over TLS, even on loopback.
    let root = lodeman_registry_oci::ExtraRoot { registry: Some(server.host()), pem: authority().into() };
    let (client, _) = client_with(|config| config.extra_roots = vec![root]);
    let error = client.list_tags(&server.repository("app")).await.unwrap_err();
    assert_eq!(error.category(), "tls", "{error}");
    assert_eq!(server.seen().len(), 0);
}

/// A root certificate in PEM.
fn authority() -> String {
    rcgen::generate_simple_self_signed(vec!["authority".to_owned()]).expect("a certificate").cert.pem()
}

/// The same chunk for ever.
fn repeat(chunk: Bytes) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::repeat_with(move || Ok(chunk.clone()))
}

/// One byte now and none for a long time.
fn drip() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::unfold(true, |first| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Some((Ok(Bytes::from_static(b"{")), false))
    })
}
