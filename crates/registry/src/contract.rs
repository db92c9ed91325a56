//! What every [`RegistryClient`] must do: the fake and each adapter run these, so the fake stays honest.
//!
//! Each function pushes what it needs into a repository of its own through a [`RegistrySeed`], so that
//! the same suite runs in memory, against a scripted server and against a real registry. A broken
//! promise panics with what was expected, as a test's assertion does.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform, Repository, Tag};

use crate::blueprint::{BuiltImage, Dialect, ImageBlueprint, StoredObject, digest_of};
use crate::check::{
    DigestVerdict, ImageStore, LocalImage, PlatformLookup, RunningImage, compare_digest, find_platform_image,
};
use crate::{ManifestContent, RegistryClient, RegistryError};

/// Fills the registry that the client under test speaks to.
#[async_trait]
pub trait RegistrySeed: Send + Sync {
    /// The repository of this name at that registry.
    fn repository(&self, name: &str) -> Repository;

    /// Pushes an image and points `tag` to it.
    async fn push_image(&self, repository: &Repository, tag: &Tag, image: &ImageBlueprint) -> BuiltImage;

    /// Pushes images and an index of them, with attestations where asked, and points `tag` to it.
    async fn push_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        images: &[ImageBlueprint],
        attested: bool,
    ) -> StoredObject;
}

/// Runs the whole suite.
pub async fn run_all(client: &dyn RegistryClient, seed: &dyn RegistrySeed) {
    a_tag_resolves_to_what_was_pushed_last(client, seed).await;
    a_digest_stays_reachable_after_its_tag_moved(client, seed).await;
    an_index_tells_its_platforms_and_marks_attestations(client, seed).await;
    both_dialects_are_understood(client, seed).await;
    a_config_tells_platform_labels_and_time(client, seed).await;
    what_is_not_there_is_not_found(client, seed).await;
    all_tags_are_listed_once(client, seed).await;
    an_update_is_found_and_a_moved_index_is_none(client, seed).await;
}

fn tag(text: &str) -> Tag {
    text.parse().expect("the suite's tags are valid")
}

/// A tag resolves to the manifest or index pushed last.
pub async fn a_tag_resolves_to_what_was_pushed_last(client: &dyn RegistryClient, seed: &dyn RegistrySeed) {
    let repository = seed.repository("contract-resolve");
    let first = seed.push_image(&repository, &tag("1"), &ImageBlueprint::new("first")).await;
    let resolved = client.resolve(&repository, &tag("1").into()).await.expect("the tag resolves");
    assert_eq!(resolved, first.manifest.digest, "a tag resolves to its manifest");

    let images = [ImageBlueprint::new("second"), ImageBlueprint::new("second").on("linux/arm64/v8")];
    let index = seed.push_index(&repository, &tag("1"), &images, false).await;
    let resolved = client.resolve(&repository, &tag("1").into()).await.expect("the moved tag resolves");
    assert_eq!(resolved, index.digest, "a tag resolves to its index, not to a platform's manifest");
}

/// A digest is the same for ever, whatever its tag does.
pub async fn a_digest_stays_reachable_after_its_tag_moved(
    client: &dyn RegistryClient,
    seed: &dyn RegistrySeed,
) {
    let repository = seed.repository("contract-digest");
    let old = seed.push_image(&repository, &tag("x"), &ImageBlueprint::new("old")).await;
    seed.push_image(&repository, &tag("x"), &ImageBlueprint::new("new")).await;
    let by_digest = old.manifest.digest.clone().into();
    let resolved = client.resolve(&repository, &by_digest).await.expect("the old digest resolves");
    assert_eq!(resolved, old.manifest.digest);
    let manifest = client.get_manifest(&repository, &by_digest).await.expect("the old manifest is there");
    assert_eq!(manifest.digest, old.manifest.digest);
    assert_eq!(manifest.content, ManifestContent::Image { config: old.config.digest });
}

/// An index names a manifest per platform, and marks what cannot be run.
pub async fn an_index_tells_its_platforms_and_marks_attestations(
    client: &dyn RegistryClient,
    seed: &dyn RegistrySeed,
) {
    let repository = seed.repository("contract-index");
    let images = [
        ImageBlueprint::new("i"),
        ImageBlueprint::new("i").on("linux/arm/v7"),
        ImageBlueprint::new("i").on("linux/arm64/v8"),
    ];
    let index = seed.push_index(&repository, &tag("x"), &images, true).await;
    let manifest = client.get_manifest(&repository, &tag("x").into()).await.expect("the index is there");
    assert_eq!(manifest.digest, index.digest);
    let runnable: Vec<(Digest, Option<Platform>)> =
        manifest.runnable().map(|entry| (entry.digest.clone(), entry.platform.clone())).collect();
    let expected: Vec<(Digest, Option<Platform>)> =
        images.iter().map(|image| (image.build().manifest.digest, Some(image.platform.clone()))).collect();
    assert_eq!(runnable, expected, "the runnable entries, in the order of the index");
    let ManifestContent::Index { entries } = &manifest.content else { panic!("an index was pushed") };
    assert_eq!(entries.len(), 6, "attestations are kept, and marked");
}

