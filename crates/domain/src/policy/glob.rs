//! Shell patterns: `*`, `?`, `[a-z]`, `[!a]`, `\` before a character that means itself.

use std::fmt;
use std::iter::Peekable;
use std::str::{Chars, FromStr};

const MAX_TEXT: usize = 256;

/// A shell pattern. Case counts, and the whole text must match. `*` matches any text, `/` included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Any,
    One,
    Letter(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseGlobError {
    /// Nothing is there.
    #[error("a pattern is empty")]
    Empty,
    /// Longer than 256 bytes.
    #[error("a pattern has at most 256 characters")]
    TooLong,
    /// `[` without its `]`, or with nothing in between.
    #[error("a pattern has a `[` without a matching `]`")]
    OpenClass,
    /// `[z-a]`
    #[error("a pattern has a range that ends before it starts")]
    BadRange,
    /// `\` at the end.
    #[error("a pattern ends with `\\`")]
    TrailingEscape,
}

impl Glob {
    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `text` matches. Takes time in proportion to both lengths at worst.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        let (mut token, mut letter) = (0, 0);
        // After a mismatch the last `*` takes one letter more; earlier ones need not be tried again.
        let mut retry: Option<(usize, usize)> = None;
        while letter < letters.len() {
            match self.tokens.get(token) {
                Some(Token::Any) => {
                    token += 1;
                    retry = Some((token, letter));
                }
                Some(one) if one.accepts(letters[letter]) => {
                    token += 1;
                    letter += 1;
                }
                _ => match &mut retry {
                    Some((after_star, eaten)) => {
                        *eaten += 1;
                        token = *after_star;
                        letter = *eaten;
                    }
                    None => return false,
                },
            }
        }
        self.tokens[token.min(self.tokens.len())..].iter().all(|token| *token == Token::Any)
    }
}

impl Token {
    fn accepts(&self, letter: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Letter(own) => *own == letter,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *negated
            }
        }
    }
}

impl FromStr for Glob {
    type Err = ParseGlobError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseGlobError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(ParseGlobError::TooLong);
        }
        let mut letters = text.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(letter) = letters.next() {
            tokens.push(match letter {
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => Token::Letter(letters.next().ok_or(ParseGlobError::TrailingEscape)?),
                '[' => {
                    let negated = letters.next_if(|c| matches!(c, '!' | '^')).is_some();
                    Token::Class { negated, ranges: parse_class(&mut letters)? }
                }
                other => Token::Letter(other),
            });
        }
        tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
        Ok(Self { text: text.to_owned(), tokens })
    }
}

/// The rest of a class, after its `[` and negation, up to and with its `]`.
fn parse_class(letters: &mut Peekable<Chars<'_>>) -> Result<Vec<(char, char)>, ParseGlobError> {
    use ParseGlobError as E;
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let low = match letters.next().ok_or(E::OpenClass)? {
            // A `]` that comes first means itself.
            ']' if !ranges.is_empty() => return Ok(ranges),
            '\\' => letters.next().ok_or(E::OpenClass)?,
            other => other,
        };
        if letters.next_if_eq(&'-').is_none() {
            ranges.push((low, low));
            continue;
        }
        match letters.next().ok_or(E::OpenClass)? {
            // A `-` that comes last means itself.
            ']' => {
                ranges.extend([(low, low), ('-', '-')]);
                return Ok(ranges);
            }
            '\\' => ranges.push((low, letters.next().ok_or(E::OpenClass)?)),
            high => ranges.push((low, high)),
        }
        if ranges.last().is_some_and(|(low, high)| low > high) {
            return Err(E::BadRange);
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, matches) in [
            ("web", "web", true),
            ("web", "web2", false),
            ("web*", "web2", true),
            ("*web*", "my-web-2", true),
            ("*", "", true),
            ("?", "", false),
            ("w?b", "wab", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]]", "]", true),
            ("[a-]", "-", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("Web", "web", false),
            ("ghcr.io/*", "ghcr.io/a/b:1", true),
        ] {
            let glob: Glob = pattern.parse().unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert_eq!(glob.matches(text), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_malformed_pattern_is_refused() {
        use ParseGlobError as E;
        for (pattern, why) in [
            ("", E::Empty),
            ("[a", E::OpenClass),
            ("[]", E::OpenClass),
            ("[", E::OpenClass),
            ("[z-a]", E::BadRange),
            ("a\\", E::TrailingEscape),
            (&"a".repeat(300), E::TooLong),
        ] {
            assert_eq!(pattern.parse::<Glob>(), Err(why), "{pattern}");
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let glob: Glob = format!("{}b", "a*".repeat(100)).parse().unwrap();
        assert!(!glob.matches(&"a".repeat(20_000)));
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_and_text_are_handled(pattern in "[\\]a-c*?!\\^\\\\\\[-]{0,12}", text in "[a-c\\]-]{0,12}") {
            if let Ok(glob) = pattern.parse::<Glob>() {
                let _ = glob.matches(&text);
            }
        }

        #[test]
        fn an_escaped_text_matches_itself(text in "\\PC{1,40}") {
            let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
            if let Ok(glob) = escaped.parse::<Glob>() {
                proptest::prop_assert!(glob.matches(&text));
            }
        }
    }
}
