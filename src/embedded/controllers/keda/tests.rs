//! The operator on virtual time: 0 → 1 → N → 0, and what a person may do to its objects.

use crate::embedded::controllers::model::{World, hpa_key, scaled_object_key};
use crate::embedded::store::{Key, NAMESPACES};
use serde_json::json;

mod annotations;
mod fallback;
mod objects;
mod scale_loop;

fn scaled_object() -> Key {
    scaled_object_key()
}

#[tokio::test(start_paused = true)]
async fn a_new_scaled_object_gets_its_hpa_and_becomes_ready() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(0.5).await;
    let object = world.get(&scaled_object());
    assert_eq!(
        object["metadata"]["finalizers"],
        json!(["finalizer.keda.sh"])
    );
    assert_eq!(
        object["metadata"]["labels"]["scaledobject.keda.sh/name"],
        "queue-worker"
    );
    let status = &object["status"];
    assert_eq!(status["scaleTargetKind"], "apps/v1.Deployment");
    assert_eq!(status["hpaName"], "keda-hpa-queue-worker");
    assert_eq!(
        status["externalMetricNames"],
        json!(["s0-redis-keda-demo-queue"])
    );
    assert_eq!(status["originalReplicaCount"], 1);
    assert_eq!(status["triggersTypes"], "redis");
    assert_eq!(
        world.condition(&scaled_object(), "Ready"),
        "True ScaledObjectReady"
    );
    assert_eq!(
        world.condition(&scaled_object(), "Active"),
        "False ScalerNotActive"
    );
    assert_eq!(
        world.condition(&scaled_object(), "Fallback"),
        "False NoFallbackFound"
    );
    let hpa = world.hpa().unwrap();
    assert_eq!(hpa["spec"]["maxReplicas"], 100);
    assert!(hpa["spec"]["behavior"].is_null());
    assert_eq!(
        world.events("queue-worker"),
        [
            "KEDAScalersStarted",
            "KEDAScalersStarted",
            "ScaledObjectReady"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_written() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    // The first recommendation leaves the five-minute window, and a condition says so.
    world.pass(400.0).await;
    let before = world.store.version();
    world.pass(300.0).await;
    assert_eq!(world.store.version(), before);
}

#[tokio::test(start_paused = true)]
async fn the_poll_is_announced_and_comes_at_the_polling_interval() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 0, "pollingInterval": 7}));
    world.pass(0.5).await;
    let due = world.next_poll.borrow()["keda-demo/queue-worker"];
    let wait = due - world.store.clock().now_ms();
    assert!((6_400..=7_000).contains(&wait), "{wait}");
}

