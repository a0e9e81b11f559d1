//! Thirty minutes of samples, and the thinned history that a page gets when it connects.

use super::sample::Sample;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// How long samples are kept.
const KEPT_MS: i64 = 30 * 60 * 1_000;
/// A page's history is exact to a second for this long, and to [`COARSE_MS`] before: a graph is some 1,000 pixels
/// wide, and a latecomer on a phone should not download half a megabyte.
const FINE_FOR_MS: i64 = 6 * 60 * 1_000;
const FINE_MS: i64 = 1_000;
const COARSE_MS: i64 = 5_000;

/// The last half hour.
#[derive(Debug, Default)]
pub struct Timeline(VecDeque<Sample>);

impl Timeline {
    /// Appends a sample and forgets what is older than half an hour.
    pub fn push(&mut self, sample: Sample) {
        let horizon = sample.t - KEPT_MS;
        self.0.push_back(sample);
        while self.0.front().is_some_and(|oldest| oldest.t < horizon) {
            self.0.pop_front();
        }
    }

    /// The newest sample.
    #[must_use]
    pub fn latest(&self) -> Option<&Sample> {
        self.0.back()
    }

    /// The graphs' series as columns, thinned. Unknown values stay `null`, so that a gap stays a gap.
    #[must_use]
    pub fn columns(&self) -> Value {
        let now = self.latest().map_or(0, |latest| latest.t);
        let mut last = i64::MIN;
        let mut kept = Vec::new();
        for sample in &self.0 {
            let step = if sample.t >= now - FINE_FOR_MS {
                FINE_MS
            } else {
                COARSE_MS
            };
            if sample.t.div_euclid(step) != last.div_euclid(step) || sample.t == now {
                kept.push(sample);
                last = sample.t;
            }
        }
        let column = |pick: &dyn Fn(&Sample) -> Value| -> Value {
            kept.iter().map(|sample| pick(sample)).collect()
        };
        json!({
            "t": column(&|s| json!(s.t)),
            "depth": column(&|s| json!(s.depth)),
            "in_flight": column(&|s| json!(s.in_flight)),
            "desired": column(&|s| json!(s.desired)),
            "replicas": column(&|s| json!(s.replicas)),
            "ready": column(&|s| json!(s.ready)),
            "service_rate": column(&|s| json!(s.service_rate)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(t: i64, depth: Option<u64>) -> Sample {
        Sample {
            t,
            depth,
            ..Sample::default()
        }
    }

    #[test]
    fn half_an_hour_is_kept() {
        let mut timeline = Timeline::default();
        for second in 0..=1_801 {
            timeline.push(at(second * 1_000, Some(1)));
        }
        assert_eq!(timeline.0.front().unwrap().t, 1_000);
    }

    #[test]
    fn a_page_gets_seconds_not_ticks_and_the_newest_sample_always() {
        let mut timeline = Timeline::default();
        for tick in 0..13 {
            timeline.push(at(tick * 200, Some(1)));
        }
        assert_eq!(timeline.columns()["t"], json!([0, 1_000, 2_000, 2_400]));
    }

    #[test]
    fn an_unknown_depth_is_a_gap() {
        let mut timeline = Timeline::default();
        timeline.push(at(0, Some(7)));
        timeline.push(at(1_000, None));
        assert_eq!(timeline.columns()["depth"], json!([7, null]));
    }
}
