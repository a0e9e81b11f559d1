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
/// Without a sample for this long, nothing is known of the time between: the machine slept, or the clock was put
/// forward.
const HOLE_MS: i64 = 5_000;

/// The last half hour.
#[derive(Debug, Default)]
pub struct Timeline(VecDeque<Sample>);

impl Timeline {
    /// Appends a sample and forgets what is older than half an hour. A hole before it becomes a gap of unknown values,
    /// so that no graph draws a line across.
    pub fn push(&mut self, sample: Sample) {
        let horizon = sample.t - KEPT_MS;
        if let Some(last) = self.latest().map(|latest| latest.t)
            && sample.t - last > HOLE_MS
        {
            self.0.push_back(Sample {
                t: last + 1,
                ..Sample::default()
            });
        }
        self.0.push_back(sample);
        while self.0.front().is_some_and(|oldest| oldest.t < horizon) {
            self.0.pop_front();
        }
    }

    /// Moves all samples by so many ms: the clock that dated them was set.
    pub fn shift(&mut self, by: i64) {
        for sample in &mut self.0 {
            sample.t += by;
        }
    }

    /// The newest sample.
    #[must_use]
    pub fn latest(&self) -> Option<&Sample> {
        self.0.back()
    }

    /// The graphs' series as columns, thinned. Unknown values stay `null`, so that a gap stays a gap, however short:
    /// where something begins or ceases to be known, a second sample of the same second is kept.
    #[must_use]
    pub fn columns(&self) -> Value {
        let now = self.latest().map_or(0, |latest| latest.t);
        let mut last = i64::MIN;
        let mut seen: Vec<[bool; 7]> = Vec::new();
        let mut kept = Vec::new();
        for sample in &self.0 {
            let step = if sample.t >= now - FINE_FOR_MS {
                FINE_MS
            } else {
                COARSE_MS
            };
            if sample.t.div_euclid(step) != last.div_euclid(step) || sample.t == now {
                seen.clear();
            }
            // At most two or three patterns fall into one step, so a source that comes and goes cannot fill the page.
            if !seen.contains(&known(sample)) {
                seen.push(known(sample));
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
            "cpu": column(&|s| json!(s.cpu)),
        })
    }
}

/// Which of the graphs' series are known.
fn known(sample: &Sample) -> [bool; 7] {
    [
        sample.depth.is_some(),
        sample.in_flight.is_some(),
        sample.desired.is_some(),
        sample.replicas.is_some(),
        sample.ready.is_some(),
        sample.service_rate.is_some(),
        sample.cpu.is_some(),
    ]
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

    #[test]
    fn a_gap_shorter_than_the_grain_stays_a_gap() {
        let mut timeline = Timeline::default();
        for tick in 0..20 {
            let known = tick != 7;
            timeline.push(at(tick * 200, known.then_some(1)));
        }
        let columns = timeline.columns();
        assert_eq!(columns["t"], json!([0, 1_000, 1_400, 2_000, 3_000, 3_800]));
        assert_eq!(columns["depth"], json!([1, 1, null, 1, 1, 1]));
    }

    #[test]
    fn a_source_that_comes_and_goes_with_every_sample_does_not_swell_the_history() {
        let mut timeline = Timeline::default();
        for tick in 0..9_000 {
            timeline.push(at(tick * 200, (tick % 2 == 0).then_some(1)));
        }
        let kept = timeline.columns()["t"].as_array().unwrap().len();
        assert!(kept < 1_400, "{kept}");
    }

    #[test]
    fn where_nobody_looked_there_is_a_gap() {
        let mut timeline = Timeline::default();
        timeline.push(at(0, Some(7)));
        timeline.push(at(3_600_000 / 4, Some(9)));
        let columns = timeline.columns();
        assert_eq!(columns["t"], json!([0, 1, 900_000]));
        assert_eq!(columns["depth"], json!([7, null, 9]));
    }

    #[test]
    fn a_clock_set_back_moves_the_history_along() {
        let mut timeline = Timeline::default();
        timeline.push(at(3_600_000, Some(7)));
        timeline.shift(-3_600_000);
        timeline.push(at(1_000, Some(8)));
        assert_eq!(timeline.columns()["t"], json!([0, 1_000]));
    }
}
