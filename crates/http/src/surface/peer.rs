//! Where a request came from.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// The address of the peer, without its port; none on a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub Option<IpAddr>);

impl Peer {
    /// Whether the peer is this machine.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        self.0.is_none_or(|address| address.to_canonical().is_loopback())
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.to_canonical().fmt(f),
            None => f.write_str("local"),
        }
    }
}

/// An address as a listener tells it.
pub trait PeerAddress {
    /// The peer.
    fn peer(&self) -> Peer;
}

impl PeerAddress for SocketAddr {
    fn peer(&self) -> Peer {
        Peer(Some(self.ip()))
    }
}

impl PeerAddress for tokio::net::unix::SocketAddr {
    fn peer(&self) -> Peer {
        Peer(None)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        // A request that no listener of ours took in is one of this process.
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None)))
    }
}
