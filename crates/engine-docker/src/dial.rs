//! Whether something listens, found out by dialling it.
//!
//! The engine behind a Unix socket is on this machine, so what its inspects call an address is dialled
//! as it is. A process in a network of its own finds no way to most of them, and then knows nothing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(1);
/// How long the other end is watched for closing at once.
const WATCH: Duration = Duration::from_millis(250);

pub(crate) async fn takes_connections(address: SocketAddr) -> bool {
    let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(address)).await else { return false };
    // The engine's proxy takes every connection to a published port, and closes it where nothing listens
    // behind it.
    let closed = matches!(timeout(WATCH, stream.peek(&mut [0])).await, Ok(Ok(0) | Err(_)));
    !closed
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn one_who_waits_and_one_who_greets_listen() {
        let (_waits, address) = listener().await;
        assert!(takes_connections(address).await);
        let (greets, address) = listener().await;
        let greeting = async {
            let (mut stream, _) = greets.accept().await.unwrap();
            stream.write_all(b"welcome").await.unwrap();
        };
        let ((), listens) = tokio::join!(greeting, takes_connections(address));
        assert!(listens);
    }

    #[tokio::test]
    async fn one_who_closes_at_once_and_nobody_do_not() {
        let (closes, address) = listener().await;
        let closing = async { drop(closes.accept().await.unwrap()) };
        let ((), listens) = tokio::join!(closing, takes_connections(address));
        assert!(!listens);
        drop(closes);
        assert!(!takes_connections(address).await);
    }
}
