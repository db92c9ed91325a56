//! Limits on who knocks how often (sentinel contract, section 1.11; security requirements RL-1, RL-4).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::secret::stored_form;

/// How many are remembered; beyond, those that were seen longest ago are forgotten.
const REMEMBERED: usize = 20_000;

/// Whom a limit counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// This machine, by a Unix socket.
    Local,
    /// An address, of IPv6 the first 64 bits.
    Address(u64),
    /// An account's name, known or not; of a length that is the same for all.
    Name(String),
}

impl Who {
    pub(crate) fn at(peer: Option<IpAddr>) -> Self {
        match peer.map(|address| address.to_canonical()) {
            None => Self::Local,
            // No prefix of IPv6 that is in use begins like this.
            Some(IpAddr::V4(address)) => Self::Address(0xffff_ffff_0000_0000 | u64::from(address.to_bits())),
            Some(IpAddr::V6(address)) => {
                Self::Address(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX))
            }
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::Name(stored_form(name))
    }
}

/// How often within how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub count: u32,
    /// Within how long.
    pub window: Duration,
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(since).try_into().unwrap_or(Duration::ZERO)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes room for one more, by `age` of what is there.
fn make_room<V>(map: &mut HashMap<Who, V>, seen: impl Fn(&V) -> Option<Timestamp>) {
    if map.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<_> = map.values().map(&seen).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    map.retain(|_, value| seen(value) > median);
}

/// At most so many requests of one within a sliding window; refused ones do not count.
#[derive(Debug)]
pub(crate) struct Throttle {
    rate: Rate,
    seen: Mutex<HashMap<Who, VecDeque<Timestamp>>>,
}

impl Throttle {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, seen: Mutex::default() }
    }

    /// Lets one more in, or tells when the next is.
    pub(crate) fn admit(&self, who: Who, now: Timestamp) -> Result<(), Duration> {
        let mut seen = lock(&self.seen);
        make_room(&mut seen, |times| times.back().copied());
        let times = seen.entry(who).or_default();
        // A clock that was set back makes what is in the future void.
        times.retain(|at| *at <= now && elapsed(*at, now) < self.rate.window);
        match times.front() {
            Some(first) if times.len() >= self.rate.count as usize => {
                Err(self.rate.window.saturating_sub(elapsed(*first, now)))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    first: Timestamp,
    count: u32,
}

/// So many failures of one within a window that begins with the first, and nothing is looked at until it ends.
#[derive(Debug)]
pub(crate) struct FailureCounter {
    rate: Rate,
    failed: Mutex<HashMap<Who, Failures>>,
}

impl FailureCounter {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, failed: Mutex::default() }
    }

    fn is_over(&self, failures: &Failures, now: Timestamp) -> bool {
        now < failures.first || elapsed(failures.first, now) >= self.rate.window
    }

    /// Whether one may try, or when again.
    pub(crate) fn check(&self, who: &Who, now: Timestamp) -> Result<(), Duration> {
        match lock(&self.failed).get(who) {
            Some(failures) if failures.count >= self.rate.count && !self.is_over(failures, now) => {
                Err(self.rate.window.saturating_sub(elapsed(failures.first, now)))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn record(&self, who: Who, now: Timestamp) {
        let mut failed = lock(&self.failed);
        make_room(&mut failed, |failures| Some(failures.first));
        let failures = failed.entry(who).or_insert(Failures { first: now, count: 0 });
        if self.is_over(failures, now) {
            *failures = Failures { first: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
    }

    pub(crate) fn forget(&self, who: &Who) {
        lock(&self.failed).remove(who);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn who(text: &str) -> Who {
        Who::at(Some(text.parse().unwrap()))
    }

    const RATE: Rate = Rate { count: 2, window: Duration::from_mins(1) };

    #[test]
    fn a_sliding_window_lets_the_next_in_when_the_oldest_leaves_it() {
        let throttle = Throttle::new(RATE);
        let me = || who("192.0.2.1");
        assert_eq!(throttle.admit(me(), at(0)), Ok(()));
        assert_eq!(throttle.admit(me(), at(10)), Ok(()));
        for _ in 0..9 {
            assert_eq!(
                throttle.admit(me(), at(20)),
                Err(Duration::from_secs(40)),
                "refused ones do not count"
            );
        }
        assert_eq!(throttle.admit(who("192.0.2.2"), at(20)), Ok(()));
        assert_eq!(throttle.admit(me(), at(60)), Ok(()));
        assert_eq!(throttle.admit(me(), at(61)), Err(Duration::from_secs(9)));
        assert_eq!(throttle.admit(me(), at(-500)), Ok(()), "a clock that was set back locks nobody out");
    }

    #[test]
    fn an_ipv6_network_is_one_and_a_mapped_address_is_the_one_it_maps() {
        assert_eq!(who("2001:db8:1:2::1"), who("2001:db8:1:2:ffff::9"));
        assert_ne!(who("2001:db8:1:2::1"), who("2001:db8:1:3::1"));
        assert_eq!(who("::ffff:192.0.2.1"), who("192.0.2.1"));
        assert_ne!(who("192.0.2.1"), who("192.0.2.2"));
        assert_ne!(Who::at(None), who("127.0.0.1"));
        assert_eq!(Who::named(&"long".repeat(999)), Who::named(&"long".repeat(999)));
    }

    #[test]
    fn failures_are_counted_from_the_first_until_the_window_ends_or_one_succeeds() {
        let counter = FailureCounter::new(RATE);
        let me = who("192.0.2.1");
        counter.record(me.clone(), at(0));
        assert_eq!(counter.check(&me, at(50)), Ok(()));
        counter.record(me.clone(), at(50));
        assert_eq!(counter.check(&me, at(51)), Err(Duration::from_secs(9)));
        assert_eq!(counter.check(&who("192.0.2.2"), at(51)), Ok(()));
        assert_eq!(counter.check(&me, at(60)), Ok(()));
        counter.record(me.clone(), at(61));
        assert_eq!(counter.check(&me, at(62)), Ok(()), "a new window begins with one");
        counter.record(me.clone(), at(63));
        counter.forget(&me);
        assert_eq!(counter.check(&me, at(64)), Ok(()));
    }

    #[test]
    fn a_crowd_does_not_grow_what_is_remembered_without_end() {
        let throttle = Throttle::new(RATE);
        for n in 0..REMEMBERED + 10 {
            let name = Who::Name(n.to_string());
            assert_eq!(throttle.admit(name, at(i64::try_from(n).unwrap())), Ok(()));
        }
        assert!(lock(&throttle.seen).len() <= REMEMBERED);
    }
}
