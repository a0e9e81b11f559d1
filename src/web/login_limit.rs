//! How soon somebody who gave a wrong key may try again: the rule, with the time as a parameter.
//!
//! In come attempts and failures, each with its caller; out comes how long that caller has to wait. Each address waits
//! on its own: a second after its first failure, twice as long after each further one, a minute at most, and all is
//! forgotten once it has been quiet for a while. What is given during the wait is refused unread, so waiting cannot be
//! skipped by being quick or by asking in parallel; it does not lengthen the wait either, or a browser that retries by
//! itself would shut its owner out.
//!
//! The worst that an attacker in the room could do to a talk is not to guess 128 random bits but to keep the speaker
//! from logging in. So a stranger's failures never count against another address, a session that is open needs no
//! login, and the limit over everybody together is so wide that it takes [`CROWD`] addresses to feel it. When it is
//! felt, the speaker's own machine is exempt: the link that the terminal printed opens there whatever the network does.
//!
//! Behind a proxy the address is the one that the proxy says it talks to (see [`super::caller`]). Visitors who share an
//! address, as behind a hall's router, share its wait.

use super::caller::Caller;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// The wait after a first failure: a typing error costs no more than reading the answer.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// After this long without a failure an address starts anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);
/// Addresses remembered. A full table forgets the one whose last failure is longest ago.
const REMEMBERED: usize = 1_024;
/// Failures that the network as a whole may have in hand.
const CROWD: u32 = 100;
/// One of them is given back this often. An address at its longest wait fails once a minute, so 120 of them use it up.
const CROWD_PACE: Duration = Duration::from_millis(500);

/// Who failed lately, and how often.
#[derive(Debug, Default)]
pub struct LoginLimit {
    failures: HashMap<Caller, Failures>,
    /// When the network's failures will all have been given back; a past moment is the same as none.
    crowd_free_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
        let doublings = self.count.saturating_sub(1).min(16);
        (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT)
    }
}

impl LoginLimit {
    /// Whether `caller` may try now.
    ///
    /// # Errors
    /// How long it has to wait.
    pub fn admit(&self, caller: Caller, now: Instant) -> Result<(), Duration> {
        let own = self.failures.get(&caller).map_or(Duration::ZERO, |own| {
            (own.last + own.wait()).saturating_duration_since(now)
        });
        let crowd = match self.crowd_free_at {
            Some(free) if !caller.is_here() => free
                .saturating_duration_since(now)
                .saturating_sub(CROWD_PACE * (CROWD - 1)),
            _ => Duration::ZERO,
        };
        match own.max(crowd) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }

    /// Notes that `caller` gave a wrong key.
    pub fn failed(&mut self, caller: Caller, now: Instant) {
        if !caller.is_here() {
            let free_at = self.crowd_free_at.map_or(now, |at| at.max(now));
            self.crowd_free_at = Some(free_at + CROWD_PACE);
        }
        self.make_room(caller, now);
        let own = self.failures.entry(caller).or_insert(Failures {
            count: 0,
            last: now,
        });
        own.count = own.count.saturating_add(1);
        own.last = now;
    }

    /// Notes that `caller` gave the right key.
    pub fn succeeded(&mut self, caller: Caller) {
        self.failures.remove(&caller);
    }

    fn make_room(&mut self, caller: Caller, now: Instant) {
        self.failures
            .retain(|_, failures| now.duration_since(failures.last) < FORGOTTEN_AFTER);
        if self.failures.len() < REMEMBERED || self.failures.contains_key(&caller) {
            return;
        }
        let oldest = self.failures.iter().min_by_key(|(_, known)| known.last);
        if let Some(oldest) = oldest.map(|(caller, _)| *caller) {
            self.failures.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(number: u32) -> Caller {
        Caller::at(std::net::Ipv4Addr::from(0x0a00_0000 + number).into())
    }

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_minute() {
        let (mut limit, mut now) = (LoginLimit::default(), Instant::now());
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            assert_eq!(limit.admit(stranger(1), now), Ok(()));
            limit.failed(stranger(1), now);
            assert_eq!(limit.admit(stranger(1), now), Err(second(expected)));
            now += second(expected);
        }
    }

    #[test]
    fn ten_minutes_without_a_failure_are_forgotten_and_the_right_key_forgets_at_once() {
        let (mut limit, start) = (LoginLimit::default(), Instant::now());
        for _ in 0..5 {
            limit.failed(stranger(1), start);
        }
        let later = start + FORGOTTEN_AFTER;
        limit.failed(stranger(1), later);
        assert_eq!(limit.admit(stranger(1), later), Err(FIRST_WAIT));
        limit.succeeded(stranger(1));
        assert_eq!(limit.admit(stranger(1), later), Ok(()));
    }

    #[test]
    fn a_strangers_failures_are_nobody_elses() {
        let (mut limit, mut now) = (LoginLimit::default(), Instant::now());
        // An hour of one address that tries whenever it may.
        for _ in 0..65 {
            now += limit.admit(stranger(1), now).err().unwrap_or_default();
            limit.failed(stranger(1), now);
            assert_eq!(limit.admit(stranger(2), now), Ok(()));
            assert_eq!(limit.admit(Caller::here(), now), Ok(()));
        }
    }

    #[test]
    fn many_addresses_together_wait_as_well_but_not_the_speakers_own_machine() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for number in 0..CROWD {
            assert_eq!(limit.admit(stranger(number), now), Ok(()), "{number}");
            limit.failed(stranger(number), now);
        }
        assert_eq!(limit.admit(stranger(CROWD), now), Err(CROWD_PACE));
        assert_eq!(limit.admit(Caller::here(), now), Ok(()));
        assert_eq!(limit.admit(stranger(CROWD), now + CROWD_PACE), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let (mut limit, now) = (LoginLimit::default(), Instant::now());
        for number in 0..3_000 {
            limit.failed(stranger(number), now + Duration::from_millis(number.into()));
        }
        assert_eq!(limit.failures.len(), REMEMBERED);
        assert!(!limit.failures.contains_key(&stranger(0)));
        assert!(limit.failures.contains_key(&stranger(2_999)));
    }
}
