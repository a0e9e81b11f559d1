//! Follows the samples and keeps what belongs to a run.
//!
//! A batch so small that nothing scaled is no run: it has no story to take home, and would push a spike off the slides.

use super::{Columns, Counts, Outcome, Run, id_of};
use crate::live::sample::{Phase, Sample};
use crate::live::story::Milestone;
use std::collections::VecDeque;

/// How much of the quiet before the trigger belongs to the picture.
const LEAD_MS: i64 = 10_000;
/// The most rows a run keeps: six minutes at five a second. When it is full every second row goes, so that the
/// longest run fits, at a coarser grain.
const ROWS: usize = 1_800;
/// The longest run, as long as the timeline reaches: a demo removed half way never comes back to its baseline.
const LONGEST_MS: i64 = 30 * 60 * 1_000;

/// Records runs.
#[derive(Debug, Default)]
pub struct Recorder {
    lead: VecDeque<Sample>,
    current: Option<Recording>,
    /// Whether the last sample was of jobs arriving or of the answer to them.
    in_spike: bool,
}

#[derive(Debug)]
struct Recording {
    started: i64,
    /// The last sample before the trigger.
    before: Option<Sample>,
    /// The last sample, its counters filled up with the newest values known.
    latest: Sample,
    peak: Option<i64>,
    deepest: Option<u64>,
    columns: Columns,
    /// The least time between two rows, ms.
    grain: i64,
}

impl Recorder {
    /// Takes the next sample, phase included, with all that has been told so far. Returns the run that it ended.
    pub fn advance(&mut self, sample: &Sample, told: &[Milestone]) -> Option<Run> {
        // Jobs and the first replicas for them may come in one sample, so the answer can be the first that is seen.
        let in_spike = matches!(sample.phase, Phase::Trigger | Phase::Response);
        let was_in_spike = std::mem::replace(&mut self.in_spike, in_spike);
        let begins = in_spike && !was_in_spike;
        let ended = self.end(sample, told, begins);
        if begins {
            self.current = Some(Recording::new(sample.t, &self.lead));
        }
        match &mut self.current {
            Some(recording) => recording.add(sample),
            None => self.remember(sample),
        }
        ended
    }

    /// The run in progress as it stands, when the server stops.
    #[must_use]
    pub fn interrupt(&mut self, told: &[Milestone]) -> Option<Run> {
        self.current.take()?.finish(Outcome::Interrupted, told)
    }

    /// Moves all that is recorded by so many ms: the clock that dated it was set.
    pub fn shift(&mut self, by: i64) {
        for sample in &mut self.lead {
            sample.t += by;
        }
        let Some(recording) = &mut self.current else {
            return;
        };
        recording.started += by;
        recording.latest.t += by;
        if let Some(before) = &mut recording.before {
            before.t += by;
        }
        for t in &mut recording.columns.t {
            *t += by;
        }
    }

    fn remember(&mut self, sample: &Sample) {
        self.lead.push_back(sample.clone());
        while self
            .lead
            .front()
            .is_some_and(|oldest| oldest.t < sample.t - LEAD_MS)
        {
            self.lead.pop_front();
        }
    }

    fn end(&mut self, sample: &Sample, told: &[Milestone], next_began: bool) -> Option<Run> {
        let recording = self.current.as_mut()?;
        let outcome = if sample.phase == Phase::Idle {
            recording.add(sample);
            Outcome::Complete
        } else if next_began {
            Outcome::Overtaken
        } else if sample.t - recording.started > LONGEST_MS {
            Outcome::Interrupted
        } else {
            return None;
        };
        let recording = self.current.take()?;
        // What comes next is counted from here.
        self.lead = VecDeque::from([recording.latest.clone()]);
        recording.finish(outcome, told)
    }
}

impl Recording {
    fn new(started: i64, lead: &VecDeque<Sample>) -> Self {
        let mut columns = Columns::default();
        for sample in lead.iter().filter(|sample| sample.t >= started - LEAD_MS) {
            columns.push(sample);
        }
        Self {
            started,
            before: lead.back().cloned(),
            latest: Sample::default(),
            peak: None,
            deepest: None,
            columns,
            grain: 0,
        }
    }

