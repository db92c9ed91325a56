//! What registries say about waiting and quotas is heeded before the next request.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use jiff::SignedDuration;
use lodeman_domain::clock::Clock;
use lodeman_domain::image::Tag;
use lodeman_registry::{RegistryClient, RegistryError, TagOrDigest, with_reserve};

use crate::server::{Server, account, answer, client_with};

fn tag() -> Tag {
    "1".parse().expect("a tag")
}

#[tokio::test]
async fn after_a_429_nothing_is_sent_until_the_time_is_over() {
    let server = Server::start(|_, _| async { answer(429, &[("retry-after", "60")], "") }).await;
    let other = Server::start(|_, _| async { answer(200, &[], r#"{"tags":["a"]}"#) }).await;
    let (client, clock) = client_with(|_| ());
    let until = clock.now() + SignedDuration::from_secs(60);
    for _ in 0..5 {
        let error = client.list_tags(&server.repository("app")).await.unwrap_err();
        assert_eq!(error, RegistryError::RateLimited { registry: server.host(), until: Some(until) });
    }
    assert_eq!(server.seen().len(), 1);
    assert!(client.list_tags(&other.repository("app")).await.is_ok(), "another registry is not concerned");
    clock.advance(SignedDuration::from_secs(60));
    client.list_tags(&server.repository("app")).await.unwrap_err();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_short_wait_is_sat_out() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_, _| {
        let first = asked.fetch_add(1, SeqCst) == 0;
        async move {
            if first {
                answer(429, &[("retry-after", "0")], "")
            } else {
                answer(200, &[], r#"{"tags":["a"]}"#)
            }
        }
    })
    .await;
    let (client, _) = client_with(|config| config.longest_wait = Duration::from_secs(1));
    assert!(client.list_tags(&server.repository("app")).await.is_ok());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_503_with_a_time_is_a_wait_and_not_a_failure() {
    let server = Server::start(|_, _| async { answer(503, &[("retry-after", "600")], "") }).await;
    let (client, _) = client_with(|_| ());
    let error = client.list_tags(&server.repository("app")).await.unwrap_err();
    assert_eq!((error.category(), server.seen().len()), ("rate_limited", 1));
}

#[tokio::test]
async fn the_last_requests_of_a_quota_are_kept_for_pulls() {
    let server = Server::start(|_, _| async {
        let digest = format!("sha256:{}", "0".repeat(64));
        answer(
            200,
            &[
                ("docker-content-digest", &digest),
                ("ratelimit-limit", "100;w=21600"),
                ("ratelimit-remaining", "2;w=21600"),
            ],
            "",
        )
    })
    .await;
    let (client, clock) = client_with(|config| config.reserve = 2);
    let repository = server.repository("app");
    client.resolve(&repository, &tag().into()).await.unwrap();
    let resets_at = clock.now() + SignedDuration::from_secs(21600);
    let quotas = client.quotas();
    assert_eq!((quotas.len(), quotas[0].limit, quotas[0].remaining), (1, 100, 2));
    assert_eq!((quotas[0].account.as_deref(), quotas[0].resets_at), (None, Some(resets_at)));

    let error = client.resolve(&repository, &tag().into()).await.unwrap_err();
    assert_eq!(error, RegistryError::QuotaReserved { registry: server.host(), until: Some(resets_at) });
    assert_eq!(server.seen().len(), 1);
    // What a person asks for may use what is left for people.
    let tag: TagOrDigest = tag().into();
    assert!(with_reserve(1, client.resolve(&repository, &tag)).await.is_ok());
    assert_eq!(with_reserve(5, client.resolve(&repository, &tag)).await, Err(error));
    clock.set(resets_at);
    assert!(client.resolve(&repository, &tag).await.is_ok());

    let (restarted, _) = client_with(|config| config.known_quotas = quotas.clone());
    assert_eq!(restarted.resolve(&repository, &tag).await.unwrap_err().category(), "quota_reserved");
}

#[tokio::test]
async fn each_account_has_its_own_quota() {
    let server = Server::start(|_, _| async {
        let headers =
            [("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")];
        answer(200, &headers, r#"{"tags":["a"]}"#)
    })
    .await;
    let prefix = format!("{}/team", server.host());
    let (client, _) = client_with(|config| config.credentials = vec![account(&prefix, "ann", "s3cret")]);
    assert!(client.list_tags(&server.repository("open/app")).await.is_ok());
    assert_eq!(
        client.list_tags(&server.repository("open/app")).await.unwrap_err().category(),
        "quota_reserved"
    );
    assert!(client.list_tags(&server.repository("team/app")).await.is_ok());
    let accounts: Vec<Option<String>> = client.quotas().into_iter().map(|quota| quota.account).collect();
    assert_eq!(accounts, [None, Some("ann".to_owned())]);
}

#[tokio::test]
async fn no_more_than_the_allowed_number_of_requests_run_at_once() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let seen_most = Arc::clone(&most);
    let server = Server::start(move |_, _| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            running.fetch_sub(1, SeqCst);
            answer(200, &[], r#"{"tags":["a"]}"#)
        }
    })
    .await;
    let (client, _) = client_with(|config| config.max_concurrency_per_registry = 3);
    let client = Arc::new(client);
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..30 {
        let (client, repository) = (Arc::clone(&client), server.repository(&format!("app{n}")));
        asked.spawn(async move { client.list_tags(&repository).await });
    }
    assert!(asked.join_all().await.iter().all(Result::is_ok));
    let most = seen_most.load(SeqCst);
    assert!((2..=3).contains(&most), "{most} at once");
}
