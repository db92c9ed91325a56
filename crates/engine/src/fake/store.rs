//! The engine's own images: names, ids and digests as each of the two image stores keeps them.

use std::collections::{BTreeMap, BTreeSet};

use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Platform};
use serde_json::{Value, json};

use super::image::{FakeImage, RemoteImage};
use crate::{ImageStore, ImageSummary};

/// One image in the engine's store.
#[derive(Debug, Clone)]
pub(super) struct LocalImage {
    pub(super) id: Digest,
    pub(super) variants: Vec<FakeImage>,
    /// Classic store: what pulls recorded, in normal form. Stays when a tag moves.
    recorded: BTreeSet<String>,
    /// Whether it came from a registry.
    from_registry: bool,
}

impl LocalImage {
    /// The variant for a platform.
    pub(super) fn variant(&self, platform: &Platform) -> Option<&FakeImage> {
        self.variants.iter().find(|v| platform.accepts(&v.platform))
    }
}

/// All images of an engine.
#[derive(Debug)]
pub(super) struct LocalStore {
    kind: ImageStore,
    images: BTreeMap<Digest, LocalImage>,
    /// `repository:tag` in normal form; in the containerd store also `repository@digest`.
    names: BTreeMap<String, Digest>,
}

/// Why an image was not removed.
pub(super) enum RemoveImage {
    Gone,
    Conflict(&'static str),
}

fn normal(reference: &ImageReference) -> String {
    match (reference.digest(), reference.effective_tag()) {
        (Some(digest), _) => reference.at_digest(digest),
        (None, Some(tag)) => format!("{}:{tag}", reference.repository()),
        (None, None) => reference.repository().to_string(),
    }
}

/// A name as the engine shows it: Docker Hub's host and `library/` are left out.
fn familiar(name: &str) -> String {
    let hub = name.strip_prefix("docker.io/").unwrap_or(name);
    if hub.len() == name.len() {
        name.to_owned()
    } else {
        hub.strip_prefix("library/").unwrap_or(hub).to_owned()
    }
}

fn repository_of(name: &str) -> &str {
    name.split_once('@').map_or_else(|| name.rsplit_once(':').map_or(name, |(r, _)| r), |(r, _)| r)
}

impl LocalStore {
    pub(super) fn new(kind: ImageStore) -> Self {
        Self { kind, images: BTreeMap::new(), names: BTreeMap::new() }
    }

    /// The image that an id, a name or `repository@digest` means.
    pub(super) fn find(&self, text: &str) -> Option<&LocalImage> {
        if let Ok(id) = text.parse::<Digest>() {
            return self.images.get(&id);
        }
        let reference: ImageReference = text.parse().ok()?;
        let name = normal(&reference);
        if let Some(id) = self.names.get(&name) {
            return self.images.get(id);
        }
        let digest = reference.digest()?;
        match self.kind {
            ImageStore::Classic => self.images.values().find(|image| image.recorded.contains(&name)),
            ImageStore::Containerd => {
                let repository = reference.repository().to_string();
                let named = self.names.iter().any(|(n, id)| id == digest && repository_of(n) == repository);
                self.images.get(digest).filter(|_| named)
            }
        }
    }

    /// Takes in what a pull brought, or a file.
    pub(super) fn take_in(
        &mut self,
        reference: &ImageReference,
        remote: &RemoteImage,
        variant: &FakeImage,
        from_registry: bool,
    ) {
        let recorded = reference.at_digest(&remote.digest);
        let id = match self.kind {
            ImageStore::Classic => variant.config_digest.clone(),
            ImageStore::Containerd => remote.digest.clone(),
        };
        let image = self.images.entry(id.clone()).or_insert_with(|| LocalImage {
            id: id.clone(),
            variants: Vec::new(),
            recorded: BTreeSet::new(),
            from_registry: false,
        });
        image.from_registry |= from_registry;
        if !image.variants.iter().any(|v| v.manifest_digest == variant.manifest_digest) {
            image.variants.push(variant.clone());
        }
        image.recorded.insert(recorded.clone());
        match (reference.digest(), reference.effective_tag()) {
            (None, Some(tag)) => {
                self.names.insert(format!("{}:{tag}", reference.repository()), id);
            }
            _ if self.kind == ImageStore::Containerd => {
                self.names.insert(recorded, id);
            }
            _ => {}
        }
    }

    /// Gives an image one more name.
    pub(super) fn tag(&mut self, id: &Digest, reference: &ImageReference) -> bool {
        if !self.images.contains_key(id) {
            return false;
        }
        self.names.insert(normal(reference), id.clone());
        true
    }

