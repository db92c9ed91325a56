//! A scan asks each question once, and the fake keeps the port's promises.

use std::sync::Arc;

use lodeman_domain::image::{ImageReference, Platform};
use lodeman_registry::blueprint::{ImageBlueprint, digest_of};
use lodeman_registry::check::{DigestVerdict, ImageStore, LocalImage, RunningImage, compare_digest};
use lodeman_registry::fake::{FakeRegistry, RequestCounts};
use lodeman_registry::{RegistryClient, RegistryError, ScanSession, contract};

fn reference(text: &str) -> ImageReference {
    text.parse().expect("the reference is valid")
}

#[tokio::test]
async fn the_fake_keeps_the_ports_promises() {
    let registry = FakeRegistry::new();
    contract::run_all(&registry, &registry).await;
    assert!(registry.counts().total() > 20);
}

#[tokio::test]
async fn a_session_keeps_the_ports_promises_where_no_tag_moves() {
    let registry = Arc::new(FakeRegistry::new());
    let session = ScanSession::new(registry.clone());
    contract::both_dialects_are_understood(&session, registry.as_ref()).await;
    contract::what_is_not_there_is_not_found(&session, registry.as_ref()).await;
    contract::all_tags_are_listed_once(&session, registry.as_ref()).await;
    assert!(registry.counts().total() > 0);
}

#[tokio::test]
async fn a_hundred_containers_of_one_reference_cost_one_request_of_each_kind() {
    let registry = Arc::new(FakeRegistry::new());
    let image = reference("nginx:1.27");
    let blueprints = [ImageBlueprint::new("new"), ImageBlueprint::new("new").on("linux/arm64")];
    registry.push_index(image.repository(), image.tag().unwrap(), &blueprints, false);
    let session = Arc::new(ScanSession::new(registry.clone()));

    let mut checks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let (session, image) = (Arc::clone(&session), image.clone());
        let platform = Platform {
            os: "linux".into(),
            architecture: if number % 2 == 0 { "amd64" } else { "arm64" }.into(),
            variant: None,
        };
        checks.spawn(async move {
            let running = RunningImage {
                image: LocalImage {
                    image_id: digest_of(b"what ran before"),
                    manifest_digest: None,
                    repo_digests: vec![format!("nginx@{}", digest_of(b"an index before"))],
                },
                platform,
                store: ImageStore::Classic,
                pulled: None,
            };
            session.list_tags(image.repository()).await.unwrap();
            compare_digest(session.as_ref(), &image, &running, None).await.unwrap()
        });
    }
    let verdicts = checks.join_all().await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, DigestVerdict::UpdateAvailable { .. })));
    // One index and one manifest for each of the two platforms.
    assert_eq!(registry.counts(), RequestCounts { resolve: 1, manifest: 3, config: 0, tags: 1 });
}

#[tokio::test]
async fn a_failure_is_shared_within_a_scan_and_asked_again_in_the_next() {
    let registry = Arc::new(FakeRegistry::new());
    let image = reference("registry.example/app:1");
    let down = RegistryError::Dns { registry: "registry.example".into() };
    registry.fail_registry("registry.example", down.clone(), Some(1));
    registry.push_image(image.repository(), image.tag().unwrap(), &ImageBlueprint::new("a"));
    let what = image.tag().unwrap().clone().into();

    let scan = ScanSession::new(registry.clone());
    for _ in 0..3 {
        assert_eq!(scan.resolve(image.repository(), &what).await, Err(down.clone()));
    }
    assert_eq!(registry.counts().resolve, 1);
    let other = reference("registry.example/other");
    assert_eq!(scan.list_tags(other.repository()).await, Err(down));
    assert_eq!(registry.counts().tags, 0, "a registry out of reach is not tried again");
    let next = ScanSession::new(registry.clone());
    assert!(next.resolve(image.repository(), &what).await.is_ok());
}
