//! The words of the tag grammar, as data. Letter case does not matter except where noted.

/// Words that lead to a number without a separator, or with a dot: `v1.2`, `release-1.2`, `RELEASE.2024-…`.
const LEADS: [&str; 5] = ["v", "version", "ver", "release", "rel"];

/// Words before a number that counts branches, pull requests or commits rather than versions.
const PASSING: [&str; 18] = [
    "pr",
    "pull",
    "mr",
    "merge",
    "sha",
    "sha256",
    "git",
    "commit",
    "branch",
    "issue",
    "feature",
    "feat",
    "fix",
    "bugfix",
    "test",
    "ci",
    "dependabot",
    "renovate",
];

/// Words for what an image runs on.
const RUNTIMES: [&str; 16] = [
    "cuda", "dotnet", "go", "golang", "java", "jdk", "jre", "node", "nodejs", "openjdk", "php", "py",
    "python", "ruby", "rust", "temurin",
];

/// Words before a build counter: `-ls240`, `-r4`, `-k3s1`, `-ce.0`. A tag with one names one build.
const BUILDS: [&str; 13] =
    ["build", "ce", "ee", "eks", "k0s", "k3s", "ls", "post", "r", "rancher", "rev", "revision", "rke2r"];

/// The word before the version of something that is built in: `_v2.0.11`.
const BUILT_IN: &str = "v";

/// The revision after which `b` counts builds: `8u432-b06` is no beta.
const UPDATE: &str = "u";

/// Names of architectures that have a number, or a `v` and a number, as a segment of their own.
const ARCHITECTURES: [(&str, &str); 8] = [
    ("x86", "64"),
    ("linux", "386"),
    ("windows", "386"),
    ("arm", "v5"),
    ("arm", "v6"),
    ("arm", "v7"),
    ("arm", "v8"),
    ("arm64", "v8"),
];

/// Words before a number that belongs to the version itself: `9.9p2`, `2022-CU14`.
const REVISIONS: [&str; 9] = ["cu", "fix", "hotfix", "p", "patch", "pl", "sp", "u", "update"];

/// Operating systems whose version stands behind their name.
const SYSTEMS: [&str; 28] = [
    "al",
    "alma",
    "almalinux",
    "alpine",
    "amazonlinux",
    "azurelinux",
    "bci",
    "centos",
    "debian",
    "el",
    "fedora",
    "leap",
    "ltsc",
    "mariner",
    "nanoserver",
    "ol",
    "oracle",
    "oraclelinux",
    "photon",
    "rhel",
    "rocky",
    "rockylinux",
    "servercore",
    "sles",
    "ubi",
    "ubu",
    "ubuntu",
    "windowsservercore",
];

/// Releases of Debian, oldest first.
const DEBIAN: [&str; 9] =
    ["wheezy", "jessie", "stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke"];

/// Releases of Ubuntu, oldest first.
const UBUNTU: [&str; 25] = [
    "trusty", "utopic", "vivid", "wily", "xenial", "yakkety", "zesty", "artful", "bionic", "cosmic", "disco",
    "eoan", "focal", "groovy", "hirsute", "impish", "jammy", "kinetic", "lunar", "mantic", "noble",
    "oracular", "plucky", "questing", "resolute",
];

/// How far a pre-release is from its release, and the word it is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stage {
    nearness: u8,
    /// The word, in its usual form.
    pub(super) word: &'static str,
}

/// Words of pre-releases with their usual form, furthest from the release first within the numbers.
/// `a`, `b` and `m` are understood only where a number makes them clear.
const STAGES: [(&str, u8, &str); 21] = [
    ("dev", 0, "dev"),
    ("develop", 0, "dev"),
    ("experimental", 1, "experimental"),
    ("unstable", 1, "unstable"),
    ("snapshot", 1, "snapshot"),
    ("nightly", 1, "nightly"),
    ("canary", 1, "canary"),
    ("edge", 1, "edge"),
    ("alpha", 2, "alpha"),
    ("a", 2, "alpha"),
    ("milestone", 3, "milestone"),
    ("m", 3, "milestone"),
    ("ea", 4, "ea"),
    ("beta", 4, "beta"),
    ("b", 4, "beta"),
    ("next", 5, "next"),
    ("preview", 5, "preview"),
    ("pre", 5, "pre"),
    ("prerelease", 5, "pre"),
    ("rc", 6, "rc"),
    ("cr", 6, "rc"),
];

/// Pre-release words that, without a number, name a channel that rolls on from version to version.
const CHANNELS: [&str; 6] = ["dev", "nightly", "canary", "edge", "next", "unstable"];

/// Words that tell nothing about which variant of an image is meant.
const NEUTRAL: [&str; 11] =
    ["latest", "stable", "current", "default", "main", "master", "v", "version", "ver", "release", "rel"];

fn among(words: &[&str], word: &str) -> bool {
    words.iter().any(|w| w.eq_ignore_ascii_case(word))
}

pub(super) fn is_lead(word: &str) -> bool {
    among(&LEADS, word)
}

pub(super) fn is_passing(word: &str) -> bool {
    among(&PASSING, word)
}

pub(super) fn is_runtime(word: &str) -> bool {
    among(&RUNTIMES, word)
}

/// Whether `word` counts builds, so that a tag with it is never a floating one.
pub(super) fn counts_builds(word: &str) -> bool {
    among(&BUILDS, word)
}

pub(super) fn is_counter(word: &str) -> bool {
    counts_builds(word) || word.eq_ignore_ascii_case(BUILT_IN)
}

/// Whether `b` behind the revision `word` counts builds rather than betas.
pub(super) fn is_update(word: &str) -> bool {
    word.eq_ignore_ascii_case(UPDATE)
}

/// Whether `segment` is, behind the segment `before`, the rest of an architecture's name.
pub(super) fn is_architecture(before: &str, segment: &str) -> bool {
    ARCHITECTURES.iter().any(|(a, b)| a.eq_ignore_ascii_case(before) && b.eq_ignore_ascii_case(segment))
}

pub(super) fn is_revision(word: &str) -> bool {
    among(&REVISIONS, word)
}

pub(super) fn is_neutral(word: &str) -> bool {
    among(&NEUTRAL, word)
}

pub(super) fn is_channel(stage: Stage) -> bool {
    CHANNELS.contains(&stage.word)
}

/// The stage that `word` stands for.
pub(super) fn stage(word: &str) -> Option<Stage> {
    let (_, nearness, word) = STAGES.iter().find(|(w, ..)| w.eq_ignore_ascii_case(word))?;
    Some(Stage { nearness: *nearness, word })
}

/// The operating system that `word` names, in its usual form.
pub(super) fn system(word: &str) -> Option<&'static str> {
    SYSTEMS.iter().copied().find(|w| w.eq_ignore_ascii_case(word))
}

/// The system whose releases have numbers like `number`: Ubuntu's are a year and `04` or `10`.
pub(super) fn system_by_number(number: &str) -> Option<&'static str> {
    let (year, month) = number.split_once('.')?;
    let is_release = year.len() == 2 && ("14"..="40").contains(&year) && matches!(month, "04" | "10");
    is_release.then_some("number of Ubuntu")
}

/// The distribution that `word` is a release of, and the release's place in the order.
pub(super) fn codename(word: &str) -> Option<(&'static str, u64)> {
    let place =
        |names: &[&str]| names.iter().zip(0..).find(|(n, _)| n.eq_ignore_ascii_case(word)).map(|(_, i)| i);
    place(&DEBIAN)
        .map(|at| ("release of Debian", at))
        .or_else(|| place(&UBUNTU).map(|at| ("release of Ubuntu", at)))
}
