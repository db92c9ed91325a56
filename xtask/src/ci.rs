//! `ci`: everything that must hold before a change is merged.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::run::{cargo, ourselves, run as run_command, say, span};

#[derive(Debug, Args)]
pub struct CiArgs {
    /// Goes on to success when a tool is missing; it is named all the same
    #[arg(long)]
    allow_missing_tools: bool,
    /// Leaves out the tests with a real engine
    #[arg(long)]
    without_lab: bool,
}

/// How one gate ended.
enum Gate {
    Passed,
    Failed(String),
    /// Its tool is not there; how to get it.
    Missing(&'static str),
}

pub fn run(arguments: &CiArgs) -> Result<()> {
    let began = Instant::now();
    let mut gates: Vec<(&str, Gate)> = Vec::new();
    let mut gate = |name: &'static str, result: Result<Gate>| {
        let result = result.unwrap_or_else(|error| Gate::Failed(format!("{error:#}")));
        if let Gate::Failed(why) = &result {
            eprintln!("==> {name} failed: {why}");
        }
        gates.push((name, result));
    };
    gate("fmt", ran(cargo().args(["fmt", "--all", "--", "--check"])));
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    gate("clippy", ran(cargo().args(clippy)));
    gate("layers", ran(Command::new(ourselves()?).arg("layers")));
    gate("sqlx", ran(Command::new(ourselves()?).args(["sqlx", "--check"])));
    gate("openapi", ran(Command::new(ourselves()?).args(["openapi", "--check"])));
    let mut test = Command::new(ourselves()?);
    test.arg("test");
    if arguments.without_lab {
        test.arg("--without-lab");
    }
    gate("test", ran(&mut test));
    let docs = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    gate("docs", ran(cargo().args(docs).env("RUSTDOCFLAGS", "-D warnings")));
    gate("deny", deny(&["bans", "licenses", "sources"]));
    gate("advisories", advisories());

    eprintln!();
    for (name, result) in &gates {
        match result {
            Gate::Passed => eprintln!("{name:<12} passed"),
            Gate::Failed(why) => eprintln!("{name:<12} FAILED: {}", why.lines().next().unwrap_or_default()),
            Gate::Missing(how) => eprintln!("{name:<12} NOT RUN: {how}"),
        }
    }
    eprintln!("in {}", span(began.elapsed()));
    let failed = gates.iter().any(|(_, result)| matches!(result, Gate::Failed(_)));
    let missing = gates.iter().any(|(_, result)| matches!(result, Gate::Missing(_)));
    if failed {
        bail!("not everything holds");
    }
    if missing && !arguments.allow_missing_tools {
        bail!("a tool is missing (--allow-missing-tools goes on without it)");
    }
    Ok(())
}

fn ran(command: &mut Command) -> Result<Gate> {
    say(&crate::run::shown(command));
    run_command(command).map(|_| Gate::Passed)
}

fn has_deny() -> bool {
    let asked = cargo().args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

const GET_DENY: &str = "cargo-deny is missing; `cargo install --locked cargo-deny` brings it";

fn deny(checks: &[&str]) -> Result<Gate> {
    if !has_deny() {
        return Ok(Gate::Missing(GET_DENY));
    }
    ran(cargo().args(["deny", "--all-features", "check"]).args(checks))
}

/// Known weaknesses of what we use; only where their database can be had.
fn advisories() -> Result<Gate> {
    if !has_deny() {
        return Ok(Gate::Missing(GET_DENY));
    }
    let fetched = cargo().args(["deny", "fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !fetched.is_ok_and(|status| status.success()) {
        return Ok(Gate::Missing("the database of advisories cannot be fetched here"));
    }
    deny(&["advisories"])
}
