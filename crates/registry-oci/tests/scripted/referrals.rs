//! Redirects: followed a few times, with nothing in hand that belongs to somebody else.

use axum::http::Method;
use lodeman_domain::image::Tag;
use lodeman_registry::blueprint::ImageBlueprint;
use lodeman_registry::{RegistryClient, RegistryError};

use crate::model::BASIC;
use crate::server::{Server, account, answer, client, client_with};

fn tag() -> Tag {
    "1".parse().expect("a tag")
}

#[tokio::test]
async fn another_host_gets_no_authorization() {
    let built = ImageBlueprint::new("a").build();
    let (config, digest) = (built.config.bytes.clone(), built.config.digest.clone());
    let storage = Server::start(move |_, _| {
        let response = answer(200, &[], config.clone());
        async move { response }
    })
    .await;
    let target = format!("http://{}/stored?signature=1", storage.address);
    let registry = Server::start(move |seen, _| {
        let response = if seen.authorization() == Some(BASIC) {
            answer(307, &[("location", &target)], "")
        } else {
            answer(401, &[("www-authenticate", "Basic realm=\"x\"")], "")
        };
        async move { response }
    })
    .await;
    let host = registry.host();
    let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "s3cret")]);
    let found = client.get_image_config(&registry.repository("app"), &digest).await.unwrap();
    assert_eq!(found.platform, built.platform);
    assert_eq!(registry.seen().last().unwrap().authorization(), Some(BASIC));
    let seen = storage.seen();
    assert_eq!((seen.len(), seen[0].authorization()), (1, None));
}

#[tokio::test]
async fn another_host_that_asks_for_a_password_does_not_get_ours() {
    let greedy =
        Server::start(|_, _| async { answer(401, &[("www-authenticate", "Basic realm=\"give\"")], "") })
            .await;
    let target = format!("http://{}/v2/app/manifests/1", greedy.address);
    let registry = Server::start(move |_, _| {
        let response = answer(302, &[("location", &target)], "");
        async move { response }
    })
    .await;
    let host = registry.host();
    let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "s3cret")]);
    let error = client.resolve(&registry.repository("app"), &tag().into()).await.unwrap_err();
    assert_eq!(error.category(), "unauthorized");
    assert!(greedy.seen().iter().all(|seen| seen.authorization().is_none()));
}

#[tokio::test]
async fn a_registry_behind_another_name_is_followed_to_its_token_service() {
    // The named host refers everything to the real one, which wants a token of its own.
    let built = ImageBlueprint::new("a").build();
    let digest = built.manifest.digest.to_string();
    let real = Server::start(move |seen, address| {
        let response = match (seen.path(), seen.authorization()) {
            ("/token", _) => answer(200, &[], r#"{"token":"t"}"#),
            (_, Some("Bearer t")) => answer(200, &[("docker-content-digest", &digest)], ""),
            _ => {
                let challenge = format!(r#"Bearer realm="http://{address}/token",service="real""#);
                answer(401, &[("www-authenticate", &challenge)], "")
            }
        };
        async move { response }
    })
    .await;
    let address = real.address;
    let named = Server::start(move |seen, _| async move {
        answer(307, &[("location", &format!("http://{address}{}", seen.target))], "")
    })
    .await;
    let host = named.host();
    let (client, _) = client_with(|config| config.credentials = vec![account(&host, "ann", "s3cret")]);
    let resolved = client.resolve(&named.repository("app"), &tag().into()).await;
    assert_eq!(resolved, Ok(built.manifest.digest));
    let shown: Vec<bool> =
        real.seen().iter().map(|seen| seen.authorization().is_some_and(|a| a.starts_with("Basic"))).collect();
    assert_eq!(shown, [false; 3], "our password is not the real one's business");
    assert!(real.seen().iter().any(|seen| seen.method == Method::HEAD));
}

#[tokio::test]
async fn redirects_end_after_the_third_and_at_bad_targets() {
    for (location, requests, category) in [
        ("/again", 4, "malformed"),
        ("file:///etc/passwd", 1, "referral_refused"),
        ("http://user:pass@127.0.0.1/", 1, "referral_refused"),
        ("http://registry.elsewhere.test/", 1, "referral_refused"),
        ("http://[", 1, "malformed"),
    ] {
        let registry = Server::start(move |_, _| async move { answer(301, &[("location", location)], "") });
        let registry = registry.await;
        let error = client().list_tags(&registry.repository("app")).await.unwrap_err();
        assert_eq!((error.category(), registry.seen().len()), (category, requests), "{location}: {error}");
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
    let registry = Server::start(|_, _| async { answer(302, &[], "") }).await;
    let error = client().list_tags(&registry.repository("app")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Malformed { .. }), "{error}");
}
