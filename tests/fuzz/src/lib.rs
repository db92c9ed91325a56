//! What every reader of outside input promises, whatever it is given.
//!
//! A [`Target`] takes any bytes and panics where a promise is broken: that a text which was read is
//! written as it was, that two spellings of one thing are one thing, that an order is one, that nothing
//! is gained on the way. The fuzzer in `libfuzzer/` (`cargo xtask fuzz`) looks for bytes that break one;
//! the test `replay` gives every target its seeds, what the fuzzer once found, and small changes of both,
//! on every ordinary test run.

mod configuration;
mod input;
mod inspect;
mod label;
mod reference;
mod registry;
mod schedule;
mod version;

use std::path::{Path, PathBuf};

pub use input::{changed, parts};

/// One reader, or a few that belong together, and what holds for every input.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also of its seeds and of its program.
    pub name: &'static str,
    /// Gives it an input; panics where a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "image_reference", run: reference::image_reference },
    Target { name: "names", run: reference::names },
    Target { name: "labels", run: label::labels },
    Target { name: "cron", run: schedule::cron },
    Target { name: "windows", run: schedule::windows },
    Target { name: "durations", run: schedule::durations },
    Target { name: "version_order", run: version::order },
    Target { name: "choose", run: version::choosing },
    Target { name: "filters", run: version::filters },
    Target { name: "challenge", run: registry::challenge },
    Target { name: "headers", run: registry::headers },
    Target { name: "manifest", run: registry::manifest },
    Target { name: "docker_config", run: registry::docker_config },
    Target { name: "config", run: configuration::config },
    Target { name: "inspect", run: inspect::inspect },
];

/// Gives the target of this name an input.
///
/// # Panics
/// When there is no such target, and where a promise is broken.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no target {name}")).run)(input);
}

impl Target {
    /// The inputs it starts from: those written for it, in one file with a line `%%` between two, and
    /// those that once broke a promise.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let written = std::fs::read(folder.join("seeds").join(self.name)).unwrap_or_default();
        let mut seeds: Vec<Vec<u8>> = split_seeds(&written).into_iter().map(<[u8]>::to_vec).collect();
        let mut found: Vec<PathBuf> = std::fs::read_dir(folder.join("found").join(self.name))
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        found.sort();
        seeds.extend(found.iter().filter_map(|file| std::fs::read(file).ok()));
        seeds
    }
}

/// The seeds in a file.
fn split_seeds(text: &[u8]) -> Vec<&[u8]> {
    let mut seeds = Vec::new();
    let mut rest = text.strip_suffix(b"\n").unwrap_or(text);
    while let Some(at) = rest.windows(4).position(|four| four == b"\n%%\n") {
        seeds.push(&rest[..at]);
        rest = &rest[at + 4..];
    }
    if !rest.is_empty() {
        seeds.push(rest);
    }
    seeds
}
