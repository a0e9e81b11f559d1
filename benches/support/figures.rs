//! What the benchmarks share: durations in, figures out.

use std::fmt;
use std::time::Duration;

/// How a set of durations is spread.
pub(crate) struct Spread {
    p50: Duration,
    p99: Duration,
    most: Duration,
    count: usize,
}

impl Spread {
    /// Of at least one duration.
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let last = durations.len() - 1;
        Self {
            p50: durations[last * 50 / 100],
            p99: durations[last * 99 / 100],
            most: durations[last],
            count: durations.len(),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p99,
            most,
            count,
        } = self;
        write!(
            f,
            "p50 {p50:.2?}, p99 {p99:.2?}, most {most:.2?} of {count}"
        )
    }
}
