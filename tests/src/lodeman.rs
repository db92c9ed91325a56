//! The built binary, as a person or a script uses it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use serde_json::Value;

use crate::http::{Client, Target};
use crate::lab::{Netns, signal, wait};

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// What comes before the port in the log line that tells where the server listens.
const ADDRESS: &str = "127.0.0.1:";
/// How long a server may take to be ready. One that recovers waits until nobody else changes containers of
/// the engine that the tests share, for half a minute at most.
const START: Duration = Duration::from_secs(90);

/// The program, with a data directory and a configuration of its own.
#[derive(Debug, Clone)]
pub struct Lodeman {
    program: PathBuf,
    folder: PathBuf,
    netns: Option<Arc<Netns>>,
    settings: BTreeMap<String, String>,
}

/// A command that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Finished {
    /// What it wrote, as JSON.
    ///
    /// # Errors
    /// When it is none; with everything it wrote.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {self:?}"))
    }

    /// This, if it ended well.
    ///
    /// # Errors
    /// When it did not; with everything it wrote.
    pub fn success(self) -> Result<Self> {
        anyhow::ensure!(
            self.code == Some(0),
            "it failed: code {:?}\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }
}

impl Lodeman {
    /// The program, keeping its data in `folder` and speaking with the engine at `socket`.
    #[must_use]
    pub fn new(program: &Path, folder: &Path, socket: &Path, netns: Option<Arc<Netns>>) -> Self {
        let mut lodeman =
            Self { program: program.to_owned(), folder: folder.to_owned(), netns, settings: BTreeMap::new() };
        lodeman.engine(socket);
        lodeman.set("SERVER_DATA_DIR", &folder.join("data").display().to_string());
        lodeman.set("SERVER_LISTEN", "127.0.0.1:0");
        lodeman.set("REGISTRY_DOCKER_CONFIG", "none");
        lodeman
    }

    /// Has it speak with the engine at another socket.
    pub fn engine(&mut self, socket: &Path) {
        self.set("ENGINE_HOST", &format!("unix://{}", socket.display()));
    }

    /// Sets `LODEMAN_<key>`.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(format!("LODEMAN_{key}"), value.to_owned());
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // Nothing of whoever runs the tests may steer it.
        command.env_clear().env("HOME", &self.folder).envs(&self.settings);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(arguments).stdin(Stdio::null()).current_dir(&self.folder);
        command
    }

    /// Starts a command, with what it writes in files of that name.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Running> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        std::fs::create_dir_all(self.data())?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{count:04}-{}", arguments.first().unwrap_or(&"serve"));
        let stdout = self.folder.join(format!("{name}.out"));
        let stderr = self.folder.join(format!("{name}.err"));
        let mut command = self.command(arguments);
        command.stdout(File::create(&stdout)?).stderr(File::create(&stderr)?).process_group(0);
        let child = match &self.netns {
            Some(netns) => netns.inside(|| command.spawn())?,
            None => command.spawn(),
        };
        let child = child.with_context(|| format!("starting {}", self.program.display()))?;
        Ok(Running { child, stdout, stderr, netns: self.netns.clone() })
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started, or does not end. Any exit code is an end.
    pub fn run(&self, arguments: &[&str]) -> Result<Finished> {
        self.spawn(arguments)?.finish(PATIENCE)
    }

    /// Runs a command with `--json`, which must end with `code`, and reads what it writes.
    ///
    /// # Errors
    /// When it ends otherwise, or writes no JSON; with everything it wrote.
    pub fn json(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let finished = self.run(&arguments)?;
        anyhow::ensure!(finished.code == Some(code), "{arguments:?} did not end with {code}: {finished:#?}");
        finished.json()
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; with what it wrote.
    pub fn serve(&self) -> Result<Running> {
        let mut server = self.spawn(&["serve"])?;
        let ready = wait(START, || {
            anyhow::ensure!(server.child.try_wait()?.is_none(), "it ended");
            Ok((self.run(&["healthcheck", "--ready"])?.code == Some(0)).then_some(()))
        });
        ready.with_context(|| format!("the server does not become ready\n{}", server.written()))?;
        Ok(server)
    }
}

/// A command that runs. It is killed when this goes.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    netns: Option<Arc<Netns>>,
}

impl Running {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where the server answers HTTP.
    ///
    /// # Errors
    /// When it does not say so in its log.
    pub fn http(&self) -> Result<Client> {
        let written = self.written();
        let line = written.lines().find(|line| line.contains("listening") && line.contains(ADDRESS));
        let digits = line.and_then(|line| line.split(ADDRESS).nth(1)).context("no address in its log")?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let port = digits[..end].parse().with_context(|| format!("no port: {digits}"))?;
        Ok(Client::new(Target::Loopback { port, netns: self.netns.clone() }))
    }

    /// What it wrote so far, complaints last.
    #[must_use]
    pub fn written(&self) -> String {
        let read = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
        format!("{}{}", read(&self.stdout), read(&self.stderr))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within `patience`; it is killed then.
    pub fn finish(mut self, patience: Duration) -> Result<Finished> {
        let ended = wait(patience, || Ok(self.child.try_wait()?));
        let status = ended.with_context(|| format!("a command does not end\n{}", self.written()))?;
        Ok(Finished {
            code: status.code(),
            stdout: std::fs::read_to_string(&self.stdout)?,
            stderr: std::fs::read_to_string(&self.stderr)?,
        })
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    /// When it does not end within `patience`; it is killed then.
    pub fn terminate(self, patience: Duration) -> Result<Finished> {
        signal(self.child.id(), Signal::TERM);
        self.finish(patience)
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.child.kill()?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
