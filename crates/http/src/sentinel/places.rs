//! How many streams there may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use lodeman_auth::Principal;

use super::envelope::Failure;

/// Streams of one account at once.
const PER_ACCOUNT: usize = 32;
/// Streams in all.
const IN_ALL: usize = 1_000;

/// Who has how many streams.
#[derive(Debug, Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<String, usize>>>);

/// The right to one stream; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    account: String,
}

impl Places {
    /// A place for one more stream of the caller.
    ///
    /// # Errors
    /// 429 where the caller has all that one may have, 503 where there are no more for anybody.
    pub fn take(&self, caller: &Principal) -> Result<Place, Failure> {
        let account = caller.user.id.to_string();
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= IN_ALL {
            let message = format!("there are {IN_ALL} streams already, which is the most there may be");
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, message));
        }
        let own = taken.entry(account.clone()).or_default();
        // Where authentication is off everybody is the same account.
        if *own >= PER_ACCOUNT && !caller.is_system() {
            let message = format!("too many streams: an account may have {PER_ACCOUNT} at once");
            return Err(Failure::too_many(message, 10));
        }
        *own += 1;
        Ok(Place { places: self.clone(), account })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.account) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let places = Places::default();
        let system = Principal::system();
        let held: Vec<Place> = (0..IN_ALL).map(|_| places.take(&system).unwrap()).collect();
        assert!(places.take(&system).is_err());
        drop(held);
        assert!(places.take(&system).is_ok());
        assert!(places.0.lock().unwrap().is_empty());
    }
}
