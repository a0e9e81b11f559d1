//! How long frames wait before the viewers' streams take them: a sliding histogram, exact to the millisecond.
//!
//! Thousands of streams record into it, so recording is one addition; two generations of counts, turned every few
//! seconds, make "lately" without keeping a single measurement.

use std::mem;
use std::time::Duration;
use tokio::time::Instant;

/// Longer waits count as this long, ms: by then the stream has long skipped to a snapshot.
const LONGEST: usize = 5_000;
/// How long a generation lasts; a figure covers one to two of them.
const GENERATION: Duration = Duration::from_secs(3);

/// The histogram.
#[derive(Default)]
pub struct LagMeter {
    now: Counts,
    before: Counts,
    turned: Option<Instant>,
}

#[derive(Default)]
struct Counts {
    /// Index: the wait, ms. Empty until something is recorded.
    by_ms: Vec<u32>,
    total: u64,
}

impl LagMeter {
    /// Notes a wait.
    pub fn record(&mut self, wait: Duration, now: Instant) {
        self.turn(now);
        let ms = usize::try_from(wait.as_millis()).map_or(LONGEST, |ms| ms.min(LONGEST));
        self.now.by_ms.resize(LONGEST + 1, 0);
        self.now.by_ms[ms] = self.now.by_ms[ms].saturating_add(1);
        self.now.total += 1;
    }

    /// The 95th percentile of the last seconds, ms. `None` when nothing was taken.
    pub fn p95(&mut self, now: Instant) -> Option<u64> {
        self.turn(now);
        let total = self.now.total + self.before.total;
        let at = |counts: &Counts, ms: usize| u64::from(counts.by_ms.get(ms).copied().unwrap_or(0));
        let mut seen = 0;
        (0..=LONGEST)
            .find(|&ms| {
                seen += at(&self.now, ms) + at(&self.before, ms);
                total > 0 && seen * 100 >= total * 95
            })
            .map(|ms| ms as u64)
    }

    fn turn(&mut self, now: Instant) {
        let age = self
            .turned
            .map_or(Duration::MAX, |turned| now.duration_since(turned));
        if age < GENERATION {
            return;
        }
        self.before = mem::take(&mut self.now);
        if age >= GENERATION * 2 {
            self.before = Counts::default();
        }
        self.turned = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_the_95th_percentile_of_the_last_seconds_only() {
        let start = Instant::now();
        let mut meter = LagMeter::default();
        assert_eq!(meter.p95(start), None);
        for ms in 1..=100 {
            meter.record(Duration::from_millis(ms), start);
        }
        assert_eq!(meter.p95(start), Some(95));
        let later = start + GENERATION;
        assert_eq!(meter.p95(later), Some(95));
        meter.record(Duration::from_secs(60), later + GENERATION);
        assert_eq!(meter.p95(later + GENERATION), Some(LONGEST as u64));
        assert_eq!(meter.p95(later + GENERATION * 4), None);
    }
}
