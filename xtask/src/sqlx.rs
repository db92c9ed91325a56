//! `sqlx`: the stored facts about every SQL statement, from which a build without a database checks them.
//!
//! A scratch database is made by running the migrations; against it the adapter is checked once more, which
//! writes down what each statement takes and gives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use lodeman_tests::lab::workspace;

use crate::run::{cargo, run as run_command, say, target_dir};

const PACKAGE: &str = "lodeman-store-sqlite";
const CRATE: &str = "crates/store-sqlite";

#[derive(Debug, Args)]
pub struct SqlxArgs {
    /// Changes nothing; fails where the stored facts are not those of the statements
    #[arg(long)]
    check: bool,
}

/// Refreshes the stored facts, or checks them.
///
/// # Errors
/// When a statement does not fit the schema; with `--check`, when a stored fact is missing, stale or no
/// longer needed, which is then named.
pub fn run(arguments: &SqlxArgs) -> Result<()> {
    let stored = workspace().join(CRATE).join(".sqlx");
    let found = read(&prepare()?)?;
    let differences = differences(&read(&stored)?, &found);
    if differences.is_empty() {
        say(&format!("the stored facts of {} statements are current", found.len()));
        return Ok(());
    }
    for difference in &differences {
        eprintln!("{difference}");
    }
    if arguments.check {
        bail!("the stored facts are not those of the statements; `cargo xtask sqlx` refreshes them");
    }
    replace(&stored, &found)?;
    say(&format!("wrote the facts of {} statements to {CRATE}/.sqlx", found.len()));
    Ok(())
}

/// Checks the adapter against a scratch database; gives the folder with what was found out.
fn prepare() -> Result<PathBuf> {
    let folder = target_dir().join("sqlx");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    let facts = folder.join("facts");
    fs::create_dir_all(&facts).with_context(|| format!("making {}", facts.display()))?;
    let database = folder.join("scratch.db");
    let scratch = ["run", "--quiet", "--package", PACKAGE, "--no-default-features", "--example", "scratch"];
    run_command(cargo().args(scratch).arg("--").arg(&database))?;
    // Cargo does not know that the check depends on a database, so the crate must look changed.
    let root = workspace().join(CRATE).join("src/lib.rs");
    let text = fs::read(&root).with_context(|| format!("reading {}", root.display()))?;
    fs::write(&root, text).with_context(|| format!("touching {}", root.display()))?;
    run_command(
        cargo()
            .args(["check", "--quiet", "--package", PACKAGE])
            .env("DATABASE_URL", format!("sqlite://{}", database.display()))
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", &facts),
    )?;
    Ok(facts)
}

/// The facts in a folder, by file name.
fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut facts = BTreeMap::new();
    if !folder.exists() {
        return Ok(facts);
    }
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path()).with_context(|| format!("reading {name}"))?;
        facts.insert(name, text);
    }
    Ok(facts)
}

fn differences(stored: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, text) in found {
        match stored.get(name) {
            Some(known) if known == text => {}
            Some(_) => differences.push(format!("stale: {}", statement(text))),
            None => differences.push(format!("missing: {}", statement(text))),
        }
    }
    for (name, text) in stored {
        if !found.contains_key(name) {
            differences.push(format!("no longer needed: {}", statement(text)));
        }
    }
    differences
}

/// The statement that a fact is about, on one line.
fn statement(text: &str) -> String {
    let fact: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let sql = fact.get("query").and_then(serde_json::Value::as_str).unwrap_or("(unreadable)");
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn replace(folder: &Path, facts: &BTreeMap<String, String>) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("clearing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for (name, text) in facts {
        fs::write(folder.join(name), text).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_way_to_differ_is_told_with_its_statement() {
        let stored = facts(&[
            ("same", r#"{"query":"SELECT 1"}"#),
            ("stale", r#"{"query":"SELECT 2","describe":1}"#),
            ("gone", r#"{"query":"SELECT\n    3"}"#),
        ]);
        let found = facts(&[
            ("same", r#"{"query":"SELECT 1"}"#),
            ("stale", r#"{"query":"SELECT 2","describe":2}"#),
            ("new", "not even JSON"),
        ]);
        assert_eq!(
            differences(&stored, &found),
            ["missing: (unreadable)", "stale: SELECT 2", "no longer needed: SELECT 3"]
        );
        assert_eq!(differences(&found, &found), Vec::<String>::new());
    }
}
