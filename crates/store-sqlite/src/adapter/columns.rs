//! From column values to values of `domain`, and back.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use lodeman_domain::container::ContainerName;
use lodeman_domain::image::Repository;
use lodeman_domain::update::OperationId;
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn corrupt(what: &'static str, why: impl Display) -> StoreError {
    StoreError::Corrupt { what, message: why.to_string() }
}

pub(crate) fn parse<T>(what: &'static str, text: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|why| corrupt(what, why))
}

pub(crate) fn parse_some<T>(what: &'static str, text: Option<&str>) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: Display>,
{
    text.map(|text| parse(what, text)).transpose()
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| corrupt(what, why))
}

/// Values of ours always have a JSON form.
pub(crate) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|why| corrupt(what, why))
}

pub(crate) fn instant(what: &'static str, ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|why| corrupt(what, why))
}

pub(crate) fn some_instant(what: &'static str, ms: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    ms.map(|ms| instant(what, ms)).transpose()
}

pub(crate) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn some_ms(at: Option<Timestamp>) -> Option<i64> {
    at.map(ms)
}

/// Counts of ours stay far below the limit of a column; one beyond is kept as the limit.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn count<T: TryFrom<i64, Error: Display>>(
    what: &'static str,
    value: i64,
) -> Result<T, StoreError> {
    T::try_from(value).map_err(|why| corrupt(what, why))
}

pub(crate) fn workload(what: &'static str, host: String, name: &str) -> Result<WorkloadKey, StoreError> {
    Ok(WorkloadKey { host: HostId(host), name: parse::<ContainerName>(what, name)? })
}

pub(crate) fn repository(registry: String, path: String) -> Repository {
    Repository { registry, path }
}

pub(crate) fn operation_id(what: &'static str, text: &str) -> Result<OperationId, StoreError> {
    parse(what, text)
}

pub(crate) fn text<T: ToString>(value: Option<&T>) -> Option<String> {
    value.map(ToString::to_string)
}
