//! Every series that this build can show: one row each. `docs/metrics.md` is the same for people.

/// What kind of series it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// The present value.
    Gauge,
    /// Counts by size, in buckets.
    Histogram,
}

impl MetricKind {
    /// As Prometheus writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricSpec {
    /// Its name. What is measured in a unit ends with it.
    pub name: &'static str,
    /// What kind it is.
    pub kind: MetricKind,
    /// Its labels, each of a closed set of values.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

const fn row(
    name: &'static str,
    kind: MetricKind,
    labels: &'static [&'static str],
    help: &'static str,
) -> MetricSpec {
    MetricSpec { name, kind, labels, help }
}

use MetricKind::{Counter, Gauge, Histogram};

/// Every series, by name.
pub static METRICS: &[MetricSpec] = &[
    row("lodeman_build_info", Gauge, &["version"], "The version that runs; always 1."),
    row("lodeman_component_up", Gauge, &["component"], "Whether a dependency or feature works."),
    row("lodeman_last_scan_timestamp_seconds", Gauge, &[], "When the last whole scan ended, since 1970."),
    row("lodeman_next_scan_timestamp_seconds", Gauge, &[], "When the next scan is due, since 1970."),
    row("lodeman_queue_entries", Gauge, &["state"], "Entries of the update queue, by state."),
    row("lodeman_ready", Gauge, &[], "Whether the server can do its work."),
    row("lodeman_recovering", Gauge, &[], "Whether interrupted operations are being recovered."),
    row(
        "lodeman_registry_request_duration_seconds",
        Histogram,
        &["kind"],
        "How long requests to registries took, by what was asked for.",
    ),
    row(
        "lodeman_registry_requests_saved_total",
        Counter,
        &["kind", "reason"],
        "Questions to registries that were answered or refused without a request, by kind and reason.",
    ),
    row(
        "lodeman_registry_requests_total",
        Counter,
        &["kind", "outcome"],
        "Requests to registries, by kind and outcome: ok or the kind of error.",
    ),
    row("lodeman_scans_total", Counter, &[], "Scans that were done."),
    row("lodeman_update_downtime_seconds", Histogram, &[], "How long containers were down for an update."),
    row("lodeman_updates_available", Gauge, &[], "Updates that the last scan found."),
    row("lodeman_updates_total", Counter, &["outcome"], "Operations that ended, by outcome."),
];
