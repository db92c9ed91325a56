//! Patterns over tags.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

/// The longest pattern, characters.
const MAX_PATTERN: usize = 512;
/// The largest compiled pattern, bytes.
const MAX_COMPILED: usize = 256 * 1024;

/// A regular expression over tags, unanchored, matched in time linear in the tag.
#[derive(Debug, Clone)]
pub struct TagPattern(Regex);

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTagPatternError {
    /// Longer than 512 characters.
    #[error("a tag pattern has at most 512 characters")]
    TooLong,
    /// Larger than it may be once compiled.
    #[error("the tag pattern is too large; use fewer or smaller repetitions")]
    TooLarge,
    /// It is no regular expression of the kind that is understood.
    #[error("the tag pattern is no regular expression: {0}")]
    Syntax(String),
}

impl TagPattern {
    /// Whether any part of `tag` matches.
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        self.0.is_match(tag)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TagPattern {}

impl FromStr for TagPattern {
    type Err = ParseTagPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() > MAX_PATTERN {
            return Err(ParseTagPatternError::TooLong);
        }
        let built = RegexBuilder::new(text).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => ParseTagPatternError::TooLarge,
            other => {
                // The engine's message draws the pattern over several lines; its last one says what is wrong.
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                ParseTagPatternError::Syntax(last.trim_start_matches("error: ").to_owned())
            }
        })
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_unanchored_and_bounded() {
        let pattern: TagPattern = r"^1\.2".parse().unwrap();
        assert!(pattern.matches("1.2.3") && !pattern.matches("v1.2"));
        assert!(matches!("(".parse::<TagPattern>(), Err(ParseTagPatternError::Syntax(_))));
        assert_eq!("x".repeat(600).parse::<TagPattern>(), Err(ParseTagPatternError::TooLong));
        assert_eq!("(a{100}){100}{100}".parse::<TagPattern>(), Err(ParseTagPatternError::TooLarge));
    }
}
