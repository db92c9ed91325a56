//! The adapter against registries whose every answer is scripted, on loopback.

mod auth;
mod contract;
mod digests;
mod listing;
mod mirrors;
mod model;
mod proxy;
mod referrals;
mod scan;
mod server;
mod tls;
mod trouble;
mod waiting;
