//! Pull-through mirrors, asked before their registry.

use std::sync::Arc;

use lodeman_domain::digest::Digest;
use lodeman_domain::image::{Repository, Tag};
use lodeman_registry::blueprint::ImageBlueprint;
use lodeman_registry::fake::FakeRegistry;
use lodeman_registry::{RegistryClient, RegistryError};
use lodeman_registry_oci::{Mirror, MirroredClient};

fn at(registry: &str) -> Repository {
    Repository { registry: registry.to_owned(), path: "library/app".to_owned() }
}

fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

fn refused(registry: &str) -> RegistryError {
    RegistryError::Connect { registry: registry.to_owned(), reason: "refused".to_owned() }
}

fn push(registry: &FakeRegistry, host: &str, name: &str, content: &str) -> Digest {
    registry.push_image(&at(host), &tag(name), &ImageBlueprint::new(content)).manifest.digest
}

/// Docker Hub with two mirrors, of which the first has nothing.
fn client(registry: &Arc<FakeRegistry>) -> MirroredClient {
    let mirror = |mirror: &str| Mirror { registry: "index.docker.io".into(), mirror: mirror.into() };
    MirroredClient::new(registry.clone(), &[mirror("empty.lan:5000"), mirror("mirror.lan:5000")])
}

#[tokio::test]
async fn a_manifest_comes_from_the_first_mirror_that_has_it() {
    let registry = Arc::new(FakeRegistry::new());
    push(&registry, "docker.io", "1", "at home");
    let mirrored = push(&registry, "mirror.lan:5000", "1", "mirrored");
    let client = client(&registry);
    assert_eq!(client.resolve(&at("docker.io"), &tag("1").into()).await.unwrap(), mirrored);
    let manifest = client.get_manifest(&at("docker.io"), &mirrored.clone().into()).await.unwrap();
    assert_eq!(manifest.digest, mirrored);
}

#[tokio::test]
async fn where_no_mirror_has_it_the_registry_is_asked_and_its_error_is_told() {
    let registry = Arc::new(FakeRegistry::new());
    let home = push(&registry, "docker.io", "1", "at home");
    registry.fail_registry("mirror.lan:5000", refused("mirror.lan:5000"), None);
    let client = client(&registry);
    assert_eq!(client.resolve(&at("docker.io"), &tag("1").into()).await.unwrap(), home);
    let error = client.resolve(&at("docker.io"), &tag("2").into()).await.unwrap_err();
    assert_eq!((error.category(), error.registry()), ("not_found", "docker.io"));
}

#[tokio::test]
async fn tags_are_the_registrys_own_unless_it_cannot_be_reached() {
    let registry = Arc::new(FakeRegistry::new());
    push(&registry, "docker.io", "1", "one");
    push(&registry, "docker.io", "2", "two");
    push(&registry, "mirror.lan:5000", "1", "one");
    let client = client(&registry);
    assert_eq!(client.list_tags(&at("docker.io")).await.unwrap().tags.len(), 2);
    registry.fail_registry("docker.io", refused("docker.io"), None);
    assert_eq!(client.list_tags(&at("docker.io")).await.unwrap().tags.len(), 1);
    registry.fail_registry("mirror.lan:5000", refused("mirror.lan:5000"), None);
    let error = client.list_tags(&at("docker.io")).await.unwrap_err();
    assert_eq!(error.registry(), "docker.io");
}

#[tokio::test]
async fn other_registries_are_not_asked_of_a_mirror() {
    let registry = Arc::new(FakeRegistry::new());
    let digest = push(&registry, "ghcr.io", "1", "one");
    let client = client(&registry);
    assert_eq!(client.resolve(&at("ghcr.io"), &tag("1").into()).await.unwrap(), digest);
    assert_eq!(registry.counts().total(), 1);
}
