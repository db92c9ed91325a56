//! The Unix socket of a data directory, on which its server is spoken with.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lodeman_updater::control::Control;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::control::{self, Accounts};
use crate::serve;

/// The socket's name in the data directory.
pub const SOCKET_NAME: &str = "lodeman.sock";

/// The longest path that a Unix socket can have, in bytes (`sun_path` less its end).
const LONGEST_PATH: usize = 107;

/// The socket of the data directory `data_dir`.
#[must_use]
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join(SOCKET_NAME)
}

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The system limits the path of a socket.
    #[error("the data directory's path is too long: `{}` has more than {LONGEST_PATH} bytes", path.display())]
    PathTooLong {
        /// The socket's path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("the control socket `{}` cannot be opened", path.display())]
    Io {
        /// The socket's path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The socket on which a server is spoken with; only its owner may.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket of `data_dir`, in place of one that an earlier server left behind. The caller
    /// holds the lock of the data directory, so no running server's socket is taken away.
    ///
    /// # Errors
    /// [`BindError`] when the path is too long or the system refuses.
    pub fn bind(data_dir: &Path) -> Result<Self, BindError> {
        let path = socket_path(data_dir);
        // Made under another name and renamed, so it is never there with wider permissions.
        let fresh = data_dir.join(format!("{SOCKET_NAME}.new"));
        if fresh.as_os_str().len() > LONGEST_PATH {
            return Err(BindError::PathTooLong { path });
        }
        let open = || {
            match std::fs::remove_file(&fresh) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&fresh)?;
            std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))?;
            std::fs::rename(&fresh, &path)?;
            Ok(listener)
        };
        match open() {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(BindError::Io { path, source }),
        }
    }

    /// Serves `control` and `accounts` until `stopping`, lets the answers under way end, and takes the
    /// socket away.
    pub async fn serve(
        self,
        control: Arc<dyn Control>,
        accounts: Arc<dyn Accounts>,
        stopping: CancellationToken,
    ) {
        let Self { listener, path } = self;
        let removed = Removed(path);
        let router = control::router(control, accounts, stopping.clone());
        serve::serve(listener, router, stopping).await;
        drop(removed);
    }
}

/// Takes the socket away, also when the future that serves it is dropped.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(error = &error as &dyn std::error::Error, "the control socket was gone already");
        }
    }
}
