//! An HPA's `status` as the API shows it, after a decision.

use super::decision::{Condition, Current, Decision};
use super::spec::{Metric, Spec};
use crate::autoscale::quantity::Quantity;
use serde_json::{Value, json};

/// The status after `decision`, starting from the `previous` one (null at first). `now` is the time as the API writes
/// it. A condition's `lastTransitionTime` moves only with its status.
#[must_use]
pub fn updated(previous: &Value, spec: Option<&Spec>, decision: &Decision, now: &str) -> Value {
    let mut status = if previous.is_object() {
        previous.clone()
    } else {
        json!({})
    };
    // A sync that could not read the scale knows nothing about replicas and metrics.
    if let Some(spec) = spec {
        status["currentReplicas"] = json!(decision.current_replicas);
        status["currentMetrics"] = current_metrics(spec, decision);
    }
    if let Some(desired) = decision.desired_replicas {
        status["desiredReplicas"] = json!(desired);
    } else if status["desiredReplicas"].is_null() {
        // The field is required by the API, so it shows its zero value until something was computed.
        status["desiredReplicas"] = json!(0);
    }
    if decision.scaled {
        status["lastScaleTime"] = json!(now);
    }
    let mut conditions = previous["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for condition in &decision.conditions {
        set(&mut conditions, condition, now);
    }
    status["conditions"] = Value::Array(conditions);
    status
}

fn set(conditions: &mut Vec<Value>, condition: &Condition, now: &str) {
    let kind = condition.kind.name();
    let status = if condition.status { "True" } else { "False" };
    let index = conditions.iter().position(|entry| entry["type"] == kind);
    let index = index.unwrap_or_else(|| {
        conditions.push(json!({}));
        conditions.len() - 1
    });
    let entry = &mut conditions[index];
    let since = if entry["status"] == status {
        entry["lastTransitionTime"].clone()
    } else {
        json!(now)
    };
    *entry = json!({
        "type": kind,
        "status": status,
        "lastTransitionTime": since,
        "reason": condition.reason,
        "message": condition.message,
    });
}

fn current_metrics(spec: &Spec, decision: &Decision) -> Value {
    if decision.metrics.is_empty() {
        return Value::Null;
    }
    let entries = spec.metrics.iter().zip(&decision.metrics);
    entries
        .map(|(metric, current)| entry(metric, *current))
        .collect()
}

fn entry(metric: &Metric, current: Current) -> Value {
    let value = match current {
        Current::AverageValue(milli) => {
            json!({"averageValue": Quantity::from_milli(milli).to_string()})
        }
        Current::Value(milli) => json!({"value": Quantity::from_milli(milli).to_string()}),
        // kubectl prints an entry without a type as `<unknown>`.
        Current::Failed => return json!({"type": ""}),
    };
    let mut identifier = json!({"name": metric.name});
    if !metric.selector.is_null() {
        identifier["selector"] = metric.selector.clone();
    }
    json!({"type": "External", "external": {"metric": identifier, "current": value}})
}

#[cfg(test)]
mod tests {
    use super::super::{Memory, Observation, Pods, sync};
    use super::*;

    fn observed(metric: Result<i64, String>, now_ms: i64) -> Observation<'static> {
        Observation {
            now_ms,
            namespace: "keda-demo",
            spec_replicas: 2,
            status_replicas: 2,
            pods: Pods::default(),
            metrics: vec![metric],
        }
    }

    #[test]
    fn a_transition_time_moves_only_with_the_status() {
        let spec = Spec::from_json(
            &json!({"minReplicas": 1, "maxReplicas": 4, "metrics": [{"type": "External",
            "external": {"metric": {"name": "m"}, "target": {"averageValue": "5"}}}]}),
        )
        .unwrap();
        let mut memory = Memory::default();
        let first = sync(&spec, &mut memory, &observed(Ok(10_000), 0));
        let status = updated(&Value::Null, Some(&spec), &first, "first");
        assert_eq!(status["conditions"][0]["type"], "AbleToScale");
        assert_eq!(status["conditions"][1]["lastTransitionTime"], "first");
        assert_eq!(
            status["currentMetrics"][0]["external"]["current"]["averageValue"],
            "5"
        );

        let failed = sync(&spec, &mut memory, &observed(Err("no".to_owned()), 15_000));
        let status = updated(&status, Some(&spec), &failed, "second");
        assert_eq!(status["conditions"][0]["lastTransitionTime"], "first");
        assert_eq!(status["conditions"][1]["lastTransitionTime"], "second");
        assert_eq!(status["currentMetrics"], json!([{"type": ""}]));
        assert_eq!(status["desiredReplicas"], 2);
    }
}
