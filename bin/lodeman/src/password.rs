//! Passwords: which are allowed, and what is stored of them.

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use lodeman_config::Profile;
use secrecy::{ExposeSecret as _, SecretString};

use crate::exit::{Exit, Failure};

/// Memory of one hash, KiB (security requirement AU-1).
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// The longest password, in characters (AU-2).
const LONGEST: usize = 128;

/// What very many people take, of at least 8 characters; compared without case.
const COMMON: &str = include_str!("password/common.txt");

/// Whether `password` is allowed for an administrator called `name`.
///
/// # Errors
/// [`Failure`] that says what is allowed.
pub fn check(password: &SecretString, name: &str, profile: Profile) -> Result<(), Failure> {
    let text = password.expose_secret();
    let shortest = if profile == Profile::Strict { 15 } else { 8 };
    let refuse = |why: String| Err(Failure::new(Exit::Usage, format!("password: {why}")));
    let length = text.chars().count();
    if !(shortest..=LONGEST).contains(&length) {
        return refuse(format!("has {length} characters; allowed is {shortest} to {LONGEST}"));
    }
    let folded = text.to_lowercase();
    if COMMON.lines().any(|common| common == folded) {
        return refuse("is one of the most common ones; take another".to_owned());
    }
    if folded == name.to_lowercase() || folded.trim_matches(|c: char| c.is_ascii_digit()) == "lodeman" {
        return refuse("is the name of the account or of this product; take another".to_owned());
    }
    Ok(())
}

/// What is stored of `password`: Argon2id with a random salt, as a PHC string. Takes a moment and
/// 64 MiB, so it is called where that blocks nobody.
///
/// # Errors
/// [`Failure`] when the machine cannot do it.
pub fn hash(password: &SecretString) -> Result<String, Failure> {
    let failed = |what: String| Failure::new(Exit::Failed, format!("the password cannot be hashed: {what}"));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(error.to_string()))?;
    let salt = SaltString::generate(&mut OsRng);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.expose_secret().as_bytes(), &salt);
    Ok(hash.map_err(|error| failed(error.to_string()))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHash, PasswordVerifier as _};

    fn allowed(password: &str, profile: Profile) -> Result<(), String> {
        check(&password.into(), "ann.miller", profile).map_err(|failure| failure.message)
    }

    #[test]
    fn length_is_counted_in_characters_and_nothing_is_cut_off() {
        for good in
            ["correct horse", "12characters", &"\u{1f511}".repeat(128), "trailing space ", "пароль-на-дом"]
        {
            assert_eq!(allowed(good, Profile::Home), Ok(()), "{good}");
        }
        assert_eq!(
            allowed("seven77", Profile::Home),
            Err("password: has 7 characters; allowed is 8 to 128".to_owned())
        );
        assert!(allowed(&"x".repeat(129), Profile::Home).is_err());
        assert_eq!(
            allowed("fourteen chars", Profile::Strict),
            Err("password: has 14 characters; allowed is 15 to 128".to_owned())
        );
    }

    #[test]
    fn common_passwords_and_names_are_refused() {
        for bad in ["password", "PassWord", "12345678", "qwertyuiop", "Ann.Miller", "lodeman2026", "Lodeman1"]
        {
            assert!(allowed(bad, Profile::Home).is_err(), "{bad}");
        }
        assert!(COMMON.lines().all(|word| word.len() >= 8 && word == word.to_lowercase()));
    }

    #[test]
    fn what_is_stored_meets_the_minimum_and_tells_only_the_right_password() {
        let stored = hash(&"correct horse".into()).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{stored}");
        let parsed = PasswordHash::new(&stored).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"correct horse ", &parsed).is_err());
    }
}
