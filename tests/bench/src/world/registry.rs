//! A registry that answers at once and counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use lodeman_tests::image::{Archive, Built, Image, MANIFEST};
use serde_json::json;
use tokio::net::TcpListener;

/// The tags of a repository that a digest stands behind.
const TAGS: [&str; 3] = ["1.2.0", "1.3.0", "stable"];
/// Tags beside those, as repositories have them.
const OTHERS: usize = 60;

/// What was asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// How many requests.
    pub requests: usize,
    /// When the first came.
    pub first: Option<Instant>,
    /// When the last was answered.
    pub last: Option<Instant>,
}

impl Counted {
    /// From the first request to the last answer.
    pub fn span(&self) -> Duration {
        self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| last.duration_since(first))
    }
}

/// A repository: its images by tag, and everything else by path.
struct Content {
    answers: HashMap<String, (&'static str, String, Vec<u8>)>,
    counted: Mutex<Counted>,
}

/// The registry.
pub struct Registry {
    /// Its address, as references name it.
    pub host: String,
    repositories: usize,
    content: Arc<Content>,
}

impl Registry {
    /// Starts one with this many repositories.
    pub async fn start(repositories: usize) -> Result<Self> {
        let mut answers = HashMap::new();
        for number in 0..repositories {
            let name = repository(number);
            for tag in TAGS {
                let built = image(number, tag);
                let manifest = (MANIFEST, built.manifest.digest.clone(), built.manifest.bytes.clone());
                answers.insert(format!("/v2/{name}/manifests/{tag}"), manifest.clone());
                answers.insert(format!("/v2/{name}/manifests/{}", built.manifest.digest), manifest);
                let config =
                    (built.config.media_type, built.config.digest.clone(), built.config.bytes.clone());
                answers.insert(format!("/v2/{name}/blobs/{}", built.config.digest), config);
            }
            let more = (0..OTHERS)
                .map(|n| format!("1.{}.{}{}", n % 3, n, if n % 4 == 0 { "-alpine" } else { "-rc1" }));
            let tags: Vec<String> = TAGS.iter().map(|&tag| tag.to_owned()).chain(more).collect();
            let list = json!({ "name": name, "tags": tags }).to_string().into_bytes();
            answers.insert(format!("/v2/{name}/tags/list"), ("application/json", String::new(), list));
        }
        let content = Arc::new(Content { answers, counted: Mutex::default() });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let host = format!("127.0.0.1:{}", listener.local_addr()?.port());
        let router = Router::new().fallback(answer).with_state(content.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { host, repositories, content })
    }

    /// What was asked since the last [`Registry::reset`].
    pub fn counted(&self) -> Counted {
        *self.content.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        *self.content.counted.lock().unwrap_or_else(PoisonError::into_inner) = Counted::default();
    }

    /// The reference of the container with this number, and the image it runs: where its tag is `stable` the
    /// one that the tag points to, else that of the older version.
    pub fn of_container(&self, number: usize) -> (String, String, Built) {
        let repository_number = number % self.repositories.max(1);
        let tag = if (number / self.repositories.max(1)).is_multiple_of(2) { "1.2.0" } else { "stable" };
        let repository = format!("{}/{}", self.host, repository(repository_number));
        let built = image(repository_number, tag);
        (format!("{repository}:{tag}"), format!("{repository}@{}", built.manifest.digest), built)
    }

    /// The addresses of this many manifests, again from the start where there are fewer.
    pub fn manifests(&self, count: usize) -> Vec<String> {
        let one = |n: usize| {
            let name = repository(n % self.repositories.max(1));
            format!("http://{}/v2/{name}/manifests/{}", self.host, TAGS[n / self.repositories.max(1) % 3])
        };
        (0..count).map(one).collect()
    }
}

fn repository(number: usize) -> String {
    format!("team/app-{number:03}")
}

fn image(repository: usize, tag: &str) -> Built {
    Image::new(Archive::default()).label("of", &format!("{repository} {tag}")).env("VERSION", tag).build()
}

async fn answer(State(content): State<Arc<Content>>, request: Request<Body>) -> Response<Body> {
    {
        let mut counted = content.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.requests += 1;
        counted.first.get_or_insert_with(Instant::now);
    }
    let mut response = Response::new(Body::empty());
    match content.answers.get(request.uri().path()) {
        Some((media_type, digest, bytes)) => {
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static(media_type));
            if let Ok(digest) = HeaderValue::from_str(digest) {
                headers.insert("docker-content-digest", digest);
            }
            headers.insert("content-length", HeaderValue::from(bytes.len()));
            if request.method() != Method::HEAD {
                *response.body_mut() = Body::from(bytes.clone());
            }
        }
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    content.counted.lock().unwrap_or_else(PoisonError::into_inner).last = Some(Instant::now());
    response
}
