//! `openapi`: the published document of the API, as the program tells it.

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use lodeman_tests::lab::workspace;

use crate::run::{cargo, say};

/// Where it is published.
const DOCUMENT: &str = "openapi/lodeman.json";

#[derive(Debug, Args)]
pub struct OpenapiArgs {
    /// Changes nothing; fails where the published document is not the program's
    #[arg(long)]
    check: bool,
}

/// Writes the published document anew, or checks it.
///
/// # Errors
/// When the program cannot be built; with `--check`, when the document is another one.
pub fn run(arguments: &OpenapiArgs) -> Result<()> {
    let told = cargo()
        .args(["run", "--quiet", "--package", "lodeman", "--", "openapi"])
        .output()
        .context("starting the program")?;
    if !told.status.success() {
        bail!("the program does not tell its document: {}", String::from_utf8_lossy(&told.stderr));
    }
    let path = workspace().join(DOCUMENT);
    if fs::read(&path).is_ok_and(|published| published == told.stdout) {
        say(&format!("{DOCUMENT} is the program's"));
        return Ok(());
    }
    if arguments.check {
        bail!("{DOCUMENT} is not what the program serves; `cargo xtask openapi` writes it anew");
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::write(&path, &told.stdout).with_context(|| format!("writing {}", path.display()))?;
    say(&format!("wrote {DOCUMENT}"));
    Ok(())
}
