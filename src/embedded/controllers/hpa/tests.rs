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

/// What a real cluster did (see `tests/vectors/README.md`).
#[derive(serde::Deserialize)]
struct Recording {
    jobs: f64,
    /// When the queue was empty, in seconds since the spike.
    drained: f64,
    steps: Vec<Step>,
}

/// A change of the HPA's wish and of the Deployment's size.
#[derive(Debug, serde::Deserialize)]
struct Step {
    /// Seconds since the spike.
    t: f64,
    desired: i64,
    replicas: i64,
}

fn recording() -> Recording {
    serde_json::from_str(include_str!("../../../../tests/vectors/spike-curve.json")).unwrap()
}

/// Announces a tour `lead` seconds before a sync; returns each change of wish and size for as long as the recording
/// lasted and a sync more, and when the queue was empty.
async fn observed(lead: f64, recording: &Recording) -> (Vec<Step>, f64) {
    let world = World::start(1);
    world.scaled_object(&demo());
    world.pass(45.0 - lead).await;
    world.enqueue(recording.jobs);
    let mut steps: Vec<Step> = Vec::new();
    let mut drained = f64::INFINITY;
    let end = recording.steps.last().unwrap().t + SYNC;
    let mut t = 0.0;
    while t < end {
        let desired = world.hpa().unwrap()["status"]["desiredReplicas"].as_i64();
        let (desired, replicas) = (desired.unwrap(), world.replicas());
        let last = steps.last().map(|step| (step.desired, step.replicas));
        if last != Some((desired, replicas)) {
            steps.push(Step {
                t,
                desired,
                replicas,
            });
        }
        if drained.is_infinite() && world.queue.lock().unwrap().depth <= 0.0 {
            drained = t;
        }
        world.pass(0.1).await;
        t += 0.1;
    }
    assert_eq!(
        world.events("keda-hpa-queue-worker"),
        vec!["SuccessfulRescale"; 8]
    );
    (steps, drained)
}

/// The HPA's sync period, in seconds.
const SYNC: f64 = 15.0;

#[tokio::test(start_paused = true)]
async fn a_tour_announcement_draws_the_curve_of_a_real_cluster() {
    let recording = recording();
    // The recording's phase, and a little off it: the phase is nobody's choice, the curve is.
    for lead in [6.0, 7.5, 9.0] {
        let (steps, drained) = observed(lead, &recording).await;
        let levels = |steps: &[Step]| -> Vec<(i64, i64)> {
            let levels = steps.iter().map(|step| (step.desired, step.replicas));
            levels.collect()
        };
        assert_eq!(levels(&steps), levels(&recording.steps), "{lead}");
        for (ours, theirs) in steps.iter().zip(&recording.steps) {
            assert!(
                (ours.t - theirs.t).abs() <= SYNC,
                "{lead}: {ours:?} {theirs:?}"
            );
        }
        assert!((drained - recording.drained).abs() <= SYNC, "{drained}");
    }
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
    // As the API server has a new one.
    let untouched = json!({"currentMetrics": null, "desiredReplicas": 0});
    assert_eq!(world.hpa().unwrap()["status"], untouched);
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
