//! Getting in: challenges, tokens, and secrets that stay where they belong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use jiff::SignedDuration;
use lodeman_domain::image::Tag;
use lodeman_registry::blueprint::ImageBlueprint;
use lodeman_registry::contract::RegistrySeed;
use lodeman_registry::{RegistryClient, RegistryError};
use lodeman_registry_oci::DockerConfigFile;

use crate::model::{BASIC, Door, Habits, Model, Paging};
use crate::server::{Server, account, answer, client, client_with};

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

#[tokio::test]
async fn a_token_is_fetched_once_per_repository_and_again_when_it_is_almost_over() {
    let model = Model::start(Habits { door: Door::Bearer("token"), ..Habits::default() }).await;
    let (client, clock) = client_with(|_| ());
    for name in ["one", "two"] {
        let repository = model.repository(name);
        model.push_image(&repository, &tag("1"), &ImageBlueprint::new("a")).await;
        for _ in 0..3 {
            client.resolve(&repository, &tag("1").into()).await.unwrap();
        }
    }
    assert_eq!(model.server.count("/token"), 2);
    // The first question was refused; from then on it is known what the registry wants.
    assert_eq!(model.server.count("/v2/"), 7);
    let token = &model.server.seen()[1];
    assert_eq!(token.query("service").as_deref(), Some("here"));
    assert_eq!(token.query("scope").as_deref(), Some("repository:samples/one:pull"));
    assert_eq!(token.authorization(), None);

    clock.advance(SignedDuration::from_secs(239));
    client.resolve(&model.repository("one"), &tag("1").into()).await.unwrap();
    assert_eq!(model.server.count("/token"), 2);
    clock.advance(SignedDuration::from_secs(1));
    client.resolve(&model.repository("one"), &tag("1").into()).await.unwrap();
    assert_eq!(model.server.count("/token"), 3, "four fifths of 300 s are over");
}

