//! The server of `up`, and what is told about it.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use lodeman_tests::lab::{Daemon, wait, workspace};
use serde_json::Value;

use super::fleet;
use super::place::Place;
use super::state::{State, folder};
use crate::run::{say, target_dir};

/// The first administrator.
const ADMINISTRATOR: &str = "admin";
/// How long the server may take to be ready.
const START: Duration = Duration::from_secs(30);
/// How long the first scan, and what it applies, may take.
const SCAN: Duration = Duration::from_mins(3);

/// The server of `up`.
pub struct Server {
    program: PathBuf,
    configuration: PathBuf,
    listen: String,
    shortcut: String,
    /// Whether it was started just now, and so scans by itself.
    fresh: bool,
}

/// The server's process.
pub fn daemon() -> Daemon {
    Daemon::named(&folder(), "server")
}

/// Starts the server, unless the same one runs with the same configuration.
///
/// # Errors
/// When it does not become ready; with the end of its log.
pub fn start(state: &mut State, program: &Path, place: &Place, whole_engine: bool) -> Result<Server> {
    let folder = folder();
    let password = folder.join("admin-password");
    if !password.exists() {
        write_secret(&password, &new_password()?)?;
    }
    if state.listen.is_empty() {
        state.listen = free_address()?;
    }
    let data = folder.join("data-dir");
    std::fs::create_dir_all(&data)?;
    let socket = place.socket().context("there is an engine")?;
    let scope = if whole_engine {
        String::new()
    } else {
        format!("include = [\"label:{}={}\"]", fleet::LABEL, fleet::VALUE)
    };
    let text = format!(
        "# Made by `cargo xtask up`.\n\
         [server]\nlisten = \"{}\"\ndata_dir = \"{}\"\n\n[engine]\nhost = \"unix://{}\"\n\n[scope]\n{scope}\n\n\
         [registry]\ndocker_config = \"none\"\n\n\
         [security]\nadmin_username = \"{ADMINISTRATOR}\"\nadmin_password_file = \"{}\"\n\n\
         [metrics]\nenabled = true\npublic = true\n",
        state.listen,
        data.display(),
        socket.display(),
        password.display()
    );
    let configuration = folder.join("lodeman.toml");
    let mut server = Server {
        program: program.to_owned(),
        shortcut: shortcut(program, &configuration)?,
        configuration: configuration.clone(),
        listen: state.listen.clone(),
        fresh: false,
    };
    let built = format!("{:?}", std::fs::metadata(program)?.modified()?);
    let same = state.program == built && state.configuration == text;
    if same && daemon().pid().is_some() && server.is_ready() {
        say("the server runs already");
        return Ok(server);
    }
    say("starting the server");
    daemon().stop(Duration::from_secs(20))?;
    std::fs::write(&configuration, &text)?;
    daemon().spawn(server.command(&["serve"]).current_dir(&folder), None)?;
    server.wait_until_ready()?;
    server.fresh = true;
    state.program = built;
    state.configuration = text;
    state.save()?;
    Ok(server)
}

/// Starts the server on its simulated engine and registry, and tells about it.
///
/// # Errors
/// When it does not become ready; with the end of its log.
pub fn demo(state: &mut State, program: &Path, why: &str) -> Result<()> {
    let folder = folder();
    if state.listen.is_empty() {
        state.listen = free_address()?;
    }
    let data = folder.join("data-dir");
    std::fs::create_dir_all(&data)?;
    let password = folder.join("admin-password");
    if !password.exists() {
        write_secret(&password, &new_password()?)?;
    }
    let configuration = folder.join("lodeman.toml");
    let text = format!(
        "# Made by `cargo xtask up`.\n[server]\nlisten = \"{}\"\ndata_dir = \"{}\"\n\n\
         [security]\nadmin_username = \"{ADMINISTRATOR}\"\nadmin_password_file = \"{}\"\n",
        state.listen,
        data.display(),
        password.display()
    );
    std::fs::write(&configuration, &text)?;
    let server = Server {
        program: program.to_owned(),
        shortcut: shortcut(program, &configuration)?,
        configuration,
        listen: state.listen.clone(),
        fresh: true,
    };
    if daemon().pid().is_none() || !server.is_ready() {
        say("starting the server on its simulated engine and registry");
        daemon().stop(Duration::from_secs(20))?;
        daemon().spawn(server.command(&["serve", "--demo"]).current_dir(&folder), None)?;
        server.wait_until_ready()?;
    }
    state.configuration = text;
    state.save()?;
    server.scan()?;
    server.explain()?;
    println!();
    println!("This is a simulation, because {why}: nothing real was touched.");
    server.address();
    println!("    {} explain          why each container runs what it runs", server.shortcut);
    println!("    {} queue            what waits for you", server.shortcut);
    println!("    cargo xtask down    removes everything that `up` made");
    Ok(())
}

