//! Reading a pod as the controllers do: is it alive, is it ready, how long may it take to stop.

use crate::embedded::store::{self, Key, PODS, Store};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// The grace period of a pod that names none, in seconds: `spec.terminationGracePeriodSeconds`.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// Whether the pod has run its course.
pub(super) fn is_finished(pod: &Value) -> bool {
    matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    )
}

/// Whether the pod counts as a replica: not finished and not being deleted.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !store::is_deleting(pod)
}

/// The pod's condition of this type.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether the pod's Ready condition is True.
pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True")
}

/// Since when the pod is ready, in ms since the epoch.
pub(super) fn ready_since_ms(pod: &Value) -> Option<i64> {
    condition(pod, "Ready")
        .filter(|ready| ready["status"] == "True")
        .and_then(|ready| milliseconds(&ready["lastTransitionTime"]))
}

/// A timestamp of the API in ms since the epoch.
pub(super) fn milliseconds(timestamp: &Value) -> Option<i64> {
    timestamp
        .as_str()?
        .parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// How often each container of the pod was restarted.
pub(super) fn restarts(pod: &Value) -> impl Iterator<Item = i64> {
    let statuses = pod["status"]["containerStatuses"].as_array();
    statuses
        .into_iter()
        .flatten()
        .filter_map(|container| container["restartCount"].as_i64())
}

/// Asks for the pod's deletion as the API server does: one that no node runs, or that is finished, goes at once;
/// another gets its grace period, and the kubelet has the last word. A pod that is gone already is no error.
pub(super) fn delete(store: &Store, pod: &Value) {
    let unscheduled = pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty);
    let grace = if unscheduled || is_finished(pod) {
        0
    } else {
        pod["spec"]["terminationGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(DEFAULT_GRACE_SECONDS)
    };
    // Gone or replaced in the meantime means that there is nothing left to delete.
    let _ = store.delete(&Key::of(PODS, pod), Some(store::uid(pod)), grace);
}
