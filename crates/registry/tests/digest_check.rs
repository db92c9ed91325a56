//! The digest check, in every situation on both image stores.

use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform, Repository, Tag};
use lodeman_registry::RegistryError;
use lodeman_registry::blueprint::{BuiltImage, Dialect, ImageBlueprint, digest_of};
use lodeman_registry::check::{
    DigestVerdict, ImageStore, LocalImage, LocalReason, RunningImage, compare_digest,
};
use lodeman_registry::fake::FakeRegistry;

const STORES: [ImageStore; 2] = [ImageStore::Classic, ImageStore::Containerd];

/// A registry with one repository, and the tag that the container's reference names.
struct Lab {
    registry: FakeRegistry,
    reference: ImageReference,
}

impl Lab {
    fn new() -> Self {
        Self {
            registry: FakeRegistry::new(),
            reference: "registry.example/shop/app:1".parse().expect("the reference is valid"),
        }
    }

    fn repository(&self) -> &Repository {
        self.reference.repository()
    }

    fn tag(&self) -> Tag {
        self.reference.effective_tag().expect("there is a tag")
    }

    /// Pushes an index of `amd64` and `arm64` images and gives what an amd64 engine pulls.
    fn push_index(&self, amd64: &str, arm64: &str) -> Pull {
        self.push_index_in(Dialect::Oci, amd64, arm64, false)
    }

    fn push_index_in(&self, dialect: Dialect, amd64: &str, arm64: &str, attested: bool) -> Pull {
        let images = [
            ImageBlueprint::new(amd64).in_dialect(dialect),
            ImageBlueprint::new(arm64).on("linux/arm64/v8").in_dialect(dialect),
        ];
        let index = self.registry.push_index(self.repository(), &self.tag(), &images, attested);
        Pull::new(index.digest, &images[0].build())
    }

    fn push_image(&self, content: &str) -> Pull {
        let built = self.registry.push_image(self.repository(), &self.tag(), &ImageBlueprint::new(content));
        Pull::new(built.manifest.digest.clone(), &built)
    }

    async fn check(&self, running: &RunningImage, local_tag: Option<&LocalImage>) -> DigestVerdict {
        self.try_check(running, local_tag).await.expect("the registry answers")
    }

    async fn try_check(
        &self,
        running: &RunningImage,
        local_tag: Option<&LocalImage>,
    ) -> Result<DigestVerdict, RegistryError> {
        compare_digest(&self.registry, &self.reference, running, local_tag).await
    }
}

/// An image that an engine has.
#[derive(Clone)]
struct Pull {
    /// What the reference resolved to.
    digest: Digest,
    manifest: Digest,
    config: Digest,
    /// Whether the tag still names this image on the engine.
    tagged: bool,
    /// Whether a registry's digest was recorded with it.
    recorded: bool,
}

impl Pull {
    fn new(digest: Digest, image: &BuiltImage) -> Self {
        Self {
            digest,
            manifest: image.manifest.digest.clone(),
            config: image.config.digest.clone(),
            tagged: true,
            recorded: true,
        }
    }

    /// The tag names another image now.
    fn untagged(self) -> Self {
        Self { tagged: false, ..self }
    }

    /// It came out of an archive.
    fn loaded(self) -> Self {
        Self { recorded: false, ..self }
    }

    /// It was pulled by the digest of its own manifest.
    fn by_platform_digest(self) -> Self {
        Self { digest: self.manifest.clone(), ..self }
    }

    /// What an engine with this store tells of it.
    fn on(&self, store: ImageStore) -> LocalImage {
        let own = format!("registry.example/shop/app@{}", self.digest);
        match store {
            ImageStore::Classic => LocalImage {
                image_id: self.config.clone(),
                manifest_digest: None,
                repo_digests: self.recorded.then_some(own).into_iter().collect(),
            },
            ImageStore::Containerd => LocalImage {
                image_id: self.digest.clone(),
                manifest_digest: Some(self.manifest.clone()),
                repo_digests: self.tagged.then_some(own).into_iter().collect(),
            },
        }
    }

