//! The story of a spike, found in the samples: its phase, and its milestones as they happen.
//!
//! A state machine over consecutive samples. It knows nothing of buttons: a spike set off by `redis-cli LPUSH` in
//! another terminal makes the same story. Unknown numbers (`None`) change nothing.

use super::sample::{Phase, Sample, Scaler};
use serde::Serialize;

/// "Dozens": two of them.
const DOZENS: u64 = 24;

/// What kind of moment a milestone marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MilestoneKind {
    /// The demo became ready.
    Deployed,
    /// The demo is gone.
    Removed,
    /// Jobs arrived.
    Trigger,
    /// KEDA saw them.
    Activation,
    /// The HPA changed the number of replicas.
    Rescale,
    /// The first new pod is ready.
    ColdStart,
    /// Two dozen pods are ready.
    Dozens,
    /// The backlog is worked off.
    Drained,
    /// How far the replicas went.
    Peak,
    /// The first replicas go.
    ScaleIn,
    /// Back to the minimum.
    Baseline,
}

/// A moment worth a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Milestone {
    /// Consecutive.
    pub id: u64,
    /// When, ms since the epoch.
    pub t: i64,
    /// What kind.
    pub kind: MilestoneKind,
    /// What happened: `Scaled 1 → 25`.
    pub title: String,
    /// How and why; may be empty.
    pub detail: String,
}

/// How long a spike may hold its breath: jobs that arrive within this time belong to the same trigger.
const SAME_TRIGGER_MS: i64 = 3_000;

/// The story so far.
#[derive(Debug, Default)]
pub struct Story {
    phase: Phase,
    since: i64,
    next_id: u64,
    previous: Option<Sample>,
    spike: Option<Spike>,
    told: Vec<Milestone>,
}

/// What there is to remember of the spike in progress.
#[derive(Clone, Debug, Default)]
struct Spike {
    started: i64,
    baseline: i64,
    enqueued_before: u64,
    peak: i64,
    cold_start_told: bool,
    dozens_told: bool,
    scale_in_told: bool,
    scaled_out: Option<i64>,
}

impl Story {
    /// The phase, and since when (ms).
    #[must_use]
    pub fn phase(&self) -> (Phase, i64) {
        (self.phase, self.since)
    }

    /// All milestones so far, oldest first; the last hundred.
    #[must_use]
    pub fn milestones(&self) -> &[Milestone] {
        &self.told
    }

    /// Takes the next sample. `min` is the replicas at rest, `reason` the HPA's own words for the newest rescale.
    /// Returns the milestones that this sample brought.
    pub fn advance(&mut self, sample: &Sample, min: i64, reason: Option<&str>) -> Vec<Milestone> {
        let from = self.told.len();
        if self.since == 0 {
            self.since = sample.t;
        }
        let mut known = sample.clone();
        if let Some(previous) = self.previous.take() {
            self.deployment(&previous, sample);
            self.arrivals(&previous, sample, min);
            self.activation(&previous, sample);
            self.scaling(&previous, sample, reason);
            self.readiness(&previous, sample);
            self.ending(&previous, sample, min);
            // A number that is unknown for a moment must not make the next one look like a change.
            known.enqueued = known.enqueued.or(previous.enqueued);
            known.scaler = known.scaler.or(previous.scaler);
            known.replicas = known.replicas.or(previous.replicas);
            known.ready = known.ready.or(previous.ready);
        }
        self.previous = Some(known);
        let told = self.told[from.min(self.told.len())..].to_vec();
        let surplus = self.told.len().saturating_sub(100);
        self.told.drain(..surplus);
        told
    }

    /// Tells a milestone that is not found in the samples.
    pub fn tell(
        &mut self,
        t: i64,
        kind: MilestoneKind,
        title: String,
        detail: String,
    ) -> Milestone {
        self.next_id += 1;
        let milestone = Milestone {
            id: self.next_id,
            t,
            kind,
            title,
            detail,
        };
        self.told.push(milestone.clone());
        milestone
    }

    fn deployment(&mut self, previous: &Sample, sample: &Sample) {
        if previous.ready == Some(0) && sample.ready == Some(1) && self.phase == Phase::Idle {
            self.tell(
                sample.t,
                MilestoneKind::Deployed,
                "Queue demo is ready".to_owned(),
                String::new(),
            );
        }
    }

    fn arrivals(&mut self, previous: &Sample, sample: &Sample, min: i64) {
        let (Some(before), Some(now)) = (previous.enqueued, sample.enqueued) else {
            return;
        };
        if now <= before {
            return;
        }
        let ongoing = self.phase == Phase::Response
            || (self.phase == Phase::Trigger && sample.t - self.since > SAME_TRIGGER_MS);
        if ongoing {
            return;
        }
        if self.phase == Phase::Trigger {
            // The spike is still pouring in: its milestone counts on.
            if let (Some(spike), Some(told)) = (
                &self.spike,
                self.told
                    .iter_mut()
                    .rev()
                    .find(|told| told.kind == MilestoneKind::Trigger),
            ) {
                told.title = trigger_title(now - spike.enqueued_before);
            }
            return;
        }
        let replicas = sample.replicas.unwrap_or(min);
        self.spike = Some(Spike {
            started: sample.t,
            baseline: replicas,
            enqueued_before: before,
            peak: replicas,
            ..Spike::default()
        });
        self.enter(Phase::Trigger, sample.t);
        self.tell(
            sample.t,
            MilestoneKind::Trigger,
            trigger_title(now - before),
            String::new(),
        );
    }

