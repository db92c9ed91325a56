//! The persistence port: the update journal, queue, history, ledgers, settings and accounts.
//!
//! A change of state and all that it causes are one value: a list of [`Write`]s that
//! [`Store::commit`] makes durable together or not at all. So the port needs no transaction object,
//! assumes no dialect and no single process, and a test can look at what would be written.
//! [`fake`] (feature `fake`) keeps everything in memory; [`contract`] is what every adapter passes.

#[cfg(feature = "fake")]
pub mod contract;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod model;
mod port;

pub use error::StoreError;
pub use model::account::{ApiTokenRecord, RoleRecord, SessionRecord, UserRecord};
pub use model::activity::{ActivityEntry, StoredActivity};
pub use model::{
    BadDigest, CheckRecord, FirstSeen, IgnoredTarget, LastWords, Override, RollbackPoint, ScanRecord,
    SealedSpec, SpecKind, StoredEvent, StoredHistory,
};
pub use port::account::{AccountStore, AccountWrite, SecretHash};
pub use port::{ACTIVITY_KEPT, Store, Write};
