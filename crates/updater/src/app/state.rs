//! What the running application knows of itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::scan::{ScanError, ScanOutcome};

/// What the running application knows of itself.
#[derive(Debug, Default)]
pub(super) struct State {
    recovering: AtomicBool,
    ticks: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Inner {
    /// When the last whole scan ended.
    pub(super) last_scan: Option<Timestamp>,
    /// When the next one is due.
    pub(super) next_scan: Option<Timestamp>,
    /// Why the last one could not be done.
    pub(super) scan_error: Option<String>,
    /// How many checks of the last scan failed, of how many.
    pub(super) failed_checks: (u32, u32),
    /// When the scan loop last turned.
    pub(super) loop_seen: Option<Timestamp>,
    /// Leftovers that no journal explains.
    pub(super) orphans: usize,
}

impl State {
    pub(super) fn set_recovering(&self, on: bool) {
        self.recovering.store(on, Ordering::SeqCst);
    }

    pub(super) fn recovering(&self) -> bool {
        self.recovering.load(Ordering::SeqCst)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn read(&self) -> Inner {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The scan loop turned.
    pub(super) fn tick(&self, now: Timestamp) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        self.change(|s| s.loop_seen = Some(now));
    }

    pub(super) fn scanned(&self, whole: bool, result: &Result<ScanOutcome, ScanError>, now: Timestamp) {
        self.change(|s| match result {
            Ok(outcome) => {
                s.scan_error = None;
                s.failed_checks = (outcome.record.failed, outcome.record.checked);
                if whole {
                    s.last_scan = Some(now);
                }
            }
            Err(ScanError::NoSuchContainer(_)) => {}
            Err(error) => s.scan_error = Some(super::chain(error)),
        });
    }
}