    fn add(&mut self, sample: &Sample) {
        self.peak = self.peak.max(sample.replicas);
        self.deepest = self.deepest.max(sample.depth);
        let known = std::mem::replace(&mut self.latest, sample.clone());
        let latest = &mut self.latest;
        latest.enqueued = latest.enqueued.or(known.enqueued);
        latest.processed = latest.processed.or(known.processed);
        latest.duplicates = latest.duplicates.or(known.duplicates);
        latest.failed = latest.failed.or(known.failed);
        latest.dead = latest.dead.or(known.dead);
        latest.discarded = latest.discarded.or(known.discarded);
        latest.depth = latest.depth.or(known.depth);
        latest.in_flight = latest.in_flight.or(known.in_flight);
        latest.replicas = latest.replicas.or(known.replicas);
        let due = self
            .columns
            .t
            .last()
            .is_none_or(|last| sample.t - last >= self.grain.max(1));
        if due {
            self.columns.push(sample);
        }
        if self.columns.len() > ROWS {
            self.thin();
        }
    }

    fn thin(&mut self) {
        let columns = &mut self.columns;
        let span = columns.t[columns.len() - 1] - columns.t[0];
        halve(&mut columns.t);
        halve(&mut columns.depth);
        halve(&mut columns.in_flight);
        halve(&mut columns.external_metric);
        halve(&mut columns.desired);
        halve(&mut columns.replicas);
        halve(&mut columns.ready);
        halve(&mut columns.service_rate);
        halve(&mut columns.active);
        halve(&mut columns.cpu);
        self.grain = span / i64::try_from(columns.len()).unwrap_or(i64::MAX);
    }

    /// The run, if it is one.
    fn finish(self, outcome: Outcome, told: &[Milestone]) -> Option<Run> {
        let baseline = self.before.as_ref().and_then(|before| before.replicas);
        let scaled = self.peak > baseline && self.peak.is_some();
        let span = self.started..=self.latest.t;
        let mut milestones: Vec<_> = told
            .iter()
            .filter(|told| span.contains(&told.t))
            .cloned()
            .collect();
        // A rescale is told when its reason is in, which may be after what it brought.
        milestones.sort_by_key(|told| told.t);
        scaled.then(|| Run {
            id: id_of(self.started),
            started: self.started,
            ended: self.latest.t,
            outcome,
            baseline,
            peak: self.peak,
            deepest: self.deepest,
            counts: self.counts(),
            milestones,
            columns: self.columns,
        })
    }

    fn counts(&self) -> Counts {
        let (before, now) = (self.before.as_ref(), &self.latest);
        let since = |pick: fn(&Sample) -> Option<u64>| {
            let then = before.and_then(pick).unwrap_or(0);
            pick(now).map(|total| total.saturating_sub(then))
        };
        let processed = since(|sample| sample.processed);
        let duplicates = since(|sample| sample.duplicates);
        Counts {
            enqueued: since(|sample| sample.enqueued),
            completed: processed
                .zip(duplicates)
                .map(|(all, twice)| all.saturating_sub(twice)),
            failed: since(|sample| sample.failed),
            // A letter that was thrown away is no less a job that was not done. One from before the run that was
            // retried meanwhile makes the number smaller, and it cannot be less than none.
            dead: since(|sample| Some(sample.dead? + sample.discarded.unwrap_or(0))),
            duplicates,
            remaining: now
                .depth
                .zip(now.in_flight)
                .map(|(waiting, held)| waiting + held),
        }
    }
}