    fn activation(&mut self, previous: &Sample, sample: &Sample) {
        if previous.scaler == Some(Scaler::Inactive) && sample.scaler == Some(Scaler::Active) {
            self.tell(
                sample.t,
                MilestoneKind::Activation,
                "KEDA: trigger active".to_owned(),
                self.after_trigger(sample.t),
            );
        }
    }

    fn scaling(&mut self, previous: &Sample, sample: &Sample, reason: Option<&str>) {
        let (Some(before), Some(now)) = (previous.replicas, sample.replicas) else {
            return;
        };
        if before == now {
            return;
        }
        if let Some(spike) = &mut self.spike {
            spike.peak = spike.peak.max(now);
        }
        let title = format!("Scaled {before} → {now}");
        let detail = reason.map(shorten).unwrap_or_default();
        if now > before {
            if self.phase == Phase::Trigger {
                self.enter(Phase::Response, sample.t);
                if let Some(spike) = &mut self.spike {
                    spike.scaled_out = Some(sample.t);
                }
            }
            self.tell(sample.t, MilestoneKind::Rescale, title, detail);
            return;
        }
        let first = self
            .spike
            .as_mut()
            .is_some_and(|spike| !std::mem::replace(&mut spike.scale_in_told, true));
        let kind = if first {
            MilestoneKind::ScaleIn
        } else {
            MilestoneKind::Rescale
        };
        self.tell(sample.t, kind, title, detail);
    }

    fn readiness(&mut self, previous: &Sample, sample: &Sample) {
        let (Some(before), Some(now), Some(spike)) =
            (previous.ready, sample.ready, self.spike.clone())
        else {
            return;
        };
        let grew =
            now > before && u64::try_from(spike.baseline).is_ok_and(|baseline| now > baseline);
        if grew && !spike.cold_start_told && spike.scaled_out.is_some() {
            let cold = sample
                .cold_start
                .map(|ms| format!("cold start {}", seconds(ms)))
                .unwrap_or_default();
            self.tell(
                sample.t,
                MilestoneKind::ColdStart,
                "First new pod is ready".to_owned(),
                cold,
            );
        }
        let dozens = now >= DOZENS && before < DOZENS && !spike.dozens_told;
        if dozens {
            self.tell(
                sample.t,
                MilestoneKind::Dozens,
                format!("{now} replicas ready"),
                self.after_trigger(sample.t),
            );
        }
        if let Some(current) = &mut self.spike {
            current.cold_start_told |= grew && spike.scaled_out.is_some();
            current.dozens_told |= dozens;
        }
    }

    fn ending(&mut self, previous: &Sample, sample: &Sample, min: i64) {
        let empty = sample.depth == Some(0) && sample.in_flight == Some(0);
        let active = matches!(self.phase, Phase::Trigger | Phase::Response);
        // A trigger is over only after it has poured in: the very first sample may see an empty list.
        if active && empty && previous.enqueued == sample.enqueued {
            let peak = self.spike.as_ref().map_or(0, |spike| spike.peak);
            let scaled = self.phase == Phase::Response;
            self.tell(
                sample.t,
                MilestoneKind::Drained,
                "Backlog drained".to_owned(),
                self.after_trigger(sample.t),
            );
            if scaled {
                self.tell(
                    sample.t,
                    MilestoneKind::Peak,
                    format!("Peak: {peak} replicas"),
                    String::new(),
                );
            }
            self.enter(Phase::Recovery, sample.t);
        }
        let at_rest = sample.replicas.is_some_and(|replicas| replicas <= min)
            && sample.terminating == Some(0)
            && sample
                .ready
                .is_some_and(|ready| i64::try_from(ready).is_ok_and(|ready| ready <= min));
        if self.phase == Phase::Recovery && at_rest {
            let scaled = self.spike.as_ref().is_some_and(|spike| spike.scale_in_told);
            if scaled {
                let replicas = sample.replicas.unwrap_or(min);
                let noun = if replicas == 1 { "replica" } else { "replicas" };
                self.tell(
                    sample.t,
                    MilestoneKind::Baseline,
                    format!("Back to {replicas} {noun}"),
                    self.after_trigger(sample.t),
                );
            }
            self.enter(Phase::Idle, sample.t);
            self.spike = None;
        }
    }

    fn enter(&mut self, phase: Phase, t: i64) {
        self.phase = phase;
        self.since = t;
    }

