//! From two looks at a counter of CPU time to how much was used between them: pure, time comes with each look.

use std::time::Duration;
use tokio::time::Instant;

/// What a process had used by some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    at: Instant,
    /// CPU time since its start, on all cores together.
    cpu: Duration,
    /// Memory at that moment, bytes.
    memory: u64,
}

/// What was used between two looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// CPU, in billionths of a core, averaged over the window.
    pub nanocores: u64,
    /// Memory at the end of the window, bytes.
    pub memory: u64,
    /// The time between the two looks.
    pub window: Duration,
}

impl Look {
    pub(super) fn new(at: Instant, cpu: Duration, memory: u64) -> Self {
        Self { at, cpu, memory }
    }

    /// Of a process that has only just begun.
    pub(super) fn at_start(at: Instant) -> Self {
        Self::new(at, Duration::ZERO, 0)
    }

    pub(super) fn since(&self, earlier: &Self) -> Duration {
        self.at.saturating_duration_since(earlier.at)
    }

    /// `None` when no time has passed, or when the counter went back: then it is another process's.
    pub(super) fn used_since(&self, earlier: &Self) -> Option<Used> {
        let window = self.since(earlier);
        let cpu = self.cpu.checked_sub(earlier.cpu)?;
        let nanocores = (cpu.as_nanos() * 1_000_000_000).checked_div(window.as_nanos())?;
        Some(Used {
            nanocores: u64::try_from(nanocores).ok()?,
            memory: self.memory,
            window,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_cpu_time_over_time() {
        let start = Instant::now();
        let before = Look::new(start, Duration::from_secs(7), 10);
        for (ms, cpu_ms, nanocores) in [
            (15_000, 0, 0),
            (15_000, 30, 2_000_000),
            (15_000, 15_000, 1_000_000_000),
            (10_000, 25_000, 2_500_000_000),
        ] {
            let at = start + Duration::from_millis(ms);
            let cpu = Duration::from_secs(7) + Duration::from_millis(cpu_ms);
            let used = Look::new(at, cpu, 20).used_since(&before).unwrap();
            assert_eq!((used.nanocores, used.memory), (nanocores, 20));
            assert_eq!(used.window, Duration::from_millis(ms));
        }
    }

    #[test]
    fn no_time_and_a_counter_that_went_back_tell_nothing() {
        let start = Instant::now();
        let before = Look::new(start, Duration::from_secs(7), 0);
        assert_eq!(before.used_since(&before), None);
        let other = Look::new(start + Duration::from_secs(15), Duration::from_secs(6), 0);
        assert_eq!(other.used_since(&before), None);
    }
}
