//! What a ScaledObject's own objects look like, and who may have which target.

use crate::embedded::controllers::model::{World, deployment_key, hpa_key, scaled_object_key};
use crate::embedded::store::{HORIZONTAL_POD_AUTOSCALERS, Key, SCALED_OBJECTS};
use serde_json::{Value, json};

fn ready_message(world: &World, key: &Key) -> String {
    let object = world.get(key);
    object["status"]["conditions"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn events_are_those_of_the_events_api_and_repeats_are_a_series() {
    let world = World::start(1);
    world.set_down(true);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(3.0).await;
    let told = world.told("queue-worker", "ScaledObjectCheckFailed");
    assert_eq!(told.len(), 1, "the retries are one series");
    let event = &told[0];
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reportingComponent"], "keda-operator");
    assert_eq!(event["source"], json!({}));
    for absent in ["firstTimestamp", "lastTimestamp", "count"] {
        assert!(event[absent].is_null(), "{absent}");
    }
    let time = event["eventTime"].as_str().unwrap();
    assert_eq!(time.len(), "2026-01-01T00:00:00.000000Z".len(), "{time}");
    let count = event["series"]["count"].as_i64().unwrap();
    assert!((5..=12).contains(&count), "{count}");
}

#[tokio::test(start_paused = true)]
async fn after_six_quiet_minutes_the_same_event_is_another() {
    let world = World::start(0);
    world.scaled_object(&json!({"minReplicaCount": 0, "pollingInterval": 5, "cooldownPeriod": 5}));
    world.pass(1.0).await;
    for _ in 0..2 {
        world.enqueue(1.0);
        world.pass(400.0).await;
    }
    let told = world.told("queue-worker", "KEDAScaleTargetActivated");
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|event| event["series"].is_null()));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_another_scales_is_refused_until_it_is_free() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    let mut second = Value::clone(&world.get(&scaled_object_key()));
    second["metadata"] = json!({"name": "second", "namespace": "keda-demo"});
    second["status"] = Value::Null;
    world.store.create(SCALED_OBJECTS, second).unwrap();
    world.pass(1.0).await;
    let key = Key::new(SCALED_OBJECTS, "keda-demo", "second");
    assert_eq!(
        world.condition(&key, "Ready"),
        "False ScaledObjectCheckFailed"
    );
    let message = ready_message(&world, &key);
    let expected = "the workload 'queue-worker' of type 'apps/v1.Deployment' is already managed by the ScaledObject 'queue-worker'";
    assert!(message.ends_with(expected), "{message}");
    assert_eq!(
        world.condition(&scaled_object_key(), "Ready"),
        "True ScaledObjectReady"
    );

    world.edit(&key, |object| {
        object["spec"]["scaleTargetRef"]["name"] = json!("other");
        object["spec"]["advanced"] =
            json!({"horizontalPodAutoscalerConfig": {"name": "keda-hpa-queue-worker"}});
    });
    world.pass(1.0).await;
    let message = ready_message(&world, &key);
    assert!(
        message.contains("\"other\" not found"),
        "no target: {message}"
    );

    world.store.delete(&scaled_object_key(), None, 0).unwrap();
    world.store.delete(&hpa_key(), None, 0).unwrap();
    world.edit(&key, |object| {
        object["spec"]["scaleTargetRef"]["name"] = json!("queue-worker");
    });
    world.pass(1.0).await;
    assert_eq!(world.condition(&key, "Ready"), "True ScaledObjectReady");
}

#[tokio::test(start_paused = true)]
async fn a_target_with_an_hpa_of_its_own_is_refused_unless_that_steps_aside() {
    let world = World::start(1);
    let hpa = json!({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2",
        "metadata": {"name": "mine", "namespace": "keda-demo"},
        "spec": {"maxReplicas": 3, "scaleTargetRef":
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "queue-worker"}}});
    world.store.create(HORIZONTAL_POD_AUTOSCALERS, hpa).unwrap();
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    let message = ready_message(&world, &scaled_object_key());
    assert!(
        message.ends_with("is already managed by the hpa 'mine'"),
        "{message}"
    );
    let mine = Key::new(HORIZONTAL_POD_AUTOSCALERS, "keda-demo", "mine");
    world.edit(&mine, |hpa| {
        hpa["metadata"]["annotations"] = json!({"validations.keda.sh/hpa-ownership": "false"});
    });
    world.pass(5.0).await;
    assert!(world.hpa().is_some());
}

#[tokio::test(start_paused = true)]
async fn another_name_for_the_hpa_moves_it() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    world.edit(&scaled_object_key(), |object| {
        object["spec"]["advanced"] = json!({"horizontalPodAutoscalerConfig": {"name": "renamed"}});
    });
    world.pass(1.0).await;
    assert!(world.hpa().is_none());
    let renamed = Key::new(HORIZONTAL_POD_AUTOSCALERS, "keda-demo", "renamed");
    assert!(world.store.get(&renamed).is_some());
    assert_eq!(
        world.get(&scaled_object_key())["status"]["hpaName"],
        "renamed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_polling_interval_starts_the_loop_over_and_an_annotation_does_not() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 0, "pollingInterval": 30}));
    world.pass(1.0).await;
    let due = || world.next_poll.borrow()["keda-demo/queue-worker"];
    let before = due();
    world.annotate(Some(("force-activation", "true")));
    world.pass(1.0).await;
    assert_eq!(due(), before);
    world.edit(&scaled_object_key(), |object| {
        object["spec"]["pollingInterval"] = json!(7);
    });
    world.pass(1.0).await;
    assert!(due() < before);
}

#[tokio::test(start_paused = true)]
async fn a_password_may_be_put_together_from_other_variables() {
    let world = World::start(1);
    world.edit(&deployment_key(), |object| {
        object["spec"]["template"]["spec"]["containers"][0]["env"] = json!([
            {"name": "FIRST", "value": "open"},
            {"name": "REDIS_PASSWORD", "value": "$(FIRST) sesame"},
        ]);
    });
    world.scaled_object(&json!({"minReplicaCount": 1}));
    world.pass(1.0).await;
    assert_eq!(
        world.condition(&scaled_object_key(), "Ready"),
        "True ScaledObjectReady"
    );
}

#[tokio::test(start_paused = true)]
async fn an_authentication_that_is_not_there_is_named() {
    let world = World::start(1);
    world.scaled_object(&json!({"minReplicaCount": 1, "triggers": [{"type": "redis",
        "authenticationRef": {"name": "vault"},
        "metadata": {"address": "127.0.0.1:6379", "listName": "keda-demo-queue"}}]}));
    world.pass(1.0).await;
    let object = world.get(&scaled_object_key());
    assert_eq!(object["status"]["authenticationsTypes"], "vault");
    let message = ready_message(&world, &scaled_object_key());
    assert!(
        message.ends_with("TriggerAuthentication.keda.sh \"vault\" not found"),
        "{message}"
    );
}
