//! One test a row of the scale loop, and what KEDA accepts, makes and says.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

mod admission;
mod fallback;
mod together;

fn object(spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"name": "worker", "namespace": "ns", "uid": "u"},
        "spec": {"scaleTargetRef": {"name": "worker"},
            "triggers": [{"type": "redis", "metadata": {"address": "redis:6379", "listName": "tour:jobs", "listLength": "5"}}]},
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    object
}

fn scaled(spec: &Value) -> ScaledObject {
    ScaledObject::from_json(&object(spec)).unwrap()
}

fn poll(replicas: i32, active: bool) -> Poll {
    Poll {
        now_ms: 1_000_000,
        created_ms: 0,
        last_active_ms: None,
        replicas,
        active: if active {
            vec!["s0-redis-jobs".to_owned()]
        } else {
            Vec::new()
        },
        failed: false,
    }
}

fn to(step: &Step) -> Option<i32> {
    step.scaling.as_ref().map(|scaling| scaling.to)
}

fn condition(step: &Step, kind: ConditionKind) -> (Status, &str) {
    let last = step
        .conditions
        .iter()
        .rev()
        .find(|condition| condition.kind == kind)
        .unwrap();
    (last.status, &last.reason)
}

#[test]
fn a_burst_wakes_the_target_from_zero() {
    let woken = step(&scaled(&json!({})), &poll(0, true));
    assert_eq!(to(&woken), Some(1));
    assert!(woken.was_active);
    assert_eq!(
        condition(&woken, ConditionKind::Active),
        (Status::True, "ScalerActive")
    );
    assert_eq!(
        woken.scaling.unwrap().success.unwrap().message,
        "Scaled apps/v1.Deployment ns/worker from 0 to 1, triggered by s0-redis-jobs"
    );
    assert_eq!(
        to(&step(
            &scaled(&json!({"minReplicaCount": 3})),
            &poll(0, true)
        )),
        Some(3)
    );
}

#[test]
fn an_active_target_above_zero_is_left_to_the_hpa() {
    let left = step(&scaled(&json!({})), &poll(1, true));
    assert_eq!(to(&left), None);
    assert!(left.was_active);
    // Below the minimum but above zero: the HPA lifts it.
    assert_eq!(
        to(&step(
            &scaled(&json!({"minReplicaCount": 3})),
            &poll(2, true)
        )),
        None
    );
}

#[test]
fn an_idle_target_is_woken_to_its_minimum() {
    let object = scaled(&json!({"idleReplicaCount": 1, "minReplicaCount": 4}));
    assert_eq!(to(&step(&object, &poll(1, true))), Some(4));
    assert_eq!(to(&step(&object, &poll(9, false))), Some(1));
    assert_eq!(to(&step(&object, &poll(1, false))), None);
}

#[test]
fn it_goes_to_zero_from_any_size_strictly_after_the_cooldown() {
    let object = scaled(&json!({"cooldownPeriod": 300}));
    let mut idle = poll(40, false);
    idle.last_active_ms = Some(idle.now_ms - 300_000);
    let waiting = step(&object, &idle);
    assert_eq!(to(&waiting), None);
    assert_eq!(
        condition(&waiting, ConditionKind::Active),
        (Status::False, "ScalerCooldown")
    );
    idle.now_ms += 1;
    let slept = step(&object, &idle);
    assert_eq!(to(&slept), Some(0));
    assert_eq!(
        slept.scaling.unwrap().success.unwrap().message,
        "Deactivated apps/v1.Deployment ns/worker from 40 to 0"
    );
}

#[test]
fn one_that_was_never_active_waits_for_the_initial_cooldown() {
    let mut idle = poll(1, false);
    idle.now_ms = 5_000;
    assert_eq!(to(&step(&scaled(&json!({})), &idle)), Some(0));
    let patient = scaled(&json!({"initialCooldownPeriod": 5}));
    assert_eq!(to(&step(&patient, &idle)), None);
    idle.now_ms = 5_001;
    assert_eq!(to(&step(&patient, &idle)), Some(0));
}

#[test]
fn with_a_minimum_it_only_lifts_and_says_nothing() {
    let object = scaled(&json!({"minReplicaCount": 1}));
    let lifted = step(&object, &poll(0, false));
    assert_eq!(to(&lifted), Some(1));
    assert_eq!(lifted.scaling.unwrap().success, None);
    assert_eq!(to(&step(&object, &poll(37, false))), None);
}

