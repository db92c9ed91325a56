//! The name in a path.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use lodeman_domain::container::ContainerName;

use super::envelope::Failure;

/// The longest name, in characters.
const MAX: usize = 255;

/// `{name}` of a path: 1 to 255 of `A-Z a-z 0-9 _ . -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the name of a container.
    ///
    /// # Errors
    /// 404, where no container can have that name.
    pub fn container(&self) -> Result<ContainerName, Failure> {
        self.0.parse().map_err(|_| no_such_container(&self.0))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// 404 of a container that there is not.
pub(super) fn no_such_container(name: &str) -> Failure {
    Failure::not_found(format!("container not found: {name}"))
}

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let invalid = || Failure::bad_request("invalid container name");
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| invalid())?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if name.is_empty() || name.len() > MAX || !name.bytes().all(legal) {
            return Err(invalid());
        }
        Ok(Self(name))
    }
}
