//! The numbers, by security profile (rulings of the profile `home`: sentinel contract, sections 1.10 and 1.11;
//! those of `strict`: security requirements RL-1, RL-2, SE-3, SE-8).

use std::time::Duration;

use crate::limit::Rate;
use crate::password::{HashCost, PasswordRules};

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

const fn hours(n: u64) -> Duration {
    minutes(n * 60)
}

/// When an account is locked, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRules {
    /// Wrong passwords in a row that lock it.
    pub after: u32,
    /// For how long.
    pub first: Duration,
    /// For how long at most; each further wrong password doubles the time until then.
    pub longest: Duration,
    /// Whether a sign-in is told that the account is locked. Otherwise the answer is that of a wrong password.
    pub is_told: bool,
    /// Whether the last administrator, from this machine, is never locked out.
    pub spares_last_admin: bool,
}

/// What an [`AuthService`](crate::AuthService) goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// How long a session lives without use.
    pub session_idle: Duration,
    /// How long a session lives at all.
    pub session_life: Duration,
    /// How many sessions an account may have; the one unused longest goes.
    pub sessions_kept: u32,
    /// How long a token lives; nothing: until it is deleted.
    pub token_life: Option<Duration>,
    /// Which passwords are allowed.
    pub passwords: PasswordRules,
    /// What a hash costs.
    pub hash_cost: HashCost,
    /// Requests at the doors, by address.
    pub knocks: Rate,
    /// Requests at the doors, by account name.
    pub knocks_by_name: Option<Rate>,
    /// Failures by address.
    pub failures: Rate,
    /// Locks of accounts.
    pub locks: LockRules,
    /// How long set-up is open after the start.
    pub setup_window: Duration,
    /// Whether set-up needs the code from this machine, too.
    pub setup_code_from_loopback: bool,
    /// Whether authentication is on, whatever is stored.
    pub enabled: Option<bool>,
    /// Whether it may be off at all.
    pub may_be_disabled: bool,
}

impl AuthConfig {
    /// The profile `home`.
    #[must_use]
    pub const fn home() -> Self {
        Self {
            session_idle: hours(7 * 24),
            session_life: hours(30 * 24),
            sessions_kept: 20,
            token_life: None,
            passwords: PasswordRules::HOME,
            hash_cost: HashCost::RELEASE,
            knocks: Rate { count: 10, window: minutes(1) },
            knocks_by_name: None,
            failures: Rate { count: 5, window: minutes(5) },
            locks: LockRules {
                after: 10,
                first: minutes(30),
                longest: minutes(30),
                is_told: true,
                spares_last_admin: false,
            },
            setup_window: minutes(5),
            setup_code_from_loopback: false,
            enabled: None,
            may_be_disabled: true,
        }
    }

    /// The profile `strict`.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            session_idle: minutes(15),
            session_life: hours(12),
            token_life: Some(hours(90 * 24)),
            passwords: PasswordRules::STRICT,
            knocks: Rate { count: 20, window: minutes(1) },
            knocks_by_name: Some(Rate { count: 10, window: minutes(1) }),
            locks: LockRules {
                after: 5,
                first: minutes(15),
                longest: hours(24),
                is_told: false,
                spares_last_admin: true,
            },
            setup_window: minutes(15),
            setup_code_from_loopback: true,
            may_be_disabled: false,
            ..Self::home()
        }
    }
}

impl LockRules {
    /// For how long the `n`th wrong password in a row locks the account.
    pub(crate) fn span(&self, n: u32) -> Duration {
        let doublings = n.saturating_sub(self.after).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_lock_doubles_up_to_a_day_and_one_at_home_stays() {
        let spans = |rules: LockRules| [4, 5, 6, 7, 99, u32::MAX].map(|n| rules.span(n).as_secs() / 60);
        assert_eq!(spans(AuthConfig::strict().locks), [15, 15, 30, 60, 1_440, 1_440]);
        assert_eq!(spans(AuthConfig::home().locks), [30; 6]);
    }
}
