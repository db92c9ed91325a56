//! The directory of a simulation: its user's alone, and one process's at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The file whose lock says that a process uses the directory.
const LOCK_NAME: &str = "lodeman.lock";

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum LockError {
    /// Another process uses it.
    Busy,
    /// One sentence.
    Unusable(String),
}

/// A directory that this process alone uses, until this is dropped.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the directory, and makes it where there is none. Nobody else may enter it.
    ///
    /// # Errors
    /// [`LockError`] when it cannot be used, or another process uses it.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let unusable = |error: std::io::Error| {
            LockError::Unusable(format!("the directory `{}` cannot be used: {error}", directory.display()))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        if std::fs::metadata(directory).map_err(unusable)?.uid() != rustix::process::geteuid().as_raw() {
            let message = format!("the directory `{}` belongs to another user", directory.display());
            return Err(LockError::Unusable(message));
        }
        std::fs::set_permissions(directory, Permissions::from_mode(0o700)).map_err(unusable)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(directory.join(LOCK_NAME)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Busy),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_and_nobody_else_may_enter() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("a/b");
        let lock = DataLock::take(&data).unwrap();
        assert_eq!(std::fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
        // A second handle is as good as a second process: the lock belongs to the opened file.
        assert!(matches!(DataLock::take(&data), Err(LockError::Busy)));
        drop(lock);
        assert!(DataLock::take(&data).is_ok());
    }

    #[test]
    fn what_is_no_directory_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let Err(LockError::Unusable(message)) = DataLock::take(&file.path().join("x")) else {
            panic!("a file was taken for a directory")
        };
        assert!(message.contains("cannot be used"), "{message}");
    }
}
