//! The story of a spike, found in the samples: its phase, and its milestones as they happen.
//!
//! A state machine over consecutive samples. It knows nothing of buttons: a spike set off by `redis-cli LPUSH` in
//! another terminal makes the same story. Unknown numbers (`None`) change nothing.

use super::run::words::grouped;
use super::sample::{Phase, Sample, Scaler};
use serde::{Deserialize, Serialize};

/// "Dozens": two of them.
const DOZENS: u64 = 24;

/// What kind of moment a milestone marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// How long a rescale waits for the event that explains it: the two come by different watches.
const REASON_WITHIN_MS: i64 = 1_000;

/// A rescale whose reason is not in yet.
#[derive(Clone, Copy, Debug)]
struct Unexplained {
    t: i64,
    kind: MilestoneKind,
    before: i64,
    now: i64,
}

/// The story so far.
#[derive(Debug, Default)]
pub struct Story {
    phase: Phase,
    since: i64,
    next_id: u64,
    previous: Option<Sample>,
    spike: Option<Spike>,
    unexplained: Option<Unexplained>,
    told: Vec<Milestone>,
}

/// What there is to remember of the spike in progress.
#[derive(Clone, Debug, Default)]
struct Spike {
    started: i64,
    baseline: i64,
    enqueued_before: u64,
    peak: i64,
    /// Whether anybody saw a job of it wait or in a worker's hands.
    seen: bool,
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

    /// Moves all that is remembered by so many ms: the clock that dated it was set. What is told of durations stays true.
    pub fn shift(&mut self, by: i64) {
        self.since += by;
        for milestone in &mut self.told {
            milestone.t += by;
        }
        if let Some(spike) = &mut self.spike {
            spike.started += by;
            spike.scaled_out = spike.scaled_out.map(|t| t + by);
        }
        if let Some(rescale) = &mut self.unexplained {
            rescale.t += by;
        }
        if let Some(previous) = &mut self.previous {
            previous.t += by;
        }
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
        self.explain(sample.t, reason);
        let (Some(before), Some(now)) = (previous.replicas, sample.replicas) else {
            return;
        };
        if before == now {
            return;
        }
        if let Some(spike) = &mut self.spike {
            spike.peak = spike.peak.max(now);
        }
        if now > before && self.phase == Phase::Trigger {
            self.enter(Phase::Response, sample.t);
            if let Some(spike) = &mut self.spike {
                spike.scaled_out = Some(sample.t);
            }
        }
        let first_in = now < before
            && self
                .spike
                .as_mut()
                .is_some_and(|spike| !std::mem::replace(&mut spike.scale_in_told, true));
        self.unexplained = Some(Unexplained {
            t: sample.t,
            kind: if first_in {
                MilestoneKind::ScaleIn
            } else {
                MilestoneKind::Rescale
            },
            before,
            now,
        });
        self.explain(sample.t, reason);
    }

    /// Tells the rescale that waits for its reason, once the HPA's event of that size is in, or when it does not come
    /// (somebody else scaled).
    fn explain(&mut self, now: i64, reason: Option<&str>) {
        let Some(rescale) = self.unexplained.take() else {
            return;
        };
        let of_this_size = format!("New size: {};", rescale.now);
        let reason = reason.filter(|reason| reason.starts_with(&of_this_size));
        if reason.is_none() && now - rescale.t < REASON_WITHIN_MS {
            self.unexplained = Some(rescale);
            return;
        }
        let title = format!("Scaled {} → {}", rescale.before, rescale.now);
        let detail = reason.map(shorten).unwrap_or_default();
        self.tell(rescale.t, rescale.kind, title, detail);
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
        if let Some(spike) = &mut self.spike {
            spike.seen |= sample.depth > Some(0) || sample.in_flight > Some(0);
        }
        // A trigger is over only after it has poured in: the counter may be seen before the list, and a reading may
        // serve several samples on a busy machine. A batch too quick to be seen is over all the same, a little later.
        let poured_in = self
            .spike
            .as_ref()
            .is_some_and(|spike| spike.seen || sample.t - spike.started > SAME_TRIGGER_MS);
        if active && empty && poured_in && previous.enqueued == sample.enqueued {
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
mod tests;