/// Keeps every second element, the first included.
fn halve<T>(column: &mut Vec<T>) {
    let mut index = 0;
    column.retain(|_| {
        index += 1;
        index % 2 == 1
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::{TRIGGER, record, spike};
    use super::*;
    use crate::live::story::{MilestoneKind, Story};

    #[test]
    fn a_spike_is_a_run_from_a_little_before_the_trigger_to_the_baseline() {
        let (_, runs) = record(&spike());
        assert_eq!(runs.len(), 1);
        let run = &runs[0];
        assert_eq!((run.started, run.ended), (TRIGGER, TRIGGER + 126_000));
        assert_eq!(run.outcome, Outcome::Complete);
        assert_eq!(run.columns.t[0], TRIGGER - 5_000, "ten seconds of lead");
        assert_eq!((run.baseline, run.peak), (Some(1), Some(37)));
        let kinds: Vec<_> = run.milestones.iter().map(|told| told.kind).collect();
        assert_eq!(kinds.first(), Some(&MilestoneKind::Trigger));
        assert_eq!(kinds.last(), Some(&MilestoneKind::Baseline));
    }

    #[test]
    fn the_counts_are_those_of_the_run_alone_and_add_up() {
        let counts = record(&spike()).1.remove(0).counts;
        assert_eq!(counts.enqueued, Some(5_000));
        assert_eq!(counts.completed, Some(5_000));
        assert_eq!(counts.duplicates, Some(0));
        assert_eq!((counts.dead, counts.remaining), (Some(0), Some(0)));
    }

    #[test]
    fn a_run_is_kept_as_it_stands_when_the_server_stops() {
        let (mut recorder, runs) = record(&spike()[..7]);
        assert!(runs.is_empty());
        let run = recorder.interrupt(&[]).expect("a run in progress");
        assert_eq!(run.outcome, Outcome::Interrupted);
        assert_eq!(run.counts.remaining, Some(3_477 + 37));
        assert!(recorder.interrupt(&[]).is_none());
    }

    #[test]
    fn a_batch_that_nothing_scaled_for_is_no_run() {
        let mut samples = spike();
        for sample in &mut samples {
            sample.replicas = Some(1);
            sample.ready = Some(1);
        }
        assert!(record(&samples).1.is_empty());
    }

    #[test]
    fn the_next_spike_ends_a_run_that_was_still_recovering() {
        let mut samples = spike();
        samples.truncate(10);
        let mut next = samples[9].clone();
        next.t += 1_000;
        next.enqueued = Some(9_000);
        next.depth = Some(3_900);
        samples.push(next);
        let (mut recorder, runs) = record(&samples);
        assert_eq!(runs[0].outcome, Outcome::Overtaken);
        assert_eq!(runs[0].counts.enqueued, Some(5_000));
        let mut scaled = samples[10].clone();
        scaled.t += 9_000;
        scaled.phase = Phase::Response;
        scaled.replicas = Some(37);
        assert!(recorder.advance(&scaled, &[]).is_none());
        let next = recorder.interrupt(&[]).expect("the next run is recorded");
        assert_eq!(next.counts.enqueued, Some(3_900));
        assert_eq!(next.baseline, Some(13));
    }

    #[test]
    fn a_spike_that_was_answered_before_anybody_looked_is_a_run() {
        let mut samples = spike();
        let at = samples.iter().position(|s| s.t == TRIGGER).unwrap();
        let answered = samples.iter().position(|s| s.replicas > Some(1)).unwrap();
        samples.drain(at..answered);
        let (_, runs) = record(&samples);
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].counts.enqueued, Some(5_000));
        assert_eq!((runs[0].baseline, runs[0].peak), (Some(1), Some(37)));
    }

    #[test]
    fn the_longest_run_stays_small() {
        let mut samples = spike();
        samples.truncate(7);
        let last = samples[6].clone();
        for tick in 1..9_500 {
            let mut sample = last.clone();
            sample.t += tick * 200;
            samples.push(sample);
        }
        let (_, runs) = record(&samples);
        assert_eq!(runs[0].outcome, Outcome::Interrupted);
        assert!((ROWS / 2..=ROWS).contains(&runs[0].columns.len()));
    }

    #[test]
    fn a_clock_set_back_in_the_middle_of_a_run_leaves_it_whole() {
        const HOUR: i64 = 3_600_000;
        let (mut story, mut recorder) = (Story::default(), Recorder::default());
        let mut runs = Vec::new();
        for (at, mut sample) in spike().into_iter().enumerate() {
            if at == 6 {
                story.shift(-HOUR);
                recorder.shift(-HOUR);
            }
            if at >= 6 {
                sample.t -= HOUR;
            }
            story.advance(&sample, 1, None);
            (sample.phase, sample.phase_since) = story.phase();
            runs.extend(recorder.advance(&sample, story.milestones()));
        }
        let (run, unmoved) = (&runs[0], super::super::tests::run());
        assert_eq!(runs.len(), 1);
        assert_eq!(run.started, TRIGGER - HOUR);
        assert_eq!(run.ended - run.started, unmoved.ended - unmoved.started);
        assert_eq!(run.columns.t.len(), unmoved.columns.t.len());
        assert!(run.columns.t.is_sorted());
        assert_eq!(run.milestones.len(), unmoved.milestones.len());
    }
}