#[test]
fn a_broken_trigger_never_scales() {
    let mut broken = poll(5, false);
    broken.failed = true;
    let held = step(&scaled(&json!({})), &broken);
    assert_eq!(to(&held), None);
    assert_eq!(
        condition(&held, ConditionKind::Ready),
        (Status::False, "TriggerError")
    );

    let mut partly = poll(5, true);
    partly.failed = true;
    let partly = step(&scaled(&json!({})), &partly);
    assert!(!partly.was_active);
    assert_eq!(
        condition(&partly, ConditionKind::Ready),
        (Status::Unknown, "PartialTriggerError")
    );
}

#[test]
fn annotations_hold_it_or_force_it() {
    let annotated = |name: &str, value: &str, spec: &Value| {
        let mut object = object(spec);
        object["metadata"]["annotations"] = json!({format!("autoscaling.keda.sh/{name}"): value});
        ScaledObject::from_json(&object).unwrap()
    };
    let none = json!({});
    let paused = step(&annotated("paused", "yes", &none), &poll(0, true));
    assert_eq!(to(&paused), None);
    assert_eq!(
        condition(&paused, ConditionKind::Paused),
        (Status::True, "ScaledObjectPaused")
    );
    assert!(!annotated("paused", "false", &none).pauses.all);
    assert_eq!(
        annotated("paused-replicas", "7", &none).pauses.replicas,
        Some(7)
    );
    assert_eq!(
        to(&step(
            &annotated("paused-scale-out", "true", &none),
            &poll(0, true)
        )),
        None
    );
    assert_eq!(
        to(&step(
            &annotated("paused-scale-in", "true", &none),
            &poll(9, false)
        )),
        None
    );
    let forced = step(
        &annotated("force-activation", "true", &none),
        &poll(0, false),
    );
    assert_eq!(to(&forced), Some(1));
    assert!(
        forced
            .scaling
            .unwrap()
            .success
            .unwrap()
            .message
            .ends_with("caused by forced activation annotation")
    );

    let held = annotated("paused-scale-in", "true", &none);
    let hpa = generated_hpa(&object(&none), &held, &[]);
    assert_eq!(
        hpa["spec"]["behavior"],
        json!({"scaleDown": {"selectPolicy": "Disabled"}})
    );
}

fn redis_of(metadata: &Value) -> Result<Redis, String> {
    redis_with(metadata, &[])
}

fn redis_with(metadata: &Value, parameters: &[(&str, &str)]) -> Result<Redis, String> {
    redis_of_type("redis", metadata, parameters)
}

fn redis_of_type(
    kind: &str,
    metadata: &Value,
    parameters: &[(&str, &str)],
) -> Result<Redis, String> {
    let trigger = serde_json::from_value(json!({"type": kind, "metadata": metadata})).unwrap();
    let environment = |name: &str| (name == "PASSWORD").then(|| "secret".to_owned());
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Redis::of(&trigger, &environment, &parameters)
}

#[test]
fn what_an_authentication_brings_comes_last_and_tls_may_be_said_in_one_place_only() {
    let metadata =
        json!({"address": "a:1", "listName": "jobs", "enableTLS": "true", "unsafeSsl": "true"});
    let redis = redis_with(&metadata, &[("password", "theirs"), ("ca", "PEM")]).unwrap();
    assert_eq!(redis.password.as_deref(), Some("theirs"));
    assert_eq!(redis.addresses, ["a:1"]);
    let tls = redis.tls.unwrap();
    assert_eq!(
        (tls.accepts_anybody, tls.ca.as_deref()),
        (true, Some("PEM"))
    );
    let error = redis_with(&metadata, &[("tls", "enable")]).unwrap_err();
    assert!(
        error.contains("in both ScaledObject and TriggerAuthentication"),
        "{error}"
    );
    let plain = json!({"address": "a:1", "listName": "jobs", "passwordFromEnv": "PASSWORD"});
    let redis = redis_with(&plain, &[("tls", "enable"), ("password", "theirs")]).unwrap();
    assert_eq!(redis.password.as_deref(), Some("secret"));
    assert!(
        redis
            .tls
            .is_some_and(|tls| !tls.accepts_anybody && tls.ca.is_none())
    );
    let odd = json!({"address": "a:1", "listName": "jobs", "enableTLS": "yes"});
    assert!(redis_of(&odd).unwrap_err().contains("enableTLS"));
}

#[test]
fn a_redis_trigger_is_read_with_its_defaults() {
    let redis = redis_of(
        &json!({"address": "a:1,b:2", "listName": " jobs ", "passwordFromEnv": "PASSWORD"}),
    )
    .unwrap();
    assert_eq!(redis.addresses, ["a:1", "b:2"]);
    assert_eq!(redis.list, "jobs");
    assert_eq!((redis.length, redis.activation, redis.database), (5, 0, 0));
    assert_eq!(redis.password.as_deref(), Some("secret"));
    assert!(!redis.is_active(0) && redis.is_active(1));
    assert!(!format!("{redis:?}").contains("secret"));
    assert_eq!(
        redis_of(&json!({"host": "h", "port": "9", "listName": "j"}))
            .unwrap()
            .addresses,
        ["h:9"]
    );
}

