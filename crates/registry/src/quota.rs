//! The request budget: what registries told about their quotas, and reserving before use.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is known of the quota of one account at one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryQuota {
    /// Host, with its port where one is given.
    pub registry: String,
    /// The account it counts for; `None` for anonymous requests.
    pub account: Option<String>,
    /// Requests in a window.
    pub limit: u64,
    /// Requests left, as the registry last said.
    pub remaining: u64,
    /// When the count starts afresh, where known.
    pub resets_at: Option<Timestamp>,
    /// When the registry last said so.
    pub learned_at: Timestamp,
}

/// How much is left of the quotas of all registries together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaHealth {
    /// Enough.
    Ok,
    /// Less than a fifth of one.
    Low,
    /// Nothing of one.
    Exhausted,
}

impl QuotaHealth {
    /// As clients read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Low => "low",
            Self::Exhausted => "exhausted",
        }
    }
}

/// How much is left at the worst of `quotas`; one whose window is over has all of it again.
#[must_use]
pub fn quota_health(quotas: &[RegistryQuota], now: Timestamp) -> QuotaHealth {
    let of = |quota: &RegistryQuota| {
        if quota.resets_at.is_some_and(|at| at <= now) {
            QuotaHealth::Ok
        } else if quota.remaining == 0 {
            QuotaHealth::Exhausted
        } else if quota.remaining.saturating_mul(5) < quota.limit {
            QuotaHealth::Low
        } else {
            QuotaHealth::Ok
        }
    };
    quotas.iter().map(of).max().unwrap_or(QuotaHealth::Ok)
}

/// One statement of a registry about a quota, from the headers of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaNotice {
    /// Requests in a window.
    pub limit: u64,
    /// Requests left.
    pub remaining: u64,
    /// When the window ends, as far as the registry says.
    pub reset: QuotaReset,
}

/// How a registry says when its window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaReset {
    /// Not at all.
    Unknown,
    /// Only how long a window is, as Docker Hub does.
    Window(Duration),
    /// The instant.
    At(Timestamp),
}

/// Keeps the quotas of all registries and grants requests against them.
///
/// A request is granted before it is sent and settled after it, so that many at once cannot all spend
/// the same last request.
#[derive(Debug, Default)]
pub struct RequestBudget {
    accounts: BTreeMap<(String, Option<String>), Account>,
}

#[derive(Debug, Default)]
struct Account {
    quota: Option<RegistryQuota>,
    /// Granted and not settled.
    in_flight: u64,
    /// Settled since the registry last told what remains.
    unreported: u64,
}

tokio::task_local! {
    static RESERVE: u64;
}

/// Does `work` with registries leaving at most `requests` of a quota unspent. What a person asked for
/// may use more of it than what runs by itself (update-engine 3.1).
pub async fn with_reserve<T>(requests: u64, work: impl Future<Output = T>) -> T {
    RESERVE.scope(requests, work).await
}

/// How many requests of a quota are to be left, where `configured` ones are for work that nobody asked
/// for.
#[must_use]
pub fn reserve(configured: u64) -> u64 {
    RESERVE.try_with(|requests| configured.min(*requests)).unwrap_or(configured)
}

/// A request was not granted: the rest of the quota is kept in reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSpent {
    /// When the quota starts afresh, where known.
    pub until: Option<Timestamp>,
}

impl RequestBudget {
    /// A budget that starts from what an earlier run learned.
    #[must_use]
    pub fn restored(quotas: Vec<RegistryQuota>) -> Self {
        let accounts = quotas.into_iter().map(|quota| {
            let key = (quota.registry.clone(), quota.account.clone());
            (key, Account { quota: Some(quota), ..Account::default() })
        });
        Self { accounts: accounts.collect() }
    }

    /// Grants one request, or not when it would eat into the last `reserve` ones. Where nothing is
    /// known of a quota, or its window is over, a request is granted.
    ///
    /// # Errors
    /// [`QuotaSpent`] with the time to wait for.
    pub fn grant(
        &mut self,
        registry: &str,
        account: Option<&str>,
        reserve: u64,
        now: Timestamp,
    ) -> Result<(), QuotaSpent> {
        let account = self.account(registry, account);
        if let Some(quota) = &account.quota {
            if quota.resets_at.is_some_and(|at| at <= now) {
                account.quota = None;
                account.unreported = 0;
            } else {
                let spent = account.in_flight.saturating_add(account.unreported);
                if quota.remaining.saturating_sub(spent) <= reserve {
                    return Err(QuotaSpent { until: quota.resets_at });
                }
            }
        }
        account.in_flight = account.in_flight.saturating_add(1);
        Ok(())
    }

    /// Takes note that a granted request is over, and of what its answer said about the quota.
    pub fn settle(
        &mut self,
        registry: &str,
        account: Option<&str>,
        notice: Option<QuotaNotice>,
        now: Timestamp,
    ) {
        let key = (registry.to_owned(), account.map(str::to_owned));
        let account = self.account(&key.0, key.1.as_deref());
        account.in_flight = account.in_flight.saturating_sub(1);
        let Some(notice) = notice else {
            account.unreported = account.unreported.saturating_add(1);
            return;
        };
        let resets_at = match notice.reset {
            QuotaReset::Unknown => None,
            QuotaReset::At(at) => Some(at),
            QuotaReset::Window(window) => Some(window_end(account.quota.as_ref(), notice, window, now)),
        };
        account.unreported = 0;
        account.quota = Some(RegistryQuota {
            registry: key.0,
            account: key.1,
            limit: notice.limit,
            remaining: notice.remaining,
            resets_at,
            learned_at: now,
        });
    }

