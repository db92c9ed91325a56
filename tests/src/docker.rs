//! The engine's API, as an onlooker uses it: to make what a test needs and to see what came of it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::http::{Client, Response, Target, escape};
use crate::image::{Archive, read_file};

/// The version of the API that is spoken: the oldest that Lodeman supports.
const VERSION: &str = "/v1.41";

/// A container engine behind a Unix socket.
#[derive(Debug, Clone)]
pub struct Docker {
    client: Client,
}

impl Docker {
    /// The engine at `socket`.
    #[must_use]
    pub fn at(socket: &Path) -> Self {
        Self { client: Client::new(Target::Unix(socket.to_owned())) }
    }

    /// Whether it answers.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.client.get("/_ping").is_ok_and(|answer| answer.status == 200)
    }

    /// Whether it keeps its images in containerd, where an image has other names and another id.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn keeps_images_in_containerd(&self) -> Result<bool> {
        Ok(self.get("/info")?["DriverStatus"].to_string().contains("io.containerd.snapshotter"))
    }

    /// One request; the path is without the version.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let headers = [("Content-Type", "application/json")];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        self.client.request(method, &format!("{VERSION}{path}"), headers, &bytes)
    }

    /// One request whose answer must be a success.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        self.request(method, path, body)?.success(&format!("{method} {path}"))
    }

    /// What `GET` gives.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, None)?.json()
    }

    /// Makes a container; gives its id.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn create(&self, name: &str, spec: &Value) -> Result<String> {
        let made = self.call("POST", &format!("/containers/create?name={name}"), Some(spec))?.json()?;
        Ok(made["Id"].as_str().context("a container without an id")?.to_owned())
    }

    /// Makes a container and starts it; gives its id.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn run(&self, name: &str, spec: &Value) -> Result<String> {
        let id = self.create(name, spec)?;
        self.start(&id)?;
        Ok(id)
    }

    /// Starts a container.
    ///
    /// # Errors
    /// As [`Docker::call`]. One that runs already is none.
    pub fn start(&self, container: &str) -> Result<()> {
        let answer = self.request("POST", &format!("/containers/{container}/start"), None)?;
        if answer.status == 304 {
            return Ok(());
        }
        answer.success(&format!("starting {container}")).map(|_| ())
    }

    /// A container; `None` when there is none of that id or name.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn find(&self, container: &str) -> Result<Option<Value>> {
        let answer = self.request("GET", &format!("/containers/{container}/json"), None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(answer.success("inspecting")?.json()?))
    }

    /// A container that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn inspect(&self, container: &str) -> Result<Value> {
        self.find(container)?.with_context(|| format!("there is no container {container}"))
    }

    /// Removes a container by force, with its anonymous volumes. None of that name is as good.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn remove(&self, container: &str) -> Result<()> {
        let answer = self.request("DELETE", &format!("/containers/{container}?force=1&v=1"), None)?;
        if answer.status == 404 || answer.status == 409 {
            return Ok(());
        }
        answer.success(&format!("removing {container}")).map(|_| ())
    }

    /// All containers that `filters` pick, whatever their state.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn list(&self, filters: &Value) -> Result<Vec<Value>> {
        let path = format!("/containers/json?all=1&filters={}", escape(&filters.to_string()));
        Ok(self.get(&path)?.as_array().cloned().unwrap_or_default())
    }

    /// All containers with the label.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn labelled(&self, label: &str) -> Result<Vec<Value>> {
        self.list(&json!({ "label": [label] }))
    }

    /// An image; `None` when there is none of that name or id.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn find_image(&self, image: &str) -> Result<Option<Value>> {
        let answer = self.request("GET", &format!("/images/{image}/json"), None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        Ok(Some(answer.success("inspecting an image")?.json()?))
    }

    /// Pulls `repository:tag`.
    ///
    /// # Errors
    /// When the engine does not answer, or cannot pull.
    pub fn pull(&self, repository: &str, tag: &str) -> Result<()> {
        let path = format!("/images/create?fromImage={}&tag={}", escape(repository), escape(tag));
        let told = self.call("POST", &path, None)?.text();
        // A pull that fails on its way says so in its progress, under a status of success.
        anyhow::ensure!(!told.contains("\"errorDetail\""), "pulling {repository}:{tag}: {}", told.trim());
        Ok(())
    }

    /// Removes a name of an image. None of that name is as good.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn remove_image(&self, image: &str) -> Result<()> {
        let answer = self.request("DELETE", &format!("/images/{image}?force=1"), None)?;
        if answer.status == 404 || answer.status == 409 {
            return Ok(());
        }
        answer.success(&format!("removing the image {image}")).map(|_| ())
    }

    /// Makes an image of a file system, as `repository:tag`, with changes in a Dockerfile's words.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn import(&self, repository: &str, tag: &str, changes: &[&str], archive: &[u8]) -> Result<()> {
        let mut path = format!("{VERSION}/images/create?fromSrc=-&repo={}&tag={tag}", escape(repository));
        for change in changes {
            path += "&changes=";
            path += &escape(change);
        }
        let headers = [("Content-Type", "application/x-tar")];
        let answer = self.client.request("POST", &path, &headers, archive)?.success("importing an image")?;
        anyhow::ensure!(!answer.text().contains("\"errorDetail\""), "importing: {}", answer.text());
        Ok(())
    }

    /// Makes a network of this subnet.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn create_network(&self, name: &str, subnet: &str, label: &str) -> Result<()> {
        let spec = json!({
            "Name": name,
            "CheckDuplicate": true,
            "Labels": { "lodeman.fleet": label },
            "IPAM": { "Config": [{ "Subnet": subnet }] },
        });
        self.call("POST", "/networks/create", Some(&spec)).map(|_| ())
    }

    /// Writes a file into a container.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn write_file(&self, container: &str, folder: &str, name: &str, content: &str) -> Result<()> {
        let mut archive = Archive::default();
        archive.file(name, 0o644, content.as_bytes());
        let path = format!("{VERSION}/containers/{container}/archive?path={}", escape(folder));
        let headers = [("Content-Type", "application/x-tar")];
        self.client.request("PUT", &path, &headers, &archive.finish())?.success("writing a file")?;
        Ok(())
    }

    /// Reads a file of a container; `None` when there is none.
    ///
    /// # Errors
    /// As [`Docker::call`].
    pub fn read_file(&self, container: &str, path: &str) -> Result<Option<String>> {
        let path = format!("/containers/{container}/archive?path={}", escape(path));
        let answer = self.request("GET", &path, None)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let archive = answer.success("reading a file")?.body;
        Ok(Some(String::from_utf8_lossy(&read_file(&archive)?).into_owned()))
    }

    /// Looks at a container until `done` says so.
    ///
    /// # Errors
    /// When it does not come about in `patience`; with the last state.
    pub fn wait_until(
        &self,
        container: &str,
        patience: Duration,
        done: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = Value::Null;
        crate::lab::wait(patience, || {
            if let Some(found) = self.find(container)? {
                last = found;
            }
            Ok(done(&last).then(|| last.clone()))
        })
        .with_context(|| format!("waiting for {container}: {}", last["State"]))
    }
}