    /// Removes a name, or by id the image. `in_use` says whether a container in any state uses an id.
    pub(super) fn remove(&mut self, text: &str, in_use: &dyn Fn(&Digest) -> bool) -> Result<(), RemoveImage> {
        if let Ok(id) = text.parse::<Digest>() {
            if !self.images.contains_key(&id) {
                return Err(RemoveImage::Gone);
            }
            if in_use(&id) {
                return Err(RemoveImage::Conflict("a container is using the image"));
            }
            let mut repositories: Vec<&str> =
                self.names.iter().filter(|(_, i)| **i == id).map(|(n, _)| repository_of(n)).collect();
            repositories.dedup();
            if repositories.len() > 1 {
                return Err(RemoveImage::Conflict("the image is referenced in several repositories"));
            }
            self.drop_image(&id);
            return Ok(());
        }
        let Some(name) = text.parse().ok().map(|reference: ImageReference| normal(&reference)) else {
            return Err(RemoveImage::Gone);
        };
        let Some(id) = self.names.get(&name).cloned() else { return Err(RemoveImage::Gone) };
        if in_use(&id) && self.is_last_name(&id, &name) {
            return Err(RemoveImage::Conflict("a container is using the image under its last name"));
        }
        self.names.remove(&name);
        let repository = repository_of(&name).to_owned();
        let repository_named = self.names.iter().any(|(n, i)| *i == id && repository_of(n) == repository);
        if let Some(image) = self.images.get_mut(&id)
            && !repository_named
        {
            image.recorded.retain(|r| repository_of(r) != repository);
        }
        let named = self.names.values().any(|i| *i == id);
        let recorded = self.images.get(&id).is_some_and(|i| !i.recorded.is_empty());
        let kept = named || in_use(&id) || (self.kind == ImageStore::Classic && recorded);
        if !kept {
            self.drop_image(&id);
        }
        Ok(())
    }

    fn is_last_name(&self, id: &Digest, name: &str) -> bool {
        let others = self.names.iter().any(|(n, i)| i == id && n != name);
        // In the classic store a digest recorded for another repository is one more name.
        let recorded_elsewhere = self.kind == ImageStore::Classic
            && self
                .images
                .get(id)
                .is_some_and(|image| image.recorded.iter().any(|r| repository_of(r) != repository_of(name)));
        !others && !recorded_elsewhere
    }

    fn drop_image(&mut self, id: &Digest) {
        self.images.remove(id);
        self.names.retain(|_, i| i != id);
    }

    /// Removes unnamed and unused images, as a user's plain prune does.
    pub(super) fn prune(&mut self, in_use: &dyn Fn(&Digest) -> bool) {
        let tagged = |id: &Digest| self.names.iter().any(|(n, i)| i == id && !n.contains('@'));
        let doomed: Vec<Digest> =
            self.images.keys().filter(|id| !tagged(id) && !in_use(id)).cloned().collect();
        for id in doomed {
            self.drop_image(&id);
        }
    }

    fn repo_tags(&self, id: &Digest) -> Vec<String> {
        self.names.iter().filter(|(_, i)| *i == id).map(|(n, _)| familiar(n)).collect()
    }

    fn repo_digests(&self, image: &LocalImage) -> Vec<String> {
        match self.kind {
            ImageStore::Classic => image.recorded.iter().map(|r| familiar(r)).collect(),
            ImageStore::Containerd => {
                let names = self.names.iter().filter(|(_, i)| **i == image.id);
                let digests: BTreeSet<String> =
                    names.map(|(n, _)| familiar(&format!("{}@{}", repository_of(n), image.id))).collect();
                digests.into_iter().collect()
            }
        }
    }

    pub(super) fn inspect(&self, image: &LocalImage, platform: &Platform) -> Value {
        let ours = image.variant(platform);
        let mut told = json!({
            "Id": image.id.as_str(),
            "RepoTags": self.repo_tags(&image.id),
            "RepoDigests": self.repo_digests(image),
            "Os": ours.map_or("", |v| v.platform.os.as_str()),
            "Architecture": ours.map_or("", |v| v.platform.architecture.as_str()),
            "Variant": ours.and_then(|v| v.platform.variant.clone()).unwrap_or_default(),
            "Size": image.variants.iter().map(|v| v.size_bytes).sum::<u64>(),
            "Config": ours.map(|v| v.config.clone()).unwrap_or_default(),
        });
        if self.kind == ImageStore::Containerd {
            told["Identity"] = if image.from_registry { json!({ "Pull": [{}] }) } else { json!({}) };
        }
        told
    }

    pub(super) fn list(&self) -> Vec<ImageSummary> {
        let summary = |image: &LocalImage| ImageSummary {
            id: image.id.clone(),
            repo_tags: self.repo_tags(&image.id),
            repo_digests: self.repo_digests(image),
            size_bytes: image.variants.iter().map(|v| v.size_bytes).sum(),
            created_at: image.variants.first().map(|v| v.created_at),
        };
        self.images.values().map(summary).collect()
    }
}
