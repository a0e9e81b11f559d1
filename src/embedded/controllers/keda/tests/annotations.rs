//! The annotations by which a person holds a ScaledObject, one test a row.

use crate::embedded::controllers::model::{World, hpa_key, scaled_object_key};
use serde_json::{Value, json};

/// A world whose target is awake, or asleep, with a ScaledObject that has settled.
async fn settled(replicas: i32, fields: &Value) -> World {
    let world = World::start(replicas);
    let mut fields = fields.clone();
    fields["pollingInterval"] = json!(5);
    world.scaled_object(&fields);
    world.pass(1.0).await;
    world
}

fn paused(world: &World) -> String {
    world.condition(&scaled_object_key(), "Paused")
}

#[tokio::test(start_paused = true)]
async fn paused_stops_the_loop_takes_the_hpa_and_leaves_the_target() {
    let world = settled(3, &json!({"minReplicaCount": 1})).await;
    world.annotate(Some(("paused", "true")));
    world.enqueue(10_000.0);
    world.pass(120.0).await;
    assert!(world.hpa().is_none());
    assert!(world.next_poll.borrow().is_empty());
    assert_eq!(world.replicas(), 3);
    assert_eq!(paused(&world), "True ScaledObjectPaused");
    assert_eq!(world.told("queue-worker", "ScaledObjectPaused").len(), 1);
    assert_eq!(world.told("queue-worker", "KEDAScalersStopped").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_boolean_means_yes_and_false_means_no() {
    for (value, held) in [
        ("yes", true),
        ("", true),
        ("1", true),
        ("false", false),
        ("0", false),
    ] {
        let world = settled(3, &json!({"minReplicaCount": 1})).await;
        world.annotate(Some(("paused", value)));
        world.pass(0.1).await;
        assert_eq!(world.hpa().is_none(), held, "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn paused_replicas_sets_the_size_once() {
    let world = settled(3, &json!({"minReplicaCount": 1})).await;
    world.annotate(Some(("paused-replicas", "0")));
    world.pass(0.1).await;
    assert_eq!(world.replicas(), 0);
    let status = &world.get(&scaled_object_key())["status"];
    assert_eq!(status["pausedReplicaCount"], 0);
    world.set_replicas(4);
    world.pass(60.0).await;
    assert_eq!(world.replicas(), 4, "nobody looks any more");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_pause_brings_a_new_hpa_that_remembers_nothing() {
    let world = settled(1, &json!({"minReplicaCount": 1})).await;
    world.annotate(Some(("paused-replicas", "6")));
    world.enqueue(10_000.0);
    world.pass(60.0).await;
    world.annotate(None);
    world.pass(1.0).await;
    assert_eq!(paused(&world), "False ScaledObjectUnpaused");
    let status = world.get(&scaled_object_key())["status"].clone();
    assert_eq!(status["pausedReplicaCount"], Value::Null);
    // As the API server has a new one.
    let untouched = json!({"currentMetrics": null, "desiredReplicas": 0});
    assert_eq!(world.hpa().unwrap()["status"], untouched);
    world.pass(13.0).await;
    assert_eq!(world.replicas(), 6, "its first sync is 15 s away");
    world.pass(2.0).await;
    assert_eq!(world.replicas(), 12);
    assert_eq!(world.told("queue-worker", "ScaledObjectUnpaused").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn paused_scale_in_only_lets_it_grow() {
    let fields = json!({"minReplicaCount": 0, "cooldownPeriod": 5, "initialCooldownPeriod": 60});
    let world = settled(5, &fields).await;
    world.annotate(Some(("paused-scale-in", "true")));
    world.pass(0.1).await;
    let hpa = world.get(&hpa_key());
    assert_eq!(
        hpa["spec"]["behavior"]["scaleDown"]["selectPolicy"],
        "Disabled"
    );
    assert_eq!(paused(&world), "True ScaledObjectPaused");
    world.pass(600.0).await;
    assert_eq!(world.replicas(), 5, "neither the HPA nor KEDA takes away");
    world.enqueue(10_000.0);
    world.pass(20.0).await;
    assert!(world.replicas() > 5);
    world.annotate(None);
    world.pass(1.0).await;
    assert_eq!(paused(&world), "False ScaledObjectUnpaused");
    assert!(world.get(&hpa_key())["spec"]["behavior"].is_null());
}

#[tokio::test(start_paused = true)]
async fn paused_scale_out_only_lets_it_shrink() {
    let world = settled(0, &json!({"minReplicaCount": 0, "cooldownPeriod": 5})).await;
    world.annotate(Some(("paused-scale-out", "true")));
    world.enqueue(10_000.0);
    world.pass(60.0).await;
    assert_eq!(world.replicas(), 0, "KEDA does not wake it");
    let hpa = world.get(&hpa_key());
    assert_eq!(
        hpa["spec"]["behavior"]["scaleUp"]["selectPolicy"],
        "Disabled"
    );
    world.set_replicas(2);
    world.pass(60.0).await;
    assert_eq!(world.replicas(), 2, "the HPA does not add to it");
    world.queue.lock().unwrap().depth = 0.0;
    world.pass(20.0).await;
    assert_eq!(world.replicas(), 0);
}

#[tokio::test(start_paused = true)]
async fn forced_activation_keeps_awake_what_has_no_work() {
    let world = settled(0, &json!({"minReplicaCount": 0, "cooldownPeriod": 10})).await;
    world.annotate(Some(("force-activation", "true")));
    world.pass(6.0).await;
    assert_eq!(world.replicas(), 1);
    let told = world.told("queue-worker", "KEDAScaleTargetActivated");
    assert_eq!(
        told[0]["message"],
        "Scaled apps/v1.Deployment keda-demo/queue-worker from 0 to 1, caused by forced activation annotation"
    );
    world.pass(600.0).await;
    assert_eq!(world.replicas(), 1);
    world.annotate(None);
    world.pass(20.0).await;
    assert_eq!(world.replicas(), 0);
}
