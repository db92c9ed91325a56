//! Versions in tags: reading them, ordering them, and choosing which newer ones to offer.
//!
//! A tag is data, not text: an optional prefix, numbers, an optional pre-release, build counter and
//! variant. Two tags compete only when everything about them that is not a number that grows is the
//! same, so `1.26-alpine` never competes with `1.26`, nor a calendar version with a semantic one.

mod choose;
mod constraint;
mod grammar;
mod order;
mod pattern;
mod scope;
mod segment;

pub use choose::{Beyond, Candidate, Choice, NoneWhy, Rules, choose, rank_for_resolution};
pub use constraint::{Constraint, ParseConstraintError};
pub use grammar::{Prerelease, Scheme, Version};
pub use pattern::{ParseTagPatternError, TagPattern};
pub use scope::{ParseScopeError, ParseVariantRuleError, Scope, Step, VariantRule};
