//! What the sample images carry, one program for all of them, without libraries:
//!
//! - `serve`: a sample application. It answers on port 8080 with its version, from `VERSION`, until it is
//!   told to stop. With `BROKEN=1` it says of itself that it is not healthy.
//! - `health`: asks it, for a health check.
//! - `registry FOLDER`: a small registry on port 5000.

use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use lodeman_tests::http::{Client, Target};
use lodeman_tests::registry::SmallRegistry;
use lodeman_tests::serve::{Answer, Request, serve};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The port of the sample application, inside its container.
const PORT: u16 = 8080;
/// The port of the registry, inside its container.
const REGISTRY_PORT: u16 = 5000;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => until_stopped(PORT, Arc::new(application)),
        ["registry", folder] => {
            let registry = SmallRegistry::open(Path::new(folder))?;
            until_stopped(REGISTRY_PORT, Arc::new(move |request| registry.answer(request)))
        }
        ["health"] => {
            let answer = Client::new(Target::Loopback { port: PORT, netns: None }).get("/health")?;
            println!("{}", answer.text().trim());
            Ok(if answer.status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => bail!("usage: lodeman-sample serve | health | registry FOLDER"),
    }
}

/// Serves until it is told to stop. The first process of a container must listen for that itself.
fn until_stopped(port: u16, answer: Arc<dyn Fn(&Request) -> Answer + Send + Sync>) -> Result<ExitCode> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on port {port}");
    std::thread::spawn(move || serve(&listener, &answer));
    signals.forever().next();
    println!("told to stop");
    Ok(ExitCode::SUCCESS)
}

fn application(request: &Request) -> Answer {
    let version = std::env::var("VERSION").unwrap_or_else(|_| "unknown".to_owned());
    let broken = std::env::var_os("BROKEN").is_some();
    match request.head.path() {
        "/health" if broken => Answer::new(503, "text/plain", "the database cannot be reached\n"),
        "/health" => Answer::new(200, "text/plain", "well\n"),
        _ => Answer::new(200, "text/plain", format!("This is version {version}.\n")),
    }
}
