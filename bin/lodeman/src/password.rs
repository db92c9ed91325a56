//! Passwords as the command line takes them.

use lodeman_auth::{HashCost, PasswordProblem, PasswordRules, SystemEntropy, hash_password};
use lodeman_config::Profile;
use secrecy::SecretString;

use crate::exit::{Exit, Failure, chain};

/// Whether `password` is allowed for an administrator called `name`.
///
/// # Errors
/// [`Failure`] that says what is allowed.
pub fn check(password: &SecretString, name: &str, profile: Profile) -> Result<(), Failure> {
    let rules = if profile == Profile::Strict { PasswordRules::STRICT } else { PasswordRules::HOME };
    let why = match rules.check(password, name) {
        Ok(()) => return Ok(()),
        Err(PasswordProblem::TooShort { has, .. } | PasswordProblem::TooLong { has, .. }) => {
            format!("has {has} characters; allowed is {} to {}", rules.shortest, rules.longest)
        }
        Err(PasswordProblem::Common) => "is one of the most common ones; take another".to_owned(),
        Err(PasswordProblem::Name) => {
            "is the name of the account or of this product; take another".to_owned()
        }
    };
    Err(Failure::new(Exit::Usage, format!("password: {why}")))
}

/// What is stored of `password`. Takes a moment and 64 MiB, so it is called where that blocks nobody.
///
/// # Errors
/// [`Failure`] when the machine cannot do it.
pub fn hash(password: &SecretString) -> Result<String, Failure> {
    hash_password(password, HashCost::RELEASE, &SystemEntropy)
        .map_err(|error| Failure::new(Exit::Failed, chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(password: &str, profile: Profile) -> Result<(), String> {
        check(&password.into(), "ann.miller", profile).map_err(|failure| failure.message)
    }

    #[test]
    fn what_is_refused_is_told_with_what_is_allowed() {
        assert_eq!(allowed("correct horse", Profile::Home), Ok(()));
        let refused = [
            ("seven77", Profile::Home, "password: has 7 characters; allowed is 8 to 128"),
            (&"x".repeat(129), Profile::Home, "password: has 129 characters; allowed is 8 to 128"),
            ("fourteen chars", Profile::Strict, "password: has 14 characters; allowed is 15 to 128"),
            ("PassWord", Profile::Home, "password: is one of the most common ones; take another"),
            (
                "Ann.Miller",
                Profile::Home,
                "password: is the name of the account or of this product; take another",
            ),
        ];
        for (password, profile, message) in refused {
            assert_eq!(allowed(password, profile), Err(message.to_owned()));
        }
    }

    #[test]
    fn what_is_stored_is_argon2id() {
        let stored = hash(&"correct horse".into()).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{stored}");
    }
}
