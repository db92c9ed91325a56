//! What is served: the API surfaces, probes, metrics, and the local control socket.
//!
//! [`server()`] is everything on the network: [`sentinel`], the API that clients of Docker Sentinel speak,
//! each route behind a [`Gate`](surface::Gate), and [`probes()`], which an orchestrator and a scraper see;
//! [`openapi()`] is the document of it. [`ControlSocket`] serves a
//! [`Control`](lodeman_updater::control::Control) on a Unix socket, and [`RemoteControl`] is the same
//! seam at the other end, so that a command does the same whether a server runs or not.
//!
//! **Invariants.** What a failure is to its caller is said in one place, [`envelope`](self): a JSON
//! object of the kind and one sentence. Work that a request asked for goes on when the caller leaves.

mod client;
mod control;
mod docs;
mod document;
mod envelope;
#[cfg(feature = "fake")]
pub mod fake;
mod metrics;
mod probes;
pub mod sentinel;
mod serve;
mod server;
mod socket;
pub mod surface;

pub use client::{RemoteControl, ServerInfo};
pub use control::{Accounts, router as control_router};
pub use metrics::{Exporter, InstallError, METRICS, MetricKind, MetricSpec};
pub use probes::{MetricsAccess, ProbeConfig, probes};
pub use serve::serve;
pub use server::{openapi, server, surfaces};
pub use socket::{BindError, ControlSocket, SOCKET_NAME, socket_path};
