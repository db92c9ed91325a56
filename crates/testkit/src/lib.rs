//! The whole application wired to fakes, for tests of what stands on it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let world = lodeman_testkit::World::new().await;
//! world.push("1.0.0", "what is in the image");
//! world.run("proxy", "1.0.0", serde_json::json!({ "lodeman.policy": "auto" })).await;
//! assert_eq!(world.app.list_containers().await.unwrap().len(), 1);
//! # }
//! ```

mod world;

/// The registries' port, whose fake a world has.
pub use lodeman_registry as registry;

/// The engine's port, whose fake a world has.
pub use lodeman_engine as engine;
pub use world::{World, until};
