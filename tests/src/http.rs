//! HTTP/1.1 over blocking sockets: one request a connection, which is all the lab needs.

mod body;
mod head;

use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

pub use body::{read_body, relay_request_body};
pub use head::{Head, Headers};

use crate::lab::Netns;

/// How long one read or write may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection of either kind.
pub trait Connection: Read + Write + Send {}

impl<T: Read + Write + Send> Connection for T {}

/// Where a server listens.
#[derive(Debug, Clone)]
pub enum Target {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port of the loopback interface, in a network namespace or in our own.
    Loopback {
        /// The port.
        port: u16,
        /// The namespace, where it is not our own.
        netns: Option<Arc<Netns>>,
    },
}

/// Asks one server.
#[derive(Debug, Clone)]
pub struct Client {
    target: Target,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
    /// Its body, decoded.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {}", self.text()))
    }

    /// This answer, if its status is a success.
    ///
    /// # Errors
    /// With status and body, if it is not.
    pub fn success(self, what: &str) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        bail!("{what}: {} {}", self.status, self.text().trim())
    }
}

impl Client {
    /// Asks the server at `target`.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(&self) -> Result<Box<dyn Connection>> {
        match &self.target {
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .with_context(|| format!("nobody listens at {}", path.display()))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
            Target::Loopback { port, netns } => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
                let connect = move || TcpStream::connect_timeout(&address, CONNECT);
                let stream = match netns {
                    Some(netns) => netns.inside(connect)?,
                    None => connect(),
                };
                let stream = stream.with_context(|| format!("nobody listens at {address}"))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
        }
    }

    /// Sends one request and reads the whole answer.
    ///
    /// # Errors
    /// When nobody listens, or the answer is no HTTP. Any status is an answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        let mut stream = self.connect()?;
        let length = body.len().to_string();
        let mut all = vec![("Host", "localhost"), ("Connection", "close")];
        all.extend_from_slice(headers);
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            all.push(("Content-Length", &length));
        }
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = Headers(all.iter().map(own).collect());
        stream.write_all(&Head { line: format!("{method} {path} HTTP/1.1"), headers }.to_bytes())?;
        stream.write_all(body)?;
        stream.flush()?;
        let mut reader = BufReader::new(stream);
        let head = Head::read(&mut reader)?.context("the connection was closed without an answer")?;
        let status = head.status()?;
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        let body = if bodiless { Vec::new() } else { read_body(&mut reader, &head.headers, true)? };
        Ok(Response { status, headers: head.headers, body })
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn get(&self, path: &str) -> Result<Response> {
        self.request("GET", path, &[], &[])
    }
}

/// `text` as one segment, or one value, of a URL.
#[must_use]
pub fn escape(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_value_is_escaped() {
        assert_eq!(escape("{\"a\":1}/ü"), "%7B%22a%22%3A1%7D%2F%C3%BC");
    }

    #[test]
    fn a_chunked_answer_is_read_whole() {
        let dir = std::env::temp_dir().join(format!("lodeman-http-{}", std::process::id()));
        let listener = std::os::unix::net::UnixListener::bind(&dir).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let head = Head::read(&mut reader).unwrap().unwrap();
            let body = read_body(&mut reader, &head.headers, false).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n")
                .unwrap();
            (head, body)
        });
        let client = Client::new(Target::Unix(dir.clone()));
        let answer = client.request("POST", "/x?y=1", &[("X-One", "1")], b"hello").unwrap();
        assert_eq!((answer.status, answer.json().unwrap()), (200, serde_json::json!({"a": 1})));
        let (head, body) = server.join().unwrap();
        assert_eq!((head.method(), head.target(), head.headers.get("x-one")), ("POST", "/x?y=1", Some("1")));
        assert_eq!(body, b"hello");
        std::fs::remove_file(dir).unwrap();
    }
}
