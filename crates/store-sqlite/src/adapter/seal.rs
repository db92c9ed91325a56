//! Sealing of values that carry secrets.
//!
//! XChaCha20-Poly1305 with a random nonce. The associated data is `table|row id|column|format`, so that a
//! sealed value moved elsewhere does not open. Stored form: one byte of format, 8 bytes that name the
//! key, 24 bytes of nonce, the ciphertext with its tag. Each purpose has a key of its own, derived from
//! the master key by HKDF.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use lodeman_store::StoreError;
use rand::TryRngCore as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::key::MasterKey;

const FORMAT: u8 = 1;
const NONCE_LEN: usize = 24;
pub(crate) const KEY_ID_LEN: usize = 8;
const HEAD_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;

/// Whether secrets can be sealed and opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealing {
    /// They can.
    Ready,
    /// The key is missing, unusable, or not the one that existing values were sealed with: those cannot be
    /// opened and none can be sealed. Everything else works.
    Unavailable {
        /// What is wrong, for a person.
        reason: String,
    },
}

/// Where a sealed value lives.
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
    pub(crate) column: &'static str,
}

impl Place<'_> {
    fn associated_data(&self) -> String {
        format!("{}|{}|{}|{FORMAT}", self.table, self.row, self.column)
    }
}

/// Name of a master key, from which nothing about it can be told.
pub(crate) fn key_id(master: &MasterKey) -> [u8; KEY_ID_LEN] {
    let mut id = [0; KEY_ID_LEN];
    id.copy_from_slice(&derive(master, "lodeman key id")[..KEY_ID_LEN]);
    id
}

fn derive(master: &MasterKey, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    // 32 bytes are within what HKDF-SHA256 gives out; it fails beyond 8160 only.
    let _ = Hkdf::<Sha256>::new(None, &**master).expand(purpose.as_bytes(), &mut *key);
    key
}

/// Seals and opens.
pub(crate) struct Sealer {
    sealing: Sealing,
    specs: Option<([u8; KEY_ID_LEN], XChaCha20Poly1305)>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("sealing", &self.sealing).finish_non_exhaustive()
    }
}

impl Sealer {
    pub(crate) fn ready(master: &MasterKey) -> Self {
        let cipher = XChaCha20Poly1305::new((&*derive(master, "lodeman update_op_spec")).into());
        Self { sealing: Sealing::Ready, specs: Some((key_id(master), cipher)) }
    }

    pub(crate) fn unavailable(reason: String) -> Self {
        Self { sealing: Sealing::Unavailable { reason }, specs: None }
    }

    pub(crate) fn sealing(&self) -> &Sealing {
        &self.sealing
    }

    pub(crate) fn seal_spec(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let Some((id, cipher)) = &self.specs else { return Err(StoreError::Sealed { what: "spec" }) };
        let mut nonce = [0; NONCE_LEN];
        rand::rngs::OsRng.try_fill_bytes(&mut nonce).map_err(|error| StoreError::Failed(Box::new(error)))?;
        let aad = place.associated_data();
        let sealed = cipher
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: aad.as_bytes() })
            .map_err(|_| StoreError::Failed("the value is too large to be sealed".into()))?;
        Ok([&[FORMAT], &id[..], &nonce, &sealed].concat())
    }

    pub(crate) fn open_spec(
        &self,
        place: &Place<'_>,
        stored: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let shut = || StoreError::Sealed { what: "spec" };
        let Some((id, cipher)) = &self.specs else { return Err(shut()) };
        let Some((head, sealed)) = stored.split_at_checked(HEAD_LEN) else { return Err(shut()) };
        if head[0] != FORMAT || head[1..=KEY_ID_LEN] != *id {
            return Err(shut());
        }
        let aad = place.associated_data();
        let nonce = XNonce::from_slice(&head[1 + KEY_ID_LEN..]);
        let opened = cipher.decrypt(nonce, Payload { msg: sealed, aad: aad.as_bytes() });
        opened.map(Zeroizing::new).map_err(|_| {
            tracing::error!(
                table = place.table,
                row = place.row,
                "a sealed value was tampered with or moved"
            );
            shut()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(row: &str) -> Place<'_> {
        Place { table: "t", row, column: "c" }
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let sealer = Sealer::ready(&Zeroizing::new([7; 32]));
        let stored = sealer.seal_spec(&place("a"), b"secret").unwrap();
        assert_eq!(*sealer.open_spec(&place("a"), &stored).unwrap(), b"secret");
        assert!(matches!(sealer.open_spec(&place("b"), &stored), Err(StoreError::Sealed { .. })));
        let other = Sealer::ready(&Zeroizing::new([8; 32]));
        assert!(matches!(other.open_spec(&place("a"), &stored), Err(StoreError::Sealed { .. })));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let sealer = Sealer::ready(&Zeroizing::new([7; 32]));
        let stored = sealer.seal_spec(&place("a"), b"secret").unwrap();
        for at in 0..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert!(sealer.open_spec(&place("a"), &changed).is_err(), "byte {at}");
            assert!(sealer.open_spec(&place("a"), &stored[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_alike() {
        let sealer = Sealer::ready(&Zeroizing::new([7; 32]));
        let [a, b] = [(); 2].map(|()| sealer.seal_spec(&place("a"), b"secret").unwrap());
        assert_ne!(a, b);
    }
}
