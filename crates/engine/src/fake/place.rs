//! The machine around the engine: its disk.

use lodeman_domain::container::ContainerId;

use super::{FakeEngine, State};
use crate::DiskSpace;

/// The size of its disk.
pub(super) const DISK_BYTES: u64 = 64 << 30;

impl FakeEngine {
    /// Says how many bytes are free on the engine's disk; `None`: that cannot be known. A full disk
    /// ([`FakeEngine::set_disk_full`]) has none free, whatever was said.
    pub fn set_free_bytes(&self, free: Option<u64>) {
        self.change(|state| state.free_bytes = free);
    }

    /// Lets everyone who reads a log wait for ever.
    pub fn hang_logs(&self, hang: bool) {
        self.change(|state| state.logs_hang = hang);
    }
}

impl State {
    pub(super) fn disk_space(&self, witness: &ContainerId) -> Option<DiskSpace> {
        let free = self.free_bytes.filter(|_| self.containers.contains_key(witness))?;
        let free_bytes = if self.disk_full { 0 } else { free };
        Some(DiskSpace { path: "/engine".to_owned(), free_bytes, total_bytes: DISK_BYTES })
    }
}
