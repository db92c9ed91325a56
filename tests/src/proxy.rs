//! A proxy on an engine's socket that counts the calls which change something, and can end the caller
//! at one of them.

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use rustix::process::Signal;

use crate::http::{Head, relay_request_body};
use crate::lab::signal;

/// When, around one call, the caller is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the engine has heard of it.
    Before,
    /// Once it was sent, before anything is answered.
    Sent,
    /// Once the engine has answered, before the caller hears of it.
    Answered,
}

impl Moment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::Sent, Self::Answered];
}

/// Where the caller is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trap {
    /// At which of the calls that change something, from 1.
    pub call: usize,
    /// When, around it.
    pub moment: Moment,
}

#[derive(Debug, Default)]
struct State {
    /// Every call that changed something, or would have.
    calls: Vec<String>,
    /// Who is ended; calls that change something wait until it is known.
    victim: Option<u32>,
    /// Whether it was ended.
    sprung: bool,
}

#[derive(Debug)]
struct Shared {
    engine: PathBuf,
    trap: Option<Trap>,
    state: Mutex<State>,
    known: Condvar,
}

/// A proxy on an engine's socket.
#[derive(Debug)]
pub struct Proxy {
    socket: PathBuf,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens at `socket` for the engine at `engine`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn listen(socket: &Path, engine: &Path, trap: Option<Trap>) -> Result<Self> {
        let _ = std::fs::remove_file(socket);
        let listener =
            UnixListener::bind(socket).with_context(|| format!("listening at {}", socket.display()))?;
        let shared =
            Shared { engine: engine.to_owned(), trap, state: Mutex::default(), known: Condvar::new() };
        let shared = Arc::new(shared);
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                let shared = serving.clone();
                // A connection that breaks ends its own thread, and no other.
                std::thread::spawn(move || shared.relay(stream));
            }
        });
        Ok(Self { socket: socket.to_owned(), shared })
    }

    /// Says who is ended when the trap springs.
    pub fn aim(&self, victim: u32) {
        self.shared.state().victim = Some(victim);
        self.shared.known.notify_all();
    }

    /// Whether the trap has sprung.
    #[must_use]
    pub fn sprung(&self) -> bool {
        self.shared.state().sprung
    }

    /// The calls that changed something, so far: method and path.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.shared.state().calls.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The thread that listens stays until the process ends; nobody finds it any more.
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that changes something; gives when to end the caller around it, if at all.
    fn count(&self, head: &Head) -> Option<Moment> {
        if !changes_something(head) {
            return None;
        }
        let mut state = self.state();
        while state.victim.is_none() {
            state = self.known.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.calls.push(format!("{} {}", head.method(), shortened(head.path())));
        self.trap.filter(|trap| trap.call == state.calls.len()).map(|trap| trap.moment)
    }

    fn spring(&self) {
        let mut state = self.state();
        if let Some(victim) = state.victim {
            signal(victim, Signal::KILL);
            state.sprung = true;
        }
    }

    /// One request and its answer. The connection ends with it, which every client understands.
    fn relay(&self, client: UnixStream) -> Result<()> {
        let mut from_client = BufReader::new(client.try_clone()?);
        let mut to_client = client;
        let Some(mut head) = Head::read(&mut from_client)? else { return Ok(()) };
        let moment = self.count(&head);
        if moment == Some(Moment::Before) {
            self.spring();
            return Ok(());
        }
        let mut engine = UnixStream::connect(&self.engine)?;
        head.headers.remove("Connection");
        head.headers.0.push(("Connection".to_owned(), "close".to_owned()));
        engine.write_all(&head.to_bytes())?;
        relay_request_body(&mut from_client, &head.headers, &mut engine)?;
        match moment {
            Some(Moment::Sent) => {
                self.spring();
                Ok(())
            }
            Some(Moment::Answered) => {
                let mut answer = Vec::new();
                let answered = engine.read_to_end(&mut answer);
                self.spring();
                answered.map(|_| ()).context("the engine's answer")
            }
            _ => copy(&mut engine, &mut to_client),
        }
    }
}

