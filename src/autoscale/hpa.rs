//! The HorizontalPodAutoscaler's rules, as the controller of Kubernetes 1.36 applies them.
//!
//! One [`sync`] takes the [`Spec`], the [`Memory`] and an [`Observation`] and gives a [`Decision`]:
//!
//! 1. no replicas: scaling is disabled; outside `minReplicas..maxReplicas`: straight to the bound, no metric is read;
//! 2. each metric proposes a size (`metric`), the largest proposal counts, failures are told or survived;
//! 3. the size is stabilized and limited (`limit`), by one of two algorithms;
//! 4. if it differs, the caller writes the target's scale and reports the outcome to [`rescaled`].
//!
//! Recorded decisions of the real controller (`podium conformance hpa`) hold every rule here, to the text.

mod decision;
mod defaults;
mod limit;
mod memory;
mod metric;
mod spec;
mod status;

pub use decision::{Condition, ConditionKind, Current, Decision, Rescale};
pub use defaults::defaulted;
pub use memory::Memory;
pub use spec::{Behavior, Metric, Policy, PolicyKind, Rules, Select, Spec, SpecError, Target};
pub use status::updated as updated_status;

use crate::autoscale::Event;
use metric::{Tolerance, propose};

/// How long the controller waits between two syncs of an HPA (`HorizontalPodAutoscalerSyncPeriod`), in milliseconds.
pub const SYNC_PERIOD_MS: u64 = 15_000;

/// `HorizontalPodAutoscalerTolerance`
const TOLERANCE: f64 = 0.1;

/// `HorizontalPodAutoscalerDownscaleStabilizationWindow`, in milliseconds.
const DOWNSCALE_STABILIZATION_MS: i64 = 300_000;

/// `scaleUpLimitFactor`: without a `behavior` block at most double in a sync …
const SCALE_UP_LIMIT_FACTOR: i32 = 2;

/// `scaleUpLimitMinimum`: … but up to this many always.
const SCALE_UP_LIMIT_MINIMUM: i32 = 4;

/// What the controller sees of the world in one sync.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// Now, in milliseconds. Only differences matter.
    pub now_ms: i64,
    /// The HPA's namespace, for messages.
    pub namespace: &'a str,
    /// The target's `spec.replicas`.
    pub spec_replicas: i32,
    /// The target's `status.replicas`.
    pub status_replicas: i32,
    /// The pods that the target's selector matches.
    pub pods: Pods,
    /// The value of each of the spec's metrics, in thousandths, or why it could not be read. May be empty when
    /// [`Spec::reads_metrics`] says that none is needed.
    pub metrics: Vec<Result<i64, String>>,
}

/// The target's pods, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Those the selector matches.
    pub matching: u32,
    /// Those of them that are Running and Ready.
    pub ready: u32,
}

enum Range {
    Disabled,
    AboveMax,
    BelowMin,
    Inside,
}

impl Spec {
    fn range(&self, replicas: i32) -> Range {
        if replicas == 0 {
            Range::Disabled
        } else if replicas > self.max {
            Range::AboveMax
        } else if replicas < self.min {
            Range::BelowMin
        } else {
            Range::Inside
        }
    }

    /// Whether a sync of a target with `replicas` looks at the metrics at all.
    #[must_use]
    pub fn reads_metrics(&self, replicas: i32) -> bool {
        matches!(self.range(replicas), Range::Inside)
    }
}

/// One sync of an HPA whose target's scale could be read.
#[must_use]
pub fn sync(spec: &Spec, memory: &mut Memory, seen: &Observation<'_>) -> Decision {
    let current = seen.spec_replicas;
    let mut decision = Decision::new(current);
    decision.set(
        ConditionKind::AbleToScale,
        true,
        "SucceededGetScale",
        "the HPA controller was able to get the target's current scale",
    );
    memory.begin(current, seen.now_ms);
    match spec.range(current) {
        Range::Disabled => decision.set(
            ConditionKind::ScalingActive,
            false,
            "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero",
        ),
        Range::AboveMax => clamp(&mut decision, spec.max, "above Spec.MaxReplicas"),
        Range::BelowMin => clamp(&mut decision, spec.min, "below Spec.MinReplicas"),
        Range::Inside => follow_metrics(spec, memory, seen, &mut decision),
    }
    decision
}

/// The HPA could not read its target's scale.
#[must_use]
pub fn scale_unknown(current_replicas: i32, cause: &str) -> Decision {
    let mut decision = Decision::new(current_replicas);
    decision.desired_replicas = None;
    decision
        .events
        .push(Event::warning("FailedGetScale", cause));
    decision.set(
        ConditionKind::AbleToScale,
        false,
        "FailedGetScale",
        format!("the HPA controller was unable to get the target's current scale: {cause}"),
    );
    decision
}

