//! What KEDA's webhook refuses, in its words, and what it warns of.

use super::object;
use crate::autoscale::keda::{Neighbours, admission};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the webhook says to the only object of its namespace.
fn alone(object: &Value) -> Result<Vec<String>, String> {
    admission(object, &Neighbours::default())
}

#[track_caller]
fn denies(spec: &Value, neighbours: &Neighbours, expected: &str) {
    let denial = admission(&object(spec), neighbours).unwrap_err();
    let cause =
        denial.strip_prefix("admission webhook \"vscaledobject.kb.io\" denied the request: ");
    assert_eq!(cause, Some(expected));
}

fn named(name: &str, mut object: Value) -> Value {
    object["metadata"]["name"] = json!(name);
    object
}

fn hpa(name: &str, annotations: &Value) -> Arc<Value> {
    Arc::new(
        json!({"metadata": {"name": name, "annotations": annotations},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}}}),
    )
}

#[test]
fn admission_denies_with_kedas_words() {
    for (spec, expected) in [
        (
            json!({"minReplicaCount": 5, "maxReplicaCount": 4}),
            "MinReplicaCount=5 must be less than MaxReplicaCount=4",
        ),
        (
            json!({"idleReplicaCount": 0}),
            "IdleReplicaCount=0 must be less than MinReplicaCount=0",
        ),
        (
            json!({"idleReplicaCount": 2, "minReplicaCount": 2}),
            "IdleReplicaCount=2 must be less than MinReplicaCount=2",
        ),
    ] {
        let denial = alone(&object(&spec)).unwrap_err();
        assert_eq!(
            denial,
            format!("admission webhook \"vscaledobject.kb.io\" denied the request: {expected}")
        );
    }
}

#[test]
fn admission_warns_of_settings_that_a_minimum_makes_irrelevant() {
    let both = json!({"minReplicaCount": 1, "pollingInterval": 5, "cooldownPeriod": 60});
    assert_eq!(alone(&object(&both)).unwrap().len(), 2);
    assert!(
        alone(&object(&json!({"pollingInterval": 5})))
            .unwrap()
            .is_empty()
    );
    assert!(
        alone(&object(&json!({"minReplicaCount": 1})))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn duplicate_trigger_names_are_denied() {
    let trigger = json!({"type": "redis", "name": "x", "metadata": {}});
    let denial = alone(&object(&json!({"triggers": [trigger, trigger]}))).unwrap_err();
    assert!(denial.contains("triggerName \"x\" is defined multiple times"));
}

#[test]
fn a_target_or_an_hpa_of_another_scaled_object_is_denied() {
    let beside = |other: Value| Neighbours {
        // Its own stored self never stands in its way.
        scaled_objects: vec![
            Arc::new(object(&json!({}))),
            Arc::new(named("first", other)),
        ],
        ..Neighbours::default()
    };
    denies(
        &json!({}),
        &beside(object(&json!({}))),
        "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the ScaledObject 'first'",
    );
    let config = json!({"horizontalPodAutoscalerConfig": {"name": "shared"}});
    let other = object(&json!({"scaleTargetRef": {"name": "elsewhere"}, "advanced": config}));
    denies(
        &json!({"advanced": config}),
        &beside(other.clone()),
        "the HPA 'shared' is already managed by the ScaledObject 'first'",
    );
    assert!(admission(&object(&json!({})), &beside(other)).is_ok());
}

#[test]
fn a_target_with_an_hpa_is_denied_unless_that_is_handed_over() {
    let beside = |annotations: &Value| Neighbours {
        hpas: vec![hpa("mine", annotations)],
        ..Neighbours::default()
    };
    let mine = beside(&json!({}));
    denies(
        &json!({}),
        &mine,
        "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the hpa 'mine'",
    );
    let aside = beside(&json!({"validations.keda.sh/hpa-ownership": "false"}));
    assert!(admission(&object(&json!({})), &aside).is_ok());
    let transfer = |spec: &Value| {
        let mut object = object(spec);
        object["metadata"]["annotations"] =
            json!({"scaledobject.keda.sh/transfer-hpa-ownership": "true"});
        admission(&object, &mine)
    };
    let unnamed = transfer(&json!({})).unwrap_err();
    assert!(
        unnamed.ends_with("the existing hpa 'mine' for workload 'worker' of type 'apps/v1.Deployment' must be specified by name in advanced settings to enable ownership transfer"),
        "{unnamed}"
    );
    let config = json!({"horizontalPodAutoscalerConfig": {"name": "mine"}});
    assert!(transfer(&json!({"advanced": config})).is_ok());
}

#[test]
fn a_trigger_on_cpu_or_memory_needs_a_request_and_a_replica() {
    let beside = |resources: &Value| Neighbours {
        deployments: Some(vec![Arc::new(
            json!({"metadata": {"name": "worker"}, "spec": {"template": {
            "spec": {"containers": [{"name": "main", "resources": resources}]}}}}),
        )]),
        ..Neighbours::default()
    };
    let trigger = json!([{"type": "cpu", "metricType": "Value", "metadata": {"value": "50"}}]);
    let spec = |min: i32| json!({"triggers": trigger, "minReplicaCount": min});
    denies(
        &spec(1),
        &beside(&json!({})),
        "the scaledobject has a cpu trigger but the container main doesn't have the cpu request defined",
    );
    let requests = beside(&json!({"requests": {"cpu": "20m"}}));
    denies(
        &spec(0),
        &requests,
        "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't work in this case)",
    );
    assert!(admission(&object(&spec(1)), &requests).is_ok());
    let nowhere = Neighbours {
        deployments: Some(Vec::new()),
        ..Neighbours::default()
    };
    denies(&spec(1), &nowhere, "Deployment.apps \"worker\" not found");
    assert!(alone(&object(&spec(1))).is_ok(), "a dry run does not look");
}

#[test]
fn names_that_do_not_fit_a_label_are_denied() {
    let long = "n".repeat(64);
    let denial = alone(&named(&long, object(&json!({})))).unwrap_err();
    assert!(
        denial.ends_with("is 64 characters long; must be no more than 63 characters because it is used as the \"scaledobject.keda.sh/name\" label value"),
        "{denial}"
    );
    let denial = alone(&named(&long[..60], object(&json!({})))).unwrap_err();
    assert!(
        denial.contains("derived from scaledobject is 69 characters long; must be no more than 63 characters; set spec.advanced.horizontalPodAutoscalerConfig.name"),
        "{denial}"
    );
}

#[test]
fn a_formula_is_refused_and_not_ignored() {
    let spec = |modifiers: Value| json!({"advanced": {"scalingModifiers": modifiers}});
    for (modifiers, expected) in [
        (
            json!({"target": "2"}),
            "error ScalingModifiers.Formula is mandatory",
        ),
        (
            json!({"formula": "a"}),
            "error validating formula in ScalingModifiers\nformula is given but target is empty",
        ),
        (
            json!({"formula": "a + b", "target": "2"}),
            "spec.advanced.scalingModifiers is not supported by the embedded KEDA: it scales by each trigger, not by a formula",
        ),
    ] {
        denies(&spec(modifiers), &Neighbours::default(), expected);
    }
    assert!(alone(&object(&spec(json!({})))).is_ok());
}