/// OCI and Docker media types mean the same.
pub async fn both_dialects_are_understood(client: &dyn RegistryClient, seed: &dyn RegistrySeed) {
    for (name, dialect) in [("contract-oci", Dialect::Oci), ("contract-docker", Dialect::Docker)] {
        let repository = seed.repository(name);
        let image = ImageBlueprint::new("d").on("linux/arm64/v8").in_dialect(dialect);
        let images = [ImageBlueprint::new("d").in_dialect(dialect), image.clone()];
        let index = seed.push_index(&repository, &tag("x"), &images, false).await;
        let found = find_platform_image(client, &repository, &tag("x").into(), &image.platform).await;
        let PlatformLookup::Found(found) = found.expect("the registry answers") else {
            panic!("{name}: the platform is in the index")
        };
        let built = image.build();
        assert_eq!((found.digest, found.manifest), (index.digest, built.manifest.digest), "{name}");
        assert_eq!(found.config, built.config.digest, "{name}");
    }
}

/// A config tells what the image is.
pub async fn a_config_tells_platform_labels_and_time(client: &dyn RegistryClient, seed: &dyn RegistrySeed) {
    let repository = seed.repository("contract-config");
    let created = Timestamp::from_second(1_700_000_000).expect("the instant is valid");
    let mut image = ImageBlueprint::new("c")
        .on("linux/arm/v7")
        .label("org.opencontainers.image.version", "1.2.3")
        .label("greeting", "hé \"you\"");
    image.created = Some(created);
    let built = seed.push_image(&repository, &tag("x"), &image).await;
    let config =
        client.get_image_config(&repository, &built.config.digest).await.expect("the config is there");
    assert_eq!(config.platform, image.platform);
    assert_eq!(config.labels, image.labels);
    assert_eq!(config.created, Some(created));
    assert_eq!(config.version(), Some("1.2.3"));
}

/// Absence has its own error, for tags, digests, configs and repositories.
pub async fn what_is_not_there_is_not_found(client: &dyn RegistryClient, seed: &dyn RegistrySeed) {
    let repository = seed.repository("contract-absent");
    seed.push_image(&repository, &tag("x"), &ImageBlueprint::new("present")).await;
    let nothing = digest_of(b"nothing has this digest");
    let unknown = seed.repository("contract-no-such-repository");
    let answers = [
        ("tag", client.resolve(&repository, &tag("y").into()).await.err()),
        ("digest", client.resolve(&repository, &nothing.clone().into()).await.err()),
        ("manifest", client.get_manifest(&repository, &tag("y").into()).await.err()),
        ("config", client.get_image_config(&repository, &nothing).await.err()),
        ("repository", client.resolve(&unknown, &tag("x").into()).await.err()),
        ("tags of a repository", client.list_tags(&unknown).await.err()),
    ];
    for (what, error) in answers {
        assert!(matches!(error, Some(RegistryError::NotFound { .. })), "{what}: {error:?}");
    }
}

/// A tag list is whole and repeats nothing.
pub async fn all_tags_are_listed_once(client: &dyn RegistryClient, seed: &dyn RegistrySeed) {
    let repository = seed.repository("contract-tags");
    let mut expected = BTreeSet::new();
    for number in 0..12 {
        let name = tag(&format!("1.{number}"));
        seed.push_image(&repository, &name, &ImageBlueprint::new("t")).await;
        expected.insert(name);
    }
    let list = client.list_tags(&repository).await.expect("the tags are listed");
    assert!(!list.truncated, "twelve tags are not too many");
    assert_eq!(list.tags.len(), expected.len(), "no tag twice");
    assert_eq!(list.tags.iter().cloned().collect::<BTreeSet<_>>(), expected);
}

/// The digest check gives the right verdict from this client's answers.
pub async fn an_update_is_found_and_a_moved_index_is_none(
    client: &dyn RegistryClient,
    seed: &dyn RegistrySeed,
) {
    let repository = seed.repository("contract-check");
    let reference: ImageReference = format!("{repository}:x").parse().expect("the reference is valid");
    let arm = |content: &str| ImageBlueprint::new(content).on("linux/arm64/v8");
    let first = [ImageBlueprint::new("one"), arm("one")];
    let index = seed.push_index(&repository, &tag("x"), &first, false).await;
    let running = RunningImage {
        image: LocalImage {
            image_id: index.digest.clone(),
            manifest_digest: Some(first[0].build().manifest.digest),
            repo_digests: Vec::new(),
        },
        platform: first[0].platform.clone(),
        store: ImageStore::Containerd,
        pulled: Some(true),
    };
    let verdict = || compare_digest(client, &reference, &running, None);
    assert_eq!(
        verdict().await.expect("the registry answers"),
        DigestVerdict::UpToDate { remote: index.digest }
    );

    seed.push_index(&repository, &tag("x"), &[first[0].clone(), arm("two")], false).await;
    let moved = verdict().await.expect("the registry answers");
    assert!(matches!(moved, DigestVerdict::IndexMovedOnly { .. }), "{moved:?}");

    let second = ImageBlueprint::new("two");
    seed.push_index(&repository, &tag("x"), &[second.clone(), arm("two")], false).await;
    let DigestVerdict::UpdateAvailable { remote, already_pulled } =
        verdict().await.expect("the registry answers")
    else {
        panic!("another image for the platform is an update")
    };
    assert_eq!(remote.manifest, second.build().manifest.digest);
    assert!(!already_pulled);
}
