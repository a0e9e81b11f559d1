//! What a fallback is worth, and which are refused.

use super::object;
use crate::autoscale::keda::{Fallback, MetricType, Neighbours, TargetSize, admission};
use serde_json::json;

#[test]
fn a_fallback_is_worth_target_times_replicas_and_a_value_is_shared_by_the_ready_pods() {
    let fallback: Fallback =
        serde_json::from_value(json!({"failureThreshold": 2, "replicas": 6})).unwrap();
    let size = |ready| TargetSize { replicas: 9, ready };
    let value = |metric_type, ready| fallback.value(5, metric_type, size(ready));
    assert_eq!(value(MetricType::AverageValue, 0), Some(30_000));
    assert_eq!(value(MetricType::Value, 4), Some(7_500));
    assert_eq!(value(MetricType::Value, 0), None, "nothing to share it");
    assert!(!fallback.engages(2) && fallback.engages(3));
}

#[test]
fn a_negative_fallback_is_denied() {
    let negative = json!({"fallback": {"failureThreshold": -1, "replicas": 2}});
    let denial = admission(&object(&negative), &Neighbours::default()).unwrap_err();
    assert!(
        denial
            .ends_with("FailureThreshold=-1 & Replicas=2 must both be greater than or equal to 0")
    );
}
