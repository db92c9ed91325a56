//! How many requests a second the API answers with 1,000 containers, beside the same bytes from memory.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use lodeman_tests::api::Api;
use lodeman_tests::http::{Client, Target};
use tokio::net::TcpListener;

use crate::Setting;
use crate::connection::Connection;
use crate::report::{Measure, Unit};
use crate::world::{PASSWORD, World};

const CONTAINERS: usize = 1_000;
/// How long one side is asked at a time.
const SPAN: Duration = Duration::from_secs(1);

/// What is asked for, over how many connections, and what that is called.
const CASES: &[(&str, usize, &str)] = &[
    ("/api/containers", 1, "GET /api/containers, 1 connection"),
    ("/api/containers", 16, "GET /api/containers, 16 connections"),
    ("/api/containers", 64, "GET /api/containers, 64 connections"),
    ("/api/stats", 1, "GET /api/stats, 1 connection"),
    ("/api/stats", 16, "GET /api/stats, 16 connections"),
    ("/api/stats", 64, "GET /api/stats, 64 connections"),
];

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let world = World::new(&setting.folder.join("surface"), 200)?;
    let server = world.serve(&setting.program, "server", CONTAINERS)?;
    let client = Client::new(Target::Loopback { port: server.port, netns: None });
    let api = Api::sign_in(client, "admin", PASSWORD)?;
    let mut measures = Vec::new();
    for (path, connections, name) in CASES {
        let body = api.ask("GET", path, None)?.success(path)?.body;
        let note = format!("{} bytes an answer", body.len());
        let still = world.run(still(body))?;
        let mut pairs = Vec::new();
        for _ in 0..setting.runs {
            let ours = rate(server.port, path, *connections, api.authorization())?;
            let theirs = rate(still, path, *connections, api.authorization())?;
            pairs.push((ours, theirs));
        }
        let reference = "the same bytes from memory, same library";
        measures.push(Measure::of(name, reference, Unit::PerSecond, &pairs).note(note));
    }
    server.running.terminate(Duration::from_secs(15))?;
    Ok(measures)
}

/// A server that answers everything with the same bytes; its port.
async fn still(body: Vec<u8>) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let body = Bytes::from(body);
    let answer = move || {
        let body = body.clone();
        async move { ([("content-type", "application/json")], body) }
    };
    let router = Router::new().fallback(get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(port)
}

/// How many requests a second are answered over so many connections, each asking as soon as it can.
fn rate(port: u16, path: &str, connections: usize, authorization: &str) -> Result<f64> {
    let open = || Connection::new(port, path, Some(authorization));
    let opened: Vec<Connection> = (0..connections).map(|_| open()).collect::<Result<_>>()?;
    let began = Instant::now();
    let asking = opened.into_iter().map(|mut connection| {
        thread::spawn(move || -> Result<u32> {
            let mut count = 0;
            while began.elapsed() < SPAN {
                connection.ask(1)?;
                count += 1;
            }
            Ok(count)
        })
    });
    let asking: Vec<_> = asking.collect();
    let mut count = 0;
    for one in asking {
        count += one.join().ok().context("a client ended")??;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