impl Server {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.configuration).args(arguments);
        // What the caller's surroundings say is not meant for this server.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["LODEMAN_", "SENTINEL_", "WATCHTOWER_"].iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
    }

    fn is_ready(&self) -> bool {
        let asked = self.command(&["healthcheck", "--ready"]).output();
        asked.is_ok_and(|asked| asked.status.success())
    }

    fn wait_until_ready(&self) -> Result<()> {
        let ready = wait(START, || {
            if daemon().pid().is_none() {
                bail!("it ended");
            }
            Ok(self.is_ready().then_some(()))
        });
        ready.with_context(|| {
            format!("the server does not become ready; its log ends\n{}", daemon().log_tail(15))
        })
    }

    /// Waits for the server's first scan, or has it scan again, and for what policy applies by itself.
    ///
    /// # Errors
    /// When the server cannot be asked. That an update failed is told, and is no error here.
    pub fn scan(&self) -> Result<()> {
        if !self.fresh {
            say("looking for updates, and applying what policy allows");
            self.command(&["run-once"]).status().context("starting the program")?;
            return Ok(());
        }
        say("the server looks for updates, and applies what policy allows");
        let idle = || -> Result<Option<()>> {
            let asked = (self.ask("healthcheck"), self.ask("queue"), self.ask("explain"));
            let (Some(health), Some(queue), Some(explained)) = asked else { return Ok(None) };
            let any = |list: &Value, is: fn(&Value) -> bool| list.as_array().into_iter().flatten().any(is);
            // What is said of a container follows a moment after the update of it.
            let busy = any(&queue, |entry| matches!(entry["state"].as_str(), Some("approved" | "running")))
                || any(&explained, |told| told["action"].as_str() == Some("apply"));
            Ok((!busy && health["last_scan"].is_string()).then_some(()))
        };
        let ended = wait(SCAN, idle);
        ended.with_context(|| {
            format!("the first scan does not end; the log ends\n{}", daemon().log_tail(15))
        })?;
        println!();
        println!("What the server did by itself:");
        println!();
        self.command(&["history"]).status().context("starting the program")?;
        Ok(())
    }

    /// What a command says, for a program; nothing while the server cannot be asked.
    fn ask(&self, command: &str) -> Option<Value> {
        let asked = self.command(&[command, "--json"]).output().ok()?;
        serde_json::from_slice(&asked.stdout).ok()
    }

    /// Prints the explanation of every container.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn explain(&self) -> Result<()> {
        println!();
        println!("Why each container runs what it runs:");
        println!();
        let done = self.command(&["explain"]).status().context("starting the program")?;
        if !done.success() {
            bail!("the server does not explain; its log ends\n{}", daemon().log_tail(15));
        }
        Ok(())
    }

    fn address(&self) {
        println!();
        println!("The server listens at http://{}", self.listen);
        println!("    /readyz says what works, /healthz whether it lives, /metrics how much it did");
        println!(
            "Sign in as `{ADMINISTRATOR}` with the password in {}",
            relative(&folder().join("admin-password"))
        );
        println!();
    }

    /// Tells how to go on.
    pub fn tell(&self, place: &Place, all: bool) {
        self.address();
        match (place, all) {
            (Place::Foreign(_), false) => println!(
                "It manages only the sample fleet (include = label:{}={}): no container of yours is touched. \
                 `cargo xtask up --all` lifts that.\n",
                fleet::LABEL,
                fleet::VALUE
            ),
            (Place::Foreign(_), true) => {
                println!(
                    "It manages every container of this engine, as asked: by policy `manual` it only asks.\n"
                );
            }
            _ => {}
        }
        println!("See an update, with its downtime:    {} watch sample-web", self.shortcut);
        println!("See one that goes wrong, and back:   {} watch sample-shop", self.shortcut);
        println!("What waits for you:                  {} queue", self.shortcut);
        println!("What happened:                       {} history", self.shortcut);
        println!("Remove all of this:                  cargo xtask down");
    }
}

/// A short way to say `lodeman --config …`; gives how to call it.
fn shortcut(program: &Path, configuration: &Path) -> Result<String> {
    let file = target_dir().join("lodeman");
    let text =
        format!("#!/bin/sh\nexec '{}' --config '{}' \"$@\"\n", program.display(), configuration.display());
    std::fs::write(&file, text)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
    Ok(relative(&file))
}

/// A path as one would type it in the workspace.
fn relative(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

/// The usual address, or the next one that is free.
fn free_address() -> Result<String> {
    let addresses = (8080..8100).map(|port| format!("127.0.0.1:{port}"));
    addresses
        .into_iter()
        .find(|address| TcpListener::bind(address).is_ok())
        .context("no port from 8080 to 8099 is free")
}

/// 32 letters that are not taken for each other: five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

fn new_password() -> Result<String> {
    let mut bytes = [0_u8; 12];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let letters = bytes.iter().flat_map(|byte| [byte & 31, byte >> 3]);
    Ok(letters.map(|index| char::from(LETTERS[usize::from(index)])).collect())
}

fn write_secret(file: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::File::options();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(file)?;
    writeln!(file, "{text}")?;
    Ok(())
}
