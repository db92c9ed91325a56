//! The table of series against what documentation says and against what the sources record.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lodeman_http::{METRICS, MetricKind};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_documentation_lists_every_series_as_it_is() {
    let text = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let documented: Vec<&str> = text.lines().filter(|line| line.starts_with("| `lodeman_")).collect();
    let described: Vec<String> = METRICS
        .iter()
        .map(|spec| {
            let labels: Vec<String> = spec.labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
            format!("| `{}` | {} | {labels} | {} |", spec.name, spec.kind.as_str(), spec.help)
        })
        .collect();
    assert_eq!(documented, described);
}

#[test]
fn names_follow_their_kind_and_are_sorted() {
    assert!(METRICS.is_sorted_by_key(|spec| spec.name));
    for spec in METRICS {
        assert_eq!(spec.name.ends_with("_total"), spec.kind == MetricKind::Counter, "{}", spec.name);
        assert!(spec.help.ends_with('.') && spec.name.starts_with("lodeman_"), "{}", spec.name);
        if spec.kind == MetricKind::Histogram {
            assert!(spec.name.ends_with("_seconds"), "{} has buckets in seconds", spec.name);
        }
    }
}

#[test]
fn whatever_the_sources_record_is_in_the_table_and_the_other_way_round() {
    // Log filters name crates with the same beginning.
    let mut crates = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        crates.insert(format!("lodeman_{}", entry.unwrap().file_name().to_string_lossy().replace('-', "_")));
    }
    let mut recorded = BTreeSet::new();
    for folder in ["crates", "bin"] {
        sources(&root().join(folder), &mut |text| {
            for (at, _) in text.match_indices("\"lodeman_") {
                let name = text[at + 1..].split('"').next().unwrap_or_default();
                let is_series = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                if is_series && !crates.contains(name) {
                    recorded.insert(name.to_owned());
                }
            }
        });
    }
    let described: BTreeSet<String> = METRICS.iter().map(|spec| spec.name.to_owned()).collect();
    assert_eq!(recorded, described);
}

/// The text of every source below `folder` but tests and the table itself.
fn sources(folder: &Path, take: &mut impl FnMut(&str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "target" {
            sources(&path, take);
        } else if path.extension().is_some_and(|kind| kind == "rs")
            && name != "tests.rs"
            && !path.ends_with("metrics/table.rs")
        {
            take(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
