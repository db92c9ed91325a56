//! The service over the store in memory, with a clock that stands still.

mod gate;
mod leaks;
mod setup;
mod sign_in;
mod tokens;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lodeman_domain::clock::{CountingIds, ManualClock};
use lodeman_store::fake::MemoryStore;
use lodeman_store::{AccountStore as _, AccountWrite, Store as _, UserRecord};
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::csrf::CsrfToken;
use crate::entropy::CountingEntropy;
use crate::password::HashCost;

/// A password that is allowed in every profile.
const GOOD: &str = "correct horse battery";

struct House {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    auth: AuthService,
}

fn home() -> AuthConfig {
    AuthConfig { hash_cost: HashCost::TEST, ..AuthConfig::home() }
}

fn strict() -> AuthConfig {
    AuthConfig { hash_cost: HashCost::TEST, ..AuthConfig::strict() }
}

async fn over(store: Arc<MemoryStore>, clock: Arc<ManualClock>, config: AuthConfig) -> House {
    let deps = AuthDeps {
        store: store.clone(),
        clock: clock.clone(),
        ids: Arc::new(CountingIds::default()),
        entropy: Arc::new(CountingEntropy::default()),
    };
    let auth = AuthService::start(config, deps).await.unwrap();
    House { store, clock, auth }
}

/// A service with no account.
async fn empty(config: AuthConfig) -> House {
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
    over(Arc::new(MemoryStore::new()), clock, config).await
}

/// A service with the administrator `ann` and the operator `bob`, whose passwords are [`GOOD`].
async fn house(config: AuthConfig) -> House {
    let house = empty(config).await;
    for (n, name, role) in [(1, "ann", "admin"), (2, "bob", "operator")] {
        house.add(n, name, role).await;
    }
    house
}

impl House {
    async fn add(&self, n: u64, name: &str, role: &str) {
        let hash = self.auth.hasher.hash(GOOD.into()).await.unwrap();
        let id = lodeman_store::contract::sample::uuid(n);
        let user = UserRecord::new(id, name, hash, role, self.clock.now());
        self.store.commit(vec![AccountWrite::InsertUser(user).into()]).await.unwrap();
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    async fn try_from(&self, peer: &str, name: &str, password: &str) -> Result<SignedIn, AuthError> {
        let asked = SignIn {
            peer: ip(peer),
            user_agent: "a browser".into(),
            username: name.into(),
            password: password.into(),
        };
        self.auth.sign_in(asked).await
    }

    async fn signed_in(&self, name: &str) -> SignedIn {
        self.try_from("192.0.2.99", name, GOOD).await.unwrap()
    }

    async fn by_cookie(&self, token: &SecretString) -> Result<Principal, AuthError> {
        let credentials = Credentials { session: Some(token.clone()), bearer: None };
        self.auth.authenticate(&credentials, ip("192.0.2.99"), Use::Active).await
    }

    async fn by_bearer(&self, token: &SecretString) -> Result<Principal, AuthError> {
        let credentials = Credentials { bearer: Some(token.clone()), session: None };
        self.auth.authenticate(&credentials, ip("192.0.2.99"), Use::Active).await
    }

    async fn user(&self, name: &str) -> UserRecord {
        self.store.find_user(name).await.unwrap().unwrap()
    }

    /// The activity log, the oldest entry first.
    async fn log(&self) -> Vec<(Option<String>, String)> {
        let log = self.store.list_activity(None, 99).await.unwrap();
        log.into_iter().rev().map(|stored| (stored.entry.user, stored.entry.message)).collect()
    }

    /// What else was said to do to an account.
    async fn set_access(&self, name: &str, role: &str, enabled: bool) {
        let (user, role) = (self.user(name).await.id, role.to_owned());
        let write = AccountWrite::SetAccess { user, role, enabled, last_of: "nobody".into() };
        self.store.commit(vec![write.into()]).await.unwrap();
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a peer may have no address, and this is one")]
fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}
