//! Where the time comes from.
//!
//! Everything that stores, compares or shows a moment takes a [`Clock`]; nothing else in the crate may ask the
//! operating system (clippy's `disallowed-methods` holds that). In production the clock is the wall clock. In a test
//! it hangs on Tokio's own clock, so that a test which pauses and advances time moves object timestamps, leases and
//! stabilization windows along with every timer, and never sleeps.

use k8s_openapi::jiff::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of wall-clock time, in milliseconds since the Unix epoch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Wall,
    Tokio {
        epoch_ms: i64,
        started: tokio::time::Instant,
    },
}

impl Clock {
    /// The operating system's wall clock.
    #[must_use]
    pub fn wall() -> Self {
        Self(Source::Wall)
    }

    /// A clock that stands at `epoch_ms` now and moves as Tokio's clock moves: under `tokio::time::pause` it is
    /// virtual time.
    #[must_use]
    pub fn following_tokio(epoch_ms: i64) -> Self {
        Self(Source::Tokio {
            epoch_ms,
            started: tokio::time::Instant::now(),
        })
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::Wall => wall_ms(),
            Source::Tokio { epoch_ms, started } => epoch_ms + to_ms(started.elapsed()),
        }
    }

    /// The same moment as a timestamp, to the millisecond.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn wall_ms() -> i64 {
    to_ms(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

fn to_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A moment in ms since the epoch as people read it: `2026-11-24 18:03:05 UTC`.
#[must_use]
pub fn utc(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_follows_tokio_moves_with_virtual_time() {
        let clock = Clock::following_tokio(1_000);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(clock.now_ms(), 1_250);
    }
}
