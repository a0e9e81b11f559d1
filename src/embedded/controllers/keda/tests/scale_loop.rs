//! The scale loop on virtual time, one test a row of its table.

use crate::embedded::controllers::model::{World, scaled_object_key};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// A world with `replicas` and a ScaledObject that is polled every 5 s.
fn polled(replicas: i32, fields: &Value) -> World {
    let world = World::start(replicas);
    let mut fields = fields.clone();
    fields["pollingInterval"] = json!(5);
    world.scaled_object(&fields);
    world
}

fn is(world: &World, kind: &str, expected: &str) -> bool {
    world.condition(&scaled_object_key(), kind) == expected
}

fn last_active_ms(world: &World) -> Option<i64> {
    let object = world.get(&scaled_object_key());
    let time: Timestamp = object["status"]["lastActiveTime"].as_str()?.parse().ok()?;
    Some(time.as_millisecond())
}

/// Beside the demo's list another, which the modelled Redis does not answer for.
fn with_a_broken_sibling(fields: &Value) -> Value {
    let trigger = |list: &str| {
        json!({"type": "redis", "metadata": {"address": "127.0.0.1:6379", "listName": list,
            "passwordFromEnv": "REDIS_PASSWORD", "listLength": "100"}})
    };
    let mut fields = fields.clone();
    fields["triggers"] = json!([trigger("keda-demo-queue"), trigger("elsewhere")]);
    fields
}

