//! How much room the engine has, where this process sees the engine's directory.
//!
//! The API tells where that directory is and not how full its disk is. A server in a container sees its
//! own `/var/lib/docker`, if any, so the directory counts only where it holds a container of the engine.
//! Images of the containerd store may lie on another disk, which is not looked at.

use std::path::Path;

use lodeman_domain::container::ContainerId;
use lodeman_engine::{DiskSpace, EngineError};
use serde_json::Value;
use tokio::time::timeout;

use crate::engine::DockerEngine;

/// Where an engine keeps one folder for each container: Docker Engine, and Podman behind its
/// compatible API.
const CONTAINERS: [&str; 2] = ["containers", "overlay-containers"];

impl DockerEngine {
    pub(crate) async fn measure(&self, witness: &ContainerId) -> Result<Option<DiskSpace>, EngineError> {
        let info = self.get_raw_info().await?;
        let Some(root) = info.get("DockerRootDir").and_then(Value::as_str).map(str::to_owned) else {
            return Ok(None);
        };
        let witness = witness.clone();
        // A network file system that does not answer must not hold anybody up.
        let looked = tokio::task::spawn_blocking(move || look(&root, &witness));
        match timeout(self.transport.deadlines.connect, looked).await {
            Ok(Ok(space)) => Ok(space),
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }
}

fn look(root: &str, witness: &ContainerId) -> Option<DiskSpace> {
    let place = Path::new(root);
    let is_there = |folder: &str| place.join(folder).join(witness.as_str()).is_dir();
    if !place.is_absolute() || !CONTAINERS.iter().any(|folder| is_there(folder)) {
        return None;
    }
    let disk = rustix::fs::statvfs(place).ok()?;
    Some(DiskSpace {
        path: root.to_owned(),
        free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_the_engines_only_with_its_container_in_it() {
        let root = tempfile::tempdir().unwrap();
        let text = root.path().to_str().unwrap();
        let id: ContainerId = "0a".repeat(32).parse().unwrap();
        assert_eq!(look(text, &id), None);
        std::fs::create_dir_all(root.path().join("containers").join(id.as_str())).unwrap();
        let space = look(text, &id).unwrap();
        assert!(space.free_bytes <= space.total_bytes && space.total_bytes > 0, "{space:?}");
        assert_eq!(space.path, text);
        assert_eq!(look("", &id), None);
        assert_eq!(look("var/lib/docker", &id), None);
    }
}
