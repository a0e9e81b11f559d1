//! The second forms of resources that are served twice: `autoscaling/v1` HPAs and `events.k8s.io/v1` events, made from
//! the stored `autoscaling/v2` HPAs and core events, and back when a client writes them.

use super::kind::{Kind, View};
use crate::embedded::store::Object;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `stored` as `kind` shows it.
pub(super) fn outward(kind: &Kind, stored: &Value) -> Value {
    match kind.view {
        View::Stored => {
            let mut object = stored.clone();
            object["apiVersion"] = json!(kind.api_version());
            object["kind"] = json!(kind.kind);
            object
        }
        View::AutoscalingV1 => autoscaler_v1(stored),
        View::EventsV1 => event_v1(stored),
    }
}

/// The same without a copy where the stored object is already in that form, which nearly every object of a list is.
pub(super) fn shown(kind: &Kind, stored: &Object) -> Object {
    let as_is = kind.view == View::Stored
        && stored["kind"] == kind.kind
        && stored["apiVersion"] == kind.api_version().as_str();
    if as_is {
        Arc::clone(stored)
    } else {
        Arc::new(outward(kind, stored))
    }
}

/// What to store for `object`, which a client wrote as `kind`.
pub(super) fn inward(kind: &Kind, object: Value) -> Value {
    match kind.view {
        View::Stored => object,
        View::AutoscalingV1 => autoscaler_v2(&object),
        View::EventsV1 => core_event(&object),
    }
}

fn object(pairs: Vec<(&str, Value)>) -> Value {
    let fields: Map<String, Value> = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Value::Object(fields)
}

fn autoscaler_v1(stored: &Value) -> Value {
    let cpu = stored["spec"]["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|metric| metric["resource"]["name"] == "cpu")
        .map_or(Value::Null, |metric| {
            metric["resource"]["target"]["averageUtilization"].clone()
        });
    let spec = &stored["spec"];
    let status = &stored["status"];
    object(vec![
        ("apiVersion", json!("autoscaling/v1")),
        ("kind", json!("HorizontalPodAutoscaler")),
        ("metadata", stored["metadata"].clone()),
        (
            "spec",
            object(vec![
                ("scaleTargetRef", spec["scaleTargetRef"].clone()),
                ("minReplicas", spec["minReplicas"].clone()),
                ("maxReplicas", spec["maxReplicas"].clone()),
                ("targetCPUUtilizationPercentage", cpu),
            ]),
        ),
        (
            "status",
            object(vec![
                ("observedGeneration", status["observedGeneration"].clone()),
                ("lastScaleTime", status["lastScaleTime"].clone()),
                (
                    "currentReplicas",
                    json!(status["currentReplicas"].as_i64().unwrap_or(0)),
                ),
                (
                    "desiredReplicas",
                    json!(status["desiredReplicas"].as_i64().unwrap_or(0)),
                ),
            ]),
        ),
    ])
}

fn autoscaler_v2(written: &Value) -> Value {
    let spec = &written["spec"];
    let metrics = spec["targetCPUUtilizationPercentage"].as_i64().map_or(Value::Null, |percent| {
        json!([{
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
        }])
    });
    object(vec![
        ("apiVersion", json!("autoscaling/v2")),
        ("kind", json!("HorizontalPodAutoscaler")),
        ("metadata", written["metadata"].clone()),
        (
            "spec",
            object(vec![
                ("scaleTargetRef", spec["scaleTargetRef"].clone()),
                ("minReplicas", spec["minReplicas"].clone()),
                ("maxReplicas", spec["maxReplicas"].clone()),
                ("metrics", metrics),
            ]),
        ),
    ])
}

/// Field of a core event, field of an `events.k8s.io/v1` event.
const EVENT_FIELDS: [(&str, &str); 13] = [
    ("metadata", "metadata"),
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reason", "reason"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
    ("action", "action"),
    ("series", "series"),
    ("related", "related"),
    ("source", "deprecatedSource"),
    ("count", "deprecatedCount"),
];

/// The same for the two times, which only the core form keeps under their own names.
const EVENT_TIMES: [(&str, &str); 2] = [
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
];

fn event_v1(stored: &Value) -> Value {
    let mut pairs = vec![
        ("apiVersion", json!("events.k8s.io/v1")),
        ("kind", json!("Event")),
    ];
    for (core, new) in EVENT_FIELDS.into_iter().chain(EVENT_TIMES) {
        pairs.push((new, stored[core].clone()));
    }
    object(pairs)
}

fn core_event(written: &Value) -> Value {
    let mut pairs = vec![("apiVersion", json!("v1")), ("kind", json!("Event"))];
    for (core, new) in EVENT_FIELDS.into_iter().chain(EVENT_TIMES) {
        pairs.push((core, written[new].clone()));
    }
    object(pairs)
}
