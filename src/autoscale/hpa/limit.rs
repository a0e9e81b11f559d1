//! From what the metrics wish to what the HPA allows: stabilization, then the limits on size and speed.
//!
//! An HPA without a `behavior` block runs an older algorithm ([`legacy`]); any block, even an empty one, selects the
//! other ([`behaved`]). They differ in more than their numbers: the old one takes the *maximum* of the last five
//! minutes, so that an old high recommendation also pushes up.

use super::decision::{ConditionKind, Decision};
use super::memory::Memory;
use super::spec::{Behavior, PolicyKind, Rules, Select, Spec};
use super::{DOWNSCALE_STABILIZATION_MS, SCALE_UP_LIMIT_FACTOR, SCALE_UP_LIMIT_MINIMUM};

const SCALE_UP: (&str, &str) = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const SCALE_DOWN: (&str, &str) = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);
const TOO_MANY: (&str, &str) = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const TOO_FEW: (&str, &str) = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);
const WITHIN: (&str, &str) = (
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);
const READY: (&str, &str) = ("ReadyForNewScale", "recommended size matches current size");
const DOWN_STABILIZED: (&str, &str) = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const UP_STABILIZED: (&str, &str) = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);

/// The replicas to set, without a `behavior` block.
pub(super) fn legacy(
    spec: &Spec,
    memory: &mut Memory,
    desired: i32,
    now_ms: i64,
    decision: &mut Decision,
) -> i32 {
    let current = decision.current_replicas;
    let stabilized = memory.highest_recent(desired, DOWNSCALE_STABILIZATION_MS, now_ms);
    let able = if stabilized == desired {
        READY
    } else {
        DOWN_STABILIZED
    };
    decision.set(ConditionKind::AbleToScale, true, able.0, able.1);

    let rate = current
        .saturating_mul(SCALE_UP_LIMIT_FACTOR)
        .max(SCALE_UP_LIMIT_MINIMUM);
    let (ceiling, reason) = lower(spec.max, rate, TOO_MANY, SCALE_UP);
    let (allowed, limit) = if stabilized < spec.min {
        (spec.min, Some(TOO_FEW))
    } else if stabilized > ceiling {
        (ceiling, Some(reason))
    } else {
        (stabilized, None)
    };
    limited(decision, limit);
    allowed
}

/// The replicas to set, with a `behavior` block.
pub(super) fn behaved(
    spec: &Spec,
    behavior: &Behavior,
    memory: &mut Memory,
    desired: i32,
    now_ms: i64,
    decision: &mut Decision,
) -> i32 {
    let current = decision.current_replicas;
    let stabilized = memory.stabilized(desired, current, behavior, now_ms);
    let able = if stabilized == desired {
        READY
    } else if desired >= current {
        UP_STABILIZED
    } else {
        DOWN_STABILIZED
    };
    decision.set(ConditionKind::AbleToScale, true, able.0, able.1);

    let (allowed, limit) = paced(spec, behavior, memory, stabilized, current, now_ms);
    limited(decision, limit);
    allowed
}

/// `stabilized` within the bounds on size and speed, and the reason if that changes it.
fn paced(
    spec: &Spec,
    behavior: &Behavior,
    memory: &Memory,
    stabilized: i32,
    current: i32,
    now_ms: i64,
) -> (i32, Option<(&'static str, &'static str)>) {
    if stabilized > current {
        let rate = fastest_up(&behavior.up, memory, current, now_ms).max(current);
        let (ceiling, reason) = lower(spec.max, rate, TOO_MANY, SCALE_UP);
        (
            stabilized.min(ceiling),
            (stabilized > ceiling).then_some(reason),
        )
    } else if stabilized < current {
        let rate = fastest_down(&behavior.down, memory, current, now_ms).min(current);
        let (floor, reason) = if spec.min < rate {
            (rate, SCALE_DOWN)
        } else {
            (spec.min, TOO_FEW)
        };
        (
            stabilized.max(floor),
            (stabilized < floor).then_some(reason),
        )
    } else {
        (stabilized, None)
    }
}

/// The lower of the size limit and the speed limit, with the reason for it. At a tie the size limit is named.
fn lower(
    size: i32,
    speed: i32,
    size_reason: (&'static str, &'static str),
    speed_reason: (&'static str, &'static str),
) -> (i32, (&'static str, &'static str)) {
    if size > speed {
        (speed, speed_reason)
    } else {
        (size, size_reason)
    }
}

fn limited(decision: &mut Decision, limit: Option<(&'static str, &'static str)>) {
    let (reason, message) = limit.unwrap_or(WITHIN);
    decision.set(
        ConditionKind::ScalingLimited,
        limit.is_some(),
        reason,
        message,
    );
}

fn fastest_up(rules: &Rules, memory: &Memory, current: i32, now_ms: i64) -> i32 {
    let limits = rules.policies.iter().map(|policy| {
        let start = memory.replicas_at_start(current, policy.period_ms, now_ms);
        match policy.kind {
            PolicyKind::Pods => replicas(start + i64::from(policy.value)),
            // Rounded up, or a small percentage of a small number would never let it grow.
            PolicyKind::Percent => {
                rounded((exact(start) * (1.0 + f64::from(policy.value) / 100.0)).ceil())
            }
        }
    });
    match rules.select {
        Select::Max => limits.max(),
        Select::Min => limits.min(),
        Select::Disabled => None,
    }
    .unwrap_or(current)
}

fn fastest_down(rules: &Rules, memory: &Memory, current: i32, now_ms: i64) -> i32 {
    let limits = rules.policies.iter().map(|policy| {
        let start = memory.replicas_at_start(current, policy.period_ms, now_ms);
        match policy.kind {
            PolicyKind::Pods => replicas(start - i64::from(policy.value)),
            // Rounded toward zero, for the same reason.
            PolicyKind::Percent => {
                rounded((exact(start) * (1.0 - f64::from(policy.value) / 100.0)).trunc())
            }
        }
    });
    match rules.select {
        Select::Max => limits.min(),
        Select::Min => limits.max(),
        Select::Disabled => None,
    }
    .unwrap_or(current)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "replica counts and their sums over a period are far below 2^53"
)]
fn exact(replicas: i64) -> f64 {
    replicas as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the cast saturates, which is the limit wanted for an absurd percentage"
)]
fn rounded(replicas: f64) -> i32 {
    replicas as i32
}

fn replicas(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(if count < 0 { i32::MIN } else { i32::MAX })
}
