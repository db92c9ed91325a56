//! Engines that the tests run on: the installed one, or today's, built from its source.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use lodeman_tests::lab::{Programs, packages};

use crate::run::{run, say, span, target_dir};

/// Which engine is tested on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The installed one
    #[default]
    Installed,
    /// Engine 29 with the containerd image store, built from its source, which takes Go
    #[value(name = "29")]
    TwentyNine,
}

/// A program that `go install` makes.
#[derive(Debug)]
struct Part {
    name: &'static str,
    package: &'static str,
    version: &'static str,
    tags: &'static str,
    cgo: bool,
}

const fn part(name: &'static str, package: &'static str, version: &'static str, tags: &'static str) -> Part {
    Part { name, package, version, tags, cgo: false }
}

/// What Engine 29 consists of. Its runtime is newer than most distributions': it must know time namespaces.
const PARTS: [Part; 5] = [
    part("dockerd", "github.com/moby/moby/v2/cmd/dockerd", ENGINE, "exclude_graphdriver_btrfs"),
    part("docker-proxy", "github.com/moby/moby/v2/cmd/docker-proxy", ENGINE, "exclude_graphdriver_btrfs"),
    part("containerd", "github.com/containerd/containerd/v2/cmd/containerd", CONTAINERD, "no_btrfs"),
    part(
        "containerd-shim-runc-v2",
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
        CONTAINERD,
        "no_btrfs",
    ),
    Part { cgo: true, ..part("runc", "github.com/opencontainers/runc", "v1.4.0", "") },
];
const ENGINE: &str = "v2.0.0-beta.24";
const CONTAINERD: &str = "v2.3.7";

/// Where Go is put by hand, as its own instructions say.
const GO: &str = "/usr/local/go/bin/go";

impl Engine {
    /// The programs of this engine, built if they are not there yet.
    ///
    /// # Errors
    /// When they have to be built and cannot be; with what is missing.
    pub fn programs(self) -> Result<Programs> {
        match self {
            Self::Installed => Ok(Programs::from_env()),
            Self::TwentyNine => build(&target_dir().join("engine-29")),
        }
    }
}

fn build(folder: &Path) -> Result<Programs> {
    let seccomp = has_seccomp();
    // A runtime without seccomp starts only what asks for none.
    let flags = if seccomp { "" } else { "--seccomp-profile unconfined" };
    let programs = Programs { first: folder.into(), flags: flags.to_owned() };
    let recipe = recipe(seccomp);
    let done = folder.join("built-of");
    let whole = PARTS.iter().all(|part| folder.join(part.name).is_file());
    if whole && std::fs::read_to_string(&done).is_ok_and(|built| built == recipe) {
        return Ok(programs);
    }
    let go = find_go()?;
    if !packages::is_installed("gcc") && !packages::is_installed("cc") {
        bail!("the runtime of Engine 29 is built with a C compiler, and there is none: apt-get install gcc");
    }
    std::fs::create_dir_all(folder)?;
    for (number, part) in PARTS.iter().enumerate() {
        say(&format!("Engine 29, part {} of {}: {} {}", number + 1, PARTS.len(), part.name, part.version));
        let took = run(&mut install(&go, folder, part, seccomp))
            .with_context(|| format!("{} could not be built", part.name))?;
        say(&format!("built in {}", span(took)));
    }
    std::fs::write(done, recipe)?;
    Ok(programs)
}

fn install(go: &Path, folder: &Path, part: &Part, seccomp: bool) -> Command {
    let tags = if part.cgo && seccomp { "seccomp" } else { part.tags };
    let mut command = Command::new(go);
    command.args(["install", "-tags", tags]).arg(format!("{}@{}", part.package, part.version));
    command.env("GOBIN", folder).env("CGO_ENABLED", if part.cgo { "1" } else { "0" });
    command.env_remove("GOFLAGS").env_remove("GOOS").env_remove("GOARCH");
    command
}

/// What the programs are made of, to know them again.
fn recipe(seccomp: bool) -> String {
    let line = |part: &Part| format!("{}@{} {}\n", part.package, part.version, part.tags);
    PARTS.iter().map(line).collect::<String>() + if seccomp { "seccomp\n" } else { "" }
}

fn has_seccomp() -> bool {
    let asked = Command::new("pkg-config").args(["--exists", "libseccomp"]).status();
    asked.is_ok_and(|status| status.success())
}

fn find_go() -> Result<PathBuf> {
    let by_hand = Path::new(GO);
    let found = packages::find("go").or_else(|| by_hand.is_file().then(|| by_hand.to_owned()));
    found.with_context(|| {
        "Engine 29 is built from its source, and there is no Go here (https://go.dev/doc/install); \
         without `--engine` the installed engine is taken"
    })
}

/// An engine as a person says it.
pub fn shown(engine: Engine, programs: &Programs) -> String {
    match engine {
        Engine::TwentyNine => format!("Engine 29 ({ENGINE})"),
        Engine::Installed if programs.first.is_empty() => "the installed engine".to_owned(),
        Engine::Installed => format!("the engine in {}", Path::new(OsStr::new(&programs.first)).display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_installed_at_its_version_into_the_folder() {
        let folder = Path::new("/build/engine-29");
        let commands: Vec<String> = PARTS
            .iter()
            .map(|part| crate::run::shown(&install(Path::new("/go/bin/go"), folder, part, false)))
            .collect();
        assert_eq!(
            commands[0],
            "go install -tags exclude_graphdriver_btrfs \
             github.com/moby/moby/v2/cmd/dockerd@v2.0.0-beta.24"
        );
        assert!(commands.iter().zip(&PARTS).all(|(command, part)| command.contains(part.name)));
        let runtime = install(Path::new("go"), folder, &PARTS[4], true);
        let says = |name: &str, value: &str| {
            runtime.get_envs().any(|(n, v)| n == OsStr::new(name) && v == Some(OsStr::new(value)))
        };
        assert!(says("GOBIN", "/build/engine-29") && says("CGO_ENABLED", "1"), "{runtime:?}");
        assert!(crate::run::shown(&runtime).contains("-tags seccomp"), "{runtime:?}");
    }

    #[test]
    fn other_versions_and_another_runtime_are_another_build() {
        assert_ne!(recipe(true), recipe(false));
        assert!(PARTS.iter().all(|part| recipe(false).contains(part.version)));
    }

    #[test]
    fn an_engine_is_shown_by_its_name() {
        let programs = Programs::default();
        assert_eq!(shown(Engine::Installed, &programs), "the installed engine");
        assert!(shown(Engine::TwentyNine, &programs).starts_with("Engine 29"));
        let own = Programs { first: "/own/bin".into(), ..programs };
        assert_eq!(shown(Engine::Installed, &own), "the engine in /own/bin");
    }
}