/// Passes everything on as it comes.
fn copy(from: &mut UnixStream, to: &mut UnixStream) -> Result<()> {
    let mut piece = [0_u8; 16 * 1024];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&piece[..length])?;
    }
}

/// Whether a call changes something. Running a program in a container, and waiting, do not.
fn changes_something(head: &Head) -> bool {
    let apart = ["/exec", "/attach", "/wait", "/resize", "/auth"];
    matches!(head.method(), "POST" | "PUT" | "DELETE") && !apart.iter().any(|part| head.path().contains(part))
}

/// A path for people: without the version, and with short ids.
fn shortened(path: &str) -> String {
    let rest = path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let short = |part: &str| match part.rsplit(':').next() {
        Some(id) if id.len() == 64 => id[..12].to_owned(),
        _ => part.to_owned(),
    };
    rest.unwrap_or(path).split('/').map(short).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::http::{Client, Target, read_body};

    struct Scene {
        folder: PathBuf,
        proxy: Proxy,
        client: Client,
        served: Arc<Mutex<Vec<String>>>,
    }

    /// An engine that answers every request, behind a proxy.
    fn scene(name: &str, trap: Option<Trap>) -> Scene {
        let folder = std::env::temp_dir().join(format!("lodeman-proxy-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let engine = UnixListener::bind(folder.join("engine")).unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let seen = served.clone();
        std::thread::spawn(move || {
            for stream in engine.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let head = Head::read(&mut reader).unwrap().unwrap();
                // A connection closed over unread bytes would be reset.
                read_body(&mut reader, &head.headers, false).unwrap();
                assert!(head.headers.says("Connection", "close"));
                seen.lock().unwrap().push(head.line.clone());
                let _ = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndone");
            }
        });
        let socket = folder.join("proxy");
        let proxy = Proxy::listen(&socket, &folder.join("engine"), trap).unwrap();
        Scene { folder, proxy, client: Client::new(Target::Unix(socket)), served }
    }

    #[test]
    fn only_calls_that_change_something_are_counted_and_all_are_passed_on() {
        let scene = scene("count", None);
        scene.proxy.aim(0);
        for (method, path) in [
            ("GET", "/v1.41/containers/json"),
            (
                "POST",
                "/v1.41/containers/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/start",
            ),
            ("POST", "/v1.41/containers/a/wait"),
            ("DELETE", "/containers/a?force=0"),
        ] {
            assert_eq!(scene.client.request(method, path, &[], b"{}").unwrap().text(), "done");
        }
        assert_eq!(scene.proxy.calls(), ["POST /containers/0123456789ab/start", "DELETE /containers/a"]);
        assert_eq!(scene.served.lock().unwrap().len(), 4);
        std::fs::remove_dir_all(scene.folder).unwrap();
    }

    #[test]
    fn the_caller_is_ended_at_the_moment_that_was_asked_for() {
        for moment in Moment::ALL {
            let scene = scene(&format!("{moment:?}"), Some(Trap { call: 2, moment }));
            let mut victim = Command::new("sleep").arg("60").spawn().unwrap();
            scene.proxy.aim(victim.id());
            let ask = || scene.client.request("POST", "/x", &[], b"{}");
            assert!(ask().is_ok() && !scene.proxy.sprung());
            assert!(ask().is_err(), "the answer is not delivered");
            assert!(scene.proxy.sprung());
            assert!(!victim.wait().unwrap().success());
            let heard = || Ok((scene.served.lock().unwrap().len() == 2).then_some(()));
            let heard = crate::lab::wait(std::time::Duration::from_millis(300), heard);
            assert_eq!(heard.is_ok(), moment != Moment::Before, "{moment:?}");
            std::fs::remove_dir_all(scene.folder).unwrap();
        }
    }
}
