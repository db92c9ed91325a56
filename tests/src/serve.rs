//! A small server of HTTP/1.1: one request a connection, one thread each.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::http::{Head, Headers, read_body};

/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its first line and headers.
    pub head: Head,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, but for those that frame it.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// An answer with a body of this media type.
    #[must_use]
    pub fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let answer = Self { status, headers: Headers::default(), body: body.into() };
        answer.with("Content-Type", media_type)
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.0.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Answers every request at `listener` by `answer`, for ever.
pub fn serve(listener: &TcpListener, answer: &Arc<dyn Fn(&Request) -> Answer + Send + Sync>) {
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        // A client that goes away, or speaks nonsense, ends its own thread only.
        std::thread::spawn(move || one(stream, &*answer));
    }
}

fn one(stream: TcpStream, answer: &dyn Fn(&Request) -> Answer) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let Some(head) = Head::read(&mut reader)? else { return Ok(()) };
    if head.headers.says("Expect", "100-continue") {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = read_body(&mut reader, &head.headers, false)?;
    let silent = head.method() == "HEAD";
    let answered = answer(&Request { head, body });
    let mut headers = answered.headers;
    headers.0.push(("Content-Length".to_owned(), answered.body.len().to_string()));
    headers.0.push(("Connection".to_owned(), "close".to_owned()));
    let line = format!("HTTP/1.1 {} {}", answered.status, reason(answered.status));
    let stream = reader.get_mut();
    stream.write_all(&Head { line, headers }.to_bytes())?;
    if !silent {
        stream.write_all(&answered.body)?;
    }
    stream.flush()?;
    Ok(())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        503 => "Service Unavailable",
        _ => "Answer",
    }
}
