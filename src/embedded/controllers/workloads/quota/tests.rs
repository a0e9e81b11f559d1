//! Quotas on a store of their own.

use super::*;
use crate::clock::Clock;

fn store(hard: &Value) -> Store {
    let store = Store::new(Clock::following_tokio(1_767_225_600_000));
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "limit", "namespace": "demo"},
        "spec": {"hard": hard},
    });
    store.create(RESOURCE_QUOTAS, quota).unwrap();
    store
}

fn pod(name: &str, resources: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {"containers": [{"name": "worker", "image": "podium", "resources": resources}]},
        "status": {"phase": "Running"},
    })
}

fn used(store: &Store) -> Value {
    let key = Key::new(RESOURCE_QUOTAS, "demo", "limit");
    let mut quotas = Quotas {
        store: store.clone(),
    };
    quotas.reconcile(&key);
    store.get(&key).unwrap()["status"]["used"].clone()
}

#[tokio::test(start_paused = true)]
async fn one_pod_too_many_is_refused_in_the_servers_words() {
    let store = store(&json!({"pods": "2"}));
    for name in ["a", "b"] {
        let pod = pod(name, &json!({}));
        admit(&store, &pod).unwrap();
        store.create(PODS, pod).unwrap();
    }
    assert_eq!(
        admit(&store, &pod("c", &json!({}))).unwrap_err(),
        "pods \"c\" is forbidden: exceeded quota: limit, requested: pods=1, used: pods=2, limited: pods=2"
    );
    assert_eq!(used(&store), json!({"pods": "2"}));
}

#[tokio::test(start_paused = true)]
async fn a_terminating_pod_still_counts_and_a_finished_one_does_not() {
    let store = store(&json!({"pods": "1", "count/pods": "5"}));
    store.create(PODS, pod("a", &json!({}))).unwrap();
    let key = Key::new(PODS, "demo", "a");
    store.delete(&key, None, 30).unwrap();
    assert!(admit(&store, &pod("b", &json!({}))).is_err());
    store
        .modify(&key, None, |pod| {
            pod["status"]["phase"] = json!("Succeeded");
            Ok(())
        })
        .unwrap();
    assert_eq!(admit(&store, &pod("b", &json!({}))), Ok(()));
    assert_eq!(used(&store), json!({"pods": "0", "count/pods": "1"}));
}

#[tokio::test(start_paused = true)]
async fn requests_add_up_and_must_be_named() {
    let store = store(&json!({"requests.cpu": "1", "requests.memory": "64Mi"}));
    let small = json!({"requests": {"cpu": "600m", "memory": "32Mi"}});
    store.create(PODS, pod("a", &small)).unwrap();
    assert_eq!(
        used(&store),
        json!({"requests.cpu": "600m", "requests.memory": "32Mi"})
    );
    assert_eq!(
        admit(&store, &pod("b", &small)).unwrap_err(),
        "pods \"b\" is forbidden: exceeded quota: limit, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1"
    );
    assert_eq!(
        admit(&store, &pod("c", &json!({"requests": {"memory": "1Mi"}}))).unwrap_err(),
        "pods \"c\" is forbidden: failed quota: limit: must specify requests.cpu for: worker"
    );
}
