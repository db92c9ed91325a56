//! An engine that says what the test wants it to say, on a Unix socket in a scratch directory.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use lodeman_engine_docker::{Deadlines, DockerEngine, DockerEngineConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// A full container id.
pub const ID: &str = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";
/// A full image id.
pub const IMAGE: &str = "sha256:2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e";

/// What the engine was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Path and query as they were sent.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

type Script = dyn Fn(&Asked) -> Response<Body> + Send + Sync;

/// A scripted engine.
pub struct Scripted {
    _dir: TempDir,
    pub socket: PathBuf,
    asked: Arc<Mutex<Vec<Asked>>>,
    server: Option<JoinHandle<()>>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

impl Scripted {
    /// Answers each request but the ping by `script`, and the ping with API version `offered`.
    pub fn start(
        offered: &'static str,
        script: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let socket = dir.path().join("engine.sock");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = serve(&socket, offered, Arc::clone(&asked), Arc::new(script));
        Self { _dir: dir, socket, asked, server: Some(server) }
    }

    /// Ends this engine and lets another one answer at the same socket.
    pub async fn replace(
        &mut self,
        offered: &'static str,
        script: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static,
    ) {
        self.stop().await;
        self.server = Some(serve(&self.socket, offered, Arc::clone(&self.asked), Arc::new(script)));
    }

    /// Ends this engine.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The requests so far but the pings, each as `METHOD path?query`.
    pub fn lines(&self) -> Vec<String> {
        let asked = self.asked();
        let calls = asked.iter().filter(|a| a.path != "/_ping");
        calls.map(|a| format!("{} {}", a.method, a.path)).collect()
    }

    /// How often the engine was pinged.
    pub fn pings(&self) -> usize {
        self.asked().iter().filter(|a| a.path == "/_ping").count()
    }

    pub fn engine(&self) -> DockerEngine {
        engine(&self.socket, Deadlines::default())
    }

    /// An adapter that gives up soon.
    pub fn impatient(&self) -> DockerEngine {
        engine(&self.socket, impatient())
    }
}

/// Deadlines for tests in which the engine never answers.
pub fn impatient() -> Deadlines {
    let soon = Duration::from_millis(150);
    Deadlines {
        connect: soon,
        quick: soon,
        list: soon,
        slow: soon,
        stop_margin: soon,
        pull_idle: soon,
        pull_total: Duration::from_secs(20),
    }
}

pub fn engine(socket: &std::path::Path, deadlines: Deadlines) -> DockerEngine {
    let mut config = DockerEngineConfig::new(format!("unix://{}", socket.display()));
    config.deadlines = deadlines;
    DockerEngine::connect(config).expect("a socket path is a good endpoint")
}

fn serve(
    socket: &std::path::Path,
    offered: &'static str,
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Script>,
) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).expect("a free socket path");
    let answer = move |request: Request| {
        let (asked, script) = (Arc::clone(&asked), Arc::clone(&script));
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
            let one = Asked {
                method: head.method.to_string(),
                path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                headers: head.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            asked.lock().unwrap().push(one.clone());
            if one.path == "/_ping" {
                Response::builder().header("Api-Version", offered).body(Body::from("OK")).unwrap()
            } else {
                script(&one)
            }
        }
    };
    let app = Router::new().fallback(answer);
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    })
}

/// An answer with a body.
pub fn says(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// A refusal in the engine's form.
pub fn refuses(status: u16, message: &str) -> Response<Body> {
    says(status, serde_json::json!({ "message": message }).to_string())
}

/// An answer whose body comes in `pieces` and then stays open.
pub fn says_and_hangs(pieces: Vec<&'static str>) -> Response<Body> {
    use futures::StreamExt;
    let pieces = futures::stream::iter(pieces.into_iter().map(|p| Ok::<_, std::io::Error>(Bytes::from(p))));
    says(200, Body::from_stream(pieces.chain(futures::stream::pending())))
}

/// An inspect answer that suffices.
pub fn inspect(id: &str, name: &str) -> String {
    serde_json::json!({
        "Id": id, "Name": format!("/{name}"), "Image": IMAGE, "NewField": {"kept": true},
        "Config": {"Image": "web:1"}, "HostConfig": {}, "NetworkSettings": {}, "State": {"Status": "running"},
    })
    .to_string()
}

/// An engine that answers in raw bytes: pings well, then reads one request per connection, writes
/// `bytes`, and closes the connection, or keeps it open and silent.
pub struct Raw {
    _dir: TempDir,
    pub socket: PathBuf,
    server: JoinHandle<()>,
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Raw {
    pub fn start(bytes: &'static [u8], keeps_open: bool) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let socket = dir.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a free socket path");
        let server = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                let mut buffer = [0_u8; 4096];
                while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(count) => head.extend_from_slice(&buffer[..count]),
                    }
                }
                let ping = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";
                let bytes = if head.starts_with(b"GET /_ping") { ping } else { bytes };
                let _ = stream.write_all(bytes).await;
                if keeps_open {
                    open.push(stream);
                }
            }
        });
        Self { _dir: dir, socket, server }
    }
}
