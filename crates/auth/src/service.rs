//! Identity as a service: who is let in, how, and what accounts there are.

mod authenticate;
mod setup;
mod sign_in;
#[cfg(test)]
mod tests;
mod tokens;
mod users;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::Timestamp;
use lodeman_domain::clock::{Clock, IdSource};
use lodeman_store::{AccountWrite, ActivityEntry, RoleRecord, Store, Write};

pub use authenticate::{Credentials, Use};
pub use setup::{SetUp, SetupState};
pub use sign_in::{SignIn, SignedIn};
pub use tokens::{CreatedToken, NewToken, TokenView};
pub use users::{NewUser, UserView};

use crate::config::AuthConfig;
use crate::entropy::Entropy;
use crate::error::AuthError;
use crate::limit::{FailureCounter, Throttle, Who};
use crate::password::PasswordHasher;
use crate::permission_set::PermissionSet;
use crate::principal::Principal;
use crate::role::{BuiltInRole, Role};
use crate::touch::{Touches, writes};

/// Key of the stored setting that switches authentication off when it is `false`.
const ENABLED: &str = "auth_enabled";
/// How often sessions that are over are dropped, milliseconds.
const PURGE_EVERY_MS: i64 = 3_600_000;

/// What an [`AuthService`] works with.
pub struct AuthDeps {
    /// Where accounts are kept.
    pub store: Arc<dyn Store>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids of accounts come from.
    pub ids: Arc<dyn IdSource>,
    /// Where secrets come from.
    pub entropy: Arc<dyn Entropy>,
}

/// Signs people and programs in, and keeps their accounts.
pub struct AuthService {
    config: AuthConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    entropy: Arc<dyn Entropy>,
    hasher: PasswordHasher,
    knocks: Throttle,
    knocks_by_name: Option<Throttle>,
    failures: FailureCounter,
    touches: Touches,
    stored_enabled: AtomicBool,
    purged_at_ms: AtomicI64,
    setup: setup::Setup,
}

impl fmt::Debug for AuthService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Whether a peer is this machine: a loopback address, or a Unix socket, which has none.
#[must_use]
pub fn is_local(peer: Option<IpAddr>) -> bool {
    peer.is_none_or(|address| address.to_canonical().is_loopback())
}

/// A peer as records tell it.
fn told(peer: Option<IpAddr>) -> String {
    peer.map_or_else(|| "local".to_owned(), |address| address.to_canonical().to_string())
}

impl AuthService {
    /// A service over what `deps` has; set-up is open from now on. Roles that come with the program are
    /// written down.
    ///
    /// # Errors
    /// [`AuthError`] when the store or the source of random bytes fails.
    pub async fn start(config: AuthConfig, deps: AuthDeps) -> Result<Self, AuthError> {
        let AuthDeps { store, clock, ids, entropy } = deps;
        let setup = setup::Setup::open(clock.now(), &config, &*entropy)?;
        let service = Self {
            hasher: PasswordHasher::new(config.hash_cost, entropy.clone()),
            knocks: Throttle::new(config.knocks),
            knocks_by_name: config.knocks_by_name.map(Throttle::new),
            failures: FailureCounter::new(config.failures),
            touches: Touches::default(),
            stored_enabled: AtomicBool::new(true),
            purged_at_ms: AtomicI64::new(i64::MIN),
            setup,
            config,
            store,
            clock,
            ids,
            entropy,
        };
        service.reload().await?;
        service.seed_roles().await?;
        Ok(service)
    }

    /// Reads anew what is stored of the switch. To be called when settings were stored by another way.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails; the switch stays then.
    pub async fn reload(&self) -> Result<(), AuthError> {
        let settings = self.store.list_settings().await?;
        let off = settings.iter().any(|(key, value)| key == ENABLED && value == "false");
        self.stored_enabled.store(!off, Ordering::Release);
        Ok(())
    }

    async fn seed_roles(&self) -> Result<(), AuthError> {
        let stored = self.store.list_roles().await?;
        let now = self.clock.now();
        let mut writes: Vec<Write> = Vec::new();
        for role in BuiltInRole::ALL.map(Role::from) {
            let known = stored.iter().find(|record| record.id == role.id);
            let record = RoleRecord {
                permissions: role.permissions.ids().into_iter().map(str::to_owned).collect(),
                created_at: known.map_or(now, |record| record.created_at),
                id: role.id,
                name: role.name,
                built_in: true,
            };
            if known != Some(&record) {
                writes.push(AccountWrite::PutRole(record).into());
            }
        }
        if !writes.is_empty() {
            self.store.commit(writes).await?;
        }
        Ok(())
    }

