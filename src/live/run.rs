//! A *run*: one spike from its trigger to the baseline, as it is kept when it is over.
//!
//! The story tells the phases; this follows them and keeps what is worth taking home: the graph's columns from a little
//! before the trigger, the milestones, the counts. Pure: samples and milestones go in, finished runs come out; time is
//! whatever the samples say.

pub mod csv;
pub mod picture;
pub mod recorder;
pub mod store;
pub mod words;

use super::sample::{Sample, Scaler};
use super::story::Milestone;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use recorder::Recorder;
pub use store::Runs;

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The replicas are back where they were.
    Complete,
    /// The next spike came before the replicas were back.
    Overtaken,
    /// The server was stopped, or the run took longer than is kept.
    Interrupted,
}

/// What became of the jobs of a run. `None` where the queue could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Jobs that arrived.
    pub enqueued: Option<u64>,
    /// Jobs done, each counted once.
    pub completed: Option<u64>,
    /// Attempts that failed.
    pub failed: Option<u64>,
    /// Jobs given up on and not retried by the end, discarded ones included.
    pub dead: Option<u64>,
    /// Jobs done a second time.
    pub duplicates: Option<u64>,
    /// Jobs still waiting or in a worker's hands at the end.
    pub remaining: Option<u64>,
}

/// The graph's series, one row a moment: column `x` of row `i` is `x[i]`. `None` is a gap: the number was not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Columns {
    /// When, ms since the epoch.
    pub t: Vec<i64>,
    /// Jobs waiting.
    pub depth: Vec<Option<u64>>,
    /// Jobs in a worker's hands.
    pub in_flight: Vec<Option<u64>>,
    /// The backlog as the external metrics API reports it.
    pub external_metric: Vec<Option<f64>>,
    /// Replicas the HPA wants.
    pub desired: Vec<Option<i64>>,
    /// Replicas the Deployment asks for.
    pub replicas: Vec<Option<i64>>,
    /// Worker pods that are ready.
    pub ready: Vec<Option<u64>>,
    /// Jobs finished, jobs/s.
    pub service_rate: Vec<Option<f64>>,
    /// Whether KEDA's trigger is active.
    pub active: Vec<Option<bool>>,
    /// What the workers use of CPU, thousandths of a core; no rows at all in a run from before this was kept.
    #[serde(default)]
    pub cpu: Vec<Option<f64>>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its name, from the time of its trigger (UTC): `20261124-180342`.
    pub id: String,
    /// The trigger, ms since the epoch.
    pub started: i64,
    /// The last moment that belongs to it, ms since the epoch.
    pub ended: i64,
    /// How it came to its end.
    pub outcome: Outcome,
    /// Replicas before the trigger.
    pub baseline: Option<i64>,
    /// The most replicas there were.
    pub peak: Option<i64>,
    /// The longest backlog there was, jobs.
    pub deepest: Option<u64>,
    /// What became of the jobs.
    pub counts: Counts,
    /// What happened, oldest first.
    pub milestones: Vec<Milestone>,
    /// The graph.
    pub columns: Columns,
}

impl Columns {
    /// Appends a moment.
    pub fn push(&mut self, sample: &Sample) {
        self.t.push(sample.t);
        self.depth.push(sample.depth);
        self.in_flight.push(sample.in_flight);
        self.external_metric.push(sample.external_metric);
        self.desired.push(sample.desired);
        self.replicas.push(sample.replicas);
        self.ready.push(sample.ready);
        self.service_rate.push(sample.service_rate);
        self.active
            .push(sample.scaler.map(|scaler| scaler == Scaler::Active));
        self.cpu.push(sample.cpu);
    }

    /// What the workers used of CPU in a row, thousandths of a core.
    #[must_use]
    pub fn cpu_at(&self, row: usize) -> Option<f64> {
        self.cpu.get(row).copied().flatten()
    }

    /// How many moments there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.t.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.t.is_empty()
    }
}

impl Run {
    /// How long it took, ms.
    #[must_use]
    pub fn duration_ms(&self) -> i64 {
        self.ended - self.started
    }

    /// The row of the moment that shows the demo at its height: when the most pods were ready for the first time, with
    /// work left if there was.
    #[must_use]
    pub fn height(&self) -> Option<usize> {
        let columns = &self.columns;
        (0..columns.len()).max_by_key(|&row| {
            let working = columns.depth[row] > Some(0);
            (columns.ready[row], working, std::cmp::Reverse(row))
        })
    }
}

/// The name of a run that started at `started` ms.
fn id_of(started: i64) -> String {
    time_of(started).strftime("%Y%m%d-%H%M%S").to_string()
}

fn time_of(t: i64) -> Timestamp {
    Timestamp::from_millisecond(t).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::live::story::Story;

    /// The moment of the modelled spike's trigger.
    pub(crate) const TRIGGER: i64 = 1_764_007_422_000;

    /// `(seconds after the trigger, enqueued, depth, in flight, replicas, ready)`
    const SPIKE: [(i64, u64, u64, u64, i64, u64); 12] = [
        (-20, 100, 0, 0, 1, 1),
        (-5, 100, 0, 0, 1, 1),
        (-1, 100, 0, 0, 1, 1),
        (0, 5_100, 4_999, 1, 1, 1),
        (8, 5_100, 4_973, 1, 25, 1),
        (10, 5_100, 4_900, 25, 25, 25),
        (23, 5_100, 3_477, 37, 37, 37),
        (49, 5_100, 0, 0, 37, 37),
        (51, 5_100, 0, 0, 22, 22),
        (66, 5_100, 0, 0, 13, 13),
        (126, 5_100, 0, 0, 1, 1),
        (127, 5_100, 0, 0, 1, 1),
    ];

    /// The samples of a spike of 5,000 jobs that 37 pods work off.
    pub(crate) fn spike() -> Vec<Sample> {
        let sample = |&(seconds, enqueued, depth, in_flight, replicas, ready)| Sample {
            t: TRIGGER + seconds * 1_000,
            enqueued: Some(enqueued),
            depth: Some(depth),
            in_flight: Some(in_flight),
            processed: Some(enqueued - depth - in_flight + 2),
            duplicates: Some(2),
            failed: Some(0),
            dead: Some(0),
            desired: Some(replicas),
            replicas: Some(replicas),
            ready: Some(ready),
            terminating: Some(0),
            external_metric: Some(4_999.0),
            scaler: Some(if depth > 0 {
                Scaler::Active
            } else {
                Scaler::Inactive
            }),
            ..Sample::default()
        };
        SPIKE.iter().map(sample).collect()
    }

    /// Feeds samples through the story, as the observer does.
    pub(crate) fn record(samples: &[Sample]) -> (Recorder, Vec<Run>) {
        let mut story = Story::default();
        let mut recorder = Recorder::default();
        let mut runs = Vec::new();
        for sample in samples {
            let mut sample = sample.clone();
            story.advance(&sample, 1, None);
            (sample.phase, sample.phase_since) = story.phase();
            runs.extend(recorder.advance(&sample, story.milestones()));
        }
        (recorder, runs)
    }

    /// The one run of [`spike`].
    pub(crate) fn run() -> Run {
        record(&spike()).1.remove(0)
    }

    #[test]
    fn a_run_is_named_after_its_trigger_and_its_height_is_in_the_middle_of_the_work() {
        let run = run();
        assert_eq!(run.id, "20251124-180342");
        let height = run.height().unwrap();
        assert_eq!(run.columns.ready[height], Some(37));
        assert_eq!(run.columns.depth[height], Some(3_477));
    }
}
