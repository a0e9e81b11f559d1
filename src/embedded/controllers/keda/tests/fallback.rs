//! Triggers that cannot be read: what is counted, what stands in, and what the HPA makes of it.

use crate::embedded::controllers::model::{World, scaled_object_key};
use serde_json::{Value, json};

const METRIC: &str = "s0-redis-keda-demo-queue";

/// A ScaledObject with this fallback, polled every 5 s, on a target with two replicas.
async fn falling_back(fallback: Value, min: i32) -> World {
    let world = World::start(2);
    world.scaled_object(&json!({"minReplicaCount": min, "pollingInterval": 5,
        "initialCooldownPeriod": 3_600, "fallback": fallback}));
    world.pass(1.0).await;
    world
}

fn health(world: &World) -> Value {
    world.get(&scaled_object_key())["status"]["health"][METRIC].clone()
}

fn condition(world: &World) -> String {
    world.condition(&scaled_object_key(), "Fallback")
}

async fn served(world: &World) -> Result<i64, String> {
    let value = world.metrics.value("keda-demo", METRIC, "queue-worker");
    value.await
}

#[tokio::test(start_paused = true)]
async fn one_failure_over_the_threshold_engages_and_the_first_success_ends_it() {
    let world = falling_back(json!({"failureThreshold": 3, "replicas": 6}), 1).await;
    assert_eq!(
        health(&world),
        json!({"numberOfFailures": 0, "status": "Happy"})
    );
    world.set_sick(true);
    for failures in 1..=3 {
        assert!(served(&world).await.is_err());
        assert_eq!(
            health(&world),
            json!({"numberOfFailures": failures, "status": "Failing"})
        );
        assert_eq!(condition(&world), "False NoFallbackFound");
    }
    assert_eq!(served(&world).await, Ok(600_000), "target times replicas");
    assert_eq!(condition(&world), "True FallbackExists");
    world.pass(31.0).await;
    assert_eq!(world.replicas(), 6, "the HPA follows what stands in");

    world.set_sick(false);
    world.pass(5.0).await;
    assert_eq!(health(&world)["status"], "Happy");
    assert_eq!(condition(&world), "False NoFallbackFound");
    assert_eq!(served(&world).await, Ok(0));
    for reason in [
        "ScaledObjectFallbackActivated",
        "ScaledObjectFallbackDeactivated",
    ] {
        assert_eq!(world.told("queue-worker", reason).len(), 1, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_is_gone_is_counted_once_so_only_a_threshold_of_zero_engages() {
    for (threshold, expected) in [(0, "True FallbackExists"), (1, "False NoFallbackFound")] {
        let fallback = json!({"failureThreshold": threshold, "replicas": 4});
        let world = falling_back(fallback, 1).await;
        world.set_down(true);
        world.pass(120.0).await;
        assert_eq!(condition(&world), expected);
        let size = if threshold == 0 { 4 } else { 2 };
        assert_eq!(world.replicas(), size);
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_is_stood_in_for_wakes_its_target() {
    let world = falling_back(json!({"failureThreshold": 1, "replicas": 3}), 0).await;
    world.set_replicas(0);
    world.set_sick(true);
    world.pass(11.0).await;
    assert_eq!(world.replicas(), 1);
    let told = world.told("queue-worker", "KEDAScaleTargetActivated");
    assert_eq!(told.len(), 1);
    world.pass(20.0).await;
    assert_eq!(world.replicas(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_present_size_can_stand_in() {
    for (behavior, expected) in [
        ("currentReplicas", 2),
        ("currentReplicasIfHigher", 5),
        ("currentReplicasIfLower", 2),
        ("static", 5),
    ] {
        let fallback = json!({"failureThreshold": 0, "replicas": 5, "behavior": behavior});
        let world = falling_back(fallback, 1).await;
        world.set_sick(true);
        assert_eq!(served(&world).await, Ok(expected * 100_000), "{behavior}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_nothing_is_counted_and_one_taken_away_is_forgotten() {
    let world = falling_back(json!({"failureThreshold": 0, "replicas": 5}), 1).await;
    world.edit(&scaled_object_key(), |object| {
        object["spec"]["fallback"] = Value::Null;
    });
    world.pass(1.0).await;
    world.set_sick(true);
    world.pass(30.0).await;
    assert!(world.get(&scaled_object_key())["status"]["health"].is_null());
    assert_eq!(condition(&world), "False NoFallbackFound");
}

#[tokio::test(start_paused = true)]
async fn a_cached_metric_is_the_last_polls() {
    let world = World::start(0);
    let trigger = |cached: bool| {
        json!([{"type": "redis", "useCachedMetrics": cached, "metadata": {
            "address": "127.0.0.1:6379", "passwordFromEnv": "REDIS_PASSWORD",
            "listName": "keda-demo-queue", "listLength": "100"}}])
    };
    world.scaled_object(&json!({"pollingInterval": 30, "triggers": trigger(true)}));
    world.annotate(Some(("paused-scale-out", "true")));
    world.pass(1.0).await;
    world.enqueue(500.0);
    assert_eq!(served(&world).await, Ok(0));
    world.pass(30.0).await;
    assert_eq!(served(&world).await, Ok(500_000));
    world.edit(&scaled_object_key(), |object| {
        object["spec"]["triggers"] = trigger(false);
    });
    world.pass(1.0).await;
    world.enqueue(1.0);
    assert_eq!(served(&world).await, Ok(501_000), "read live");
}
