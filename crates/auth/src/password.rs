//! Which passwords are allowed (security requirement AU-2).

mod hash;
mod hasher;

use secrecy::{ExposeSecret as _, SecretString};

pub(crate) use hash::Fit;
pub use hash::{HashCost, hash_password};
pub(crate) use hasher::PasswordHasher;

/// What very many people take, of at least 8 characters; compared without case.
const COMMON: &str = include_str!("password/common.txt");

/// The longest password, in characters.
const LONGEST: usize = 128;

/// Why a password is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// It has too few characters.
    #[error("password must be at least {least} characters")]
    TooShort {
        /// How many it has.
        has: usize,
        /// How many it must have.
        least: usize,
    },
    /// It has too many characters.
    #[error("password exceeds maximum length of {most} characters")]
    TooLong {
        /// How many it has.
        has: usize,
        /// How many it may have.
        most: usize,
    },
    /// Very many people take it.
    #[error("password is one of the most common ones")]
    Common,
    /// It is the account's name or this product's.
    #[error("password must not be the name of the account or of this product")]
    Name,
}

/// Which passwords are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// The shortest one, in characters.
    pub shortest: usize,
    /// The longest one, in characters.
    pub longest: usize,
}

impl PasswordRules {
    /// The rules of the profile `home`.
    pub const HOME: Self = Self { shortest: 8, longest: LONGEST };
    /// The rules of the profile `strict`.
    pub const STRICT: Self = Self { shortest: 15, longest: LONGEST };

    /// Whether `password` is allowed for an account called `name`. Any character is, and every one counts.
    ///
    /// # Errors
    /// [`PasswordProblem`] that says why it is not.
    pub fn check(self, password: &SecretString, name: &str) -> Result<(), PasswordProblem> {
        let text = password.expose_secret();
        let has = text.chars().count();
        if has > self.longest {
            return Err(PasswordProblem::TooLong { has, most: self.longest });
        }
        if has < self.shortest {
            return Err(PasswordProblem::TooShort { has, least: self.shortest });
        }
        let folded = text.to_lowercase();
        if COMMON.lines().any(|common| common == folded) {
            return Err(PasswordProblem::Common);
        }
        let product = folded.trim_matches(|c: char| c.is_ascii_digit()) == "lodeman";
        if folded == name.to_lowercase() || product {
            return Err(PasswordProblem::Name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(rules: PasswordRules, password: &str) -> Result<(), PasswordProblem> {
        rules.check(&password.into(), "ann.miller")
    }

    #[test]
    fn length_is_counted_in_characters_and_nothing_else_is_asked() {
        let longest = "\u{1f511}".repeat(128);
        for good in
            ["correct horse", "12characters", "no-digits!", &longest, "trailing space ", "пароль-на-дом"]
        {
            assert_eq!(allowed(PasswordRules::HOME, good), Ok(()), "{good}");
        }
        let short = allowed(PasswordRules::HOME, "seven77").unwrap_err();
        assert_eq!(short.to_string(), "password must be at least 8 characters");
        let long = allowed(PasswordRules::HOME, &"x".repeat(129)).unwrap_err();
        assert_eq!(long.to_string(), "password exceeds maximum length of 128 characters");
        let short = allowed(PasswordRules::STRICT, "fourteen chars").unwrap_err();
        assert_eq!(short, PasswordProblem::TooShort { has: 14, least: 15 });
    }

    #[test]
    fn common_passwords_and_names_are_refused_in_any_case() {
        for bad in ["password", "PassWord", "12345678", "qwertyuiop"] {
            assert_eq!(allowed(PasswordRules::HOME, bad), Err(PasswordProblem::Common), "{bad}");
        }
        for bad in ["Ann.Miller", "lodeman2026", "Lodeman1"] {
            assert_eq!(allowed(PasswordRules::HOME, bad), Err(PasswordProblem::Name), "{bad}");
        }
        assert!(COMMON.lines().all(|word| word.len() >= 8 && word == word.to_lowercase()));
    }
}
