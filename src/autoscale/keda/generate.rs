//! The HPA that KEDA makes from a ScaledObject.

use super::redis_trigger::Redis;
use super::scaled_object::ScaledObject;
use serde_json::{Map, Value, json};

/// The version in the HPA's `app.kubernetes.io/version` label: the KEDA whose rules these are.
const KEDA_VERSION: &str = "2.20.2";

/// The label by which the metrics adapter knows whose metric is asked for.
pub const OWNER_LABEL: &str = "scaledobject.keda.sh/name";

/// SO labels named here are not copied to the HPA.
const EXCLUDED_LABELS: &str = "scaledobject.keda.sh/hpa-excluded-labels";

/// The HPA that `scaled_object`, stored as `object`, asks for; `redis` are its triggers.
#[must_use]
pub fn generated_hpa(object: &Value, scaled_object: &ScaledObject, redis: &[Redis]) -> Value {
    let metadata = &object["metadata"];
    let target = &scaled_object.target;
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": target.api_version, "kind": target.kind, "name": target.name},
        "minReplicas": scaled_object.hpa_min(),
        "maxReplicas": scaled_object.max_replicas,
        "metrics": metrics(scaled_object, redis),
    });
    let behavior = behavior(scaled_object);
    // An absent behavior must stay absent: it selects another algorithm.
    if !behavior.is_null() {
        spec["behavior"] = behavior;
    }
    let mut hpa = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": scaled_object.hpa_name,
            "namespace": scaled_object.namespace,
            "labels": labels(metadata, scaled_object),
            "ownerReferences": [{
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "name": scaled_object.name,
                "uid": metadata["uid"],
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    });
    if metadata["annotations"].is_object() {
        hpa["metadata"]["annotations"] = metadata["annotations"].clone();
    }
    hpa
}

fn metrics(scaled_object: &ScaledObject, redis: &[Redis]) -> Value {
    let triggers = scaled_object.triggers.iter().zip(redis).enumerate();
    let metrics = triggers.map(|(index, (trigger, redis))| {
        json!({
            "type": "External",
            "external": {
                "metric": {
                    "name": redis.metric_name(index),
                    "selector": {"matchLabels": {OWNER_LABEL: scaled_object.name}},
                },
                "target": redis.hpa_target(trigger.metric_type),
            },
        })
    });
    metrics.collect()
}

fn labels(metadata: &Value, scaled_object: &ScaledObject) -> Value {
    let mut labels = Map::new();
    let excluded = metadata["annotations"][EXCLUDED_LABELS]
        .as_str()
        .unwrap_or_default();
    let excluded: Vec<&str> = excluded.split(',').map(str::trim).collect();
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if !excluded.contains(&key.as_str()) {
            labels.insert(key.clone(), value.clone());
        }
    }
    for (key, value) in [
        ("app.kubernetes.io/name", scaled_object.hpa_name.as_str()),
        ("app.kubernetes.io/version", KEDA_VERSION),
        ("app.kubernetes.io/part-of", scaled_object.name.as_str()),
        ("app.kubernetes.io/managed-by", "keda-operator"),
    ] {
        labels.entry(key).or_insert_with(|| json!(value));
    }
    // The reconciler puts this label on the ScaledObject first, so it is always among those copied; it is set here too
    // so that the HPA does not depend on that order.
    labels.insert(OWNER_LABEL.to_owned(), json!(scaled_object.name));
    Value::Object(labels)
}

fn behavior(scaled_object: &ScaledObject) -> Value {
    let mut behavior = scaled_object.behavior.clone();
    let pauses = scaled_object.pauses;
    for (paused, direction) in [
        (pauses.scale_in, "scaleDown"),
        (pauses.scale_out, "scaleUp"),
    ] {
        // A behavior of the wrong shape is passed on as it is: the HPA's own check refuses it by name.
        let fits = |value: &Value| value.is_null() || value.is_object();
        if paused && fits(&behavior) && fits(&behavior[direction]) {
            behavior[direction]["selectPolicy"] = json!("Disabled");
        }
    }
    behavior
}
