//! The program, with a directory of its own.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program, with a data directory that nobody else uses and no engine.
pub struct Program {
    directory: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Program {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// An engine that takes connections and never answers. The first connection is told.
    pub fn silent_engine(&self) -> mpsc::Receiver<()> {
        let listener = UnixListener::bind(self.directory.path().join("none")).unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept() {
                held.push(stream);
                if tell.send(()).is_err() {
                    return;
                }
            }
        });
        told
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A file of this content.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lodeman"));
        command
            .env_clear()
            .env("HOME", self.directory.path())
            .env("USER", "ann")
            .env("LODEMAN_SERVER_DATA_DIR", self.data())
            .env("LODEMAN_SERVER_LISTEN", "127.0.0.1:0")
            .env("LODEMAN_ENGINE_HOST", format!("unix://{}", self.directory.path().join("none").display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs it with this on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Starts a server and waits until it answers.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let log = self.directory.path().join("log");
        let mut command = self.command(arguments);
        command.stderr(std::fs::File::create(&log).unwrap()).stdout(Stdio::null());
        self.started(command, log)
    }

    pub fn started(&self, mut command: Command, log: PathBuf) -> Server {
        let server = Server { child: command.spawn().unwrap(), log };
        wait(|| self.run(&["healthcheck"]).code == Some(0));
        server
    }

    pub fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

/// A server that runs. It is killed when this goes.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Where its HTTP listener is.
    pub fn address(&self) -> String {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("listening")).unwrap();
        line.rsplit_once("address=").unwrap().1.trim().to_owned()
    }

    /// Waits for its end, and tells its exit code.
    pub fn ended(mut self) -> Option<i32> {
        wait(|| self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds`.
pub fn wait(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "it did not come about in time");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The mode of a file, without its kind.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).unwrap().mode() & 0o777
}
