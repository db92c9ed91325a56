//! Where the master key comes from.
//!
//! It is 32 random bytes, as 64 hex digits in a file of its own, in no database and no backup. It is made
//! once, and never where sealed values of an earlier one exist: a second key would open none of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand::TryRngCore as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::files;

/// The master key itself.
pub(crate) type MasterKey = Zeroizing<[u8; 32]>;

/// Where the master key comes from.
#[derive(Debug, Clone, Default)]
pub enum KeySource {
    /// `secret.key` in the data directory, made where it is missing and nothing is sealed yet.
    #[default]
    DataDir,
    /// Another file, made likewise.
    File(PathBuf),
    /// The key, as 64 hex digits.
    Given(SecretString),
}

/// What became of looking for the key.
pub(crate) enum Found {
    Key(MasterKey),
    /// There is none where it should be.
    Missing(PathBuf),
    /// What is there is no key, or cannot be read.
    Unusable(String),
}

pub(crate) fn find(source: &KeySource, data_dir: &Path) -> Found {
    let path = match source {
        KeySource::Given(text) => {
            return decode(text.expose_secret())
                .map_or_else(|| Found::Unusable("the given key is not 64 hex digits".into()), Found::Key);
        }
        KeySource::File(path) => path.clone(),
        KeySource::DataDir => data_dir.join(files::KEY),
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Missing(path),
        Err(error) => return Found::Unusable(format!("{} cannot be read: {error}", path.display())),
    };
    files::tighten(&path, 0o600);
    decode(text.trim()).map_or_else(
        || Found::Unusable(format!("{} does not hold a key of 64 hex digits", path.display())),
        Found::Key,
    )
}

/// Makes a key and writes it to `path`, where nothing may be yet.
pub(crate) fn generate(path: &Path) -> io::Result<MasterKey> {
    let mut key = MasterKey::default();
    rand::rngs::OsRng.try_fill_bytes(&mut *key).map_err(io::Error::other)?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    files::write_whole(path, text.as_bytes(), false)?;
    Ok(key)
}

fn decode(text: &str) -> Option<MasterKey> {
    let mut key = MasterKey::default();
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_read_back_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(find(&KeySource::DataDir, dir.path()), Found::Missing(_)));
        let path = dir.path().join(files::KEY);
        let made = generate(&path).unwrap();
        let Found::Key(read) = find(&KeySource::DataDir, dir.path()) else { panic!("no key") };
        assert_eq!(*made, *read);
        assert!(generate(&path).is_err());
    }

    #[test]
    fn what_is_not_64_hex_digits_is_no_key() {
        for bad in ["", "ab", &"g".repeat(64), &"a".repeat(65), &"é".repeat(32)] {
            let found = find(&KeySource::Given((*bad).into()), Path::new("/"));
            assert!(matches!(found, Found::Unusable(_)), "{bad}");
        }
        let Found::Key(key) = find(&KeySource::Given("0aF1".repeat(16).into()), Path::new("/")) else {
            panic!("no key")
        };
        assert_eq!(key[..2], [0x0a, 0xf1]);
    }
}
