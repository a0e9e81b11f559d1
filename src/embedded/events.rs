//! Events: what the controllers tell the audience of `kubectl get events` and `kubectl describe`.

use crate::embedded::store::{self, EVENTS, Store};
use serde_json::{Value, json};

/// How serious an event is; the API's `type` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `Normal`
    Normal,
    /// `Warning`
    Warning,
}

/// Records that `component` (for example `deployment-controller`) saw `reason` happen to `involved`.
pub fn record(
    store: &Store,
    component: &str,
    involved: &Value,
    severity: Severity,
    reason: &str,
    message: &str,
) {
    let now = store.timestamp();
    let suffix = &store::new_uid()[..16].replace('-', "");
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{suffix}", store::name(involved)),
            "namespace": store::namespace(involved),
        },
        "involvedObject": {
            "apiVersion": involved["apiVersion"],
            "kind": involved["kind"],
            "name": store::name(involved),
            "namespace": store::namespace(involved),
            "uid": store::uid(involved),
            "resourceVersion": involved["metadata"]["resourceVersion"],
        },
        "type": match severity { Severity::Normal => "Normal", Severity::Warning => "Warning" },
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    // The name is random, so creation cannot clash; an event is a courtesy, never worth failing for.
    let _ = store.create(EVENTS, event);
}
