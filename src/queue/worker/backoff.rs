//! Growing pauses between attempts to reach Redis, spread so that workers do not come back in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// The pauses of one outage after another.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self {
            pause: FIRST,
            failures: 0,
        }
    }

    /// Whether the failure now at hand is the first of its outage: the one to report.
    pub(super) fn is_first(&self) -> bool {
        self.failures == 0
    }

    /// The pause after a failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.failures += 1;
        self.pause = (pause * 2).min(LONGEST);
        jittered(pause)
    }

    /// Notes that it worked; true when that ended an outage.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::replace(self, Self::new()).failures > 0
    }
}

/// Three to five quarters of `pause`.
pub(super) fn jittered(pause: Duration) -> Duration {
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
        let mut backoff = Backoff::new();
        assert!(backoff.is_first());
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.next()).collect();
        assert!(pauses[0] < Duration::from_millis(130));
        assert!(pauses[9] > Duration::from_secs(3) && pauses[9] < Duration::from_secs(7));
        assert!(backoff.succeeded() && backoff.is_first() && !backoff.succeeded());
    }
}
