//! One HTTP request over one connection, for what the port has no call for.

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The answer, which must have one of these statuses.
    pub fn expect(self, statuses: &[u16]) -> Self {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(600)]).into_owned();
        assert!(statuses.contains(&self.status), "status {}: {text}", self.status);
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }
}

/// Asks an engine at its socket; `path` without a version.
pub async fn engine(socket: &str, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let stream = UnixStream::connect(socket).await.expect("the engine's socket is there");
    ask(stream, "engine", method, &format!("/v1.41{path}"), kind, body).await
}

/// Asks a registry at `host`, without TLS.
pub async fn registry(host: &str, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let stream = TcpStream::connect(host).await.expect("the registry is there");
    ask(stream, host, method, path, kind, body).await
}

async fn ask<S>(stream: S, host: &str, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("HTTP is spoken");
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a whole answer").to_bytes();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}