#[tokio::test(start_paused = true)]
async fn from_zero_keda_wakes_the_hpa_scales_and_keda_puts_to_sleep() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 0, "pollingInterval": 5, "cooldownPeriod": 60}));
    world.pass(1.0).await;
    assert_eq!(
        world.replicas(),
        0,
        "never active, no initial cooldown: asleep at the first poll"
    );
    world.pass(15.0).await;
    assert_eq!(
        world.condition(&hpa_key(), "ScalingActive"),
        "False ScalingDisabled"
    );
    world.pass(5.0).await;
    assert_eq!(
        world.condition(&scaled_object(), "HPAActive"),
        "True ScalingDisabled"
    );
    world.enqueue(1_000.0);
    world.pass(5.1).await;
    assert_eq!(world.replicas(), 1);
    assert_eq!(
        world.condition(&scaled_object(), "Active"),
        "True ScalerActive"
    );
    // To 10 although the queue is nearly empty by then: without a behavior block an old wish keeps driving up.
    assert_eq!(world.sizes(200).await, [1, 4, 8, 10, 0]);
    assert_eq!(
        world.condition(&scaled_object(), "Active"),
        "False ScalerNotActive"
    );
    let events = world.events("queue-worker");
    let activated = events
        .iter()
        .filter(|reason| *reason == "KEDAScaleTargetActivated")
        .count();
    let deactivated = events
        .iter()
        .filter(|reason| *reason == "KEDAScaleTargetDeactivated")
        .count();
    assert_eq!((activated, deactivated), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_target_below_the_minimum_is_lifted_without_an_event() {
    let world = World::start(0);
    world.scaled_object(&json!({"minReplicaCount": 2}));
    world.pass(1.0).await;
    assert_eq!(world.replicas(), 2);
    assert!(
        !world
            .events("queue-worker")
            .contains(&"KEDAScaleTargetActivated".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_hand_edited_or_deleted_hpa_is_put_back_at_once() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1, "maxReplicaCount": 48}));
    world.pass(1.0).await;
    world.edit(&hpa_key(), |hpa| hpa["spec"]["maxReplicas"] = json!(3));
    world.pass(0.1).await;
    assert_eq!(world.hpa().unwrap()["spec"]["maxReplicas"], 48);
    world.store.delete(&hpa_key(), None, 0).unwrap();
    world.pass(0.1).await;
    assert!(world.hpa().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_edited_scaled_object_changes_its_hpa() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1, "maxReplicaCount": 48}));
    world.pass(1.0).await;
    world.edit(&scaled_object(), |object| {
        object["spec"]["maxReplicaCount"] = json!(20);
        object["spec"]["triggers"][0]["metadata"]["listLength"] = json!("50");
    });
    world.pass(0.1).await;
    let hpa = world.hpa().unwrap();
    assert_eq!(hpa["spec"]["maxReplicas"], 20);
    assert_eq!(
        hpa["spec"]["metrics"][0]["external"]["target"]["averageValue"],
        "50"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_redis_makes_no_hpa_until_it_comes() {
    let world = World::start(1);
    world.set_down(true);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(3.0).await;
    assert!(world.hpa().is_none());
    assert_eq!(
        world.condition(&scaled_object(), "Ready"),
        "False ScaledObjectCheckFailed"
    );
    assert_eq!(
        world.condition(&scaled_object(), "Active"),
        "Unknown UnknownState"
    );
    world.set_down(false);
    world.pass(5.0).await;
    assert!(world.hpa().is_some());
    assert_eq!(
        world.condition(&scaled_object(), "Ready"),
        "True ScaledObjectReady"
    );
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_goes_away_never_scales_and_is_told() {
    let world = World::start(5);
    world.scaled_object(
        &json!({"minReplicaCount": 0, "pollingInterval": 5, "initialCooldownPeriod": 20}),
    );
    world.pass(1.0).await;
    world.set_down(true);
    world.pass(60.0).await;
    assert_eq!(world.replicas(), 5);
    assert_eq!(
        world.condition(&scaled_object(), "Ready"),
        "False TriggerError"
    );
    let told = world
        .events("queue-worker")
        .iter()
        .filter(|reason| *reason == "KEDAScalerFailed")
        .count();
    assert!((1..=2).contains(&told), "{told}");
    world.set_down(false);
    world.pass(6.0).await;
    assert_eq!(
        world.condition(&scaled_object(), "Ready"),
        "True ScaledObjectReady"
    );
}

#[tokio::test(start_paused = true)]
async fn a_metric_request_is_answered_live_or_with_kedas_error() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    world.set_replicas(0);
    world.pass(0.2).await;
    world.enqueue(1_500.0);
    let value =
        |metric: &'static str, name: &'static str| world.metrics.value("keda-demo", metric, name);
    assert_eq!(
        value("s0-redis-keda-demo-queue", "queue-worker").await,
        Ok(1_500_000)
    );
    assert_eq!(
        value("S0-Redis-keda-demo-queue", "queue-worker").await,
        Ok(1_500_000)
    );
    let prefix = "rpc error: code = Unknown desc = error when getting metric values";
    assert_eq!(
        value("other", "queue-worker").await.unwrap_err(),
        format!("{prefix} no matching metrics found for other")
    );
    assert_eq!(
        value("s0-redis-keda-demo-queue", "nobody")
            .await
            .unwrap_err(),
        format!("{prefix} error getting scalers scaledobjects.keda.sh \"nobody\" not found")
    );
    world.set_down(true);
    assert_eq!(
        value("s0-redis-keda-demo-queue", "queue-worker")
            .await
            .unwrap_err(),
        format!("{prefix} metric:s0-redis-keda-demo-queue encountered error")
    );
    let again = value("s0-redis-keda-demo-queue", "queue-worker")
        .await
        .unwrap_err();
    assert!(
        again.starts_with(&format!(
            "{prefix} error getting scalers connection to redis failed: dial tcp"
        )),
        "{again}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_deletes_the_hpa_and_its_end_brings_it_back() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    world.edit(&scaled_object(), |object| {
        object["metadata"]["annotations"] = json!({"autoscaling.keda.sh/paused-replicas": "6"});
    });
    world.pass(0.1).await;
    assert!(world.hpa().is_none());
    assert_eq!(world.replicas(), 6);
    assert_eq!(
        world.condition(&scaled_object(), "Paused"),
        "True ScaledObjectPaused"
    );
    assert_eq!(
        world.get(&scaled_object())["status"]["pausedReplicaCount"],
        6
    );
    assert!(world.next_poll.borrow().is_empty());
    world.edit(&scaled_object(), |object| {
        object["metadata"]["annotations"] = json!({});
    });
    world.pass(0.1).await;
    assert!(world.hpa().is_some());
    assert_eq!(
        world.condition(&scaled_object(), "Paused"),
        "False ScaledObjectUnpaused"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_scaled_object_goes_and_restores_what_it_was_asked_to() {
    for (restore, expected) in [(true, 3), (false, 4)] {
        let world = World::start(3);
        world.scaled_object(&json!({"minReplicaCount": 1,
            "advanced": {"restoreToOriginalReplicaCount": restore}}));
        world.pass(1.0).await;
        world.set_replicas(4);
        let (_, gone) = world.store.delete(&scaled_object(), None, 0).unwrap();
        assert!(!gone, "the finalizer holds it");
        world.pass(0.1).await;
        assert!(world.store.get(&scaled_object()).is_none());
        assert_eq!(world.replicas(), expected);
        assert!(world.next_poll.borrow().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_namespace_that_goes_no_hpa_is_made_again() {
    let world = World::start(1);
    let namespace = json!({"kind": "Namespace", "metadata": {"name": "keda-demo", "finalizers": ["kubernetes"]}});
    world.store.create(NAMESPACES, namespace).unwrap();
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    let key = Key::new(NAMESPACES, "", "keda-demo");
    world.store.delete(&key, None, 0).unwrap();
    world.store.delete(&hpa_key(), None, 0).unwrap();
    world.pass(1.0).await;
    assert!(world.hpa().is_none());
}