#[tokio::test]
async fn many_at_once_share_one_token() {
    let model = Model::start(Habits { door: Door::Bearer("token"), ..Habits::default() }).await;
    let repository = model.repository("app");
    model.put_tags(&repository.path, (0..40).map(|n| format!("1.{n}")));
    let client = Arc::new(client());
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (client, repository) = (Arc::clone(&client), repository.clone());
        asked.spawn(async move { client.resolve(&repository, &tag(&format!("1.{n}")).into()).await });
    }
    assert!(asked.join_all().await.iter().all(Result::is_ok));
    assert_eq!(model.server.count("/token"), 1);
    assert_eq!(model.server.count("/v2/"), 41);
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_list_is_replaced() {
    let given = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |seen, address| {
        let given = Arc::clone(&given);
        async move {
            if seen.path() == "/token" {
                let number = given.fetch_add(1, Ordering::SeqCst) + 1;
                return answer(200, &[], format!(r#"{{"token":"t{number}","expires_in":3600}}"#));
            }
            let last = seen.query("last");
            // The second page wants the second token.
            let wanted = if last.is_some() { "Bearer t2" } else { "Bearer t1" };
            if seen.authorization() != Some(wanted) {
                let challenge = format!(r#"Bearer realm="http://{address}/token",service="here""#);
                return answer(401, &[("www-authenticate", &challenge)], "");
            }
            match last {
                None => answer(
                    200,
                    &[("link", "</v2/app/tags/list?last=b>; rel=\"next\"")],
                    r#"{"tags":["a","b"]}"#,
                ),
                Some(_) => answer(200, &[], r#"{"tags":["c"]}"#),
            }
        }
    })
    .await;
    let list = client().list_tags(&server.repository("app")).await.unwrap();
    assert_eq!(list.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn name_and_password_go_to_the_token_service_only() {
    let model = Model::start(Habits { door: Door::Bearer("token"), ..Habits::default() }).await;
    let repository = model.repository("app");
    model.push_image(&repository, &tag("1"), &ImageBlueprint::new("a")).await;
    let host = model.server.host();
    let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "s3cret")]);
    client.resolve(&repository, &tag("1").into()).await.unwrap();
    for seen in model.server.seen() {
        let expected = if seen.path() == "/token" { Some(BASIC) } else { None };
        let shown = seen.authorization().filter(|shown| shown.starts_with("Basic"));
        assert_eq!(shown, expected, "{}", seen.target);
    }
    let pull = client.credential_for_pull(&repository).await.unwrap().unwrap();
    assert_eq!((pull.registry.as_str(), pull.username.as_str()), (host.as_str(), "ann"));
}

#[tokio::test]
async fn a_registry_that_never_lets_in_is_asked_a_few_times_only() {
    let server = Server::start(|seen, address| async move {
        if seen.path() == "/token" {
            return answer(200, &[], r#"{"token":"t"}"#);
        }
        let challenge = format!(r#"Bearer realm="http://{address}/token""#);
        answer(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let error = client().resolve(&server.repository("app"), &tag("1").into()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { with_credential: false, .. }), "{error}");
    assert!(server.seen().len() <= 4, "{} requests", server.seen().len());
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let model = Model::start(Habits { door: Door::Basic, ..Habits::default() }).await;
    let host = model.server.host();
    let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "wr0ng")]);
    let error = client.list_tags(&model.repository("app")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { with_credential: true, .. }));
    assert!(error.to_string().contains("does not accept the configured credential"));
    assert!(!format!("{error:?}").contains("wr0ng"));
    assert_eq!(model.server.seen().len(), 2);
}

#[tokio::test]
async fn no_challenge_or_one_that_is_unknown_ends_at_once() {
    for challenge in ["", "Digest realm=\"x\"", "Bearer service=\"no realm\""] {
        let server =
            Server::start(move |_, _| async move { answer(401, &[("www-authenticate", challenge)], "") })
                .await;
        let error = client().list_tags(&server.repository("app")).await.unwrap_err();
        assert_eq!((error.category(), server.seen().len()), ("unauthorized", 1), "{challenge}");
    }
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let server = Server::start(|seen, address| async move {
        if seen.path() == "/token" {
            return answer(200, &[], r#"{"access_token":"t"}"#);
        }
        if seen.authorization() == Some("Bearer t") {
            return answer(200, &[], r#"{"tags":["a"]}"#);
        }
        let challenge = format!(r#"Bearer realm="http://{address}/token",service="here""#);
        answer(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let entry = serde_json::json!({ "auths": { server.host(): { "identitytoken": "refresh&me" } } });
    std::fs::write(&path, entry.to_string()).unwrap();
    let (client, _) =
        client_with(|config| config.docker_config = Some(DockerConfigFile { path, required: true }));
    assert!(client.list_tags(&server.repository("app")).await.is_ok());
    let seen = server.seen();
    let exchange = seen.iter().find(|seen| seen.path() == "/token").unwrap();
    let body = String::from_utf8(exchange.body.to_vec()).unwrap();
    assert_eq!(exchange.method, Method::POST);
    assert!(body.contains("grant_type=refresh_token&refresh_token=refresh%26me&service=here"), "{body}");
    assert!(!exchange.target.contains("refresh"), "{}", exchange.target);
}

#[tokio::test]
async fn a_token_service_elsewhere_gets_nothing_not_even_a_question() {
    let elsewhere = "https://tokens.elsewhere.test/token";
    let server = Server::start(move |_, _| async move {
        let challenge = format!(r#"Bearer realm="{elsewhere}",service="here""#);
        answer(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let host = server.host();
    let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "s3cret")]);
    let error = client.list_tags(&server.repository("app")).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::ReferralRefused { target, .. } if target == "tokens.elsewhere.test"),
        "{error}"
    );
    assert!(error.to_string().contains("registry.token_services"), "{error}");
}

#[tokio::test]
async fn a_bad_answer_of_the_token_service_is_named() {
    for (status, body, expected) in [
        (200, "<html>", "malformed"),
        (200, "{}", "malformed"),
        (401, "", "unauthorized"),
        (403, "", "unauthorized"),
        (302, "", "unexpected"),
        (503, "", "server"),
        (429, "", "rate_limited"),
    ] {
        let server = Server::start(move |seen, address| async move {
            if seen.path() == "/token" {
                return answer(status, &[], body);
            }
            let challenge = format!(r#"Bearer realm="http://{address}/token""#);
            answer(401, &[("www-authenticate", &challenge)], "")
        })
        .await;
        let error = client().list_tags(&server.repository("app")).await.unwrap_err();
        assert_eq!(error.category(), expected, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_paged_list_behind_a_token_is_read_whole() {
    let paging = Paging::RelativeLink(50);
    let model = Model::start(Habits { door: Door::Bearer("token"), paging, ..Habits::default() }).await;
    let repository = model.repository("app");
    model.put_tags(&repository.path, (0..130).map(|n| format!("v{n}")));
    assert_eq!(client().list_tags(&repository).await.unwrap().tags.len(), 130);
    assert_eq!(model.server.count("/token"), 1);
}