    fn running_on(&self, store: ImageStore) -> RunningImage {
        RunningImage { image: self.on(store), platform: amd64(), store, pulled: None }
    }
}

fn amd64() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: None }
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    UpToDate,
    IndexMovedOnly,
    /// Up to date where the store knows the manifest, else an index that moved.
    SameImage,
    Update,
    AlreadyPulled,
    NotACandidate,
}

fn kind(verdict: &DigestVerdict) -> Expected {
    match verdict {
        DigestVerdict::UpToDate { .. } => Expected::UpToDate,
        DigestVerdict::IndexMovedOnly { .. } => Expected::IndexMovedOnly,
        DigestVerdict::UpdateAvailable { already_pulled: false, .. } => Expected::Update,
        DigestVerdict::UpdateAvailable { already_pulled: true, .. } => Expected::AlreadyPulled,
        DigestVerdict::NotACandidate { .. } => Expected::NotACandidate,
        other => panic!("not a comparison: {other:?}"),
    }
}

/// What happened at the registry and on the engine: the running image, and the one the tag names.
type Situation = fn(&Lab) -> (Pull, Option<Pull>);

const SITUATIONS: &[(&str, Situation, Expected)] = &[
    (
        "an index that nobody touched",
        |lab| {
            let pull = lab.push_index("1", "1");
            (pull.clone(), Some(pull))
        },
        Expected::UpToDate,
    ),
    (
        "an index with a new image for us",
        |lab| {
            let old = lab.push_index("1", "1");
            lab.push_index("2", "2");
            (old.clone(), Some(old))
        },
        Expected::Update,
    ),
    (
        "an index rebuilt for another platform",
        |lab| {
            let old = lab.push_index("1", "1");
            lab.push_index("1", "2");
            (old.clone(), Some(old))
        },
        Expected::IndexMovedOnly,
    ),
    (
        "an index that gained attestations",
        |lab| {
            let old = lab.push_index("1", "1");
            lab.push_index_in(Dialect::Oci, "1", "1", true);
            (old.clone(), Some(old))
        },
        Expected::IndexMovedOnly,
    ),
    (
        "a new image that another container of the tag has already brought",
        |lab| {
            let old = lab.push_index("1", "1").untagged();
            (old, Some(lab.push_index("2", "2")))
        },
        Expected::AlreadyPulled,
    ),
    (
        "a new image pulled under an index that has moved again for another platform",
        |lab| {
            let old = lab.push_index("1", "1").untagged();
            let pulled = lab.push_index("2", "2");
            lab.push_index("2", "3");
            (old, Some(pulled))
        },
        Expected::AlreadyPulled,
    ),
    (
        "a new image pulled, and a newer one since",
        |lab| {
            let old = lab.push_index("1", "1").untagged();
            let pulled = lab.push_index("2", "2");
            lab.push_index("3", "3");
            (old, Some(pulled))
        },
        Expected::Update,
    ),
    (
        "a tag that moved away and came back",
        |lab| {
            let old = lab.push_index("1", "1");
            lab.push_index("2", "2");
            lab.push_index("1", "1");
            (old.clone().untagged(), Some(old))
        },
        Expected::UpToDate,
    ),
    (
        "a single manifest that nobody touched",
        |lab| {
            let pull = lab.push_image("1");
            (pull.clone(), Some(pull))
        },
        Expected::UpToDate,
    ),
    (
        "a single manifest replaced",
        |lab| {
            let old = lab.push_image("1");
            lab.push_image("2");
            (old.clone(), Some(old))
        },
        Expected::Update,
    ),
    (
        "a single manifest put into an index",
        |lab| {
            let old = lab.push_image("1");
            lab.push_index("1", "1");
            (old.clone(), Some(old))
        },
        Expected::IndexMovedOnly,
    ),
    (
        "an index replaced by its own manifest",
        |lab| {
            let old = lab.push_index("1", "1");
            lab.push_image("1");
            (old.clone(), Some(old))
        },
        // The manifest's digest is no digest of the classic image, but its config is the image's id;
        // the other store knows the manifest itself.
        Expected::SameImage,
    ),
    (
        "an image pulled by the digest of its platform",
        |lab| {
            let pull = lab.push_index("1", "1").by_platform_digest();
            (pull, None)
        },
        Expected::IndexMovedOnly,
    ),
    (
        "an image loaded from an archive that is still the current one",
        |lab| {
            let pull = lab.push_index("1", "1").by_platform_digest().loaded();
            (pull.clone(), Some(pull))
        },
        Expected::IndexMovedOnly,
    ),
    (
        "an image loaded from an archive that is old",
        |lab| {
            let old = lab.push_index("1", "1").by_platform_digest().loaded();
            lab.push_index("2", "2");
            (old.clone(), Some(old))
        },
        Expected::Update,
    ),
    (
        "a Docker manifest list that nobody touched",
        |lab| {
            let pull = lab.push_index_in(Dialect::Docker, "1", "1", false);
            (pull.clone(), Some(pull))
        },
        Expected::UpToDate,
    ),
    (
        "a Docker manifest list with a new image for us",
        |lab| {
            let old = lab.push_index_in(Dialect::Docker, "1", "1", false);
            lab.push_index_in(Dialect::Docker, "2", "1", false);
            (old.clone(), Some(old))
        },
        Expected::Update,
    ),
    (
        "an index that lost our platform",
        |lab| {
            let old = lab.push_index("1", "1");
            let arm = ImageBlueprint::new("2").on("linux/arm64/v8");
            lab.registry.push_index(lab.repository(), &lab.tag(), &[arm], false);
            (old.clone(), Some(old))
        },
        Expected::NotACandidate,
    ),
    (
        "a single manifest of another platform",
        |lab| {
            let old = lab.push_image("1");
            let arm = ImageBlueprint::new("2").on("linux/arm64/v8");
            lab.registry.push_image(lab.repository(), &lab.tag(), &arm);
            (old.clone(), Some(old))
        },
        Expected::NotACandidate,
    ),
    (
        "an index that does not name its platforms",
        |lab| {
            let old = lab.push_image("1");
            lab.registry.push_unnamed_index(lab.repository(), &lab.tag(), &ImageBlueprint::new("2"));
            (old.clone(), Some(old))
        },
        Expected::Update,
    ),
];

