//! When a registry may be asked: its own wishes after a 429, and our circuit breaker.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lodeman_registry::RegistryError;
use rand::Rng;

use crate::credentials::Account;

/// So many failures of a server in a row open its circuit.
const MOST_SERVER_FAILURES: u32 = 5;
/// The longest wait that our own back-off reaches, and the longest that a registry can ask of us.
const LONGEST_BACKOFF: Duration = Duration::from_mins(15);
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// What is known of one registry's willingness.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    open: Option<(Timestamp, &'static str)>,
    server_failures: u32,
    /// Whether it answered since it last failed.
    reachable: bool,
    waits: HashMap<Option<Account>, Wait>,
}

#[derive(Debug, Default)]
struct Wait {
    until: Option<Timestamp>,
    in_a_row: u32,
}

impl Throttle {
    /// Whether a request may be sent now.
    pub(crate) fn check(
        &mut self,
        registry: &str,
        account: Option<&Account>,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        if let Some((until, cause)) = self.open {
            if now < until {
                return Err(RegistryError::CircuitOpen { registry: registry.to_owned(), cause, until });
            }
            self.open = None;
        }
        let until = self.waits.get(&account.cloned()).and_then(|wait| wait.until);
        match until {
            Some(until) if now < until => {
                Err(RegistryError::RateLimited { registry: registry.to_owned(), until: Some(until) })
            }
            _ => Ok(()),
        }
    }

    /// Whether the registry answered since it last failed. Until then one request at a time is sent,
    /// so that one that is down costs a single deadline.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable
    }

    /// An answer came, whatever it says, other than 429 and 5xx.
    pub(crate) fn answered(&mut self, account: Option<&Account>) {
        self.reachable = true;
        self.server_failures = 0;
        self.waits.remove(&account.cloned());
    }

    /// No answer came.
    pub(crate) fn unreachable(&mut self, cause: &'static str, now: Timestamp, open_for: Duration) {
        self.reachable = false;
        self.open = Some((later(now, open_for), cause));
    }

    /// 5xx came.
    pub(crate) fn server_failed(&mut self, now: Timestamp, open_for: Duration) {
        self.reachable = true;
        self.server_failures = self.server_failures.saturating_add(1);
        if self.server_failures >= MOST_SERVER_FAILURES {
            self.server_failures = 0;
            self.open = Some((later(now, open_for), "server"));
        }
    }

    /// 429 came. Gives the instant until which to wait: what the registry asked for, and at least a
    /// wait that doubles with each 429 in a row, a little longer or shorter by chance so that many
    /// clients do not come back together.
    pub(crate) fn rate_limited(
        &mut self,
        account: Option<&Account>,
        asked: Option<Duration>,
        now: Timestamp,
    ) -> Timestamp {
        self.reachable = true;
        let wait = self.waits.entry(account.cloned()).or_default();
        wait.in_a_row = wait.in_a_row.saturating_add(1);
        let jitter = rand::rng().random_range(0.75..1.25);
        let own = Duration::from_secs(1 << wait.in_a_row.min(16)).min(LONGEST_BACKOFF).mul_f64(jitter);
        let span = match asked {
            Some(asked) if wait.in_a_row == 1 => asked,
            Some(asked) => asked.max(own),
            None => own,
        };
        let until = later(now, span.min(LONGEST_RETRY_AFTER));
        wait.until = Some(until);
        until
    }
}

fn later(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const OPEN: Duration = Duration::from_secs(30);

    fn category(throttle: &mut Throttle, now: i64) -> &'static str {
        throttle.check("r", None, at(now)).map_or_else(|error| error.category(), |()| "ok")
    }

    #[test]
    fn a_registry_that_cannot_be_reached_is_left_alone_for_a_while() {
        let mut throttle = Throttle::default();
        assert_eq!(category(&mut throttle, 0), "ok");
        throttle.unreachable("timeout", at(0), OPEN);
        assert_eq!(category(&mut throttle, 29), "circuit_open");
        assert_eq!(category(&mut throttle, 30), "ok");
        assert!(!throttle.is_reachable());
        throttle.answered(None);
        assert!(throttle.is_reachable());
    }

    #[test]
    fn a_server_that_keeps_failing_is_left_alone_but_not_one_that_recovers() {
        let mut throttle = Throttle::default();
        for _ in 0..3 {
            for _ in 0..MOST_SERVER_FAILURES - 1 {
                throttle.server_failed(at(0), OPEN);
            }
            throttle.answered(None);
        }
        assert_eq!(category(&mut throttle, 0), "ok");
        for _ in 0..MOST_SERVER_FAILURES {
            throttle.server_failed(at(0), OPEN);
        }
        assert_eq!(category(&mut throttle, 0), "circuit_open");
    }

    #[test]
    fn the_wait_is_what_was_asked_for_and_grows_when_it_was_not_enough() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.rate_limited(None, Some(Duration::from_secs(7)), at(0)), at(7));
        assert_eq!(category(&mut throttle, 6), "rate_limited");
        assert_eq!(category(&mut throttle, 7), "ok");
        let mut last = at(0);
        for round in 2..=6 {
            let until = throttle.rate_limited(None, Some(Duration::ZERO), at(0));
            assert!(until > last, "round {round} waits longer than the one before");
            last = until;
        }
        throttle.answered(None);
        let again = throttle.rate_limited(None, None, at(0));
        assert!(again < at(4), "an answer in between starts it afresh");
        let endless = Some(Duration::from_secs(u64::MAX));
        assert_eq!(Throttle::default().rate_limited(None, endless, at(0)), at(86_400));
    }
}
