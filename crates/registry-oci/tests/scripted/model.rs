//! A registry in memory behind the scripted server, with the habits that real ones differ in.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::http::Method;
use axum::response::Response;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{Repository, Tag};
use lodeman_registry::blueprint::{BuiltImage, Dialect, ImageBlueprint, StoredObject, build_index};
use lodeman_registry::contract::RegistrySeed;

use crate::server::{Seen, Server, answer};

/// How a registry lets one in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Open,
    /// `ann` and `s3cret` with each request.
    Basic,
    /// A token from `/token`, under this name.
    Bearer(&'static str),
}

/// How a registry cuts its tag lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    Whole,
    /// Pages of this size with a relative link.
    RelativeLink(usize),
    /// Pages of this size with an absolute link that has a wrong scheme, as behind a proxy.
    AbsoluteLink(usize),
    /// Pages of this size without a link.
    LastOnly(usize),
}

/// The habits of one registry.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    pub door: Door,
    /// Status that `HEAD` gets, if not an answer.
    pub head_status: Option<u16>,
    pub tells_digest: bool,
    pub paging: Paging,
}

impl Default for Habits {
    fn default() -> Self {
        Self { door: Door::Open, head_status: None, tells_digest: true, paging: Paging::Whole }
    }
}

#[derive(Debug, Default)]
struct Contents {
    tags: BTreeMap<String, Digest>,
    objects: HashMap<Digest, StoredObject>,
}

type Shelves = Arc<Mutex<HashMap<String, Contents>>>;

/// A scripted registry.
pub struct Model {
    pub server: Server,
    shelves: Shelves,
}

impl Model {
    pub async fn start(habits: Habits) -> Self {
        let shelves = Shelves::default();
        let read = Arc::clone(&shelves);
        let server = Server::start(move |seen, address| {
            let response = reply(&read, habits, &seen, address);
            async move { response }
        });
        Self { server: server.await, shelves }
    }

    /// Points tags to an image without a request.
    pub fn put_tags(&self, path: &str, tags: impl IntoIterator<Item = String>) {
        let built = ImageBlueprint::new("t").build();
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = shelves.entry(path.to_owned()).or_default();
        contents.add(&built);
        contents.tags.extend(tags.into_iter().map(|tag| (tag, built.manifest.digest.clone())));
    }

    fn put(&self, repository: &Repository, tag: &Tag, target: &Digest, objects: &[&BuiltImage]) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = shelves.entry(repository.path.clone()).or_default();
        for built in objects {
            contents.add(built);
        }
        contents.tags.insert(tag.to_string(), target.clone());
    }
}

impl Contents {
    fn add(&mut self, built: &BuiltImage) {
        for object in [&built.layer, &built.config, &built.manifest] {
            self.objects.insert(object.digest.clone(), object.clone());
        }
    }
}

#[async_trait]
impl RegistrySeed for Model {
    fn repository(&self, name: &str) -> Repository {
        self.server.repository(&format!("samples/{name}"))
    }

    async fn push_image(&self, repository: &Repository, tag: &Tag, image: &ImageBlueprint) -> BuiltImage {
        let built = image.build();
        self.put(repository, tag, &built.manifest.digest, &[&built]);
        built
    }

    async fn push_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        images: &[ImageBlueprint],
        attested: bool,
    ) -> StoredObject {
        let built: Vec<BuiltImage> = images.iter().map(ImageBlueprint::build).collect();
        let attestation = ImageBlueprint::new("attestation").build();
        let dialect = images.first().map_or(Dialect::Oci, |image| image.dialect);
        let index = build_index(&built, attested.then_some(&attestation), dialect);
        let mut all: Vec<&BuiltImage> = built.iter().collect();
        all.push(&attestation);
        self.put(repository, tag, &index.digest, &all);
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = shelves.entry(repository.path.clone()).or_default();
        contents.objects.insert(index.digest.clone(), index.clone());
        index
    }
}

