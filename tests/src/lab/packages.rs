//! The distribution's packages that the lab is made of.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A program, and the package of Debian and Ubuntu that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The program.
    pub program: &'static str,
    /// The package.
    pub package: &'static str,
}

/// The engine.
pub const ENGINE: Need = Need { program: "dockerd", package: "docker.io" };
/// The packet filter's tool, which the engine calls.
pub const IPTABLES: Need = Need { program: "iptables", package: "iptables" };
/// The registry.
pub const REGISTRY: Need = Need { program: "docker-registry", package: "docker-registry" };
/// A program without libraries, for images from nothing.
pub const BUSYBOX: Need = Need { program: "busybox", package: "busybox-static" };

/// Everything that the tests use.
pub const LAB: &[Need] = &[ENGINE, IPTABLES, REGISTRY, BUSYBOX];

/// Whether a program is installed.
#[must_use]
pub fn is_installed(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program is.
#[must_use]
pub fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var("LODEMAN_LAB_PATH").unwrap_or_default();
    let path =
        format!("{path}:{}:/usr/local/sbin:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    path.split(':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join(program))
        .find(|file| file.is_file())
}

/// Which of these are not installed.
#[must_use]
pub fn missing(needs: &[Need]) -> Vec<Need> {
    let missing = |need: &&Need| {
        // A busybox with libraries does not help.
        let wrong = need.program == "busybox" && crate::image::Image::busybox().is_err();
        wrong || !is_installed(need.program)
    };
    needs.iter().filter(missing).copied().collect()
}

/// Installs what is missing, without a question and without starting any service. `tell` gets each
/// line of progress.
///
/// # Errors
/// Without root, on a distribution without `apt-get`, or when that fails; with what to install by hand.
pub fn install(needs: &[Need], tell: &dyn Fn(&str)) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    let by_hand =
        format!("install them by hand: apt-get install --no-install-recommends {}", names.join(" "));
    if !super::is_root() {
        bail!("{} missing, and installing takes root; {by_hand}", names.join(", "));
    }
    if !is_installed("apt-get") {
        bail!(
            "{} missing, and there is no apt-get; install them by this system's own means",
            names.join(", ")
        );
    }
    tell(&format!("installing {}", names.join(", ")));
    let _quiet = NoServices::new();
    // The lists may be missing, as in most container images, or too old.
    if apt(&install_arguments(&names)).is_err() {
        tell("reading the package lists");
        apt(&["update"]).with_context(|| by_hand.clone())?;
        apt(&install_arguments(&names)).with_context(|| by_hand.clone())?;
    }
    let still: Vec<&str> = self::missing(needs).iter().map(|need| need.program).collect();
    if !still.is_empty() {
        bail!("{} not there, although {} was installed", still.join(", "), names.join(", "));
    }
    Ok(())
}

fn install_arguments<'a>(names: &[&'a str]) -> Vec<&'a str> {
    ["install", "--yes", "--no-install-recommends"].into_iter().chain(names.iter().copied()).collect()
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold", "-q"]);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let done = command.output().context("starting apt-get")?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        bail!("apt-get {}: {}", arguments.join(" "), lines[lines.len().saturating_sub(5)..].join("; "));
    }
    Ok(())
}

/// While this is held, packages that are installed start no service: the lab starts its own.
struct NoServices {
    made: bool,
}

/// The file that the packages' scripts ask.
const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let made = !Path::new(POLICY).exists()
            && std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").is_ok()
            && std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755)).is_ok();
        Self { made }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.made {
            let _ = std::fs::remove_file(POLICY);
        }
    }
}
