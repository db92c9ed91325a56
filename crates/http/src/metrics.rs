//! The metrics of this process in Prometheus' text form.
//!
//! Counters and histograms are recorded where things happen, through the `metrics` facade. What only
//! describes the present (readiness, the queue) is read when somebody looks.

mod table;

use std::sync::Arc;

use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_updater::control::{Health, Readiness};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::probes::SERVER;

pub use table::{METRICS, MetricKind, MetricSpec};

/// Bounds of durations that are requests, in seconds.
const REQUEST_SECONDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of the time a container is down, in seconds.
const DOWNTIME_SECONDS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 600.0];

/// Another recorder is installed in this process already.
#[derive(Debug, thiserror::Error)]
#[error("metrics are recorded by something else in this process already")]
pub struct InstallError;

/// Collects this process's metrics and writes them out.
#[derive(Clone)]
pub struct Exporter {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl Default for Exporter {
    fn default() -> Self {
        Self::new()
    }
}

impl Exporter {
    /// An exporter that nothing is recorded to yet.
    #[must_use]
    pub fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        let bounds: [(&str, &[f64]); 2] =
            [("_request_duration_seconds", &REQUEST_SECONDS), ("_downtime_seconds", &DOWNTIME_SECONDS)];
        for (suffix, bounds) in bounds {
            // Fails for an empty list only, and then the defaults stay.
            builder = match builder.set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), bounds) {
                Ok(builder) => builder,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "histograms keep their defaults"
                    );
                    PrometheusBuilder::new()
                }
            };
        }
        let recorder = Arc::new(builder.build_recorder());
        let handle = recorder.handle();
        metrics::with_local_recorder(&*recorder, || {
            describe();
            gauge!("lodeman_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        });
        Self { recorder, handle }
    }

    /// Makes this the recorder of the whole process.
    ///
    /// # Errors
    /// [`InstallError`] when there is one already.
    pub fn install(&self) -> Result<(), InstallError> {
        metrics::set_global_recorder(self.recorder.clone()).map_err(|_| InstallError)
    }

    /// Records what happens on this thread until the guard goes, for tests.
    #[must_use]
    pub fn on_this_thread(&self) -> metrics::LocalRecorderGuard<'_> {
        metrics::set_default_local_recorder(&*self.recorder)
    }

    /// Moves what histograms have gathered into their buckets. Without it they grow until somebody
    /// looks, so it is called every few seconds.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Everything, as Prometheus reads it.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Takes up the present state.
    pub(crate) fn observe(&self, readiness: Option<&Readiness>, queue: Option<&[QueueEntry]>) {
        metrics::with_local_recorder(&*self.recorder, || {
            gauge!("lodeman_ready").set(flag(readiness.is_some_and(|r| r.ready)));
            if let Some(readiness) = readiness {
                observe_readiness(readiness);
            }
            if let Some(queue) = queue {
                for state in QueueState::ALL.iter().filter(|state| state.is_current()) {
                    let count = queue.iter().filter(|entry| entry.state == *state).count();
                    let count = u32::try_from(count).unwrap_or(u32::MAX);
                    gauge!("lodeman_queue_entries", "state" => state.as_str()).set(f64::from(count));
                }
            }
        });
    }
}

fn observe_readiness(readiness: &Readiness) {
    gauge!("lodeman_recovering").set(flag(readiness.recovering));
    for (name, at) in [
        ("lodeman_last_scan_timestamp_seconds", readiness.last_scan),
        ("lodeman_next_scan_timestamp_seconds", readiness.next_scan),
    ] {
        if let Some(at) = at {
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a float exactly")]
            gauge!(name).set(at.as_second() as f64);
        }
    }
    // The whole server is no part of itself; whether it can tell its readiness is `lodeman_ready`.
    for component in readiness.components.iter().filter(|component| component.name != SERVER) {
        let up = flag(component.health == Health::On);
        gauge!("lodeman_component_up", "component" => component.name.clone()).set(up);
    }
}

fn flag(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

fn describe() {
    for spec in METRICS {
        let unit = spec.name.ends_with("_seconds").then_some(Unit::Seconds);
        match (spec.kind, unit) {
            (MetricKind::Counter, _) => describe_counter!(spec.name, spec.help),
            (MetricKind::Gauge, None) => describe_gauge!(spec.name, spec.help),
            (MetricKind::Gauge, Some(unit)) => describe_gauge!(spec.name, unit, spec.help),
            (MetricKind::Histogram, None) => describe_histogram!(spec.name, spec.help),
            (MetricKind::Histogram, Some(unit)) => describe_histogram!(spec.name, unit, spec.help),
        }
    }
}
