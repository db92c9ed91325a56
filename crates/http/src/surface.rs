//! What every API surface shares: gates, the caller, where a request came from, headers of every answer.
//!
//! A surface registers its routes through [`Routes::add`] alone, which takes the [`Gate`] in front of
//! them: there is no way to a handler without one, and the document says of every operation what it asks.

mod caller;
mod declare;
mod gate;
mod headers;
mod peer;
mod routes;

pub use caller::Caller;
pub use gate::{Admitted, Doorkeeper, Gate};
pub(crate) use headers::secure_headers;
pub use peer::{Peer, PeerAddress};
pub use routes::{Registered, Routes};
