//! Who may pass.

use async_trait::async_trait;
use axum::extract::Request;
use axum::response::Response;
use http::HeaderValue;
use lodeman_auth::Permission;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing; the reason says why that is right.
    Public(&'static str),
    /// To be somebody.
    Authenticated,
    /// A permission.
    Permission(Permission),
}

impl Gate {
    /// As `x-required-permission` of the document says it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Public(_) => "public",
            Self::Authenticated => "authenticated",
            Self::Permission(permission) => permission.id(),
        }
    }
}

/// A request that may pass.
#[derive(Debug)]
pub struct Admitted {
    /// The request, with its [`Caller`](super::Caller) where the gate asks for one.
    pub request: Request,
    /// A cookie for the answer.
    pub cookie: Option<HeaderValue>,
}

/// Opens gates, or answers in the words of its surface.
#[async_trait]
pub trait Doorkeeper: Send + Sync + 'static {
    /// The request with what is known of its caller, or the answer that refuses it.
    ///
    /// # Errors
    /// The refusal, as the surface tells it.
    async fn admit(&self, gate: Gate, request: Request) -> Result<Admitted, Box<Response>>;
}
