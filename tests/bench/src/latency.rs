//! How quickly a probe is answered, beside an answer that never changes.

use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::Setting;
use crate::connection::Connection;
use crate::report::{Measure, Unit, quantile};
use crate::world::World;

const BATCH: usize = 400;

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let world = World::new(&setting.folder.join("latency"), 1)?;
    let server = world.serve(&setting.program, "server", 100)?;
    let other = world.run(still())?;
    let mut ours = Connection::new(server.port, "/healthz", None)?;
    let mut theirs = Connection::new(other, "/", None)?;
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
