//! The ReplicaSet controller on a store of its own.

use super::*;
use crate::clock::Clock;
use crate::embedded::store::{EVENTS, NAMESPACES};

fn store() -> Store {
    Store::new(Clock::following_tokio(1_767_225_600_000))
}

fn set(store: &Store, replicas: u32) -> Object {
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "worker-1", "namespace": "demo"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "worker"}},
            "template": {
                "metadata": {"labels": {"app": "worker"}},
                "spec": {"containers": [{"name": "worker", "image": "podium"}]},
            },
        },
    });
    store.create(REPLICA_SETS, set).unwrap()
}

fn controller(store: &Store) -> ReplicaSets {
    ReplicaSets {
        store: store.clone(),
        failures: HashMap::new(),
    }
}

fn status_of(store: &Store) -> Value {
    let key = Key::new(REPLICA_SETS, "demo", "worker-1");
    store.get(&key).unwrap()["status"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_status_trails_the_creation_of_pods_by_one_pass() {
    let store = store();
    let key = Key::of(REPLICA_SETS, &set(&store, 24));
    let mut controller = controller(&store);
    controller.reconcile(&key);
    assert_eq!(store.list(PODS, None).0.len(), 24);
    assert_eq!(status_of(&store)["replicas"], 0);
    controller.reconcile(&key);
    assert_eq!(status_of(&store)["replicas"], 24);
}

#[tokio::test(start_paused = true)]
async fn surplus_pods_are_deleted_and_leave_the_count_at_once() {
    let store = store();
    let key = Key::of(REPLICA_SETS, &set(&store, 5));
    let mut controller = controller(&store);
    controller.reconcile(&key);
    store
        .modify(&key, None, |set| {
            set["spec"]["replicas"] = json!(2);
            Ok(())
        })
        .unwrap();
    for pod in store.list(PODS, None).0 {
        store
            .modify(&Key::of(PODS, &pod), None, |pod| {
                pod["spec"]["nodeName"] = json!("podium");
                Ok(())
            })
            .unwrap();
    }
    controller.reconcile(&key);
    controller.reconcile(&key);
    let deleting = store.list(PODS, None).0;
    assert_eq!(
        deleting
            .iter()
            .filter(|pod| store::is_deleting(pod))
            .count(),
        3
    );
    assert_eq!(status_of(&store)["replicas"], 2);
    assert_eq!(status_of(&store)["terminatingReplicas"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_refused_creation_ends_the_pass_is_told_and_is_retried_later_each_time() {
    let store = store();
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "demo"}, "spec": {"finalizers": ["kubernetes"]},
    });
    store.create(NAMESPACES, namespace).unwrap();
    store
        .delete(&Key::new(NAMESPACES, "", "demo"), None, 0)
        .unwrap();
    let key = Key::of(REPLICA_SETS, &set(&store, 10));
    let mut controller = controller(&store);
    assert_eq!(controller.reconcile(&key), Some(FIRST_RETRY));
    assert_eq!(controller.reconcile(&key), Some(FIRST_RETRY * 2));
    assert!(store.list(PODS, None).0.is_empty());
    let condition = status_of(&store)["conditions"][0].clone();
    assert_eq!(condition["type"], "ReplicaFailure");
    assert_eq!(condition["reason"], "FailedCreate");
    let events = store.list(EVENTS, Some("demo")).0;
    assert_eq!(events[0]["reason"], "FailedCreate");
}
