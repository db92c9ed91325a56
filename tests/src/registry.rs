//! A small OCI registry, for engines that cannot reach one on this machine (OCI distribution spec).
//!
//! It keeps what is pushed in a folder, checks every digest, and knows no accounts and no TLS: it is for
//! the loopback interface.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::image::digest_of;
use crate::serve::{Answer, Request};

/// A registry that keeps its content in a folder.
#[derive(Debug)]
pub struct SmallRegistry {
    folder: PathBuf,
    uploads: AtomicU64,
}

/// What a path asks for.
enum Asked<'a> {
    Base,
    Blob { digest: &'a str },
    Begin { repository: &'a str },
    Upload { repository: &'a str, id: &'a str },
    Manifest { repository: &'a str, reference: &'a str },
    Tags { repository: &'a str },
}

impl SmallRegistry {
    /// A registry in `folder`, with what is there already.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self> {
        for part in ["blobs", "uploads", "repositories"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        Ok(Self { folder: folder.to_owned(), uploads: AtomicU64::new(0) })
    }

    /// Answers one request.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Answer {
        let Some(asked) = understand(request.head.path()) else {
            return refusal(404, "NAME_INVALID", "there is nothing of this name");
        };
        let method = request.head.method();
        let answered = match (method, asked) {
            ("GET" | "HEAD", Asked::Base) => Ok(Answer::new(200, "application/json", "{}")),
            ("GET" | "HEAD", Asked::Blob { digest }) => Ok(self.blob(digest)),
            ("POST", Asked::Begin { repository }) => self.begin(repository),
            ("PATCH", Asked::Upload { repository, id }) => self.append(repository, id, &request.body),
            ("PUT", Asked::Upload { repository, id }) => self.finish(repository, id, request),
            ("GET" | "HEAD", Asked::Manifest { repository, reference }) => {
                Ok(self.manifest(repository, reference))
            }
            ("PUT", Asked::Manifest { repository, reference }) => {
                self.put_manifest(repository, reference, request)
            }
            ("GET", Asked::Tags { repository }) => self.tags(repository, request),
            _ => Ok(refusal(405, "UNSUPPORTED", "this cannot be done here")),
        };
        answered.unwrap_or_else(|error| refusal(503, "UNAVAILABLE", &format!("{error:#}")))
    }

    fn blob_file(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(digest.replace(':', "-"))
    }

    fn repository(&self, repository: &str) -> PathBuf {
        // A repository's name holds slashes, and no file's name does.
        self.folder.join("repositories").join(repository.replace('/', "~"))
    }

    fn blob(&self, digest: &str) -> Answer {
        match std::fs::read(self.blob_file(digest)) {
            Ok(bytes) => {
                Answer::new(200, "application/octet-stream", bytes).with("Docker-Content-Digest", digest)
            }
            Err(_) => refusal(404, "BLOB_UNKNOWN", "there is no such blob"),
        }
    }

    fn begin(&self, repository: &str) -> Result<Answer> {
        let id = self.uploads.fetch_add(1, Ordering::Relaxed).to_string();
        std::fs::write(self.folder.join("uploads").join(&id), [])?;
        Ok(begun(repository, &id, 0))
    }

    fn append(&self, repository: &str, id: &str, bytes: &[u8]) -> Result<Answer> {
        use std::io::Write as _;
        let file = self.folder.join("uploads").join(id);
        let Ok(mut file) = std::fs::File::options().append(true).open(file) else {
            return Ok(refusal(404, "BLOB_UPLOAD_UNKNOWN", "nothing is being uploaded there"));
        };
        file.write_all(bytes)?;
        Ok(begun(repository, id, file.metadata()?.len()))
    }

    fn finish(&self, repository: &str, id: &str, request: &Request) -> Result<Answer> {
        let answer = self.append(repository, id, &request.body)?;
        if answer.status != 202 {
            return Ok(answer);
        }
        let file = self.folder.join("uploads").join(id);
        let digest = request.head.query("digest").unwrap_or_default().replace("%3A", ":");
        if digest != digest_of(&std::fs::read(&file)?) {
            std::fs::remove_file(file)?;
            return Ok(refusal(400, "DIGEST_INVALID", "the content has another digest"));
        }
        std::fs::rename(file, self.blob_file(&digest))?;
        let place = format!("/v2/{repository}/blobs/{digest}");
        Ok(Answer::empty(201).with("Location", &place).with("Docker-Content-Digest", &digest))
    }

    fn manifest(&self, repository: &str, reference: &str) -> Answer {
        let folder = self.repository(repository);
        let digest = if reference.contains(':') {
            reference.to_owned()
        } else {
            std::fs::read_to_string(folder.join("tags").join(reference)).unwrap_or_default()
        };
        let found = std::fs::read(folder.join("manifests").join(digest.replace(':', "-")));
        let Ok(bytes) = found else {
            return refusal(404, "MANIFEST_UNKNOWN", "there is no such manifest");
        };
        let manifest: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let media_type = manifest["mediaType"].as_str().unwrap_or(crate::image::MANIFEST).to_owned();
        Answer::new(200, &media_type, bytes).with("Docker-Content-Digest", &digest)
    }

    fn put_manifest(&self, repository: &str, reference: &str, request: &Request) -> Result<Answer> {
        if serde_json::from_slice::<Value>(&request.body).is_err() {
            return Ok(refusal(400, "MANIFEST_INVALID", "a manifest is JSON"));
        }
        let digest = digest_of(&request.body);
        if reference.contains(':') && reference != digest {
            return Ok(refusal(400, "DIGEST_INVALID", "the manifest has another digest"));
        }
        let folder = self.repository(repository);
        for part in ["manifests", "tags"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        std::fs::write(folder.join("manifests").join(digest.replace(':', "-")), &request.body)?;
        if !reference.contains(':') {
            // Renamed into place: a reader sees the old digest or the new one.
            let fresh = folder.join(format!("tag-{}", self.uploads.fetch_add(1, Ordering::Relaxed)));
            std::fs::write(&fresh, &digest)?;
            std::fs::rename(fresh, folder.join("tags").join(reference))?;
        }
        let place = format!("/v2/{repository}/manifests/{digest}");
        Ok(Answer::empty(201).with("Location", &place).with("Docker-Content-Digest", &digest))
    }

    fn tags(&self, repository: &str, request: &Request) -> Result<Answer> {
        let Ok(entries) = std::fs::read_dir(self.repository(repository).join("tags")) else {
            return Ok(refusal(404, "NAME_UNKNOWN", "there is no such repository"));
        };
        let mut tags: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        tags.sort();
        if let Some(last) = request.head.query("last") {
            tags.retain(|tag| tag.as_str() > last);
        }
        let page = request.head.query("n").map(str::parse::<usize>).transpose().context("n is no number")?;
        let page = page.unwrap_or(tags.len());
        let more = tags.len() > page;
        tags.truncate(page);
        let body = json!({ "name": repository, "tags": tags }).to_string();
        let answer = Answer::new(200, "application/json", body);
        Ok(match tags.last() {
            Some(last) if more => {
                let link = format!("</v2/{repository}/tags/list?n={page}&last={last}>; rel=\"next\"");
                answer.with("Link", &link)
            }
            _ => answer,
        })
    }
}

fn begun(repository: &str, id: &str, length: u64) -> Answer {
    let place = format!("/v2/{repository}/blobs/uploads/{id}");
    let range = format!("0-{}", length.saturating_sub(1));
    Answer::empty(202).with("Location", &place).with("Docker-Upload-UUID", id).with("Range", &range)
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    Answer::new(status, "application/json", body.to_string())
}

/// What a path asks for; `None` when it is no path of a registry, or would lead out of the folder.
fn understand(path: &str) -> Option<Asked<'_>> {
    let rest = path.strip_prefix("/v2/")?;
    if rest.is_empty() {
        return Some(Asked::Base);
    }
    let plain = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !text.is_empty() && text.len() <= 128 && text.bytes().all(known) && !text.starts_with('.')
    };
    let is_repository = |text: &str| text.len() <= 200 && text.split('/').all(plain);
    let is_digest =
        |text: &str| text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && plain(hex));
    if let Some(repository) = rest.strip_suffix("/tags/list") {
        return is_repository(repository).then_some(Asked::Tags { repository });
    }
    if let Some((repository, id)) = rest.split_once("/blobs/uploads") {
        let id = id.trim_start_matches('/');
        return match (is_repository(repository), id) {
            (true, "") => Some(Asked::Begin { repository }),
            (true, id) if plain(id) => Some(Asked::Upload { repository, id }),
            _ => None,
        };
    }
    if let Some((repository, digest)) = rest.rsplit_once("/blobs/") {
        return (is_repository(repository) && is_digest(digest)).then_some(Asked::Blob { digest });
    }
    let (repository, reference) = rest.rsplit_once("/manifests/")?;
    (is_repository(repository) && (plain(reference) || is_digest(reference)))
        .then_some(Asked::Manifest { repository, reference })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::*;
    use crate::http::{Client, Target};
    use crate::image::{Archive, Image};
    use crate::push::Pusher;

    fn registry(name: &str) -> (PathBuf, Pusher) {
        let folder = std::env::temp_dir().join(format!("lodeman-registry-{}-{name}", std::process::id()));
        let registry = Arc::new(SmallRegistry::open(&folder).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let answer: Arc<dyn Fn(&Request) -> Answer + Send + Sync> =
                Arc::new(move |request| registry.answer(request));
            crate::serve::serve(&listener, &answer);
        });
        (folder, Pusher::new(Client::new(Target::Loopback { port, netns: None })))
    }

    fn image(version: &str) -> Image {
        let mut archive = Archive::default();
        archive.file("program", 0o755, b"something");
        Image::new(archive).label("version", version)
    }

    #[test]
    fn what_is_pushed_is_there_and_a_tag_moves() {
        let (folder, pusher) = registry("push");
        let first = pusher.image("team/app", "1", &image("1")).unwrap();
        assert_eq!(pusher.digest("team/app", "1").unwrap(), first);
        let second = pusher.image("team/app", "1", &image("2")).unwrap();
        assert_ne!(first, second);
        assert_eq!(pusher.digest("team/app", "1").unwrap(), second);
        assert_eq!(pusher.digest("team/app", &first).unwrap(), first, "a digest stays");
        let blob = image("1").build().config;
        let found = pusher.client().get(&format!("/v2/team/app/blobs/{}", blob.digest)).unwrap();
        assert_eq!((found.status, found.body), (200, blob.bytes));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn tags_are_listed_in_pages() {
        let (folder, pusher) = registry("tags");
        for tag in ["1.0", "1.1", "1.2"] {
            pusher.image("app", tag, &image(tag)).unwrap();
        }
        let page = pusher.client().get("/v2/app/tags/list?n=2").unwrap();
        assert_eq!(page.json().unwrap()["tags"], json!(["1.0", "1.1"]));
        assert_eq!(page.headers.get("Link"), Some("</v2/app/tags/list?n=2&last=1.1>; rel=\"next\""));
        let page = pusher.client().get("/v2/app/tags/list?n=2&last=1.1").unwrap();
        assert_eq!((page.json().unwrap()["tags"].clone(), page.headers.get("Link")), (json!(["1.2"]), None));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_not_there_or_leads_out_of_the_folder_is_refused() {
        let (folder, pusher) = registry("refuse");
        for path in ["/v2/app/manifests/1", "/v2/app/tags/list", "/v2/../../etc/manifests/passwd", "/v1/"] {
            assert_eq!(pusher.client().get(path).unwrap().status, 404, "{path}");
        }
        let wrong = pusher.client().request("PUT", "/v2/app/manifests/1", &[], b"no json").unwrap();
        assert_eq!(wrong.status, 400);
        let begun = pusher.client().request("POST", "/v2/app/blobs/uploads/", &[], &[]).unwrap();
        let place = begun.headers.get("Location").unwrap();
        let place = format!("{place}?digest=sha256:{}", "0".repeat(64));
        assert_eq!(pusher.client().request("PUT", &place, &[], b"content").unwrap().status, 400);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
