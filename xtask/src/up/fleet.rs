//! The sample fleet: a container of each kind one may have.

use anyhow::Result;
use lodeman_tests::docker::Docker;
use lodeman_tests::image::{Archive, Image};
use lodeman_tests::push::Pusher;
use serde_json::json;

use super::place::Platform;
use crate::run::say;

/// The label of everything that `up` makes on an engine.
pub const LABEL: &str = "lodeman.fleet";
/// Its value on the containers that the server manages, and on their images.
pub const VALUE: &str = "sample";

/// One container of the fleet.
struct Sample {
    name: &'static str,
    repository: &'static str,
    /// The tag it runs.
    tag: &'static str,
    policy: &'static str,
    /// What it is there to show.
    shows: &'static str,
}

const SAMPLES: &[Sample] = &[
    Sample {
        name: "sample-web",
        repository: "sample/web",
        tag: "stable",
        policy: "manual",
        shows: "outdated: its tag moved to another digest; waits for you",
    },
    Sample {
        name: "sample-blog",
        repository: "sample/blog",
        tag: "latest",
        policy: "auto",
        shows: "outdated: its tag moved; on auto, so the first scan updates it",
    },
    Sample {
        name: "sample-api",
        repository: "sample/api",
        tag: "1.4.0",
        policy: "auto",
        shows: "outdated by version; auto takes the patch by itself, and no more",
    },
    Sample {
        name: "sample-cache",
        repository: "sample/cache",
        tag: "v7.2",
        policy: "manual",
        shows: "outdated by version; waits for you",
    },
    Sample {
        name: "sample-shop",
        repository: "sample/shop",
        tag: "2.0.0",
        policy: "manual",
        shows: "its newer version never becomes healthy",
    },
    Sample {
        name: "sample-db",
        repository: "sample/db",
        tag: "15",
        policy: "pinned",
        shows: "pinned: never looked at",
    },
];

/// The fleet, on an engine and a registry.
pub struct Fleet<'a> {
    /// The engine.
    pub docker: &'a Docker,
    /// What pushes to the registry.
    pub registry: &'a Pusher,
    /// The registry's host and port, as references name it.
    pub host: &'a str,
}

impl Fleet<'_> {
    /// Pushes the images that the containers start from, makes those that are missing, and only then
    /// pushes what is newer.
    ///
    /// # Errors
    /// When the registry or the engine refuses.
    pub fn build(&self, program: &[u8], platform: &Platform, round: u32) -> Result<()> {
        let mut archive = Archive::default();
        archive.folder("data");
        archive.file("sample", 0o755, program);
        let mut base = Image::new(archive);
        platform.architecture.clone_into(&mut base.architecture);
        let base = base
            .with("Entrypoint", json!(["/sample"]))
            .command(&["serve"])
            .with("ExposedPorts", json!({ "8080/tcp": {} }))
            .with("Volumes", json!({ "/data": {} }))
            .with(
                "Healthcheck",
                json!({ "Test": ["CMD", "/sample", "health"], "Interval": 1_000_000_000, "Retries": 3 }),
            )
            .label(LABEL, VALUE);
        let push = |repository: &str, tag: &str, version: &str| {
            self.registry.image(repository, tag, &base.clone().env("VERSION", version))
        };
        for sample in SAMPLES {
            if self.docker.find(sample.name)?.is_some() {
                self.docker.start(sample.name)?;
                continue;
            }
            say(&format!("{:<12} {}", sample.name, sample.shows));
            push(sample.repository, sample.tag, &format!("{} (first)", sample.tag))?;
            self.docker.pull(&format!("{}/{}", self.host, sample.repository), sample.tag)?;
            self.docker.run(sample.name, &self.spec(sample))?;
        }
        // Each round brings something new, so that there is always something to see.
        push("sample/web", "stable", &format!("stable, round {round}"))?;
        push("sample/blog", "latest", &format!("latest, round {round}"))?;
        for tag in ["1.4.1", "1.5.0", "2.0.0", "latest"] {
            push("sample/api", tag, tag)?;
        }
        for tag in ["v7.2", "v7.3", "v8.0-rc1"] {
            push("sample/cache", tag, tag)?;
        }
        push("sample/db", "16", "16")?;
        let version = format!("2.0.{round}");
        // Its version is part of it: a digest that failed would not be offered again.
        let broken = base.clone().env("VERSION", &version).env("BROKEN", "1");
        self.registry.image("sample/shop", &version, &broken)?;
        Ok(())
    }

    fn spec(&self, sample: &Sample) -> serde_json::Value {
        json!({
            "Image": format!("{}/{}:{}", self.host, sample.repository, sample.tag),
            "Labels": {
                LABEL: VALUE,
                "lodeman.policy": sample.policy,
                "lodeman.grace-period": "2s",
            },
            "StopTimeout": 2,
            "HostConfig": {
                "RestartPolicy": { "Name": "unless-stopped" },
                "Binds": [format!("{}-data:/data", sample.name)],
            },
        })
    }
}

/// Removes everything that `up` made on an engine.
///
/// # Errors
/// When the engine refuses.
pub fn remove(docker: &Docker, host: &str) -> Result<()> {
    for container in docker.labelled(LABEL)? {
        let made_by_us = matches!(container["Labels"][LABEL].as_str(), Some(VALUE | "registry"));
        if let Some(id) = container["Id"].as_str().filter(|_| made_by_us) {
            docker.remove(id)?;
        }
    }
    for sample in SAMPLES {
        docker.request("DELETE", &format!("/volumes/{}-data", sample.name), None)?;
    }
    let images = docker.get("/images/json?all=0")?;
    for image in images.as_array().into_iter().flatten() {
        let names = image["RepoTags"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
        let ours = image["Labels"][LABEL] == VALUE;
        let from_us = |name: &&str| {
            (!host.is_empty() && name.starts_with(&format!("{host}/sample/")))
                || name.starts_with("lodeman-sample-registry:")
        };
        // An image of ours goes with every name it has, those that the server gave it included.
        for name in names.filter(|name| ours || from_us(name)) {
            docker.remove_image(name)?;
        }
        if ours && let Some(id) = image["Id"].as_str() {
            docker.remove_image(id)?;
        }
    }
    Ok(())
}
