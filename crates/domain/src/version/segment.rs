//! What stands behind the numbers of a tag, piece by piece.

/// One piece behind the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// `rc1`, `beta.2`, `nightly`: comes before the release.
    Prerelease(&'static str, Vec<u64>),
    /// `ls240`, `r4`, `1`: counts builds of the same version.
    Build(String, Vec<u64>),
    /// `alpine3.19`: a variant whose version may grow.
    Grows(String, Vec<u64>),
    /// `bookworm`, `jdk17`, `fpm`: must be the same.
    Word(String),
    /// A commit id: says nothing.
    Hash,
}

/// Words of pre-releases, in the order in which they come before a release.
const PRERELEASES: &[(&str, &str)] = &[
    ("snapshot", "0snapshot"),
    ("nightly", "0nightly"),
    ("canary", "0canary"),
    ("dev", "0dev"),
    ("alpha", "1alpha"),
    ("a", "1alpha"),
    ("ea", "1ea"),
    ("milestone", "1m"),
    ("m", "1m"),
    ("beta", "2beta"),
    ("b", "2beta"),
    ("next", "2next"),
    ("preview", "3pre"),
    ("pre", "3pre"),
    ("rc", "4rc"),
    ("cr", "4rc"),
];

/// Words that count builds or packagings of one version.
const BUILDS: &[&str] = &[
    "ls", "r", "build", "p", "patch", "hotfix", "u", "ce", "ee", "rev", "k3s", "rke2r", "eksbuild", "ubuntu",
    "deb", "post",
];

/// Operating systems whose version may grow along.
const SYSTEMS: &[&str] = &[
    "alpine",
    "debian",
    "ubuntu",
    "ubi",
    "ubi-minimal",
    "fedora",
    "centos",
    "rocky",
    "rockylinux",
    "ol",
    "oraclelinux",
    "photon",
    "el",
    "almalinux",
    "amazonlinux",
    "al",
    "wolfi",
    "distroless-debian",
    "windowsservercore-ltsc",
    "nanoserver-ltsc",
];

/// Words that look as if they ended in a version.
const WHOLE_WORDS: &[&str] = &[
    "amd64", "arm64", "arm64v8", "arm32v5", "arm32v6", "arm32v7", "armv6", "armv7", "armv8", "armhf", "i386",
    "x64", "x86_64", "x86", "aarch64", "ppc64le", "s390x", "riscv64", "mips64le",
];

/// A segment that stands directly behind the numbers, without a separator: `3.13.0a4`, `1.2.3rc1`.
pub(super) fn attached(text: &str) -> Option<Segment> {
    let (word, numbers) = split(text)?;
    prerelease(&word, numbers, true)
}

/// A segment behind a separator. `first` is the one right behind the numbers.
pub(super) fn classify(text: &str, first: bool) -> Option<Segment> {
    let lower = text.to_ascii_lowercase();
    if lower.is_empty() {
        return None;
    }
    if lower.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        let numbers = numbers(&lower)?;
        return Some(Segment::Build(if first { String::new() } else { "#".to_owned() }, numbers));
    }
    if is_hash(&lower) {
        return Some(Segment::Hash);
    }
    if WHOLE_WORDS.contains(&lower.as_str()) {
        return Some(Segment::Word(lower));
    }
    let Some((word, numbers)) = split(&lower) else { return Some(Segment::Word(lower)) };
    if let Some(pre) = prerelease(&word, numbers.clone(), false) {
        return Some(pre);
    }
    if SYSTEMS.contains(&word.as_str()) && !numbers.is_empty() {
        return Some(Segment::Grows(word, numbers));
    }
    if BUILDS.contains(&word.as_str()) && !numbers.is_empty() {
        return Some(Segment::Build(word, numbers));
    }
    Some(Segment::Word(lower))
}

/// Letters, then optionally a number: `beta.2` is `beta` and 2, `alpine3.19` is `alpine` and 3.19.
fn split(text: &str) -> Option<(String, Vec<u64>)> {
    let at = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    // `k3s1`, `rke2r1`: a digit within the word.
    let known = BUILDS.iter().find(|b| b.bytes().any(|c| c.is_ascii_digit()) && text.starts_with(**b));
    let at = known.map_or(at, |b| b.len());
    let (word, rest) = text.split_at(at);
    if word.is_empty() {
        return None;
    }
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let numbers = if rest.is_empty() { Vec::new() } else { numbers(rest)? };
    Some((word.to_ascii_lowercase(), numbers))
}

fn prerelease(word: &str, numbers: Vec<u64>, attached: bool) -> Option<Segment> {
    let (_, rank) = PRERELEASES.iter().find(|(w, _)| *w == word)?;
    // A single letter is one only where it touches the numbers: `3.13.0a4`, and `-m1`.
    if word.len() == 1 && !(attached && !numbers.is_empty()) && !(word == "m" && !numbers.is_empty()) {
        return None;
    }
    Some(Segment::Prerelease(rank, numbers))
}

/// Numbers joined by dots; `None` where one is missing or does not fit.
pub(super) fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|p| if p.len() <= 18 { p.parse().ok() } else { None }).collect()
}

/// At least seven hex digits, of which at least one is a letter and one a digit; with a leading `g`
/// as `git describe` writes it.
fn is_hash(text: &str) -> bool {
    let hex = text.strip_prefix('g').unwrap_or(text);
    (7..=64).contains(&hex.len())
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && hex.bytes().any(|b| b.is_ascii_alphabetic())
        && hex.bytes().any(|b| b.is_ascii_digit())
}
