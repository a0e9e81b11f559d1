//! Rates out of counters: how fast `enqueued` and `processed` grow, over a sliding window.

use std::collections::VecDeque;

/// Long enough that a worker's 250 ms rhythm does not show, short enough that the eye sees a change at once.
const WINDOW_MS: i64 = 2_000;
/// Two points further apart than this have a hole between them (the machine slept, the clock was set), and over a hole
/// there is no rate.
const HOLE_MS: i64 = 5_000;

/// A counter's growth per second.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<(i64, u64)>);

impl Rate {
    /// Notes that the counter stood at `count` at `now` (ms) and returns its growth in 1/s, once it is known. A counter
    /// that is unknown or went back (a new Redis) starts over, and so does a clock that went back or leapt.
    pub fn update(&mut self, now: i64, count: Option<u64>) -> Option<f64> {
        let Some(count) = count else {
            self.0.clear();
            return None;
        };
        let goes_on =
            |(at, last): &(i64, u64)| count >= *last && (*at..=*at + HOLE_MS).contains(&now);
        if !self.0.back().is_none_or(goes_on) {
            self.0.clear();
        }
        self.0.push_back((now, count));
        // Keep one point at or before the window's start, so that the rate spans the whole window.
        while self.0.len() > 2 && self.0.get(1).is_some_and(|(at, _)| *at <= now - WINDOW_MS) {
            self.0.pop_front();
        }
        let (first_at, first) = *self.0.front()?;
        let elapsed = now - first_at;
        (elapsed > 0).then(|| (count - first) as f64 * 1_000.0 / elapsed as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_two_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.update(0, Some(0)), None);
        assert_eq!(rate.update(1_000, Some(100)), Some(100.0));
        assert_eq!(rate.update(2_000, Some(100)), Some(50.0));
        assert_eq!(rate.update(4_000, Some(100)), Some(0.0));
    }

    #[test]
    fn an_unknown_count_is_an_unknown_rate_and_starts_over() {
        let mut rate = Rate::default();
        rate.update(0, Some(10));
        assert_eq!(rate.update(1_000, None), None);
        assert_eq!(rate.update(2_000, Some(20)), None);
        assert_eq!(
            rate.update(3_000, Some(5)),
            None,
            "a new Redis counts from zero"
        );
    }

    #[test]
    fn a_clock_that_is_set_makes_no_rate_out_of_the_jump() {
        const HOUR: i64 = 3_600_000;
        let mut rate = Rate::default();
        rate.update(HOUR, Some(10));
        assert_eq!(rate.update(HOUR + 1_000, Some(20)), Some(10.0));
        assert_eq!(rate.update(1_200, Some(22)), None, "an hour back");
        assert_eq!(rate.update(2_200, Some(32)), Some(10.0));
        assert_eq!(rate.update(HOUR, Some(34)), None, "an hour on");
        assert_eq!(rate.update(HOUR + 1_000, Some(44)), Some(10.0));
    }
}