    /// Whether authentication is on: as the environment says, else as is stored (sentinel contract, section
    /// 1.9). A profile that does not allow it to be off keeps it on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        let wanted = self.config.enabled.unwrap_or_else(|| self.stored_enabled.load(Ordering::Acquire));
        wanted || !self.config.may_be_disabled
    }

    /// Stores whether authentication is on; takes effect with the next request, unless the environment says
    /// otherwise.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails.
    pub async fn set_enabled(&self, by: &Principal, enabled: bool) -> Result<(), AuthError> {
        let word = if enabled { "enabled" } else { "disabled" };
        let setting = Write::PutSetting { key: ENABLED.to_owned(), value: enabled.to_string() };
        let entry = self.entry(Some(by), format!("Authentication {word} by {}", by.user.name));
        self.store.commit(vec![setting, entry]).await?;
        self.reload().await
    }

    /// Lets one more request at the doors (sign-in, set-up) in. To be asked before anything of it is read.
    ///
    /// # Errors
    /// [`AuthError::TooManyRequests`].
    pub fn knock(&self, peer: Option<IpAddr>) -> Result<(), AuthError> {
        let admitted = self.knocks.admit(Who::at(peer), self.clock.now());
        admitted.map_err(|retry_after| AuthError::TooManyRequests { retry_after })
    }

    /// Writes down when sessions and tokens were last used, in one commit, and now and then drops sessions that
    /// are over. To be called every minute and at the end.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails; nothing is lost then.
    pub async fn maintain(&self) -> Result<(), AuthError> {
        let now = self.clock.now();
        let touches = self.touches.take();
        let mut writes = writes(&touches);
        let last_purge = self.purged_at_ms.load(Ordering::Relaxed);
        let purges = now.as_millisecond().saturating_sub(last_purge) >= PURGE_EVERY_MS;
        if purges {
            writes.push(AccountWrite::DropExpiredSessions(now).into());
        }
        if writes.is_empty() {
            return Ok(());
        }
        match self.store.commit(writes).await {
            Ok(()) => {
                if purges {
                    self.purged_at_ms.store(now.as_millisecond(), Ordering::Relaxed);
                }
                Ok(())
            }
            Err(error) => {
                for (used, touch) in touches {
                    self.touches.note(used, touch);
                }
                Err(error.into())
            }
        }
    }

    /// The roles there are: those of the program, the weakest first, then others.
    ///
    /// # Errors
    /// [`AuthError`] when the store fails.
    pub async fn list_roles(&self) -> Result<Vec<Role>, AuthError> {
        let stored = self.store.list_roles().await?;
        let others = stored.into_iter().filter(|record| BuiltInRole::find(&record.id).is_none()).map(custom);
        Ok(BuiltInRole::ALL.map(Role::from).into_iter().chain(others).collect())
    }

    /// A role; what is stored of those that come with the program is for others to read only.
    async fn find_role(&self, id: &str) -> Result<Option<Role>, AuthError> {
        if let Some(role) = BuiltInRole::find(id) {
            return Ok(Some(role.into()));
        }
        Ok(self.store.find_role(id).await?.map(custom))
    }

    /// What whoever has this role may do; nothing, where there is no such role.
    async fn permissions_of(&self, role: &str) -> Result<PermissionSet, AuthError> {
        Ok(self.find_role(role).await?.map_or(PermissionSet::EMPTY, |role| role.permissions))
    }

    fn entry(&self, by: Option<&Principal>, message: String) -> Write {
        Write::AppendActivity(ActivityEntry {
            at: self.clock.now(),
            entry_type: "auth".to_owned(),
            message,
            container: None,
            host: None,
            user: by.map(|principal| principal.user.name.clone()),
            kind: None,
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn custom(record: RoleRecord) -> Role {
    let permissions = PermissionSet::parse_known(record.permissions.iter().map(String::as_str));
    Role { id: record.id, name: record.name, permissions, built_in: false }
}
