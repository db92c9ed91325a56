//! `layers`: holds the workspace against the table of who may use whom.
//!
//! Arrows point inward: binary → surfaces → services → ports → domain, and an adapter → its port. Only the
//! binary and the test kit name an adapter.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::run::{cargo, say};

/// Each crate with the crates it may use. One that is not here may not be at all.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("engine", &["domain"]),
    ("engine-docker", &["domain", "engine"]),
    ("engine-agent", &["domain", "engine"]),
    ("inventory", &["domain", "engine"]),
    ("registry", &["domain"]),
    ("registry-oci", &["domain", "registry"]),
    ("store", &["domain"]),
    ("store-sqlite", &["domain", "store"]),
    ("auth", &["domain", "store"]),
    ("notify", &["domain", "store"]),
    ("updater", &["domain", "engine", "inventory", "registry", "store", "notify"]),
    ("fleet", &["domain", "engine", "inventory", "store", "notify"]),
    ("connectors", &["domain"]),
    ("http", &["domain", "auth", "updater", "fleet", "notify", "connectors"]),
    ("dashboard", &["domain", "auth", "updater", "fleet"]),
    ("config", &["domain"]),
    ("testkit", &[ALL]),
    ("lodeman", &[ALL]),
    // The end-to-end tests know the program from outside only.
    ("tests", &[]),
    // What is measured and what is fuzzed beside the program are parts of it.
    ("bench", &[ALL, "tests"]),
    ("fuzz", &[ALL]),
    ("xtask", &["tests"]),
];

/// Any crate of the product.
const ALL: &str = "*";

/// Technologies, each with the one crate that knows it. `deny.toml` says the same of everything that is
/// reached indirectly.
const PINNED: &[(&str, &str)] =
    &[("bollard", "engine-docker"), ("oci-client", "registry-oci"), ("sqlx", "store-sqlite")];

/// What the domain, being values and pure functions, cannot need.
const NOT_IN_DOMAIN: &[&str] = &["tokio", "futures", "async-trait", "tracing", "rustix"];

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; nothing for the usual ones.
    kind: Option<String>,
    /// Where it lies, for a crate of the workspace.
    path: Option<String>,
}

/// Holds the workspace against the table.
///
/// # Errors
/// When an edge is not in it; each is printed.
pub fn run() -> Result<()> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("asking cargo for the workspace")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("reading what cargo says of the workspace")?;
    let offences = offences(&metadata.packages);
    for offence in &offences {
        eprintln!("{offence}");
    }
    if !offences.is_empty() {
        bail!("{} edges are not in the table of layers", offences.len());
    }
    say(&format!("{} crates use only what they may", metadata.packages.len()));
    Ok(())
}

/// The directory's name of a package of the workspace.
fn noun(package: &str) -> &str {
    package.strip_prefix("lodeman-").unwrap_or(package)
}

fn offences(packages: &[Package]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for package in packages {
        let from = noun(&package.name);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == from) else {
            found.insert(format!("{}: it is not in the table of layers", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let to = noun(&dependency.name);
            let dev = dependency.kind.as_deref() == Some("dev");
            let edge = format!("{} -> {}", package.name, dependency.name);
            if dependency.path.is_none() {
                if let Some(why) = foreign(from, &dependency.name, dev) {
                    found.insert(format!("{edge}: {why}"));
                }
                continue;
            }
            if to == "testkit" && !dev {
                found.insert(format!("{edge}: the test kit is a dev-dependency only"));
            }
            let listed = allowed.contains(&to) || (allowed.contains(&ALL) && is_product(to));
            // A crate's tests may use its own fakes, and the test kit.
            let of_tests = dev && (to == from || to == "testkit");
            if !listed && !of_tests {
                let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                found.insert(format!("{edge}: `{from}` may use {may}"));
            }
        }
    }
    found.into_iter().collect()
}

fn is_product(noun: &str) -> bool {
    !matches!(noun, "lodeman" | "tests" | "bench" | "fuzz" | "xtask")
}

/// Why `from` may not use a crate from elsewhere.
fn foreign(from: &str, name: &str, dev: bool) -> Option<String> {
    if dev {
        return None;
    }
    if from == "domain" && NOT_IN_DOMAIN.contains(&name) {
        return Some("`domain` is values and pure functions".to_owned());
    }
    let (_, owner) = PINNED.iter().find(|(technology, owner)| *technology == name && *owner != from)?;
    Some(format!("only `{owner}` knows {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, kind, local)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: local.then(|| format!("crates/{name}")),
        });
        Package { name: name.to_owned(), dependencies: dependencies.collect() }
    }

    #[test]
    fn edges_that_point_inward_are_fine() {
        let packages = [
            package("lodeman-domain", &[("serde", None, false), ("proptest", Some("dev"), false)]),
            package("lodeman-store", &[("lodeman-domain", None, true)]),
            package(
                "lodeman-store-sqlite",
                &[
                    ("lodeman-store", None, true),
                    ("sqlx", None, false),
                    ("lodeman-store-sqlite", Some("dev"), true),
                    ("lodeman-testkit", Some("dev"), true),
                ],
            ),
            package("lodeman", &[("lodeman-store-sqlite", None, true)]),
            package("xtask", &[("lodeman-tests", None, true)]),
        ];
        assert_eq!(offences(&packages), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_points_outward_is_named() {
        let packages = [package("lodeman-domain", &[("lodeman-store", None, true)])];
        assert_eq!(offences(&packages), ["lodeman-domain -> lodeman-store: `domain` may use nothing"]);
        let packages = [package("lodeman-updater", &[("lodeman-store-sqlite", None, true)])];
        let found = offences(&packages);
        assert_eq!(found.len(), 1, "a service does not name an adapter");
        assert!(found[0].starts_with("lodeman-updater -> lodeman-store-sqlite: `updater` may use domain,"));
    }

    #[test]
    fn a_service_does_not_name_an_adapter_in_its_tests_either() {
        let packages = [package("lodeman-updater", &[("lodeman-store-sqlite", Some("dev"), true)])];
        assert_eq!(offences(&packages).len(), 1);
    }

    #[test]
    fn the_test_kit_is_in_nothing_that_is_released() {
        let packages = [package("lodeman", &[("lodeman-testkit", None, true)])];
        assert_eq!(
            offences(&packages),
            ["lodeman -> lodeman-testkit: the test kit is a dev-dependency only"]
        );
    }

    #[test]
    fn a_technology_is_known_to_one_crate() {
        let packages = [
            package("lodeman-http", &[("sqlx", None, false)]),
            package("lodeman-domain", &[("tokio", None, false), ("bollard", Some("dev"), false)]),
        ];
        assert_eq!(
            offences(&packages),
            [
                "lodeman-domain -> tokio: `domain` is values and pure functions",
                "lodeman-http -> sqlx: only `store-sqlite` knows sqlx",
            ]
        );
    }

    #[test]
    fn a_crate_that_nobody_placed_is_named() {
        let found = offences(&[package("lodeman-misc", &[])]);
        assert_eq!(found, ["lodeman-misc: it is not in the table of layers"]);
    }
}
