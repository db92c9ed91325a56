//! Routes, each behind its gate.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{Method, header};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::declare::declare;
use super::gate::{Admitted, Doorkeeper, Gate};

/// One operation that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The method.
    pub method: Method,
    /// The path, with parameters as `{name}`.
    pub path: String,
    /// What it asks of its caller.
    pub gate: Gate,
}

/// The routes of a surface, the document of them, and what each asks.
pub struct Routes<S = ()> {
    router: OpenApiRouter<S>,
    registered: Vec<Registered>,
    door: Arc<dyn Doorkeeper>,
    refusal: &'static str,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet. `refusal` names the schema of the bodies that this surface tells failures in.
    #[must_use]
    pub fn new(door: Arc<dyn Doorkeeper>, refusal: &'static str) -> Self {
        Self { router: OpenApiRouter::default(), registered: Vec::new(), door, refusal }
    }

    /// Adds what [`utoipa_axum::routes!`] made of handlers, behind one gate. An unknown path or method is
    /// answered before the gate, like everywhere else.
    #[must_use]
    pub fn add(mut self, gate: Gate, routes: UtoipaMethodRouter<S>) -> Self {
        let (schemas, mut paths, methods) = routes;
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                declare(operation, &method, gate, self.refusal);
                self.registered.push(Registered { method, path: path.clone(), gate });
            }
        }
        let door = self.door.clone();
        let guard = move |request: Request, next: Next| {
            let door = door.clone();
            async move { pass(&*door, gate, request, next).await }
        };
        let methods = methods.route_layer(middleware::from_fn(guard));
        self.router = self.router.routes((schemas, paths, methods));
        self
    }

    /// Adds another group of the same surface.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.registered.extend(other.registered);
        self.router = self.router.merge(other.router);
        self
    }

    /// The router, the document, and what is registered.
    pub fn into_parts(self) -> (Router<S>, OpenApi, Vec<Registered>) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.registered)
    }
}

async fn pass(door: &dyn Doorkeeper, gate: Gate, request: Request, next: Next) -> Response {
    match door.admit(gate, request).await {
        Ok(Admitted { request, cookie }) => {
            let mut response = next.run(request).await;
            if let Some(cookie) = cookie {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, item.get.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
        (Method::PATCH, item.patch.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}