#[test]
fn triggers_of_sentinels_and_clusters_have_their_own_settings_and_the_same_metric() {
    let metadata = json!({"addresses": "a:26379, b:26379", "listName": "tour:jobs",
        "sentinelMasterFromEnv": "PASSWORD", "sentinelUsername": "u"});
    let parameters = [("sentinelPassword", "theirs"), ("password", "master's")];
    let redis = redis_of_type("redis-sentinel", &metadata, &parameters).unwrap();
    assert_eq!(redis.addresses, ["a:26379", "b:26379"]);
    let expected = Topology::Sentinel {
        master: "secret".to_owned(),
        username: Some("u".to_owned()),
        password: Some("theirs".to_owned()),
    };
    assert!(redis.topology == expected);
    assert_eq!(redis.metric_name(0), "s0-redis-tour-jobs");
    assert!(!format!("{redis:?}").contains("theirs"));
    let metadata = json!({"hosts": "a,b", "ports": "1,2", "listName": "j"});
    let redis = redis_of_type("redis-cluster", &metadata, &[]).unwrap();
    assert!(redis.topology == Topology::Cluster);
    assert_eq!(redis.addresses, ["a:1", "b:2"]);
    assert_eq!(redis.metric_name(1), "s1-redis-j");
    let error = redis_of_type("redis-streams", &metadata, &[]).unwrap_err();
    assert_eq!(error, "no scaler found for type: redis-streams");
}

#[test]
fn a_redis_trigger_that_lacks_something_says_what() {
    for (metadata, expected) in [
        (
            json!({"address": "a:1"}),
            "missing required parameter \"listName\"",
        ),
        (json!({"listName": "j"}), "no addresses or hosts given"),
        (
            json!({"listName": "j", "host": "h"}),
            "not enough hosts or ports given",
        ),
        (
            json!({"listName": "j", "address": "a:1", "listLength": "x"}),
            "\"listLength\" value \"x\"",
        ),
    ] {
        let error = redis_of(&metadata).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_generated_hpa_is_the_one_keda_makes() {
    let object = object(&json!({"minReplicaCount": 0, "maxReplicaCount": 40}));
    let redis = redis_of(&json!({"address": "r:1", "listName": "tour:jobs"})).unwrap();
    let hpa = generated_hpa(
        &object,
        &ScaledObject::from_json(&object).unwrap(),
        &[redis],
    );
    assert_eq!(hpa["metadata"]["name"], "keda-hpa-worker");
    assert_eq!(
        hpa["metadata"]["ownerReferences"][0]["kind"],
        "ScaledObject"
    );
    assert_eq!(
        hpa["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "keda-operator"
    );
    assert_eq!(
        hpa["spec"],
        json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 40,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "s0-redis-tour-jobs", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "worker"}}},
                "target": {"type": "AverageValue", "averageValue": "5"}}}]})
    );
}

#[test]
fn conditions_keep_their_order_and_the_hpas_health_comes_last() {
    let mut conditions = Value::Null;
    let hpa = json!({"status": {"conditions": [{"type": "ScalingActive", "status": "False",
        "reason": "FailedGetExternalMetric", "message": "no"}]}});
    apply_conditions(
        &mut conditions,
        &[hpa_active(&hpa).unwrap(), Condition::ready()],
    );
    let kinds: Vec<&str> = conditions
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["Ready", "Active", "Fallback", "Paused", "HPAActive"]
    );
    assert_eq!(conditions[4]["message"], "HPA is not actively scaling: no");
    assert_eq!(conditions[0]["status"], "True");
}

proptest! {
    #[test]
    fn keda_never_leaves_its_bounds_and_comes_to_rest(
        min in 0_i32..5,
        replicas in 0_i32..60,
        active in prop::bool::ANY,
        failed in prop::bool::ANY,
        age in 0_i64..1_000_000,
    ) {
        let object = scaled(&json!({"minReplicaCount": min, "maxReplicaCount": 50}));
        let mut poll = poll(replicas, active);
        poll.failed = failed;
        poll.last_active_ms = Some(poll.now_ms - age);
        let first = step(&object, &poll);
        if let Some(to) = to(&first) {
            prop_assert!((min..=50).contains(&to));
            prop_assert!(!failed || active);
            poll.replicas = to;
            prop_assert_eq!(self::to(&step(&object, &poll)), None, "a second poll changes nothing");
        }
    }
}
