//! The housekeeping controllers together, on a store whose node the test plays.

use super::run;
use crate::clock::Clock;
use crate::embedded::events::{self, Severity};
use crate::embedded::store::{
    self, CONFIG_MAPS, ENDPOINT_SLICES, ENDPOINTS, EVENTS, Key, NAMESPACES, NODES, Object, PODS,
    Resource, SERVICES, Store,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

fn start() -> (Store, DropGuard) {
    let store = Store::new(Clock::following_tokio(1_767_225_600_000));
    let stop = CancellationToken::new();
    tokio::spawn(run(store.clone(), stop.clone()));
    (store, stop.drop_guard())
}

/// Paused time moves only when every task is idle.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn create(store: &Store, resource: Resource, kind: &str, name: &str, rest: Value) -> Object {
    let mut object = rest;
    object["apiVersion"] = json!("v1");
    object["kind"] = json!(kind);
    object["metadata"]["name"] = json!(name);
    if resource != NODES && resource != NAMESPACES {
        object["metadata"]["namespace"] = json!("demo");
    }
    store.create(resource, object).unwrap()
}

fn pod(store: &Store, name: &str) -> Object {
    let pod = json!({
        "metadata": {"labels": {"app": "redis"}},
        "spec": {"containers": [{"name": "redis", "ports": [{"name": "redis", "containerPort": 6379}]}]},
        "status": {"phase": "Pending"},
    });
    create(store, PODS, "Pod", name, pod)
}

fn node(store: &Store, pods: u32) {
    let status = json!({"status": {"allocatable": {"pods": pods.to_string()}}});
    create(store, NODES, "Node", "podium", status);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_in_deletion_is_emptied_before_it_goes() {
    let (store, _stop) = start();
    node(&store, 110);
    create(&store, NAMESPACES, "Namespace", "demo", json!({}));
    let namespace = Key::new(NAMESPACES, "", "demo");
    settle().await;
    assert_eq!(store.get(&namespace).unwrap()["status"]["phase"], "Active");
    let pod = Key::of(PODS, &pod(&store, "slow"));
    create(&store, CONFIG_MAPS, "ConfigMap", "settings", json!({}));
    settle().await;

    let (_, gone) = store.delete(&namespace, None, 0).unwrap();
    assert!(!gone);
    settle().await;
    assert_eq!(
        store.list(CONFIG_MAPS, None).0.len(),
        1,
        "kubectl still finds what was in it"
    );
    tokio::time::sleep(Duration::from_secs(6)).await;
    let held = store.get(&namespace).expect("a pod still stops");
    assert_eq!(held["status"]["phase"], "Terminating");
    assert!(store.list(CONFIG_MAPS, None).0.is_empty());
    let stopping = store.get(&pod).expect("pods get their grace");
    assert!(store::is_deleting(&stopping));

    store.remove(&pod, store::uid(&stopping));
    settle().await;
    assert!(store.get(&namespace).is_none());
    assert!(store.contents("demo").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dependent_created_after_its_owner_went_goes_too() {
    let (store, _stop) = start();
    let owner = create(&store, CONFIG_MAPS, "ConfigMap", "owner", json!({}));
    let other = create(&store, CONFIG_MAPS, "ConfigMap", "other", json!({}));
    settle().await;
    store
        .delete(&Key::of(CONFIG_MAPS, &owner), None, 0)
        .unwrap();
    let reference = |object: &Object| json!({"uid": store::uid(object), "name": "x"});
    let late = json!({"metadata": {"ownerReferences": [reference(&owner)]}});
    create(&store, CONFIG_MAPS, "ConfigMap", "late", late);
    let shared = json!({"metadata": {"ownerReferences": [reference(&owner), reference(&other)]}});
    let shared = create(&store, CONFIG_MAPS, "ConfigMap", "shared", shared);
    settle().await;
    assert!(store.get(&Key::new(CONFIG_MAPS, "demo", "late")).is_none());
    let shared = store.get(&Key::of(CONFIG_MAPS, &shared)).unwrap();
    let owners = shared["metadata"]["ownerReferences"].as_array().unwrap();
    assert_eq!(owners.len(), 1, "one owner left keeps it alive");
}

#[tokio::test(start_paused = true)]
async fn events_are_forgotten_after_an_hour() {
    let (store, _stop) = start();
    let pod = pod(&store, "w");
    settle().await;
    let before = store.list(EVENTS, None).0.len();
    events::record(&store, "kubelet", &pod, Severity::Normal, "Pulled", "x");
    assert_eq!(store.list(EVENTS, None).0.len(), before + 1);
    tokio::time::sleep(Duration::from_secs(3_670)).await;
    assert!(store.list(EVENTS, None).0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_full_node_takes_the_next_pod_when_one_goes() {
    let (store, _stop) = start();
    node(&store, 1);
    let first = Key::of(PODS, &pod(&store, "a"));
    let second = Key::of(PODS, &pod(&store, "b"));
    settle().await;
    let placed = |key: &Key| store.get(key).unwrap()["spec"]["nodeName"] == "podium";
    assert!(placed(&first) && !placed(&second));
    let waiting = store.get(&second).unwrap();
    let condition = &waiting["status"]["conditions"][0];
    assert_eq!(condition["reason"], "Unschedulable");
    assert_eq!(
        condition["message"],
        "0/1 nodes are available: 1 Too many pods."
    );
    store.remove(&first, store::uid(&store.get(&first).unwrap()));
    settle().await;
    assert!(placed(&second));
}

#[tokio::test(start_paused = true)]
async fn endpoints_carry_the_ready_pods_and_the_ports_they_really_have() {
    let (store, _stop) = start();
    let service = json!({
        "spec": {"selector": {"app": "redis"}, "ports": [{"name": "redis", "port": 6379, "targetPort": "redis"}]},
    });
    create(&store, SERVICES, "Service", "redis", service);
    let pod = Key::of(PODS, &pod(&store, "r"));
    settle().await;
    let service = store.get(&Key::new(SERVICES, "demo", "redis")).unwrap();
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.11");
    let subsets = || {
        let endpoints = store.get(&Key::new(ENDPOINTS, "demo", "redis")).unwrap();
        endpoints["subsets"].clone()
    };
    assert_eq!(subsets(), json!([]), "a pod without an address is nowhere");
    let ready = |status: &'static str| {
        let annotation = "podium.local/port.6379";
        let changed = store.modify(&pod, None, |pod| {
            pod["metadata"]["annotations"][annotation] = json!("40123");
            pod["status"]["podIP"] = json!("127.0.0.1");
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": status}]);
            Ok(())
        });
        changed.unwrap();
    };
    ready("False");
    settle().await;
    assert_eq!(subsets()[0]["notReadyAddresses"][0]["ip"], "127.0.0.1");
    ready("True");
    settle().await;
    let expected = json!([{"name": "redis", "port": 40_123, "protocol": "TCP"}]);
    assert_eq!(subsets()[0]["ports"], expected);
    assert_eq!(subsets()[0]["addresses"][0]["targetRef"]["name"], "r");
    let (slices, _) = store.list(ENDPOINT_SLICES, Some("demo"));
    assert_eq!(slices.len(), 1, "the slice of no mapped port is gone");
    assert_eq!(slices[0]["ports"], expected);
    assert_eq!(slices[0]["endpoints"][0]["conditions"]["ready"], true);
    store
        .delete(&Key::new(SERVICES, "demo", "redis"), None, 0)
        .unwrap();
    settle().await;
    assert!(store.list(ENDPOINTS, None).0.is_empty());
    assert!(store.list(ENDPOINT_SLICES, None).0.is_empty());
}
