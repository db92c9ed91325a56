//! Patterns over tags.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The longest pattern that is read.
const MAX_LENGTH: usize = 512;

/// The largest compiled form, in bytes; a nested repetition can ask for far more.
const MAX_COMPILED_BYTES: usize = 256 * 1024;

/// A regular expression that picks tags, anywhere in them unless it is anchored. Matching takes time
/// linear in the tag, whatever the pattern.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagPattern(Regex);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTagPatternError {
    /// Nothing is there.
    #[error("a tag pattern is empty; leave it out to take every tag")]
    Empty,
    /// Longer than 512 bytes.
    #[error("a tag pattern has at most {MAX_LENGTH} characters")]
    TooLong,
    /// Its repetitions multiply.
    #[error("this tag pattern is too large once its repetitions are multiplied out")]
    TooLarge,
    /// It breaks the grammar of regular expressions.
    #[error("this is not a regular expression: {0}")]
    Syntax(String),
}

impl TagPattern {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is found in `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
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
        use ParseTagPatternError as E;
        if text.trim().is_empty() {
            return Err(E::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(E::TooLong);
        }
        let built = RegexBuilder::new(text)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .nest_limit(50)
            .build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => E::TooLarge,
            other => E::Syntax(reason(&other.to_string())),
        })
    }
}

/// What is wrong, from a message that shows the pattern over several lines first.
fn reason(message: &str) -> String {
    let last = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl TryFrom<String> for TagPattern {
    type Error = ParseTagPatternError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TagPattern> for String {
    fn from(pattern: TagPattern) -> Self {
        pattern.as_str().to_owned()
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
    fn a_pattern_is_found_anywhere_unless_anchored() {
        let matches = |pattern: &str, tag: &str| pattern.parse::<TagPattern>().unwrap().matches(tag);
        assert!(matches("alpine", "1.27-alpine3.20"));
        assert!(matches(r"^1\.2\d", "1.27-alpine3.20"));
        assert!(!matches("^alpine", "1.27-alpine3.20"));
    }

    #[test]
    fn a_bad_pattern_says_what_is_wrong_in_one_line() {
        let error = |pattern: &str| pattern.parse::<TagPattern>().unwrap_err();
        assert_eq!(error("  "), ParseTagPatternError::Empty);
        assert_eq!(error("(1.2").to_string(), "this is not a regular expression: unclosed group");
        assert_eq!(error("[a-").to_string(), "this is not a regular expression: unclosed character class");
        assert_eq!(error(&"a".repeat(513)), ParseTagPatternError::TooLong);
        assert_eq!(error("((a{100}){100}){100}"), ParseTagPatternError::TooLarge);
        assert!(error("(?=x)").to_string().contains("look-around"), "{}", error("(?=x)"));
    }

    #[test]
    fn a_pattern_is_stored_as_it_was_written() {
        let pattern: TagPattern = r"^v\d+$".parse().unwrap();
        let json = serde_json::to_string(&pattern).unwrap();
        assert_eq!(json, r#""^v\\d+$""#);
        assert_eq!(serde_json::from_str::<TagPattern>(&json).unwrap(), pattern);
        assert!(serde_json::from_str::<TagPattern>("\"(\"").is_err());
    }
}
