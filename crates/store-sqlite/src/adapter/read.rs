//! Reads: a row becomes a value of `domain`, or a [`lodeman_store::StoreError::Corrupt`] that names it.

pub(crate) mod accounts;
pub(crate) mod activity;
pub(crate) mod credentials;
pub(crate) mod hooks;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod queue;
pub(crate) mod rest;

pub(crate) use journal::{operation_detail, spec_kind, spec_row};
