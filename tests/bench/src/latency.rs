//! How quickly a probe is answered, beside an answer that never changes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::Setting;
use crate::report::{Measure, Unit, quantile};
use crate::world::World;

const BATCH: usize = 400;

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let world = World::new(&setting.folder.join("latency"), 1)?;
    let server = world.serve(&setting.program, "server", 100)?;
    let other = world.run(still())?;
    let mut ours = Connection::new(server.port, "/healthz")?;
    let mut theirs = Connection::new(other, "/")?;
    let (mut pairs, mut all) = (Vec::new(), Vec::new());
    for _ in 0..setting.runs * 2 {
        let batch = ours.ask(BATCH)?;
        let reference = theirs.ask(BATCH)?;
        pairs.push((quantile(batch.clone(), 50), quantile(reference, 50)));
        all.extend(batch);
    }
    server.running.terminate(Duration::from_secs(15))?;
    let note = format!("99 % within {:.0} µs, one after the other over one connection", quantile(all, 99));
    let reference = "an answer that never changes, of the same library";
    Ok(vec![Measure::of("GET /healthz", reference, Unit::Microseconds, &pairs).note(note)])
}

/// A server that always says the same; its port.
async fn still() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let router = Router::new().route("/", get(|| async { "{\"status\":\"ok\"}" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(port)
}

struct Connection {
    reader: BufReader<TcpStream>,
    request: String,
}

impl Connection {
    fn new(port: u16, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        Ok(Self { reader: BufReader::new(stream), request })
    }

    /// How long each of `count` requests took, in microseconds.
    fn ask(&mut self, count: usize) -> Result<Vec<f64>> {
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
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(Unit::Microseconds.of(began.elapsed()))
    }
}
