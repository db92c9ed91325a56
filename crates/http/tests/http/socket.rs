//! The socket itself: who may use it, what is left behind, what a stop does.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;

use futures::StreamExt as _;
use lodeman_http::{BindError, ControlSocket, RemoteControl, socket_path};
use lodeman_updater::control::{Control as _, ErrorKind};

use crate::sample::{answers, server};

#[tokio::test]
async fn only_the_owner_may_use_the_socket() {
    let server = server(answers()).await;
    let mode = std::fs::metadata(socket_path(server.directory.path())).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_nobody_and_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    drop(UnixListener::bind(socket_path(directory.path())).unwrap());
    assert!(RemoteControl::find(directory.path()).await.unwrap().is_none());
    assert!(ControlSocket::bind(directory.path()).is_ok());
}

#[tokio::test]
async fn where_no_server_ever_ran_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    assert!(RemoteControl::find(directory.path()).await.unwrap().is_none());
    assert!(RemoteControl::find(&directory.path().join("missing")).await.unwrap().is_none());
}

#[tokio::test]
async fn something_else_on_the_socket_is_an_error_and_not_nobody() {
    let directory = tempfile::tempdir().unwrap();
    symlink(socket_path(directory.path()), socket_path(directory.path())).unwrap();
    let error = RemoteControl::find(directory.path()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_stop_ends_the_streams_and_takes_the_socket_away() {
    let server = server(lodeman_http::fake::Answers { progress_stays: true, ..answers() }).await;
    let mut notes = server.client.progress().await.unwrap();
    assert!(notes.next().await.is_some());
    assert!(notes.next().await.is_some());
    server.stopping.cancel();
    assert_eq!(notes.next().await, None);
    server.task.await.unwrap();
    assert!(!socket_path(server.directory.path()).exists());
    let error = server.client.queue().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("the server went away"), "{error}");
}

#[tokio::test]
async fn a_server_that_vanishes_before_its_answer_is_said_to() {
    let directory = tempfile::tempdir().unwrap();
    let listener = tokio::net::UnixListener::bind(socket_path(directory.path())).unwrap();
    let accepted = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let error = RemoteControl::find(directory.path()).await.unwrap_err();
    accepted.await.unwrap();
    assert!(error.message.starts_with("the server went away before"), "{error}");
}

#[tokio::test]
async fn a_path_that_is_too_long_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("d".repeat(100));
    std::fs::create_dir(&deep).unwrap();
    assert!(matches!(ControlSocket::bind(&deep), Err(BindError::PathTooLong { .. })));
}