#[tokio::test]
async fn every_situation_gets_its_verdict_on_both_stores_and_again_in_the_next_scan() {
    for (name, situation, expected) in SITUATIONS {
        for store in STORES {
            let lab = Lab::new();
            let (running, local_tag) = situation(&lab);
            let local_tag = local_tag.map(|pull| pull.on(store));
            for scan in 1..=2 {
                let verdict = lab.check(&running.running_on(store), local_tag.as_ref()).await;
                let expected = match (expected, store) {
                    (Expected::SameImage, ImageStore::Classic) => &Expected::IndexMovedOnly,
                    (Expected::SameImage, ImageStore::Containerd) => &Expected::UpToDate,
                    (other, _) => other,
                };
                assert_eq!(kind(&verdict), *expected, "{name}, {store:?}, scan {scan}: {verdict:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_update_names_what_to_pull_and_what_will_run() {
    for store in STORES {
        let lab = Lab::new();
        let old = lab.push_index("1", "1");
        let new = lab.push_index("2", "2");
        let DigestVerdict::UpdateAvailable { remote, .. } = lab.check(&old.running_on(store), None).await
        else {
            panic!("{store:?}: an update is there")
        };
        assert_eq!((remote.digest, remote.manifest, remote.config), (new.digest, new.manifest, new.config));
    }
}

#[tokio::test]
async fn an_image_of_two_repositories_is_compared_with_its_own() {
    for store in STORES {
        let lab = Lab::new();
        let pull = lab.push_index("1", "1");
        let mut running = pull.running_on(store);
        running.image.image_id = digest_of(b"the engine's own id");
        running.image.manifest_digest = None;
        let own = format!("registry.example/shop/app@{}", pull.digest);
        let other = format!("registry.example/mirror/app@{}", digest_of(b"elsewhere"));
        running.image.repo_digests = vec![other, "not a reference".into(), own];
        assert_eq!(kind(&lab.check(&running, None).await), Expected::UpToDate, "{store:?}");
    }
}

#[tokio::test]
async fn an_older_engine_that_knows_only_the_index_asks_the_registry_what_it_runs() {
    let lab = Lab::new();
    let old = lab.push_index("1", "1");
    lab.push_index("1", "2");
    let mut running = old.running_on(ImageStore::Containerd);
    running.image.manifest_digest = None;
    assert_eq!(kind(&lab.check(&running, None).await), Expected::IndexMovedOnly);

    lab.registry.remove_manifest(lab.repository(), &old.digest);
    assert_eq!(kind(&lab.check(&running, None).await), Expected::Update, "nobody can tell any more");
}

#[tokio::test]
async fn a_reference_by_digest_is_never_asked_for() {
    let lab = Lab::new();
    let pull = lab.push_image("1");
    let running = pull.running_on(ImageStore::Classic);
    for text in ["registry.example/shop/app", "registry.example/shop/app:1"] {
        let reference: ImageReference = format!("{text}@{}", pull.digest).parse().unwrap();
        let verdict = compare_digest(&lab.registry, &reference, &running, None).await;
        assert_eq!(verdict, Ok(DigestVerdict::PinnedByDigest { digest: pull.digest.clone() }));
    }
    assert_eq!(lab.registry.counts().total(), 0);
}

/// Name, store, whether the engine has a digest of it, what it says about pulling, the registry's
/// failure, and why the image is local then.
type LocalRow<'a> =
    (&'a str, ImageStore, bool, Option<bool>, &'a dyn Fn(&Repository) -> RegistryError, Option<LocalReason>);

#[tokio::test]
async fn an_image_is_local_only_when_the_registry_says_definitely_that_it_has_none() {
    let absent = |repository: &Repository| RegistryError::NotFound {
        repository: repository.clone(),
        what: "tag `1`".into(),
    };
    let refused = |repository: &Repository| RegistryError::Unauthorized {
        repository: repository.clone(),
        with_credential: false,
    };
    let down = |repository: &Repository| RegistryError::Server {
        registry: repository.registry.clone(),
        status: 503,
    };
    let built = || Pull::new(digest_of(b"built"), &ImageBlueprint::new("built").build());
    let never = Some(LocalReason::NeverPulled);
    let unknown = Some(LocalReason::UnknownToRegistry);
    let (classic, containerd) = (ImageStore::Classic, ImageStore::Containerd);
    let rows: [LocalRow<'_>; 12] = [
        ("app", classic, false, None, &absent, never),
        ("app", classic, false, None, &refused, never),
        ("app", classic, false, None, &down, None),
        ("app", classic, true, None, &absent, None),
        ("app", classic, true, None, &refused, None),
        ("app", containerd, true, Some(false), &absent, never),
        ("app", containerd, true, Some(false), &refused, never),
        ("app", containerd, true, Some(true), &absent, None),
        ("app", containerd, true, None, &absent, unknown),
        ("app", containerd, true, None, &refused, unknown),
        ("registry.example/app", containerd, true, None, &refused, None),
        ("app", containerd, true, None, &down, None),
    ];
    for (name, store, recorded, pulled, failure, expected) in rows {
        let reference: ImageReference = format!("{name}:1").parse().unwrap();
        let error = failure(reference.repository());
        let registry = FakeRegistry::new();
        registry.fail_repository(reference.repository(), error.clone(), None);
        let mut running = RunningImage { pulled, ..built().running_on(store) };
        let digest = &running.image.image_id;
        running.image.repo_digests = recorded.then(|| format!("{name}@{digest}")).into_iter().collect();
        let verdict = compare_digest(&registry, &reference, &running, None).await;
        let expected = expected.map_or(Err(error), |reason| Ok(DigestVerdict::Local { reason }));
        assert_eq!(verdict, expected, "{name} on {store:?}, recorded {recorded}, pulled {pulled:?}");
    }
}
