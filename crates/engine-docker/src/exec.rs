//! Commands inside a container.
//!
//! The engine is asked to make an exec, which runs nothing, then to start it, which answers with what the
//! command writes. How it ended only an inspect of the exec tells; the stream may end earlier (a proxy cuts
//! what is silent for long) or later (a child keeps it open) than the command.

mod frames;
mod kill;

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use lodeman_domain::container::ContainerId;
use lodeman_engine::{EngineError, ExecEnding, ExecReport, ExecRequest};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::engine::DockerEngine;
use crate::path;
use crate::tail::Tail;
use crate::transport::Lane;
use frames::Frames;

const ACTION: &str = "run a command in a container";

/// The variable by which what a command began is found again.
const MARK: &str = "LODEMAN_EXEC";

/// Between two looks while the command writes, and while it does not any more.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_SOON: Duration = Duration::from_millis(100);

/// How long a command that ended is listened to, where a child of it keeps its streams open.
const AFTERMATH: Duration = Duration::from_millis(500);

/// How long a command is waited for at most, so that the moment can be told by the clock.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// Looks that fail in a row before nothing is known of the command any more.
const MAX_FAILED_LOOKS: u32 = 10;

/// What the engine tells about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    running: bool,
    /// `None` until it ended; also where it was never started.
    code: Option<i64>,
    /// Its process id where the engine is.
    pid: Option<i32>,
}

/// Both streams of a command.
#[derive(Debug, Default)]
struct Output {
    frames: Frames,
    standard: Tail,
    error: Tail,
}

impl Output {
    fn push(&mut self, data: &[u8]) {
        let Self { frames, standard, error } = self;
        frames.push(data, &mut |is_error, piece| {
            if is_error { error.push(piece) } else { standard.push(piece) }
        });
    }

    fn into_report(self, ending: ExecEnding) -> ExecReport {
        let cut = self.standard.is_cut() || self.error.is_cut();
        ExecReport::new(ending, self.standard.into_text(), self.error.into_text(), cut)
    }
}

