//! Where secrets come from.

use rand::TryRngCore as _;
use rand::rngs::OsRng;

use crate::error::AuthError;

/// A source of random bytes for secrets.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with what nobody can guess.
    ///
    /// # Errors
    /// [`AuthError::Entropy`] when the source has nothing to give.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), AuthError>;
}

/// The operating system's source.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), AuthError> {
        OsRng.try_fill_bytes(bytes).map_err(|_| AuthError::Entropy)
    }
}

/// Bytes that a test can foretell: every draw is another one, and the same in every run.
#[cfg(any(test, feature = "fake"))]
#[derive(Debug, Default)]
pub struct CountingEntropy(std::sync::atomic::AtomicU64);

#[cfg(any(test, feature = "fake"))]
impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), AuthError> {
        use sha2::{Digest as _, Sha256};
        for chunk in bytes.chunks_mut(32) {
            let draw = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let block = Sha256::digest(draw.to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

/// Random bytes of a length that is known.
pub(crate) fn draw<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], AuthError> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_gives_other_bytes_each_time() {
        let (one, two) = (draw::<32>(&SystemEntropy).unwrap(), draw::<32>(&SystemEntropy).unwrap());
        assert!(one != two && one != [0; 32]);
    }
}
