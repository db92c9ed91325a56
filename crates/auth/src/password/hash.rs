//! What is stored of a password, and whether a password fits it.

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret as _, SecretString};

use crate::entropy::{Entropy, draw};
use crate::error::AuthError;

/// The longest password that bcrypt takes in whole, in bytes.
const BCRYPT_LONGEST: usize = 72;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl HashCost {
    /// What security requirement AU-1 asks for.
    pub const RELEASE: Self = Self { memory_kib: 64 * 1024, passes: 3 };

    /// Next to nothing, for tests.
    #[cfg(any(test, feature = "fake"))]
    pub const TEST: Self = Self { memory_kib: 8, passes: 1 };
}

fn failed(error: impl std::fmt::Display) -> AuthError {
    AuthError::Hashing(error.to_string().into())
}

/// What is stored of `password`: Argon2id with a random salt of 16 bytes, as a PHC string. Takes a moment and
/// as much memory as `cost` says, so it is called where that blocks nobody.
///
/// # Errors
/// [`AuthError::Hashing`] or [`AuthError::Entropy`] when the machine cannot do it.
pub fn hash_password(
    password: &SecretString,
    cost: HashCost,
    entropy: &dyn Entropy,
) -> Result<String, AuthError> {
    let salt = SaltString::encode_b64(&draw::<16>(entropy)?).map_err(failed)?;
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.expose_secret().as_bytes(), &salt);
    Ok(hash.map_err(failed)?.to_string())
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The password is another one.
    No,
    /// It is this one.
    Yes,
    /// It is this one, and what is stored of it is weaker than it should be.
    YesButWeak,
    /// What is stored is no hash that we know, so no password fits.
    Unreadable,
}

/// Whether `password` is what `stored` was made of: an Argon2 PHC string, or bcrypt for an imported account.
pub(crate) fn fit(password: &SecretString, stored: &str, cost: HashCost) -> Fit {
    let password = password.expose_secret();
    if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| stored.starts_with(prefix)) {
        // What is longer was never hashed whole, and a zero byte ends a password elsewhere.
        let whole = password.len() <= BCRYPT_LONGEST && !password.contains('\0');
        return match bcrypt::verify(password, stored) {
            Ok(true) if whole => Fit::YesButWeak,
            Ok(_) => Fit::No,
            Err(_) => Fit::Unreadable,
        };
    }
    let Some(hash) = PasswordHash::new(stored).ok().filter(|hash| hash.hash.is_some()) else {
        return Fit::Unreadable;
    };
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) if is_weak(&hash, cost) => Fit::YesButWeak,
        Ok(()) => Fit::Yes,
        Err(argon2::password_hash::Error::Password) => Fit::No,
        Err(_) => Fit::Unreadable,
    }
}

fn is_weak(hash: &PasswordHash<'_>, cost: HashCost) -> bool {
    let id = hash.algorithm == argon2::ARGON2ID_IDENT;
    let enough = |params: &Params| params.m_cost() >= cost.memory_kib && params.t_cost() >= cost.passes;
    !id || !Params::try_from(hash).is_ok_and(|params| enough(&params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{CountingEntropy, SystemEntropy};

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    #[test]
    fn what_is_stored_meets_the_minimum_and_fits_only_the_right_password() {
        let released = HashCost::RELEASE;
        let stored = hash_password(&secret("correct horse"), released, &SystemEntropy).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{stored}");
        assert_eq!(fit(&secret("correct horse"), &stored, released), Fit::Yes);
        assert_eq!(fit(&secret("correct horse "), &stored, released), Fit::No);
    }

    #[test]
    fn the_same_password_is_stored_in_another_way_each_time() {
        let entropy = CountingEntropy::default();
        let [one, two] =
            [(); 2].map(|()| hash_password(&secret("correct horse"), HashCost::TEST, &entropy).unwrap());
        assert_ne!(one, two);
    }

    #[test]
    fn a_weaker_hash_fits_and_is_called_weak() {
        let stored =
            hash_password(&secret("correct horse"), HashCost::TEST, &CountingEntropy::default()).unwrap();
        assert_eq!(fit(&secret("correct horse"), &stored, HashCost::TEST), Fit::Yes);
        let more = HashCost { passes: 2, ..HashCost::TEST };
        assert_eq!(fit(&secret("correct horse"), &stored, more), Fit::YesButWeak);
        assert_eq!(fit(&secret("wrong horse"), &stored, more), Fit::No);
    }

    #[test]
    fn imported_bcrypt_hashes_fit_whole_passwords_only() {
        let stored = bcrypt::hash_with_salt(b"hunter22", 4, [7; 16]).unwrap().to_string();
        assert_eq!(fit(&secret("hunter22"), &stored, HashCost::TEST), Fit::YesButWeak);
        assert_eq!(fit(&secret("hunter23"), &stored, HashCost::TEST), Fit::No);
        let long = "x".repeat(72);
        let stored = bcrypt::hash_with_salt(long.as_bytes(), 4, [7; 16]).unwrap().to_string();
        assert_eq!(fit(&secret(&long), &stored, HashCost::TEST), Fit::YesButWeak);
        assert_eq!(fit(&secret(&format!("{long}y")), &stored, HashCost::TEST), Fit::No);
    }

    #[test]
    fn what_is_no_hash_fits_nothing() {
        for stored in ["", "!", "plain text", "$2a$", "$argon2id$v=19$m=8", "$md5$abc"] {
            assert_eq!(fit(&secret(stored), stored, HashCost::TEST), Fit::Unreadable, "{stored}");
        }
    }
}
