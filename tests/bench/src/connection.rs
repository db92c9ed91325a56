//! One connection that asks the same thing again and again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::report::Unit;

/// An open connection, and its request.
pub struct Connection {
    reader: BufReader<TcpStream>,
    request: String,
    body: Vec<u8>,
}

impl Connection {
    /// Asks for `path` at a port of this machine.
    pub fn new(port: u16, path: &str, authorization: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let shown = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{shown}\r\n");
        Ok(Self { reader: BufReader::with_capacity(1 << 16, stream), request, body: Vec::new() })
    }

    /// How long each of `count` requests took, in microseconds.
    pub fn ask(&mut self, count: usize) -> Result<Vec<f64>> {
        (0..count).map(|_| self.one()).collect()
    }

    fn one(&mut self) -> Result<f64> {
        let began = Instant::now();
        self.reader.get_mut().write_all(self.request.as_bytes())?;
        let (mut line, mut length, mut first) = (String::new(), 0, true);
        loop {
            line.clear();
            ensure!(self.reader.read_line(&mut line)? > 0, "the connection ended");
            if first {
                ensure!(line.starts_with("HTTP/1.1 200"), "it is not answered: {line}");
                first = false;
            }
            let head = line.trim_end();
            if head.is_empty() {
                break;
            }
            if let Some((name, value)) = head.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().context("the length is a number")?;
            }
        }
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body)?;
        Ok(Unit::Microseconds.of(began.elapsed()))
    }
}
