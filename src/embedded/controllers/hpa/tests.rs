//! The controller on virtual time: its phase, and the demo's curve.

use crate::embedded::controllers::model::{World, hpa_key};
use serde_json::{Value, json};

/// The behavior of the demo's manifest.
fn demo() -> Value {
    json!({"minReplicaCount": 1, "maxReplicaCount": 48, "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {
        "scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 24, "periodSeconds": 15}]},
        "scaleDown": {"stabilizationWindowSeconds": 30,
            "policies": [{"type": "Percent", "value": 40, "periodSeconds": 15}]}}}}})
}

#[tokio::test(start_paused = true)]
async fn a_tour_announcement_draws_the_curve_of_a_real_cluster() {
    let world = World::start(1);
    world.scaled_object(&demo());
    world.pass(37.5).await;
    // Half a period before the third sync, as in the recording.
    world.enqueue(5_000.0);
    assert_eq!(world.sizes(180).await, [1, 25, 37, 22, 13, 7, 4, 2, 1]);
    assert_eq!(world.queue.lock().unwrap().depth, 0.0);
    let events = world.events("keda-hpa-queue-worker");
    assert_eq!(events, vec!["SuccessfulRescale"; 8]);
}

#[tokio::test(start_paused = true)]
async fn whatever_the_phase_dozens_are_wanted_within_one_sync_period() {
    for phase in [0.1, 5.0, 10.0, 14.9] {
        let world = World::start(1);
        world.scaled_object(&demo());
        world.pass(30.0 + phase).await;
        world.enqueue(5_000.0);
        world.pass(15.1).await;
        assert!(world.replicas() >= 25, "{phase}: {}", world.replicas());
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_sync_comes_fifteen_seconds_after_the_hpa_and_says_when_the_next_is() {
    let world = World::start(1);
    world.enqueue(5_000.0);
    world.scaled_object(&demo());
    world.pass(14.9).await;
    assert!(world.hpa().unwrap()["status"].is_null());
    world.pass(0.2).await;
    assert_eq!(world.hpa().unwrap()["status"]["desiredReplicas"], 25);
    let due = world.next_sync.borrow()["keda-demo/keda-hpa-queue-worker"];
    let wait = due - world.store.clock().now_ms();
    assert!((14_800..=15_000).contains(&wait), "{wait}");
}

#[tokio::test(start_paused = true)]
async fn the_status_is_what_kubectl_describes() {
    let world = World::start(1);
    world.scaled_object(&demo());
    world.enqueue(250.0);
    world.pass(15.1).await;
    let hpa = world.hpa().unwrap();
    let status = &hpa["status"];
    assert_eq!(status["currentReplicas"], 1);
    let current = &status["currentMetrics"][0]["external"]["current"]["averageValue"];
    let milli: crate::autoscale::quantity::Quantity = current.as_str().unwrap().parse().unwrap();
    assert!((180_000..250_000).contains(&milli.milli()), "{current}");
    assert!(status["lastScaleTime"].is_string());
    for (kind, expected) in [
        ("AbleToScale", "True SucceededRescale"),
        ("ScalingActive", "True ValidMetricFound"),
        ("ScalingLimited", "False DesiredWithinRange"),
    ] {
        assert_eq!(world.condition(&hpa_key(), kind), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_metric_it_holds_still_and_says_why() {
    let world = World::start(1);
    world.scaled_object(&demo());
    world.pass(1.0).await;
    world.set_replicas(7);
    world.set_down(true);
    world.pass(30.0).await;
    assert_eq!(world.replicas(), 7);
    assert_eq!(
        world.condition(&hpa_key(), "ScalingActive"),
        "False FailedGetExternalMetric"
    );
    assert_eq!(
        world.hpa().unwrap()["status"]["currentMetrics"],
        json!([{"type": ""}])
    );
    world.set_down(false);
    world.pass(15.1).await;
    assert_eq!(
        world.condition(&hpa_key(), "ScalingActive"),
        "True ValidMetricFound"
    );
}