    fn after_trigger(&self, t: i64) -> String {
        self.spike
            .as_ref()
            .map(|spike| format!("{} after the trigger", seconds(t - spike.started)))
            .unwrap_or_default()
    }
}

fn trigger_title(jobs: u64) -> String {
    format!("{} ticket purchases arrive", grouped(jobs))
}

/// `8.4 s`
fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

/// `4,812`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The HPA's reason without the Go notation of the label selector, which nobody can read from the third row.
fn shorten(message: &str) -> String {
    let reason = message
        .split_once("reason: ")
        .map_or(message, |(_, reason)| reason);
    match (reason.find("(&LabelSelector"), reason.rfind("})")) {
        (Some(start), Some(end)) => format!("{}{}", &reason[..start], &reason[end + 2..]),
        _ => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample at `seconds`, of: enqueued, depth, in flight, replicas, ready.
    fn at(seconds: i64, numbers: (u64, u64, u64, i64, u64)) -> Sample {
        let (enqueued, depth, in_flight, replicas, ready) = numbers;
        Sample {
            t: 1_000_000 + seconds * 1_000,
            enqueued: Some(enqueued),
            depth: Some(depth),
            in_flight: Some(in_flight),
            replicas: Some(replicas),
            ready: Some(ready),
            terminating: Some(0),
            ..Sample::default()
        }
    }

    const REASON: &str = "New size: 25; reason: external metric s0-redis-q(&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}) above target";

    fn told(samples: &[Sample]) -> (Vec<(MilestoneKind, String)>, Vec<Phase>) {
        let mut story = Story::default();
        let mut milestones = Vec::new();
        let mut phases = Vec::new();
        for sample in samples {
            let new = story.advance(sample, 1, Some(REASON));
            milestones.extend(new.into_iter().map(|told| (told.kind, told.title)));
            phases.push(story.phase().0);
        }
        (milestones, phases)
    }

    fn spike() -> Vec<Sample> {
        vec![
            at(0, (0, 0, 0, 1, 1)),
            at(1, (2_000, 2_000, 0, 1, 1)),
            at(2, (5_000, 4_999, 1, 1, 1)),
            at(9, (5_000, 4_973, 1, 25, 1)),
            at(11, (5_000, 4_900, 25, 25, 25)),
            at(24, (5_000, 3_477, 25, 37, 37)),
            at(50, (5_000, 0, 0, 37, 37)),
            at(52, (5_000, 0, 0, 22, 22)),
            at(67, (5_000, 0, 0, 13, 13)),
            at(127, (5_000, 0, 0, 1, 1)),
            at(128, (5_000, 0, 0, 1, 1)),
        ]
    }

    #[test]
    fn a_spike_is_told_from_trigger_to_baseline() {
        use MilestoneKind as M;
        let (milestones, phases) = told(&spike());
        let kinds: Vec<_> = milestones.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(
            kinds,
            [
                M::Trigger,
                M::Rescale,
                M::ColdStart,
                M::Dozens,
                M::Rescale,
                M::Drained,
                M::Peak,
                M::ScaleIn,
                M::Rescale,
                M::Rescale,
                M::Baseline
            ]
        );
        assert_eq!(milestones[1].1, "Scaled 1 → 25");
        assert_eq!(milestones[6].1, "Peak: 37 replicas");
        use Phase::{Idle, Recovery, Response, Trigger};
        assert_eq!(
            phases,
            [
                Idle, Trigger, Trigger, Response, Response, Response, Recovery, Recovery, Recovery,
                Idle, Idle
            ]
        );
    }

    #[test]
    fn a_spike_that_pours_in_over_several_samples_is_one_trigger_with_the_whole_count() {
        let mut story = Story::default();
        for sample in &spike()[..3] {
            story.advance(sample, 1, None);
        }
        assert_eq!(story.milestones().len(), 1);
        assert_eq!(story.milestones()[0].title, "5,000 ticket purchases arrive");
    }

    #[test]
    fn an_unknown_number_is_no_event() {
        let mut samples = spike();
        samples.insert(
            5,
            Sample {
                t: samples[4].t + 200,
                ..Sample::default()
            },
        );
        assert_eq!(told(&samples).0.len(), told(&spike()).0.len());
    }

    #[test]
    fn a_small_batch_that_needs_no_scaling_ends_quietly() {
        let (milestones, phases) = told(&[
            at(0, (0, 0, 0, 1, 1)),
            at(1, (20, 20, 0, 1, 1)),
            at(6, (20, 0, 0, 1, 1)),
            at(7, (20, 0, 0, 1, 1)),
        ]);
        let kinds: Vec<_> = milestones.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [MilestoneKind::Trigger, MilestoneKind::Drained]);
        assert_eq!(phases.last(), Some(&Phase::Idle));
    }

    #[test]
    fn the_reason_is_told_without_the_selector() {
        assert_eq!(shorten(REASON), "external metric s0-redis-q above target");
        assert_eq!(
            shorten("New size: 22; reason: All metrics below target"),
            "All metrics below target"
        );
    }
}
