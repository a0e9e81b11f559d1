//! From a metric's value to the replicas it asks for, and the words for a metric.
//!
//! Floating-point operations are in upstream's order: a tolerance of 0.1 is compared at the last bit.

use super::decision::Current;
use super::spec::{Behavior, Metric, Target};
use super::{Observation, TOLERANCE};
use serde_json::Value;

/// What one metric asks for.
pub(super) struct Proposal {
    pub(super) replicas: i32,
    pub(super) current: Current,
}

/// Inside this ratio of usage to target nothing changes.
#[derive(Clone, Copy)]
pub(super) struct Tolerance {
    down: f64,
    up: f64,
}

impl Tolerance {
    pub(super) fn of(behavior: Option<&Behavior>) -> Self {
        Self {
            down: behavior.and_then(|b| b.down.tolerance).unwrap_or(TOLERANCE),
            up: behavior.and_then(|b| b.up.tolerance).unwrap_or(TOLERANCE),
        }
    }

    fn holds(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// The proposal of `metric`, whose value is `usage` thousandths.
///
/// # Errors
/// On the `Value` path, when there are no pods to count.
pub(super) fn propose(
    target: Target,
    usage: i64,
    seen: &Observation<'_>,
    tolerance: Tolerance,
) -> Result<Proposal, String> {
    match target {
        Target::AverageValue(target) => Ok(per_replica(target, usage, seen, tolerance)),
        Target::Value(target) => in_all(target, usage, seen, tolerance),
    }
}

/// Compares with `status.replicas`, and inside the tolerance proposes them; so a target whose spec and status differ
/// can be resized to its status.
fn per_replica(target: i64, usage: i64, seen: &Observation<'_>, tolerance: Tolerance) -> Proposal {
    let running = f64::from(seen.status_replicas);
    let ratio = float(usage) / (float(target) * running);
    let replicas = if tolerance.holds(ratio) {
        seen.status_replicas
    } else {
        whole(float(usage) / float(target))
    };
    // Dividing by no replicas gives infinity, which the real controller's processor turns into the smallest integer.
    let average = if seen.status_replicas == 0 {
        i64::MIN
    } else {
        whole_milli(float(usage) / running)
    };
    Proposal {
        replicas,
        current: Current::AverageValue(average),
    }
}

fn in_all(
    target: i64,
    usage: i64,
    seen: &Observation<'_>,
    tolerance: Tolerance,
) -> Result<Proposal, String> {
    let ratio = float(usage) / float(target);
    let replicas = if tolerance.holds(ratio) {
        seen.spec_replicas
    } else if seen.pods.matching == 0 {
        return Err(
            "unable to calculate ready pods: no pods returned by selector while calculating replica count"
                .to_owned(),
        );
    } else {
        whole(ratio * f64::from(seen.pods.ready))
    };
    Ok(Proposal {
        replicas,
        current: Current::Value(usage),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the controller computes ratios in 64-bit floats"
)]
fn float(milli: i64) -> f64 {
    milli as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates: proposals are capped at the largest replica count"
)]
fn whole(replicas: f64) -> i32 {
    replicas.ceil() as i32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, and the quotient is no larger than its dividend"
)]
fn whole_milli(milli: f64) -> i64 {
    milli.ceil() as i64
}

impl Metric {
    /// The metric as conditions and events name it.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "external metric {}({})",
            self.name,
            selector_text(&self.selector)
        )
    }

    /// How a failure to read the metric in `namespace` is told: the `FailedGetExternalMetric` text, and the text as
    /// the reason why no size could be computed.
    pub(super) fn failure(&self, namespace: &str, cause: &str) -> (String, String) {
        let Self { name, selector, .. } = self;
        let selector = selector_text(selector);
        let failed = if cause.starts_with("unable to calculate ready pods") {
            cause.to_owned()
        } else {
            format!("unable to get external metric {namespace}/{name}/{selector}: {cause}")
        };
        let outer = match self.target {
            Target::AverageValue(_) => format!("failed to get {name} external metric: {failed}"),
            Target::Value(_) => format!("failed to get external metric {name}: {failed}"),
        };
        let outer = format!("failed to get {name} external metric value: {outer}");
        (failed, outer)
    }
}

/// A label selector as Go's formatter writes the struct.
fn selector_text(selector: &Value) -> String {
    if selector.is_null() {
        return "nil".to_owned();
    }
    let labels: String = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or_default()))
        .collect();
    let expressions: String = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(requirement_text)
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

fn requirement_text(requirement: &Value) -> String {
    let values = requirement["values"].as_array().into_iter().flatten();
    let values: Vec<&str> = values.filter_map(Value::as_str).collect();
    format!(
        "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
        requirement["key"].as_str().unwrap_or_default(),
        requirement["operator"].as_str().unwrap_or_default(),
        values.join(" "),
    )
}
