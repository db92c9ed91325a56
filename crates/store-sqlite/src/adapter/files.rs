//! The data directory: who may read it, and that only one process uses it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Names within the data directory.
/// The database.
pub const DATABASE: &str = "lodeman.db";
pub(crate) const LOCK: &str = "lodeman.lock";
pub(crate) const KEY: &str = "secret.key";
pub(crate) const BACKUPS: &str = "backups";

/// The exclusive use of a data directory; given back when it is dropped, or when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

/// Why the lock was not had.
pub(crate) enum LockError {
    /// Another process has it; it wrote its number into the file.
    Taken {
        pid: Option<u32>,
    },
    Io(io::Error),
}

impl DataLock {
    pub(crate) fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(LOCK);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Taken { pid });
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        tighten(&path, FILE_MODE);
        // For people only: whether the lock is held is the kernel's word.
        let note = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        note.map_err(LockError::Io)?;
        Ok(Self { _file: file })
    }
}

/// Makes the directory where it is missing, and keeps others out of it. A directory that holds other
/// things than ours is left as it is, and that is told.
pub(crate) fn prepare_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        let ours = dir.join(LOCK).exists() || fs::read_dir(dir)?.next().is_none();
        if ours {
            tighten(dir, DIR_MODE);
        } else if mode(dir)? & 0o077 != 0 {
            tracing::warn!(
                path = %dir.display(),
                "other users can look into the data directory; it holds other files, so it is left as it is"
            );
        }
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(DIR_MODE))
}

/// Makes an empty file that only we can read, where there is none. SQLite gives the files beside its
/// database the same permissions.
pub(crate) fn prepare_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(FILE_MODE)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            tighten(path, FILE_MODE);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Writes a file that only we can read: either all of it is there afterwards, through a power cut, or
/// nothing. An existing file is replaced only where `replace` says so.
pub(crate) fn write_whole(path: &Path, content: &[u8], replace: bool) -> io::Result<()> {
    let part = beside(path, "part");
    let _ = fs::remove_file(&part);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&part)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    file.write_all(content)?;
    file.sync_all()?;
    put_in_place(&part, path, replace)
}

/// Copies a file that nobody has open, as [`write_whole`] writes one.
pub(crate) fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let part = beside(to, "part");
    let _ = fs::remove_file(&part);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&part)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_all()?;
    put_in_place(&part, to, true)
}

/// Makes the directory of copies.
pub(crate) fn prepare_backups(dir: &Path) -> io::Result<PathBuf> {
    let backups = dir.join(BACKUPS);
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(&backups)?;
    tighten(&backups, DIR_MODE);
    Ok(backups)
}

fn put_in_place(part: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        fs::rename(part, path)?;
    } else {
        // Unlike a rename, a link fails where the name is taken; not every file system has links.
        match fs::hard_link(part, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
                fs::rename(part, path)?;
            }
            linked => {
                fs::remove_file(part)?;
                linked?;
            }
        }
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

fn mode(path: &Path) -> io::Result<u32> {
    Ok(fs::metadata(path)?.mode() & 0o7777)
}

/// Takes rights away from others. Some shared directories of desktop engines refuse that; then it is told.
pub(crate) fn tighten(path: &Path, wanted: u32) {
    let Ok(now) = mode(path) else { return };
    if now & 0o7777 == wanted {
        return;
    }
    if let Err(error) = fs::set_permissions(path, Permissions::from_mode(wanted)) {
        tracing::warn!(
            path = %path.display(),
            error = &error as &dyn std::error::Error,
            "the permissions cannot be set: other users may be able to read it"
        );
    }
}

/// The name of the network file system a path lies on, if it does: SQLite's write-ahead log needs memory
/// shared between processes, which these do not give.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    // Numbers of statfs(2).
    let kind = u64::try_from(rustix::fs::statfs(path)?.f_type).unwrap_or_default() & 0xffff_ffff;
    Ok(match kind {
        0x6969 => Some("NFS"),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => Some("SMB"),
        0x00c3_6400 => Some("Ceph"),
        0x5346_414f | 0x6b41_4653 => Some("AFS"),
        0x0102_1997 => Some("9P"),
        _ => None,
    })
}

/// Elsewhere it cannot be told.
#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_path: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_not_replaced_unless_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        write_whole(&path, b"one", false).unwrap();
        assert_eq!(write_whole(&path, b"two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_whole(&path, b"two", true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode(&path).unwrap(), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half written is left");
    }

    #[test]
    fn a_directory_with_other_things_in_it_keeps_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("photo"), "").unwrap();
        prepare_dir(dir.path()).unwrap();
        assert_eq!(mode(dir.path()).unwrap(), 0o755);
        fs::write(dir.path().join(LOCK), "").unwrap();
        prepare_dir(dir.path()).unwrap();
        assert_eq!(mode(dir.path()).unwrap(), 0o700);
    }
}
