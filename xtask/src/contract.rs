//! The document of the API, held against a running server by schemathesis: every operation is asked with
//! what the document says and with what it does not, and every answer must be one that is told there.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use lodeman_tests::lab::{packages, workspace};
use serde_json::Value;

use crate::run::{run as run_command, say, target_dir};

/// The tool, pinned: a newer one looks for more.
const TOOL: &str = "schemathesis==4.32.5";
/// How long it looks for mistakes, in seconds.
const SECONDS: &str = "70";
/// How long the server may take to answer the first time.
const START: Duration = Duration::from_secs(30);
/// What by contract does not hold. A body is read leniently: keys whatever their case, `null` for anything,
/// nothing for a missing key (sentinel API, 1.4), so what the schema does not admit is accepted at times. And
/// what a cron line, a duration or a window is, a schema cannot say, so what it admits is refused at times.
const LENIENT: &str = "negative_data_rejection,positive_data_acceptance";
const PASSWORD: &str = "a long password 1";

/// Holds the document that `program` serves against what it answers.
///
/// # Errors
/// When an answer is not one of the document, or the server cannot be started.
pub fn run(program: &Path) -> Result<()> {
    let Some(tool) = tool() else {
        say(
            "NOT RUN: the document against a running server. schemathesis cannot be had here: it takes python3 \
             and a way to PyPI",
        );
        return Ok(());
    };
    let folder = target_dir().join("contract");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let server = Server::start(program, &folder)?;
    let token = server.token()?;
    say(&format!("holding the document against a running server, for {SECONDS} s"));
    let mut command = Command::new(tool);
    command.arg("--config-file").arg(workspace().join("xtask/schemathesis.toml"));
    command.args(["--no-color", "run"]).arg(format!("http://{}/openapi.json", server.address));
    command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    command.args([
        "--checks",
        "all",
        "--exclude-checks",
        LENIENT,
        "--max-examples",
        "12",
        "--max-time",
        SECONDS,
    ]);
    command.args(["--request-timeout", "10", "--generation-deterministic", "--continue-on-failure"]);
    command.current_dir(&folder);
    let result = command.status().context("starting schemathesis")?;
    if !result.success() {
        bail!("an answer is not one of the document; the server's log is {}", folder.join("log").display());
    }
    Ok(())
}

/// The tool, installed under the target directory. Nothing where it cannot be had.
fn tool() -> Option<PathBuf> {
    let place = target_dir().join(TOOL.replace("==", "-"));
    let tool = place.join("bin/schemathesis");
    let works = |tool: &Path| {
        let asked = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    if works(&tool) {
        return Some(tool);
    }
    say(&format!("installing {TOOL}"));
    let _ = fs::remove_dir_all(&place);
    let made = make_environment(&place)
        .and_then(|()| run_command(Command::new(place.join("bin/pip")).args(["install", "--quiet", TOOL])));
    if let Err(error) = made {
        eprintln!("{error:#}");
        return None;
    }
    works(&tool).then_some(tool)
}

/// An environment of python's own. Debian has what makes one in a package by itself.
fn make_environment(place: &Path) -> Result<()> {
    let has_own = Command::new("python3").args(["-c", "import ensurepip"]).stderr(Stdio::null()).status();
    if has_own.is_ok_and(|status| status.success()) {
        return run_command(Command::new("python3").args(["-m", "venv"]).arg(place)).map(|_| ());
    }
    packages::install(&[packages::Need { program: "virtualenv", package: "python3-virtualenv" }], &say)?;
    run_command(Command::new("virtualenv").arg("--quiet").arg(place)).map(|_| ())
}

/// A server on a simulated engine; it ends with this.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        // Free a moment ago; nobody else here takes one that was not given to it.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = File::create(folder.join("log"))?;
        let process = Command::new(program)
            .args(["serve", "--demo"])
            .env("LODEMAN_SERVER_DATA_DIR", folder.join("data"))
            .env("LODEMAN_SERVER_LISTEN", address.to_string())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the server")?;
        let server = Self { process, address };
        let began = Instant::now();
        while !server.ask("GET", "/readyz", "", "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            if began.elapsed() > START {
                bail!("the server does not become ready; its log is {}", folder.join("log").display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// The first administrator's token: set-up, then a session with its second token, then the token.
    fn token(&self) -> Result<String> {
        let person = format!(r#"{{"role":"server","username":"admin","password":"{PASSWORD}"}}"#);
        let set_up = self.ask("POST", "/api/setup", "", &person)?;
        let session = cookie(&set_up, "sentinel_session").context("set-up gives no session")?;
        let shown = format!("Cookie: sentinel_session={session}\r\n");
        let me = self.ask("GET", "/api/auth/me", &shown, "")?;
        let second = cookie(&me, "sentinel_csrf").context("the session has no second token")?;
        let shown = format!(
            "Cookie: sentinel_session={session}; sentinel_csrf={second}\r\nX-CSRF-Token: {second}\r\n\
             Content-Type: application/json\r\n"
        );
        let made = self.ask("POST", "/api/auth/tokens", &shown, r#"{"name":"contract"}"#)?;
        let (_, body) = made.split_once("\r\n\r\n").context("no answer")?;
        let made: Value = serde_json::from_str(body).context("the answer is no JSON")?;
        Ok(made["token"].as_str().context("the answer has no token")?.to_owned())
    }

    /// One request, and its whole answer as text.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(START))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It simulates, and keeps nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &str, name: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    let set = head.lines().filter_map(|line| line.split_once(": "));
    let mut values =
        set.filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie")).map(|(_, value)| value);
    let value = values.find_map(|value| value.strip_prefix(name)?.strip_prefix('='))?;
    value.split(';').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_the_headers_only() {
        let answer = "HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\nSet-Cookie: ab=2\r\n\r\nset-cookie: c=3";
        assert_eq!(cookie(answer, "a").as_deref(), Some("1"));
        assert_eq!(cookie(answer, "ab").as_deref(), Some("2"));
        assert_eq!(cookie(answer, "c"), None);
    }
}
