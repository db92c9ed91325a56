//! Versions of the engine's API, and which one to speak.

use std::fmt;
use std::str::FromStr;

/// A version of the engine's API, such as `1.41`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    /// Before the dot.
    pub major: u16,
    /// After it.
    pub minor: u16,
}

/// Why a text is not an API version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an engine API version is two numbers with a dot between")]
pub struct ParseApiVersionError;

/// An engine that is too old.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the engine speaks API {offered} at most; Lodeman needs {} or newer (Docker Engine 20.10)",
    ApiVersion::OLDEST
)]
pub(crate) struct TooOld {
    pub(crate) offered: ApiVersion,
}

impl ApiVersion {
    /// The oldest that serves: Docker Engine 20.10.
    pub const OLDEST: Self = Self { major: 1, minor: 41 };

    /// The newest that is spoken: the last whose inspect still tells the address a user gave an
    /// endpoint (`Config.MacAddress`), without which a container cannot be re-created faithfully.
    pub const NEWEST: Self = Self { major: 1, minor: 51 };

    /// The first that tells of an image where it was pulled from (`Identity`).
    pub(crate) const WITH_ORIGIN: Self = Self { major: 1, minor: 53 };

    /// The version to speak with an engine that offers `self` at most.
    pub(crate) fn agreed(self) -> Result<Self, TooOld> {
        if self < Self::OLDEST { Err(TooOld { offered: self }) } else { Ok(self.min(Self::NEWEST)) }
    }
}

impl FromStr for ApiVersion {
    type Err = ParseApiVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.trim().split_once('.').ok_or(ParseApiVersionError)?;
        let number = |part: &str| part.parse().map_err(|_| ParseApiVersionError);
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_both_sides_newest_is_spoken() {
        let agreed = |text: &str| text.parse::<ApiVersion>().unwrap().agreed().map(|v| v.to_string());
        assert_eq!(agreed("1.41"), Ok("1.41".to_owned()));
        assert_eq!(agreed("1.51"), Ok("1.51".to_owned()));
        assert_eq!(agreed("1.56"), Ok("1.51".to_owned()));
        assert_eq!(agreed("2.0"), Ok("1.51".to_owned()));
        let too_old = agreed("1.40").unwrap_err().to_string();
        assert!(too_old.contains("1.40") && too_old.contains("1.41"), "{too_old}");
    }

    #[test]
    fn what_is_not_two_numbers_is_no_version() {
        for bad in ["", "1", "1.", ".41", "1.41.2", "v1.41", "1.99999999", "-1.4"] {
            assert_eq!(bad.parse::<ApiVersion>(), Err(ParseApiVersionError), "{bad}");
        }
    }
}