/// Tells how carrying out `decision.rescale` went: only a rescale that happened is remembered, and only by an HPA with
/// a `behavior` block, since the other algorithm has no use for it. Does nothing when there was nothing to do.
pub fn rescaled(
    spec: &Spec,
    memory: &mut Memory,
    now_ms: i64,
    decision: &mut Decision,
    outcome: Result<(), String>,
) {
    let Some(Rescale { to, reason }) = decision.rescale.clone() else {
        return;
    };
    if let Err(cause) = outcome {
        return not_rescaled(decision, to, &reason, &cause);
    }
    decision.scaled = true;
    decision.desired_replicas = Some(to);
    let message = format!("the HPA controller was able to update the target scale to {to}");
    decision.set(
        ConditionKind::AbleToScale,
        true,
        "SucceededRescale",
        message,
    );
    decision.events.push(Event::normal(
        "SuccessfulRescale",
        format!("New size: {to}; reason: {reason}"),
    ));
    if let Some(behavior) = &spec.behavior {
        memory.rescaled(decision.current_replicas, to, behavior, now_ms);
    }
}

fn not_rescaled(decision: &mut Decision, to: i32, reason: &str, cause: &str) {
    decision.desired_replicas = None;
    decision.events.push(Event::warning(
        "FailedRescale",
        format!("New size: {to}; reason: {reason}; error: {cause}"),
    ));
    decision.set(
        ConditionKind::AbleToScale,
        false,
        "FailedUpdateScale",
        format!("the HPA controller was unable to update the target scale: {cause}"),
    );
}

fn clamp(decision: &mut Decision, to: i32, bound: &str) {
    decision.rescale = Some(Rescale {
        to,
        reason: format!("Current number of replicas {bound}"),
    });
}

fn follow_metrics(
    spec: &Spec,
    memory: &mut Memory,
    seen: &Observation<'_>,
    decision: &mut Decision,
) {
    let Some((wish, text)) = largest_proposal(spec, seen, decision) else {
        decision.desired_replicas = None;
        return;
    };
    let current = seen.spec_replicas;
    // The reason compares the metrics' wish with the present size; the limits below may turn the size around and leave
    // the reason as it is.
    let reason = if wish > current {
        format!("{text} above target")
    } else if wish < current {
        "All metrics below target".to_owned()
    } else {
        String::new()
    };
    let to = match &spec.behavior {
        None => limit::legacy(spec, memory, wish, seen.now_ms, decision),
        Some(behavior) => limit::behaved(spec, behavior, memory, wish, seen.now_ms, decision),
    };
    if to != current {
        decision.rescale = Some(Rescale { to, reason });
    }
}

/// The largest size that a metric proposes, with the metric's text. `None` when all metrics failed, or when some did
/// and the others would scale down: a missing metric might be the one that wants more.
fn largest_proposal(
    spec: &Spec,
    seen: &Observation<'_>,
    decision: &mut Decision,
) -> Option<(i32, String)> {
    let (largest, failures) = proposals(spec, seen, decision);
    let enough =
        largest.filter(|(replicas, _)| failures.is_empty() || *replicas >= seen.spec_replicas);
    let Some((replicas, metric)) = enough else {
        fail(decision, spec.metrics.len(), &failures);
        return None;
    };
    let text = metric.text();
    decision.set(
        ConditionKind::ScalingActive,
        true,
        "ValidMetricFound",
        format!("the HPA was able to successfully calculate a replica count from {text}"),
    );
    Some((replicas, text))
}

/// Why a metric could not be read: as its own event tells it, and as the reason why no size could be computed.
type MetricFailure = (String, String);

/// The largest proposal with its metric, and the failures, in the order of the metrics; what each metric was found to
/// be goes into the decision.
fn proposals<'a>(
    spec: &'a Spec,
    seen: &Observation<'_>,
    decision: &mut Decision,
) -> (Option<(i32, &'a Metric)>, Vec<MetricFailure>) {
    let tolerance = Tolerance::of(spec.behavior.as_ref());
    let mut largest: Option<(i32, &Metric)> = None;
    let mut failures = Vec::new();
    for (metric, value) in spec.metrics.iter().zip(&seen.metrics) {
        let usage = value.as_ref().map_err(String::clone);
        match usage.and_then(|usage| propose(metric.target, *usage, seen, tolerance)) {
            Ok(proposal) => {
                decision.metrics.push(proposal.current);
                // A later metric takes over from a wish for none, equal though it may be: upstream starts at 0.
                if largest.is_none_or(|(most, _)| most == 0 || proposal.replicas > most) {
                    largest = Some((proposal.replicas, metric));
                }
            }
            Err(cause) => {
                let failure = metric.failure(seen.namespace, &cause);
                decision.metrics.push(Current::Failed);
                let event = Event::warning("FailedGetExternalMetric", failure.0.as_str());
                decision.events.push(event);
                failures.push(failure);
            }
        }
    }
    (largest, failures)
}

fn fail(decision: &mut Decision, metrics: usize, failures: &[MetricFailure]) {
    let Some((failure, outer)) = failures.first() else {
        // A spec without metrics: upstream's API never lets one through, and there is nothing to follow.
        return;
    };
    decision.set(
        ConditionKind::ScalingActive,
        false,
        "FailedGetExternalMetric",
        format!("the HPA was unable to compute the replica count: {failure}"),
    );
    decision.events.push(Event::warning(
        "FailedComputeMetricsReplicas",
        format!(
            "invalid metrics ({} invalid out of {metrics}), first error is: {outer}",
            failures.len()
        ),
    ));
}

#[cfg(test)]
mod tests;
