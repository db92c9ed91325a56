//! The key of a queue entry: a name, or `host::name`.

use axum::extract::{FromRequestParts, Path};
use http::StatusCode;
use http::request::Parts;
use lodeman_domain::container::ContainerName;

use super::envelope::Failure;

/// `{key}` of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The host; empty for this one.
    host: String,
    /// The name.
    name: String,
}

impl Key {
    fn new(text: &str) -> Self {
        let (host, name) = text.split_once("::").unwrap_or(("", text));
        Self { host: host.to_owned(), name: name.to_owned() }
    }

    /// The container's name, where it is one of this host.
    ///
    /// # Errors
    /// 503 for another host: this server has none. 404 for what no container can be named.
    pub fn local(&self) -> Result<ContainerName, Failure> {
        if !self.host.is_empty() {
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "cluster not available"));
        }
        self.name.parse().map_err(|_| {
            let shown: String = self.name.chars().take(100).collect();
            Failure::not_found(format!("no pending update for {shown}"))
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Failure::bad_request("invalid key"))?;
        Ok(Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_split_at_its_first_double_colon() {
        assert_eq!(Key::new("proxy"), Key { host: String::new(), name: "proxy".to_owned() });
        assert_eq!(Key::new("h1::a::b"), Key { host: "h1".to_owned(), name: "a::b".to_owned() });
        assert!(Key::new("proxy").local().is_ok());
        assert!(Key::new("h1::proxy").local().is_err());
        assert!(Key::new("no name").local().is_err());
    }
}
