//! The other end of the control socket.

mod call;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use http::Method;
use lodeman_domain::container::ContainerName;
use lodeman_domain::event::Progress;
use lodeman_domain::explain::Explanation;
use lodeman_domain::image::ImageReference;
use lodeman_domain::queue::QueueEntry;
use lodeman_updater::control::{
    Control, ControlError, ErrorKind, ImageCheck, Readiness, RecoveryReport, RunReport, SettingView,
    StoredHistory, UpdateSummary, Which,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

pub use crate::control::wire::ServerInfo;
use crate::control::wire::{ChangeSettings, Check, Decide, Done, Explain, History, Names, NewAdmin, OneName};
use crate::socket::socket_path;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running server, spoken with over the socket of its data directory. How long an answer takes is
/// not limited: an update takes as long as it takes.
#[derive(Debug, Clone)]
pub struct RemoteControl {
    path: PathBuf,
    server: ServerInfo,
}

impl RemoteControl {
    /// The server of `data_dir`, if one runs.
    ///
    /// # Errors
    /// [`ControlError`] when one seems to run and cannot be spoken with.
    pub async fn find(data_dir: &Path) -> Result<Option<Self>, ControlError> {
        let path = socket_path(data_dir);
        let stream = match connect(&path).await {
            Ok(stream) => stream,
            Err(error) if is_nobody(&error) => return Ok(None),
            Err(error) => return Err(unreachable(&path, &error)),
        };
        let answer: Result<ServerInfo, ControlError> =
            match timeout(CONNECT_TIMEOUT, call::call(stream, Method::GET, "server", None)).await {
                Ok(answer) => answer,
                Err(_) => Err(unreachable(&path, &io::ErrorKind::TimedOut.into())),
            };
        Ok(Some(Self { server: answer?, path }))
    }

    /// Which server it is.
    #[must_use]
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// Makes an account that may do everything.
    ///
    /// # Errors
    /// [`ControlError`] when the name is not allowed or taken, or the server cannot be asked.
    pub async fn create_admin(&self, name: &str, password_hash: &str) -> Result<(), ControlError> {
        let ask = NewAdmin { name: name.to_owned(), password_hash: password_hash.to_owned() };
        self.post::<Done>("administrators", &ask).await.map(|_| ())
    }

    async fn connected(&self) -> Result<UnixStream, ControlError> {
        connect(&self.path).await.map_err(|error| {
            if is_nobody(&error) {
                call::vanished("before it was asked")
            } else {
                unreachable(&self.path, &error)
            }
        })
    }

    async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<T, ControlError> {
        call::call(self.connected().await?, Method::GET, what, None).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ControlError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            ControlError::new(ErrorKind::Internal, format!("the request cannot be written: {error}"))
        })?;
        call::call(self.connected().await?, Method::POST, what, Some(body)).await
    }
}

async fn connect(path: &Path) -> io::Result<UnixStream> {
    timeout(CONNECT_TIMEOUT, UnixStream::connect(path))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// No socket, or one that a server left behind.
fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory
    )
}

fn unreachable(path: &Path, error: &io::Error) -> ControlError {
    let path = path.display();
    let message = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("the server's socket `{path}` is open to the user that runs the server, and to root only")
        }
        io::ErrorKind::TimedOut => format!("the server behind `{path}` does not answer"),
        _ => format!("the server's socket `{path}` cannot be spoken with: {error}"),
    };
    ControlError::new(ErrorKind::Unavailable, message)
}

#[async_trait]
impl Control for RemoteControl {
    async fn run(&self, names: Vec<ContainerName>, by: &str) -> Result<RunReport, ControlError> {
        self.post("run", &Names { names, by: by.to_owned() }).await
    }

    async fn update(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError> {
        self.post("update", &OneName { name, by: by.to_owned() }).await
    }

    async fn explain(&self, name: Option<ContainerName>) -> Result<Vec<Explanation>, ControlError> {
        self.post("explain", &Explain { name }).await
    }

    async fn queue(&self) -> Result<Vec<QueueEntry>, ControlError> {
        self.get("queue").await
    }

    async fn approve(
        &self,
        name: ContainerName,
        which: Which,
        by: &str,
    ) -> Result<UpdateSummary, ControlError> {
        self.post("approve", &Decide { name, which, by: by.to_owned() }).await
    }

    async fn reject(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError> {
        self.post("reject", &Decide { name, which, by: by.to_owned() }).await
    }

    async fn ignore(&self, name: ContainerName, which: Which, by: &str) -> Result<QueueEntry, ControlError> {
        self.post("ignore", &Decide { name, which, by: by.to_owned() }).await
    }

    async fn rollback(&self, name: ContainerName, by: &str) -> Result<UpdateSummary, ControlError> {
        self.post("rollback", &OneName { name, by: by.to_owned() }).await
    }

    async fn history(
        &self,
        name: Option<ContainerName>,
        before_seq: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredHistory>, ControlError> {
        self.post("history", &History { name, before_seq, limit }).await
    }

    async fn check(&self, reference: ImageReference) -> Result<ImageCheck, ControlError> {
        self.post("check", &Check { reference }).await
    }

    async fn recovery_plan(&self) -> Result<RecoveryReport, ControlError> {
        self.get("recovery").await
    }

    async fn recover(&self) -> Result<RecoveryReport, ControlError> {
        let stream = self.connected().await?;
        call::call(stream, Method::POST, "recovery", None).await
    }

    async fn settings(&self) -> Result<Vec<SettingView>, ControlError> {
        self.get("settings").await
    }

    async fn change_settings(
        &self,
        changes: BTreeMap<String, Option<String>>,
        by: &str,
    ) -> Result<Vec<SettingView>, ControlError> {
        self.post("settings", &ChangeSettings { changes, by: by.to_owned() }).await
    }

    async fn readiness(&self) -> Result<Readiness, ControlError> {
        self.get("readiness").await
    }

    async fn progress(&self) -> Result<BoxStream<'static, Progress>, ControlError> {
        call::stream(self.connected().await?, "progress").await
    }
}
