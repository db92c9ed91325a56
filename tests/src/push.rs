//! Pushing images to a registry (OCI distribution spec, "Push").

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::http::Client;
use crate::image::{Built, Image, Object, index};

/// A registry that images are pushed to.
#[derive(Debug, Clone)]
pub struct Pusher {
    client: Client,
}

impl Pusher {
    /// Pushes over `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The connection, for anything else one wants of a registry.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Pushes an image and points `repository:tag` to it; gives the manifest's digest.
    ///
    /// # Errors
    /// When the registry refuses.
    pub fn image(&self, repository: &str, tag: &str, image: &Image) -> Result<String> {
        let built = image.build();
        self.content(repository, &built)?;
        self.manifest(repository, tag, &built.manifest)?;
        Ok(built.manifest.digest)
    }

    /// Pushes images and an index of them, and points `repository:tag` to the index; gives its digest.
    ///
    /// # Errors
    /// When the registry refuses.
    pub fn index(&self, repository: &str, tag: &str, images: &[Image]) -> Result<String> {
        let built: Vec<Built> = images.iter().map(Image::build).collect();
        for image in &built {
            self.content(repository, image)?;
            self.manifest(repository, &image.manifest.digest, &image.manifest)?;
        }
        let index = index(&built, false);
        self.manifest(repository, tag, &index)?;
        Ok(index.digest)
    }

    /// Pushes a manifest or an index as it is, under a tag or its digest.
    ///
    /// # Errors
    /// When the registry refuses.
    pub fn manifest(&self, repository: &str, reference: &str, manifest: &Object) -> Result<()> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let headers = [("Content-Type", manifest.media_type)];
        let answer = self.client.request("PUT", &path, &headers, &manifest.bytes)?;
        answer.success(&format!("pushing {repository}:{reference}"))?;
        Ok(())
    }

    /// What `repository:tag` points to now.
    ///
    /// # Errors
    /// When the registry does not say.
    pub fn digest(&self, repository: &str, tag: &str) -> Result<String> {
        let accept = format!("{}, {}", crate::image::MANIFEST, crate::image::INDEX);
        let path = format!("/v2/{repository}/manifests/{tag}");
        let answer = self.client.request("HEAD", &path, &[("Accept", &accept)], &[])?;
        let answer = answer.success(&format!("asking for {repository}:{tag}"))?;
        Ok(answer.headers.get("Docker-Content-Digest").context("no digest in the answer")?.to_owned())
    }

    /// The tags of a repository.
    ///
    /// # Errors
    /// When the registry does not say.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let answer = self.client.get(&format!("/v2/{repository}/tags/list"))?;
        let list = answer.success("listing tags")?.json()?;
        let tags = list["tags"].as_array().into_iter().flatten();
        Ok(tags.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn content(&self, repository: &str, image: &Built) -> Result<()> {
        self.blob(repository, &image.layer)?;
        self.blob(repository, &image.config)
    }

    fn blob(&self, repository: &str, blob: &Object) -> Result<()> {
        let what = || format!("pushing a blob to {repository}");
        let there = format!("/v2/{repository}/blobs/{}", blob.digest);
        if self.client.request("HEAD", &there, &[], &[])?.status == 200 {
            return Ok(());
        }
        let begun = self.client.request("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], &[])?;
        let begun = begun.success(&what())?;
        let place = begun.headers.get("Location").context("no place to upload to")?;
        // The place may be given with the host; the connection is ours either way.
        let place = match place.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/').context("a place without a path")?..],
            None => place,
        };
        let joint = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{joint}digest={}", blob.digest);
        let headers = [("Content-Type", "application/octet-stream")];
        self.client.request("PUT", &place, &headers, &blob.bytes)?.success(&what())?;
        Ok(())
    }
}
