//! A ScaledObject's fallback: what the HPA is served for a metric that could not be read too often in a row.
//!
//! The failures of each metric are counted in the status, under `health`, so that they outlive the operator. A metric
//! over the threshold is served as if it asked for so many replicas, and its trigger counts as active.

use super::scaled_object::MetricType;
use serde::Deserialize;
use serde_json::{Value, json};

/// `spec.fallback`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// Failures in a row that are borne; one more engages it.
    pub failure_threshold: i64,
    /// The replicas to ask for, subject to `behavior`.
    pub replicas: i32,
    /// How `replicas` and the present size are weighed.
    #[serde(default)]
    pub behavior: FallbackBehavior,
}

/// `spec.fallback.behavior`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FallbackBehavior {
    /// `fallback.replicas`, whatever the size.
    #[default]
    Static,
    /// The present size.
    CurrentReplicas,
    /// The larger of the two.
    CurrentReplicasIfHigher,
    /// The smaller of the two.
    CurrentReplicasIfLower,
    /// Left to the formula of `scalingModifiers`; without one it is `static`.
    ScalingModifiers,
}

/// The size of the target when a fallback is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetSize {
    /// `spec.replicas`
    pub replicas: i32,
    /// Its running and ready pods.
    pub ready: u32,
}

impl Fallback {
    /// KEDA's check.
    ///
    /// # Errors
    /// KEDA's message.
    pub fn check(&self) -> Result<(), String> {
        if self.failure_threshold >= 0 && self.replicas >= 0 {
            return Ok(());
        }
        Err(format!(
            "FailureThreshold={} & Replicas={} must both be greater than or equal to 0",
            self.failure_threshold, self.replicas
        ))
    }

    /// Whether so many failures in a row engage it.
    #[must_use]
    pub fn engages(&self, failures: i64) -> bool {
        failures > self.failure_threshold && self.check().is_ok()
    }

    /// The value to serve, in thousandths, for a metric with `target`; `None` when it cannot be computed, since the HPA
    /// multiplies a `Value` by the ready pods and there are none.
    #[must_use]
    pub fn value(&self, target: i64, metric_type: MetricType, size: TargetSize) -> Option<i64> {
        let replicas = match self.behavior {
            FallbackBehavior::Static | FallbackBehavior::ScalingModifiers => self.replicas,
            FallbackBehavior::CurrentReplicas => size.replicas,
            FallbackBehavior::CurrentReplicasIfHigher => self.replicas.max(size.replicas),
            FallbackBehavior::CurrentReplicasIfLower => self.replicas.min(size.replicas),
        };
        let in_all = target
            .saturating_mul(1_000)
            .saturating_mul(i64::from(replicas));
        match metric_type {
            MetricType::AverageValue => Some(in_all),
            MetricType::Value => in_all.checked_div(i64::from(size.ready)),
        }
    }

    /// Whether a metric in `health` is being stood in for.
    #[must_use]
    pub fn is_active(&self, health: &Value) -> bool {
        let entries = health.as_object().into_iter().flatten();
        entries.into_iter().any(|(_, entry)| {
            entry["status"] == "Failing"
                && self.engages(entry["numberOfFailures"].as_i64().unwrap_or(0))
        })
    }
}

/// Counts a read of `metric` in `health` (the map in the status) and returns its failures in a row.
pub fn count_failures(health: &mut Value, metric: &str, failed: bool) -> i64 {
    if !health.is_object() {
        *health = json!({});
    }
    let before = health[metric]["numberOfFailures"].as_i64().unwrap_or(0);
    let (failures, status) = if failed {
        (before.saturating_add(1), "Failing")
    } else {
        (0, "Happy")
    };
    health[metric] = json!({"numberOfFailures": failures, "status": status});
    failures
}
