//! The `scale` of a workload: what the HPA and KEDA read and write of their target.
//!
//! Both see a target only through this, as the real ones see it only through the `/scale` subresource.

use crate::autoscale::{Event, Severity};
use crate::embedded::events;
use crate::embedded::store::{self, DEPLOYMENTS, Key, PODS, REPLICA_SETS, Resource, Store};
use serde_json::{Value, json};

/// A target's scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// `spec.replicas`
    pub(super) spec: i32,
    /// `status.replicas`
    pub(super) status: i32,
}

/// The key of the workload that `reference` (a `scaleTargetRef`) names.
///
/// # Errors
/// When its kind has no scale.
pub(super) fn target(
    namespace: &str,
    api_version: &str,
    kind: &str,
    name: &str,
) -> Result<Key, String> {
    let resource: Resource = match (api_version, kind) {
        ("apps/v1", "Deployment") => DEPLOYMENTS,
        ("apps/v1", "ReplicaSet") => REPLICA_SETS,
        _ => {
            return Err(format!(
                "no matches for kind \"{kind}\" in version \"{api_version}\" with a scale subresource"
            ));
        }
    };
    Ok(Key::new(resource, namespace, name))
}

/// The scale of the workload at `key`.
///
/// # Errors
/// The API server's message when it is not there.
pub(super) fn read(store: &Store, key: &Key) -> Result<Scale, String> {
    let object = store
        .get(key)
        .ok_or_else(|| store::StoreError::NotFound(key.clone()).to_string())?;
    let count = |value: &Value| value.as_i64().and_then(|count| i32::try_from(count).ok());
    Ok(Scale {
        // The API defaults it to 1 when a manifest leaves it out.
        spec: count(&object["spec"]["replicas"]).unwrap_or(1),
        status: count(&object["status"]["replicas"]).unwrap_or(0),
    })
}

/// Sets the replicas of the workload at `key`.
///
/// # Errors
/// The API server's message when it is not there.
pub(super) fn write(store: &Store, key: &Key, replicas: i32) -> Result<(), String> {
    store
        .modify(key, None, |object| {
            if let Some(spec) = object["spec"].as_object_mut() {
                spec.insert("replicas".to_owned(), json!(replicas));
            }
            Ok(())
        })
        .map(|_| ())
        .map_err(|error| error.to_string())
}

/// The pods that the selector of the workload at `key` matches: how many, and how many of them run and are ready.
pub(super) fn pods(store: &Store, key: &Key) -> (u32, u32) {
    let Some(target) = store.get(key) else {
        return (0, 0);
    };
    let selector = &target["spec"]["selector"]["matchLabels"];
    let (pods, _) = store.list(PODS, Some(&key.namespace));
    let matching = pods
        .iter()
        .filter(|pod| matches(selector, &pod["metadata"]["labels"]));
    let (mut all, mut ready) = (0, 0);
    for pod in matching {
        all += 1;
        ready += u32::from(pod["status"]["phase"] == "Running" && is_ready(pod));
    }
    (all, ready)
}

fn matches(selector: &Value, labels: &Value) -> bool {
    selector
        .as_object()
        .is_some_and(|wanted| wanted.iter().all(|(key, value)| &labels[key] == value))
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    })
}

/// Tells `event` about `object`, as `component`.
pub(super) fn tell(store: &Store, component: &str, object: &Value, event: &Event) {
    let severity = match event.severity {
        Severity::Normal => events::Severity::Normal,
        Severity::Warning => events::Severity::Warning,
    };
    events::record(
        store,
        component,
        object,
        severity,
        event.reason,
        &event.message,
    );
}