    /// All quotas that are known, by registry and account.
    #[must_use]
    pub fn quotas(&self) -> Vec<RegistryQuota> {
        self.accounts.values().filter_map(|account| account.quota.clone()).collect()
    }

    fn account(&mut self, registry: &str, account: Option<&str>) -> &mut Account {
        self.accounts.entry((registry.to_owned(), account.map(str::to_owned))).or_default()
    }
}

/// Where only the length of a window is told, its end is fixed when it is first seen: taking a whole
/// window from every answer would move it on for ever.
fn window_end(
    known: Option<&RegistryQuota>,
    notice: QuotaNotice,
    window: Duration,
    now: Timestamp,
) -> Timestamp {
    let still_running = known.and_then(|quota| {
        let end = quota.resets_at.filter(|end| *end > now)?;
        (notice.remaining <= quota.remaining).then_some(end)
    });
    still_running.unwrap_or_else(|| {
        let span = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        now.saturating_add(span).unwrap_or(Timestamp::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn notice(remaining: u64, reset: QuotaReset) -> QuotaNotice {
        QuotaNotice { limit: 100, remaining, reset }
    }

    #[test]
    fn the_worst_quota_of_a_window_that_runs_tells_how_much_is_left() {
        let quota = |remaining, resets_at| RegistryQuota {
            registry: "r".to_owned(),
            account: None,
            limit: 100,
            remaining,
            resets_at,
            learned_at: at(0),
        };
        let health = |quotas: &[RegistryQuota]| quota_health(quotas, at(10)).as_str();
        assert_eq!(health(&[]), "ok");
        assert_eq!(health(&[quota(20, None)]), "ok");
        assert_eq!(health(&[quota(100, None), quota(19, Some(at(11)))]), "low");
        assert_eq!(health(&[quota(19, None), quota(0, Some(at(11)))]), "exhausted");
        assert_eq!(health(&[quota(0, Some(at(10)))]), "ok", "its window is over");
    }

    const WINDOW: QuotaReset = QuotaReset::Window(Duration::from_secs(100));

    #[test]
    fn an_unknown_quota_limits_nothing() {
        let mut budget = RequestBudget::default();
        for _ in 0..1000 {
            assert_eq!(budget.grant("r", None, 5, at(0)), Ok(()));
        }
        assert!(budget.quotas().is_empty());
    }

    #[test]
    fn requests_in_flight_count_against_the_last_ones() {
        let mut budget = RequestBudget::default();
        budget.grant("r", None, 2, at(0)).unwrap();
        budget.settle("r", None, Some(notice(4, WINDOW)), at(0));
        assert_eq!(budget.grant("r", None, 2, at(1)), Ok(()));
        assert_eq!(budget.grant("r", None, 2, at(1)), Ok(()));
        assert_eq!(budget.grant("r", None, 2, at(1)), Err(QuotaSpent { until: Some(at(100)) }));
        assert_eq!(budget.grant("r", Some("ann"), 2, at(1)), Ok(()), "another account has its own quota");
        budget.settle("r", None, Some(notice(4, WINDOW)), at(2));
        assert_eq!(budget.grant("r", None, 2, at(2)), Ok(()), "a request that was free gives its place back");
    }

    #[test]
    fn answers_that_say_nothing_count_as_spent() {
        let mut budget = RequestBudget::default();
        budget.settle("r", None, Some(notice(2, WINDOW)), at(0));
        budget.grant("r", None, 0, at(1)).unwrap();
        budget.settle("r", None, None, at(1));
        budget.grant("r", None, 0, at(1)).unwrap();
        budget.settle("r", None, None, at(1));
        assert_eq!(budget.grant("r", None, 0, at(1)), Err(QuotaSpent { until: Some(at(100)) }));
        assert_eq!(budget.grant("r", None, 0, at(100)), Ok(()), "the window is over");
        assert!(budget.quotas().is_empty());
    }

    #[test]
    fn the_end_of_a_window_does_not_move_with_every_answer() {
        let mut budget = RequestBudget::default();
        budget.settle("r", None, Some(notice(10, WINDOW)), at(0));
        budget.settle("r", None, Some(notice(9, WINDOW)), at(50));
        assert_eq!(budget.quotas()[0].resets_at, Some(at(100)));
        budget.settle("r", None, Some(notice(100, WINDOW)), at(60));
        assert_eq!(budget.quotas()[0].resets_at, Some(at(160)), "more than before: a new window");
    }

    #[test]
    fn a_restored_budget_holds_what_was_known() {
        let mut budget = RequestBudget::default();
        budget.settle("r", Some("ann"), Some(notice(0, QuotaReset::At(at(500)))), at(0));
        let mut restored = RequestBudget::restored(budget.quotas());
        assert_eq!(restored.grant("r", Some("ann"), 0, at(1)), Err(QuotaSpent { until: Some(at(500)) }));
    }

    proptest::proptest! {
        #[test]
        fn however_many_ask_at_once_the_reserve_stays_untouched(
            remaining in 0_u64..60, reserve in 0_u64..60, asked in 0_u64..120, told in proptest::bool::ANY,
        ) {
            let mut budget = RequestBudget::default();
            budget.settle("r", None, Some(notice(remaining, WINDOW)), at(0));
            let granted = (0..asked).filter(|_| budget.grant("r", None, reserve, at(1)).is_ok()).count() as u64;
            proptest::prop_assert_eq!(granted, asked.min(remaining.saturating_sub(reserve)));
            let left = remaining - granted;
            for _ in 0..granted {
                budget.settle("r", None, told.then(|| notice(left, WINDOW)), at(2));
            }
            let again = (0..asked).filter(|_| budget.grant("r", None, reserve, at(3)).is_ok()).count() as u64;
            proptest::prop_assert_eq!(again, asked.min(left.saturating_sub(reserve)));
        }
    }
}
