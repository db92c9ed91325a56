//! One HTTP request: a deadline around all of it, a bounded body, and errors by their category.

mod clients;

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lodeman_registry::RegistryError;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode};

use crate::config::OciRegistryConfig;
use crate::resolver::RefusedAddress;
use clients::Clients;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How much of which answer is read, and on whose behalf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) registry: &'a str,
    pub(crate) what: &'static str,
    pub(crate) limit_bytes: usize,
}

/// Sends requests.
#[derive(Debug)]
pub(crate) struct Transport {
    timeout: Duration,
    clients: Clients,
}

impl Transport {
    pub(crate) fn new(config: &OciRegistryConfig) -> Self {
        Self { timeout: config.timeout, clients: Clients::new(config) }
    }

    /// Takes note that this host is a registry, which may be anywhere; the hosts that registries refer
    /// us to may not.
    pub(crate) fn trust(&self, host: &str) {
        self.clients.resolver.trust(host);
    }

    /// Sends `request` and reads the answer to its end. Redirects are the caller's business.
    pub(crate) async fn send(&self, request: Request, reading: Reading<'_>) -> Result<Answer, RegistryError> {
        let client = self.clients.client(request.url(), reading.registry)?;
        let exchange = async {
            let response =
                client.execute(request).await.map_err(|error| self.failure(reading.registry, &error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = self.read(response, reading).await?;
            Ok(Answer { status, headers, body })
        };
        let elapsed = || self.timed_out(reading.registry);
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| Err(elapsed()))
    }

    async fn read(
        &self,
        mut response: reqwest::Response,
        reading: Reading<'_>,
    ) -> Result<Bytes, RegistryError> {
        let too_large = || RegistryError::TooLarge {
            registry: reading.registry.to_owned(),
            what: reading.what,
            limit_bytes: reading.limit_bytes,
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > u64::try_from(reading.limit_bytes).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.failure(reading.registry, &error))?
        {
            if body.len() + chunk.len() > reading.limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn timed_out(&self, registry: &str) -> RegistryError {
        RegistryError::Timeout { registry: registry.to_owned(), after: self.timeout }
    }

    fn failure(&self, registry: &str, error: &reqwest::Error) -> RegistryError {
        let registry = registry.to_owned();
        if let Some(refused) = chain(error).find_map(|error| error.downcast_ref::<RefusedAddress>()) {
            return RegistryError::Connect { registry, reason: refused.to_string() };
        }
        if error.is_dns() {
            return RegistryError::Dns { registry };
        }
        if let Some(tls) = find_tls(error) {
            return RegistryError::Tls { registry, reason: clean(&tls.to_string()) };
        }
        if error.is_timeout() {
            let after = if error.is_connect() { self.clients.connect_timeout } else { self.timeout };
            return RegistryError::Timeout { registry, after };
        }
        RegistryError::Connect { registry, reason: reason_of(error) }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // An I/O error keeps what it wraps apart from its source.
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn find_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())
}

/// The innermost reason, which names no address: the outer ones may quote a signed URL.
fn reason_of(error: &(dyn Error + 'static)) -> String {
    let innermost = chain(error).last();
    clean(&innermost.map(ToString::to_string).unwrap_or_default())
}

/// Text from elsewhere, fit for a message: no control characters, not long.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