/// A text that no other command carries, of this server or of one before it, and that begins no other's.
fn fresh_mark() -> Result<String, EngineError> {
    let mut bytes = [0; 16];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| EngineError::Unreachable(error.into()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn unknown(why: impl Into<String>) -> EngineError {
    EngineError::Unknown { action: ACTION, source: why.into().into() }
}

impl DockerEngine {
    pub(crate) async fn run_inside(
        &self,
        id: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecReport, EngineError> {
        let mark = fresh_mark()?;
        let environment = request.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let environment: Vec<String> = environment.chain([format!("{MARK}={mark}")]).collect();
        let exec = self.make_exec(id, &request.command, &environment).await.map_err(not_begun)?;
        let mut output = Output::default();
        let deadline = Instant::now() + request.timeout.min(LONGEST);
        if let Some(code) = self.follow(&exec, &mut output, deadline).await? {
            return Ok(output.into_report(ExecEnding::Exited { code }));
        }
        let left_running = self.end_exec(id, &exec, &mark).await;
        if let Some(why) = &left_running {
            tracing::warn!(container.id = %id.short(), "a command beyond its time may still run: {why}");
        }
        Ok(output.into_report(ExecEnding::TimedOut { left_running }))
    }

    async fn make_exec(
        &self,
        id: &ContainerId,
        command: &[String],
        environment: &[String],
    ) -> Result<String, EngineError> {
        let body = json!({
            "AttachStdin": false, "AttachStdout": true, "AttachStderr": true, "Tty": false,
            "Cmd": command, "Env": environment,
        });
        let path = format!("/containers/{id}/exec");
        let answer = self.post(ACTION, path, Some(body), self.transport.deadlines.quick).await?;
        let made = answer.json()?;
        let exec = made.get("Id").and_then(Value::as_str).filter(|id| !id.is_empty());
        exec.map(str::to_owned)
            .ok_or_else(|| EngineError::Malformed { action: ACTION, message: "it has no `Id`".to_owned() })
    }

    /// Starts a made exec; gives what it writes.
    async fn start_exec(&self, exec: &str) -> Result<Incoming, EngineError> {
        let body = json!({ "Detach": false, "Tty": false }).to_string();
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let path = format!("/exec/{}/start", path::encode(exec));
        *request.uri_mut() =
            path.parse().map_err(|error: http::uri::InvalidUri| EngineError::Unreachable(error.into()))?;
        let wait = self.transport.deadlines.quick;
        let response = self.transport.stream(ACTION, Lane::Commands, wait, request).await?;
        Ok(response.into_body())
    }

    async fn look_at_exec(&self, exec: &str) -> Result<State, EngineError> {
        let path = format!("/exec/{}/json", path::encode(exec));
        let answer = self.get(ACTION, path, self.transport.deadlines.quick).await?;
        let told = answer.found(exec)?.json()?;
        let running = told.get("Running").and_then(Value::as_bool).unwrap_or(false);
        let pid = told.get("Pid").and_then(Value::as_i64).and_then(|pid| i32::try_from(pid).ok());
        Ok(State {
            running,
            code: told.get("ExitCode").and_then(Value::as_i64).filter(|_| !running),
            pid: pid.filter(|pid| *pid > 0),
        })
    }

    /// Starts the command and follows it to its end. `None`: it is not done by the deadline.
    async fn follow(
        &self,
        exec: &str,
        output: &mut Output,
        deadline: Instant,
    ) -> Result<Option<i64>, EngineError> {
        let mut stream = match timeout_at(deadline, self.start_exec(exec)).await {
            Ok(Ok(stream)) => Some(stream),
            // The answer was lost: whether it was started the engine still knows.
            Ok(Err(EngineError::Unknown { .. })) | Err(_) => None,
            Ok(Err(error)) => return Err(error),
        };
        let mut failed = 0;
        let mut next_look = Instant::now() + if stream.is_some() { LOOK_EVERY } else { LOOK_SOON };
        loop {
            tokio::select! {
                piece = next_piece(&mut stream), if stream.is_some() => {
                    match piece {
                        Some(data) => {
                            output.push(&data);
                            continue;
                        }
                        None => stream = None,
                    }
                }
                () = sleep_until(next_look) => {}
                () = sleep_until(deadline) => {
                    // Nobody can tell what became of a command of an engine that does not answer.
                    if failed > 0 {
                        return Err(unknown("the engine stopped answering while it ran"));
                    }
                    return Ok(None);
                }
            }
            match self.look_at_exec(exec).await {
                Ok(State { running: false, code: Some(code), .. }) => {
                    listen_on(&mut stream, output).await;
                    return Ok(Some(code));
                }
                Ok(State { running: true, .. }) => failed = 0,
                Err(error) if error.is_not_found() => {
                    return Err(unknown("the engine knows nothing of it any more"));
                }
                // It was made and is not started, as the request is still on its way or was lost; or the
                // engine does not tell.
                Ok(_) | Err(_) => failed += 1,
            }
            if failed >= MAX_FAILED_LOOKS {
                return Err(unknown("it cannot be told what became of it"));
            }
            next_look = Instant::now() + if stream.is_some() { LOOK_EVERY } else { LOOK_SOON * (failed + 1) };
        }
    }

    /// Ends a command that is beyond its time; tells why it may still run.
    async fn end_exec(&self, id: &ContainerId, exec: &str, mark: &str) -> Option<String> {
        let pid = match self.look_at_exec(exec).await {
            Ok(State { running: false, .. }) => return None,
            Ok(state) => state.pid,
            Err(error) => return Some(format!("the engine could not be asked: {error}")),
        };
        let (container, wanted) = (id.clone(), format!("{MARK}={mark}"));
        let from_here = match pid {
            Some(pid) => tokio::task::spawn_blocking(move || kill::from_here(pid, &container, &wanted)).await,
            None => Ok(Err(kill::Unable::NotSeen)),
        };
        let from_here = from_here.unwrap_or(Err(kill::Unable::NotSeen));
        if from_here.is_ok() && self.is_over(exec).await {
            return None;
        }
        for shell in kill::SHELLS {
            let command: Vec<String> =
                shell.iter().map(|part| (*part).to_owned()).chain(kill::script(mark)).collect();
            if self.run_briefly(id, &command).await && self.is_over(exec).await {
                return None;
            }
        }
        let why = match from_here {
            Ok(()) => "it was killed and does not end".to_owned(),
            Err(unable) => format!("{unable}, and the container has no shell that could end it"),
        };
        Some(why)
    }

    /// Whether a killed command comes to its end.
    async fn is_over(&self, exec: &str) -> bool {
        for _ in 0..15 {
            if matches!(self.look_at_exec(exec).await, Ok(State { running: false, .. })) {
                return true;
            }
            sleep(LOOK_SOON).await;
        }
        false
    }

    /// Runs a helper inside the container; whether it ended well.
    async fn run_briefly(&self, id: &ContainerId, command: &[String]) -> bool {
        let Ok(exec) = self.make_exec(id, command, &[]).await else { return false };
        let mut ignored = Output::default();
        let deadline = Instant::now() + Duration::from_secs(2);
        matches!(self.follow(&exec, &mut ignored, deadline).await, Ok(Some(0)))
    }
}

/// Making an exec runs nothing, so whatever went wrong with that, nothing was run.
fn not_begun(error: EngineError) -> EngineError {
    match error {
        EngineError::Unknown { source, .. } => EngineError::Unreachable(source),
        EngineError::Malformed { message, .. } => EngineError::Unreachable(message.into()),
        other => other,
    }
}

/// The next bytes of a stream; `None` at its end, however it came about.
async fn next_piece(stream: &mut Option<Incoming>) -> Option<Bytes> {
    let stream = stream.as_mut()?;
    loop {
        match stream.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Some(data);
                }
            }
            Some(Err(_)) | None => return None,
        }
    }
}

/// Reads what a command that has ended wrote.
async fn listen_on(stream: &mut Option<Incoming>, output: &mut Output) {
    let until = Instant::now() + AFTERMATH;
    while let Ok(Some(data)) = timeout_at(until, next_piece(stream)).await {
        output.push(&data);
    }
}
