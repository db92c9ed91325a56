//! What Lodeman knows about containers, images, versions, policies and updates.
//!
//! Everything here is a value or a pure function: no I/O, no async runtime, no clock but the one
//! passed in. Adapters parse at the edge into these types and hand them inwards.
//!
//! # Which newer versions to offer
//!
//! ```
//! use lodeman_domain::image::Tag;
//! use lodeman_domain::version::{Rules, choose};
//!
//! let tag = |text: &str| text.parse::<Tag>().expect("a valid tag");
//! let published = ["1.26.2", "1.27.1-alpine", "1.27.3-alpine", "1.27.3", "1.28.0-alpine", "20191231"];
//!
//! let choice = choose(&tag("1.27.1-alpine"), &published.map(tag), &Rules::default());
//! let newer: Vec<&str> = choice.candidates.iter().map(|c| c.tag.as_str()).collect();
//! assert_eq!(newer, ["1.27.3-alpine"]);
//! // The scope stays within 1.27 as long as nobody widens it, and says what that hides.
//! assert_eq!(choice.beyond_scope.newest, Some(tag("1.28.0-alpine")));
//! ```

pub mod clock;
pub mod container;
pub mod depend;
pub mod digest;
pub mod event;
pub mod explain;
pub mod hook;
pub mod image;
pub mod label;
pub mod policy;
pub mod queue;
pub mod schedule;
pub mod setting;
pub mod update;
pub mod version;
pub mod workload;
