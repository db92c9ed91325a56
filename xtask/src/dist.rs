//! `dist`: the static release binary, with its checksum.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use lodeman_tests::image::digest_of;

use crate::run::{cargo, run as run_command, say, target_dir};

#[derive(Debug, Args)]
pub struct DistArgs {
    /// What it is built for [default: this machine]
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

pub fn run(arguments: &DistArgs) -> Result<()> {
    let this_machine = || format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let target = arguments.target.clone().unwrap_or_else(this_machine);
    say(&format!("building for {target}, without libraries; this takes a while"));
    let built = build_static("lodeman", "lodeman", "dist", &target)?;
    let folder = target_dir().join("distribution");
    std::fs::create_dir_all(&folder)?;
    let name = format!("lodeman-{}-{target}", env!("CARGO_PKG_VERSION"));
    let program = folder.join(&name);
    std::fs::copy(&built, &program).with_context(|| format!("{} was not built", built.display()))?;
    let bytes = std::fs::read(&program)?;
    ensure!(!needs_a_loader(&bytes), "{} is not static", program.display());
    let checksum = digest_of(&bytes);
    let checksum = checksum.trim_start_matches("sha256:");
    let sums = folder.join(format!("{name}.sha256"));
    // The form that `sha256sum --check` reads.
    std::fs::write(&sums, format!("{checksum}  {name}\n"))?;
    println!("{}  {} KiB", program.display(), bytes.len() / 1024);
    println!("{}  {checksum}", sums.display());
    Ok(())
}

/// Builds one program without libraries; gives where it is.
///
/// # Errors
/// When it cannot be built.
pub fn build_static(package: &str, program: &str, profile: &str, target: &str) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--package", package, "--bin", program, "--profile", profile, "--target", target]);
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut flags = format!("{flags} -C target-feature=+crt-static");
    if target.contains("-musl") {
        // The compiler's own linker and libraries do: no cross toolchain is needed.
        flags.push_str(" -C linker=rust-lld -C link-self-contained=yes");
    }
    run_command(command.env("RUSTFLAGS", flags.trim()))?;
    Ok(target_dir().join(target).join(profile).join(program))
}

/// Whether an ELF program names a loader (a program header of type `PT_INTERP`), so needs libraries.
fn needs_a_loader(program: &[u8]) -> bool {
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = program.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let headers = || -> Option<Vec<u64>> {
        let (start, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        (0..count).map(|index| number(usize::try_from(start + index * size).ok()?, 4)).collect()
    };
    headers().is_none_or(|kinds| kinds.contains(&3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_libraries_is_recognised() {
        let ourselves = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needs_a_loader(&ourselves));
        assert!(needs_a_loader(b"no program"), "what cannot be read is not taken for static");
        let static_program = std::path::Path::new("/bin/busybox");
        if lodeman_tests::image::Image::busybox().is_ok() && static_program.exists() {
            assert!(!needs_a_loader(&std::fs::read(static_program).unwrap()));
        }
    }
}
