//! Which pods go first when there are too many: the order of `ActivePodsWithRanks`.
//!
//! The first difference decides: unassigned before assigned; Pending before Unknown before Running; not ready before
//! ready; lower `pod-deletion-cost`; ready more recently; more restarts; younger. Ages are compared by the logarithm,
//! and pods of about the same age by UID. So among the pods of one burst the choice is random, not "newest first",
//! which surprises people on a real cluster too. ("More siblings on the same node" cannot differ on one node.)

use super::super::pod;
use crate::embedded::store::{self, Object};
use serde_json::Value;
use std::cmp::Ordering;

/// The annotation with which a pod says how dear its deletion is.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The `count` pods of `active` to delete.
pub(super) fn choose(mut active: Vec<&Object>, count: usize, now_ms: i64) -> Vec<&Object> {
    if count < active.len() {
        active.sort_by(|left, right| compare(left, right, now_ms));
    }
    active.truncate(count);
    active
}

fn compare(left: &Value, right: &Value, now_ms: i64) -> Ordering {
    assigned(left)
        .cmp(&assigned(right))
        .then_with(|| phase(left).cmp(&phase(right)))
        .then_with(|| pod::is_ready(left).cmp(&pod::is_ready(right)))
        .then_with(|| deletion_cost(left).cmp(&deletion_cost(right)))
        .then_with(|| by_age(left, right, pod::ready_since_ms, now_ms))
        .then_with(|| restarts(right).cmp(&restarts(left)))
        .then_with(|| by_age(left, right, created_ms, now_ms))
}

/// Younger first, by the logarithm of the age; within one bucket by UID. Without both times there is no difference.
fn by_age(left: &Value, right: &Value, since: fn(&Value) -> Option<i64>, now_ms: i64) -> Ordering {
    let (Some(left_since), Some(right_since)) = (since(left), since(right)) else {
        return Ordering::Equal;
    };
    if left_since == right_since && store::uid(left) == store::uid(right) {
        return Ordering::Equal;
    }
    bucket(now_ms - left_since)
        .cmp(&bucket(now_ms - right_since))
        .then_with(|| store::uid(left).cmp(store::uid(right)))
}

/// ⌊log₂(age in nanoseconds)⌋, or −1 for no age at all.
fn bucket(age_ms: i64) -> i64 {
    u64::try_from(age_ms)
        .ok()
        .and_then(|age| age.saturating_mul(1_000_000).checked_ilog2())
        .map_or(-1, i64::from)
}

fn assigned(pod: &Value) -> bool {
    pod["spec"]["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty())
}

fn phase(pod: &Value) -> u8 {
    match pod["status"]["phase"].as_str() {
        Some("Running") => 2,
        Some("Unknown") => 1,
        _ => 0,
    }
}

fn deletion_cost(pod: &Value) -> i64 {
    pod["metadata"]["annotations"][DELETION_COST]
        .as_str()
        .and_then(|cost| cost.parse().ok())
        .unwrap_or(0)
}

/// Of the container that was restarted most.
fn restarts(pod: &Value) -> i64 {
    pod::restarts(pod).max().unwrap_or(0)
}

fn created_ms(pod: &Value) -> Option<i64> {
    pod::milliseconds(&pod["metadata"]["creationTimestamp"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    const NOW_MS: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z

    fn pod(uid: &str, ready_since: Option<&str>) -> Object {
        let mut pod = json!({
            "metadata": {"name": uid, "uid": uid, "creationTimestamp": "2025-12-31T23:00:00Z"},
            "spec": {"nodeName": "podium"},
            "status": {"phase": "Running", "conditions": []},
        });
        if let Some(since) = ready_since {
            pod["status"]["conditions"] =
                json!([{"type": "Ready", "status": "True", "lastTransitionTime": since}]);
        }
        Arc::new(pod)
    }

    #[track_caller]
    fn check(pods: &[Object], expected: &[&str]) {
        let chosen = choose(pods.iter().collect(), expected.len(), NOW_MS);
        let names: Vec<_> = chosen.iter().map(|pod| store::name(pod)).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn pods_that_are_not_ready_go_before_ready_ones() {
        let ready = pod("a", Some("2025-12-31T23:59:59Z"));
        check(&[ready, pod("z", None)], &["z"]);
    }

    #[test]
    fn a_much_younger_pod_goes_first_and_peers_go_by_uid() {
        let old = pod("a", Some("2025-12-31T23:00:00Z"));
        let young = pod("z", Some("2025-12-31T23:59:30Z"));
        let peer = pod("m", Some("2025-12-31T23:59:33Z"));
        check(&[old, young, peer], &["m", "z"]);
    }

    #[test]
    fn a_cheaper_pod_goes_before_a_dearer_one_of_any_age() {
        let mut dear = Value::clone(&pod("a", Some("2025-12-31T23:59:59Z")));
        dear["metadata"]["annotations"][DELETION_COST] = json!("10");
        let cheap = pod("z", Some("2025-12-31T23:00:00Z"));
        check(&[Arc::new(dear), cheap], &["z"]);
    }

    /// `pod` with one field of it changed.
    fn with(pod: &Object, pointer: &str, value: Value) -> Object {
        let mut changed = Value::clone(pod);
        *changed.pointer_mut(pointer).unwrap() = value;
        Arc::new(changed)
    }

    #[test]
    fn the_first_difference_decides_and_there_is_an_order_of_differences() {
        let mut steady = Value::clone(&pod("m", Some("2025-12-31T23:00:00Z")));
        steady["status"]["containerStatuses"] = json!([{"restartCount": 0}]);
        let steady = Arc::new(steady);
        let cases = [
            ("/spec/nodeName", json!("")),
            ("/status/phase", json!("Pending")),
            ("/status/phase", json!("Unknown")),
            ("/status/conditions/0/status", json!("False")),
            (
                "/status/conditions/0/lastTransitionTime",
                json!("2025-12-31T23:59:59Z"),
            ),
        ];
        for (pointer, value) in cases {
            let other = with(&with(&steady, pointer, value), "/metadata/name", json!("z"));
            check(&[steady.clone(), other], &["z"]);
        }
    }

    #[test]
    fn without_readiness_more_restarts_go_first_and_then_the_younger() {
        let mut calm = Value::clone(&pod("a", None));
        calm["status"]["containerStatuses"] = json!([{"restartCount": 1}]);
        let calm = Arc::new(calm);
        let restless = with(&calm, "/metadata/name", json!("z"));
        let restless = with(
            &restless,
            "/status/containerStatuses/0/restartCount",
            json!(2),
        );
        check(&[calm.clone(), restless], &["z"]);
        let young = with(&calm, "/metadata/name", json!("y"));
        let young = with(
            &young,
            "/metadata/creationTimestamp",
            json!("2025-12-31T23:59:50Z"),
        );
        check(&[calm, young], &["y"]);
    }
}