#[tokio::test(start_paused = true)]
async fn active_at_zero_wakes_to_the_minimum_and_notes_the_time() {
    for (min, expected) in [(0, 1), (3, 3)] {
        let world = World::start(0);
        world.enqueue(10_000.0);
        world.scaled_object(&json!({"minReplicaCount": min}));
        world.pass(1.0).await;
        assert_eq!(world.replicas(), expected);
        assert!(is(&world, "Active", "True ScalerActive"));
        assert!(last_active_ms(&world).is_some());
        let told = world.told("queue-worker", "KEDAScaleTargetActivated");
        assert_eq!(told.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn active_below_the_minimum_wakes_an_idle_target() {
    let world = polled(2, &json!({"idleReplicaCount": 1, "minReplicaCount": 4}));
    world.enqueue(10_000.0);
    world.pass(1.0).await;
    assert_eq!(world.replicas(), 4);
}

#[tokio::test(start_paused = true)]
async fn active_above_zero_only_notes_the_time_at_every_poll() {
    let world = polled(1, &json!({"minReplicaCount": 0}));
    world.enqueue(10_000.0);
    world.pass(1.0).await;
    let first = last_active_ms(&world).unwrap();
    world.pass(5.0).await;
    assert_eq!(last_active_ms(&world), Some(first + 5_000));
    assert_eq!(world.replicas(), 1);
    let told = world.told("queue-worker", "KEDAScaleTargetActivated");
    assert!(told.is_empty());
}

#[tokio::test(start_paused = true)]
async fn active_with_a_broken_sibling_is_unknown_and_does_not_count_as_active() {
    let world = polled(1, &with_a_broken_sibling(&json!({"minReplicaCount": 0})));
    world.enqueue(10_000.0);
    world.pass(6.0).await;
    assert!(is(&world, "Ready", "Unknown PartialTriggerError"));
    assert!(is(&world, "Active", "True ScalerActive"));
    assert_eq!(last_active_ms(&world), None);
    let activity = &world.get(&scaled_object_key())["status"]["triggersActivity"];
    assert_eq!(activity["s0-redis-keda-demo-queue"]["isActive"], true);
    assert_eq!(activity["s1-redis-elsewhere"]["isActive"], false);
}

#[tokio::test(start_paused = true)]
async fn active_at_zero_wakes_in_spite_of_a_broken_sibling() {
    let world = polled(0, &with_a_broken_sibling(&json!({"minReplicaCount": 0})));
    world.enqueue(10_000.0);
    world.pass(1.0).await;
    assert_eq!(world.replicas(), 1);
    assert!(is(&world, "Ready", "True ScaledObjectReady"));
}

#[tokio::test(start_paused = true)]
async fn inactive_and_broken_without_a_fallback_holds_still() {
    let world = polled(7, &json!({"minReplicaCount": 0}));
    world.set_sick(true);
    world.pass(1.0).await;
    assert!(is(&world, "Ready", "False TriggerError"));
    world.pass(400.0).await;
    assert_eq!(world.replicas(), 7, "although nothing was ever active");
    let told = world.told("queue-worker", "KEDAScalerFailed");
    assert_eq!(told[0]["message"], "ERR unsupported key type: string");
    assert!(is(&world, "HPAActive", "False FailedGetExternalMetric"));
}

#[tokio::test(start_paused = true)]
async fn inactive_and_broken_below_the_threshold_of_a_fallback_to_some_does_nothing() {
    let fallback = json!({"failureThreshold": 1_000, "replicas": 3});
    let world = polled(7, &json!({"minReplicaCount": 0, "fallback": fallback}));
    world.set_sick(true);
    world.pass(60.0).await;
    assert_eq!(world.replicas(), 7);
    assert!(is(&world, "Ready", "True ScaledObjectReady"));
    assert!(is(&world, "Active", "False ScalerNotActive"));
}

#[tokio::test(start_paused = true)]
async fn inactive_and_broken_below_the_threshold_of_a_fallback_to_none_goes_to_sleep() {
    let fallback = json!({"failureThreshold": 1_000, "replicas": 0});
    let world = polled(7, &json!({"minReplicaCount": 0, "fallback": fallback}));
    world.set_sick(true);
    world.pass(1.0).await;
    assert_eq!(world.replicas(), 0);
}

#[tokio::test(start_paused = true)]
async fn inactive_above_idle_goes_to_idle_after_the_cooldown() {
    // To none: KEDA supports no other idle size, since the HPA lifts whatever is between none and its minimum.
    let world = polled(
        6,
        &json!({"idleReplicaCount": 0, "minReplicaCount": 4, "cooldownPeriod": 20}),
    );
    world.enqueue(40.0);
    world.pass(1.0).await;
    assert_eq!(world.replicas(), 6);
    assert_eq!(world.sizes(60).await, [6, 0]);
    let told = world.told("queue-worker", "KEDAScaleTargetDeactivated");
    assert_eq!(told.len(), 1);
    world.enqueue(40.0);
    world.pass(5.0).await;
    assert_eq!(world.replicas(), 4);
}

#[tokio::test(start_paused = true)]
async fn inactive_without_a_minimum_cools_down_and_then_sleeps_at_a_poll() {
    let world = polled(1, &json!({"minReplicaCount": 0, "cooldownPeriod": 20}));
    world.enqueue(20.0);
    world.pass(11.0).await;
    assert!(is(&world, "Active", "False ScalerCooldown"));
    let last = last_active_ms(&world).unwrap();
    while world.replicas() > 0 {
        world.pass(0.1).await;
    }
    let late = world.store.clock().now_ms() - last;
    assert!((20_000..=26_000).contains(&late), "{late}");
    assert!(is(&world, "Active", "False ScalerNotActive"));
}

#[tokio::test(start_paused = true)]
async fn inactive_since_its_creation_waits_for_the_initial_cooldown() {
    let world = polled(
        1,
        &json!({"minReplicaCount": 0, "initialCooldownPeriod": 12}),
    );
    world.pass(11.0).await;
    assert_eq!(world.replicas(), 1);
    world.pass(5.0).await;
    assert_eq!(world.replicas(), 0);
}

#[tokio::test(start_paused = true)]
async fn inactive_below_the_minimum_is_lifted_and_above_it_left_alone() {
    let world = polled(0, &json!({"minReplicaCount": 2}));
    world.pass(1.0).await;
    assert_eq!(world.replicas(), 2);
    world.set_replicas(9);
    world.pass(5.0).await;
    assert_eq!(world.replicas(), 9, "the HPA takes it down, not KEDA");
}

#[tokio::test(start_paused = true)]
async fn with_the_overlays_numbers_the_hpa_comes_down_gently_before_keda_puts_out_the_last() {
    let world = polled(
        1,
        &json!({"minReplicaCount": 0, "maxReplicaCount": 48, "cooldownPeriod": 180,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {
                "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 24, "periodSeconds": 15}]},
                "scaleDown": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Percent", "value": 40, "periodSeconds": 15}]}}}}}),
    );
    world.pass(20.0).await;
    assert_eq!(world.replicas(), 0);
    world.enqueue(5_000.0);
    let sizes = world.sizes(400).await;
    assert_eq!(sizes[..3], [0, 1, 25]);
    let peak = sizes.iter().max().unwrap();
    let down = sizes.iter().skip_while(|size| *size != peak);
    assert!(down.clone().count() > 5, "{sizes:?}");
    assert_eq!(sizes[sizes.len() - 2..], [1, 0]);
}
