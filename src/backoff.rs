//! Growing pauses between attempts to reach something that is away: capped, and spread so that those who lost it
//! together do not come back in step.
//!
//! One type for everyone who reconnects: workers to Redis, the live loop to its sources, watches to the API server.

use std::time::Duration;

/// The pauses of one outage after another.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    pause: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses that begin with `first` and double up to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            pause: first,
            failures: 0,
        }
    }

    /// Whether the failure now at hand is the first of its outage: the one to report.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.failures == 0
    }

    /// The pause after a failure.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.failures = self.failures.saturating_add(1);
        self.pause = (pause * 2).min(self.longest);
        jittered(pause)
    }

    /// Notes that it worked; true when that ended an outage.
    pub fn succeeded(&mut self) -> bool {
        self.pause = self.first;
        std::mem::take(&mut self.failures) > 0
    }
}

/// Three to five quarters of `pause`.
#[must_use]
pub fn jittered(pause: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without randomness the pause is merely not spread.
    let _ = getrandom::fill(&mut byte);
    pause * (192 + u32::from(byte[0]) / 2) / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_over_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        assert!(backoff.is_first());
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.next_pause()).collect();
        assert!(pauses[0] < Duration::from_millis(130));
        assert!(pauses[9] > Duration::from_secs(3) && pauses[9] < Duration::from_secs(7));
        assert!(backoff.succeeded() && backoff.is_first() && !backoff.succeeded());
    }

    #[test]
    fn equal_pauses_are_spread() {
        let pause = Duration::from_secs(4);
        let spread: std::collections::BTreeSet<_> = (0..100).map(|_| jittered(pause)).collect();
        assert!(spread.len() > 10, "{spread:?}");
        assert!(
            spread
                .iter()
                .all(|it| *it >= pause * 3 / 4 && *it <= pause * 5 / 4)
        );
    }
}
