//! How soon the last of 1,000 listeners has an event, beside a bare broadcast over the same library.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures::stream::{self, Stream, StreamExt as _};
use lodeman_tests::api::Api;
use lodeman_tests::http::{Client, Target};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};

use crate::Setting;
use crate::report::{Measure, Unit};
use crate::world::{PASSWORD, World};

const LISTENERS: usize = 1_000;
/// How many streams one account may have.
const PER_ACCOUNT: usize = 32;
/// How long an event may take to the last of them.
const PATIENCE: Duration = Duration::from_secs(30);

pub fn measure(setting: &Setting) -> Result<Vec<Measure>> {
    let world = World::new(&setting.folder.join("following"), 1)?;
    let server = world.serve(&setting.program, "server", 10)?;
    let client = Client::new(Target::Loopback { port: server.port, netns: None });
    let admin = Api::sign_in(client, "admin", PASSWORD)?;
    let tokens = world.run(tokens(server.port, &admin))?;
    let ours = world.run(Listeners::open(server.port, "/api/events", &tokens))?;
    let (bare, sender) = world.run(bare())?;
    let theirs = world.run(Listeners::open(bare, "/", &tokens))?;
    let (mut ours, mut theirs) = (ours, theirs);
    let mut pairs = Vec::new();
    for round in 0..setting.runs * 2 {
        // One event each: that the pause is on, or off again.
        let began = Instant::now();
        admin.post("/api/settings/pause", &json!({ "paused": round % 2 == 0 }))?;
        let last = world.run(ours.wait(round))?;
        let own = last.duration_since(began);
        let began = Instant::now();
        sender.send("one event".to_owned()).context("nobody listens")?;
        let last = world.run(theirs.wait(round))?;
        pairs.push((Unit::Milliseconds.of(own), Unit::Milliseconds.of(last.duration_since(began))));
    }
    server.running.terminate(Duration::from_secs(15))?;
    let (name, reference) = ("an event to the last of 1,000 listeners", "a bare broadcast, same library");
    let note = "from the request that causes it, its commit to disk included";
    Ok(vec![Measure::of(name, reference, Unit::Milliseconds, &pairs).note(note)])
}

/// A token for each of so many accounts that all listeners together are allowed.
async fn tokens(port: u16, admin: &Api) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for number in 0..LISTENERS.div_ceil(PER_ACCOUNT) {
        let name = format!("listener-{number}");
        let account = json!({ "username": name, "password": PASSWORD, "role_id": "viewer" });
        admin.post("/api/auth/users", &account)?;
        // Each from an address of its own: who knocks too often from one is told to wait.
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 1, u8::try_from(number + 1)?));
        tokens.push(token(port, from, &name).await.with_context(|| format!("signing {name} in"))?);
    }
    Ok(tokens)
}

async fn token(port: u16, from: IpAddr, name: &str) -> Result<String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().local_address(from).build()?;
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let account = json!({ "username": name, "password": PASSWORD });
    let json_body = ("content-type", "application/json");
    let login = client.post(at("/login")).header("accept", "application/json");
    let login = login.header(json_body.0, json_body.1).body(account.to_string());
    let session = cookie(&login.send().await?.error_for_status()?, "sentinel_session")?;
    let read = client.get(at("/api/auth/me")).header("cookie", &session).send().await?;
    let csrf = cookie(&read, "sentinel_csrf")?;
    let value = csrf.split_once('=').map_or("", |(_, value)| value).to_owned();
    let request = client.post(at("/api/auth/tokens")).header("cookie", format!("{session}; {csrf}"));
    let request = request.header("x-csrf-token", value).header(json_body.0, json_body.1);
    let made = request.body(r#"{"name":"bench"}"#).send().await?.error_for_status()?;
    let made: serde_json::Value = serde_json::from_slice(&made.bytes().await?)?;
    Ok(made["token"].as_str().context("there is no token")?.to_owned())
}

fn cookie(answer: &reqwest::Response, name: &str) -> Result<String> {
    let set = answer.headers().get_all("set-cookie").iter();
    let mut lines = set.filter_map(|line| line.to_str().ok()?.split(';').next());
    let found = lines.rfind(|line| line.split_once('=').is_some_and(|(own, _)| own == name));
    found.map(str::to_owned).with_context(|| format!("no cookie {name}"))
}

/// A stream of whatever is sent; its port.
async fn bare() -> Result<(u16, broadcast::Sender<String>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let (sender, _) = broadcast::channel(16);
    let router = Router::new().route("/", get(follow)).with_state(sender.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((port, sender))
}

async fn follow(
    State(sender): State<broadcast::Sender<String>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let connected = stream::once(async { Event::default().event("connected").data("{}") });
    let events = stream::unfold(sender.subscribe(), |mut receiver| async move {
        let text = receiver.recv().await.ok()?;
        Some((Event::default().event("settings_change").data(text), receiver))
    });
    Sse::new(connected.chain(events).map(Ok))
}

/// Everyone who listens to one stream.
struct Listeners(mpsc::UnboundedReceiver<(usize, Instant)>);

impl Listeners {
    /// Opens all streams, and waits until all are connected.
    async fn open(port: u16, path: &str, tokens: &[String]) -> Result<Self> {
        let (heard, receiver) = mpsc::unbounded_channel();
        let mut streams = Vec::new();
        for number in 0..LISTENERS {
            let token = &tokens[number / PER_ACCOUNT];
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut lines = BufReader::with_capacity(1024, stream).lines();
            let status = lines.next_line().await?.context("a stream ended")?;
            ensure!(status.starts_with("HTTP/1.1 200"), "listener {number} is refused: {status}");
            while !lines.next_line().await?.context("a stream ended")?.contains("connected") {}
            streams.push(lines);
        }
        for mut lines in streams {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut round = 0;
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.starts_with("event: settings_change") {
                        let _ = heard.send((round, Instant::now()));
                        round += 1;
                    }
                }
            });
        }
        Ok(Self(receiver))
    }

    /// When the last of them had the event of this round.
    async fn wait(&mut self, round: usize) -> Result<Instant> {
        let all = async {
            let mut last = None;
            for _ in 0..LISTENERS {
                let (of, at) = self.0.recv().await.context("everybody is gone")?;
                ensure!(of == round, "an event of another round came");
                last = last.max(Some(at));
            }
            last.context("nobody listens")
        };
        tokio::time::timeout(PATIENCE, all).await.context("some never had the event")?
    }
}
