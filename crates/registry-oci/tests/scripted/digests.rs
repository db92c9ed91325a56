//! What a tag points to: by `HEAD` where that works, and never believed without a check.

use axum::http::Method;
use lodeman_domain::image::Tag;
use lodeman_registry::blueprint::{ImageBlueprint, digest_of};
use lodeman_registry::contract::RegistrySeed;
use lodeman_registry::{RegistryClient, RegistryError};

use crate::model::{Habits, Model};
use crate::server::{Server, answer, client};

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

#[tokio::test]
async fn a_tag_costs_one_head_that_accepts_all_four_kinds() {
    let model = Model::start(Habits::default()).await;
    let repository = model.repository("app");
    let built = model.push_image(&repository, &tag("1"), &ImageBlueprint::new("a")).await;
    let resolved = client().resolve(&repository, &tag("1").into()).await;
    assert_eq!(resolved, Ok(built.manifest.digest));
    let seen = model.server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((&seen[0].method, seen[0].path()), (&Method::HEAD, "/v2/samples/app/manifests/1"));
    let accepted = seen[0].header(axum::http::header::ACCEPT).unwrap();
    for kind in [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ] {
        assert!(accepted.contains(kind), "{accepted}");
    }
}

#[tokio::test]
async fn a_registry_without_head_is_asked_by_get_from_the_second_time_on() {
    for habits in [
        Habits { head_status: Some(405), ..Habits::default() },
        Habits { head_status: Some(404), ..Habits::default() },
        Habits { tells_digest: false, ..Habits::default() },
    ] {
        let model = Model::start(habits).await;
        let (client, repository) = (client(), model.repository("app"));
        for content in ["a", "b"] {
            let built = model.push_image(&repository, &tag("1"), &ImageBlueprint::new(content)).await;
            let resolved = client.resolve(&repository, &tag("1").into()).await;
            assert_eq!(resolved, Ok(built.manifest.digest));
        }
        let methods: Vec<Method> = model.server.seen().into_iter().map(|seen| seen.method).collect();
        assert_eq!(methods, [Method::HEAD, Method::GET, Method::GET], "{habits:?}");
    }
}

#[tokio::test]
async fn an_absent_tag_costs_one_head_where_head_is_known_to_work() {
    let model = Model::start(Habits::default()).await;
    let (client, repository) = (client(), model.repository("app"));
    model.push_image(&repository, &tag("1"), &ImageBlueprint::new("a")).await;
    client.resolve(&repository, &tag("1").into()).await.unwrap();
    let error = client.resolve(&repository, &tag("2").into()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the registry does not have the tag `2` of `{repository}`"));
    assert_eq!(model.server.seen().len(), 2);
}

#[tokio::test]
async fn content_that_is_not_what_its_digest_says_is_refused() {
    let other = ImageBlueprint::new("other").build();
    let wanted = ImageBlueprint::new("wanted").build();
    let told = wanted.manifest.digest.to_string();
    let body = other.manifest.bytes.clone();
    let server = Server::start(move |_, _| {
        let response = answer(200, &[("docker-content-digest", &told)], body.clone());
        async move { response }
    })
    .await;
    let (client, repository) = (client(), server.repository("app"));
    let by_digest = client.get_manifest(&repository, &wanted.manifest.digest.clone().into()).await;
    let by_tag = client.get_manifest(&repository, &tag("1").into()).await;
    let config = client.get_image_config(&repository, &digest_of(b"a config")).await;
    for error in [by_digest.err(), by_tag.err(), config.err()] {
        assert!(
            matches!(&error, Some(RegistryError::Malformed { what, .. }) if what.contains("digest")),
            "{error:?}"
        );
    }
    let moved = client.resolve(&repository, &digest_of(b"another").into()).await.unwrap_err();
    assert_eq!(moved.category(), "malformed");
}

#[tokio::test]
async fn what_is_addressed_by_digest_is_asked_for_once() {
    let model = Model::start(Habits::default()).await;
    let (client, repository) = (client(), model.repository("app"));
    let built = model.push_image(&repository, &tag("1"), &ImageBlueprint::new("a")).await;
    for _ in 0..3 {
        client.get_manifest(&repository, &built.manifest.digest.clone().into()).await.unwrap();
        client.get_image_config(&repository, &built.config.digest).await.unwrap();
    }
    assert_eq!(model.server.seen().len(), 2);
}