/// `ann:s3cret` in base64.
pub const BASIC: &str = "Basic YW5uOnMzY3JldA==";

fn reply(shelves: &Shelves, habits: Habits, seen: &Seen, address: SocketAddr) -> Response {
    if seen.path() == "/token" {
        return token(habits, seen);
    }
    if let Some(refusal) = refuse(habits, seen, address) {
        return refusal;
    }
    let not_found = || answer(404, &[], r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#);
    let Some(path) = seen.path().strip_prefix("/v2/") else { return not_found() };
    let shelves = shelves.lock().unwrap_or_else(PoisonError::into_inner);
    for kind in ["/manifests/", "/blobs/"] {
        let Some((repository, what)) = path.split_once(kind) else { continue };
        let found = shelves.get(repository).and_then(|contents| {
            let digest = contents.tags.get(what).cloned().or_else(|| what.parse().ok())?;
            contents.objects.get(&digest)
        });
        let Some(object) = found else { return not_found() };
        if seen.method == Method::HEAD
            && let Some(status) = habits.head_status
        {
            return answer(status, &[], "");
        }
        let digest = object.digest.to_string();
        let mut headers = vec![("content-type", object.media_type)];
        if habits.tells_digest {
            headers.push(("docker-content-digest", digest.as_str()));
        }
        return answer(200, &headers, object.bytes.clone());
    }
    let tags = path.strip_suffix("/tags/list").and_then(|repository| shelves.get(repository));
    match tags {
        Some(contents) => page(habits.paging, &contents.tags, seen),
        None => not_found(),
    }
}

fn page(paging: Paging, tags: &BTreeMap<String, Digest>, seen: &Seen) -> Response {
    let size = match paging {
        Paging::Whole => usize::MAX,
        Paging::RelativeLink(size) | Paging::AbsoluteLink(size) | Paging::LastOnly(size) => size,
    };
    let last = seen.query("last").unwrap_or_default();
    let rest: Vec<&String> = tags.keys().filter(|tag| **tag > last).collect();
    let names: Vec<&String> = rest.iter().take(size).copied().collect();
    let body = serde_json::json!({ "name": "x", "tags": names }).to_string();
    let more = rest.len() > names.len();
    let next = format!("{}?last={}&n={size}", seen.path(), names.last().map_or("", |tag| tag.as_str()));
    let link = match paging {
        Paging::RelativeLink(_) if more => format!("<{next}>; rel=\"next\""),
        Paging::AbsoluteLink(_) if more => format!("<https://127.0.0.1{next}>; rel=\"next\""),
        _ => return answer(200, &[], body),
    };
    answer(200, &[("link", &link)], body)
}

fn token(habits: Habits, seen: &Seen) -> Response {
    let Door::Bearer(field) = habits.door else { return answer(404, &[], "") };
    let scope = seen.query("scope").unwrap_or_default();
    let body = serde_json::json!({ field: format!("for {scope}").replace(' ', "-"), "expires_in": 300 });
    answer(200, &[], body.to_string())
}

fn refuse(habits: Habits, seen: &Seen, address: SocketAddr) -> Option<Response> {
    let challenge = match habits.door {
        Door::Open => return None,
        Door::Basic if seen.authorization() == Some(BASIC) => return None,
        Door::Basic => r#"Basic realm="here""#.to_owned(),
        Door::Bearer(_) => {
            let path = seen.path().trim_start_matches("/v2/");
            let end = ["/manifests/", "/blobs/", "/tags/"].iter().find_map(|kind| path.find(kind))?;
            let scope = format!("repository:{}:pull", &path[..end]);
            if seen.authorization() == Some(&format!("Bearer for-{scope}")) {
                return None;
            }
            format!(r#"Bearer realm="http://{address}/token",service="here",scope="{scope}""#)
        }
    };
    Some(answer(401, &[("www-authenticate", &challenge)], "{}"))
}
